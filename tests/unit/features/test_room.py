"""Where a state lies: all of its addresses from the start, so that neither growth nor a start
copies it.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from crivo.domain.errors import Code, Unavailable
from crivo.features.engine import Engine
from crivo.features.frame import address
from tests.unit.features.test_door import PLAN, folded, good_rows, state


def read_into(engine: Engine, held: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays as a reader of files hands them on: in the engine's room where it has one."""
    found = {}
    for name, array in held.items():
        room = engine.room(name, array.nbytes)
        found[name] = array.copy() if room is None else room.view(array.dtype)
        found[name][:] = array
    return found


def test_a_state_that_grows_stays_where_it_is() -> None:
    rows = good_rows(30_000)
    engine = Engine(PLAN)
    begun = address(engine._state.arena)
    engine.fold(rows[:10])
    before = engine.counts.state_bytes
    engine.fold(rows[10:])
    assert engine.counts.state_bytes > 100 * before
    assert address(engine._state.arena) == begun


def test_a_state_that_was_read_into_its_room_is_not_copied() -> None:
    rows, asked = good_rows(5_000), good_rows(5_001)[-1:]
    kept = folded(rows)
    engine = Engine(PLAN)
    held = read_into(engine, kept.arrays())
    engine.restore(held)
    for name in ("arena", "index"):
        assert np.shares_memory(held[name], engine.arrays()[name])
    assert state(engine) == state(kept)
    assert engine.read(asked)[0].tobytes() == kept.read(asked)[0].tobytes()
    engine.fold(asked)
    kept.fold(asked)
    assert state(engine) == state(kept)


def test_sabotage_a_word_changed_in_the_room_is_another_state() -> None:
    rows = good_rows(100)
    asked, kept = rows[-1:].copy(), folded(rows)
    asked["occurred_at"] += 1
    engine = Engine(PLAN)
    held = read_into(engine, kept.arrays())
    held["arena"][:] = 0
    engine.restore(held)
    assert engine.read(asked)[0].tobytes() != kept.read(asked)[0].tobytes()


def test_no_room_is_given_beyond_the_ceiling_nor_for_what_are_no_words() -> None:
    engine = Engine(PLAN, state_bytes_max=8 << 20)
    assert engine.room("arena", (8 << 20) + 8) is None
    assert engine.room("index", (8 << 20) + 8) is None
    assert engine.room("arena", 12) is None
    assert engine.room("ids", 64) is None
    assert engine.room("arena", 64) is not None


def test_a_state_beyond_the_ceiling_is_not_restored() -> None:
    kept = folded(good_rows(20_000))
    assert kept.counts.state_bytes > 8 << 20
    with pytest.raises(Unavailable) as caught:
        Engine(PLAN, state_bytes_max=8 << 20).restore(kept.arrays())
    assert caught.value.code is Code.OVERLOADED


def test_an_index_with_room_for_twice_the_keys_stays() -> None:
    engine = folded(good_rows(5_000))
    engine.make_room()
    index = engine._state.index
    assert index.size >= 8 * engine.counts.keys
    engine.fold(good_rows(7_000)[5_000:])
    engine.make_room()
    assert engine._state.index is index


def test_an_index_takes_no_more_than_a_quarter_of_what_is_left() -> None:
    rows = good_rows(5_000)
    engine = Engine(PLAN, state_bytes_max=folded(rows).counts.state_bytes + (1 << 20))
    engine.fold(rows)
    index = engine._state.index
    engine.make_room()
    assert engine._state.index is index


ROOT = Path(__file__).resolve().parents[3]

LIMITED = """
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    from tests.unit.features.test_door import PLAN, Engine, good_rows
    engine = Engine(PLAN)
    assert 1 << 30 <= engine._state.bytes_max < 6 << 30, engine._state.bytes_max
    rows = good_rows(100)
    engine.fold(rows)
    print(engine.counts.folded)
"""


def test_where_the_system_lends_no_such_room_the_ceiling_is_what_it_does() -> None:
    command = [sys.executable, "-c", textwrap.dedent(LIMITED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "100\n"), done.stderr
