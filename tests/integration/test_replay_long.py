"""A hundred thousand decisions derived again: not one byte differs, and one that is forged does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
import pytest

from crivo.adapters.sqlite.reader import open_reader
from crivo.decision.record import Derived
from crivo.flows.replay import ReplayResult, replay
from tests.unit.decision.worlds import play, world

#: The place of the outcome in the array of `derived`.
OUTCOME = Derived.__struct_fields__.index("outcome")

pytestmark = pytest.mark.slow

DECISIONS = 100_000
#: Of what is played a fifth are repeats and reports.
PLAYED = 127_000
DERIVED = 5


def replayed(folder, **options) -> ReplayResult:
    with closing(open_reader(folder / "log.sqlite")) as log:
        return replay(log, folder / "bundles", progress=lambda _done, _end: None, **options)


def test_a_hundred_thousand_decisions_differ_in_no_byte_and_a_forged_one_is_named(tmp_path):
    with world(tmp_path) as played:
        for part in range(PLAYED // 1_000):
            play(played, part, 1_000)
    found = replayed(tmp_path)
    assert found.compared >= DECISIONS
    assert (found.differing, found.other_version) == (0, 0)
    with sqlite3.connect(tmp_path / "log.sqlite") as disk:
        seq, payload = disk.execute(
            "SELECT seq, payload FROM events WHERE stream = 'pix.decisions.v1'"
            " ORDER BY seq LIMIT 1 OFFSET ?",
            (DECISIONS // 2,),
        ).fetchone()
        parts = msgspec.msgpack.decode(payload)
        derived = msgspec.msgpack.decode(parts[DERIVED])
        derived[OUTCOME] = "ALLOW" if derived[OUTCOME] != "ALLOW" else "REJECT"
        parts[DERIVED] = msgspec.msgpack.encode(derived)
        forged = msgspec.msgpack.encode(parts)
        disk.execute("UPDATE events SET payload = ? WHERE seq = ?", (forged, seq))
    disk.close()
    again = replayed(tmp_path)
    assert (again.compared, again.differing) == (found.compared, 1)
    assert (again.differences[0].seq, again.differences[0].where) == (seq, ("outcome", "derived"))
    alone = replayed(tmp_path, ids=frozenset({parts[0]}))
    assert (alone.compared, alone.differing) == (1, 1)
