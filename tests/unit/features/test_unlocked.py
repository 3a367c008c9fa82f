"""Many rows are folded while other threads run Python, and come to the same state."""

from __future__ import annotations

import ctypes

import pytest

from crivo.domain.errors import Code, Unavailable
from crivo.features import engine as engines
from crivo.features import unlocked
from crivo.features.engine import UNLOCKED_ROWS, Engine
from crivo.features.kernel import run
from crivo.features.unlocked import run_unlocked
from tests.unit.features.test_door import PLAN, folded, good_rows, state

MANY = 20 * UNLOCKED_ROWS


def test_many_rows_come_to_the_state_that_they_come_to_with_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = good_rows(MANY)
    found = state(folded(rows))
    monkeypatch.setattr(engines, "run_unlocked", run)
    assert found == state(folded(rows))


def test_few_rows_keep_the_lock_and_many_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def noted(place: int) -> int:
        heard.append(place)
        return run_unlocked(place)

    monkeypatch.setattr(engines, "run_unlocked", noted)
    folded(good_rows(UNLOCKED_ROWS - 1))
    assert heard == []
    folded(good_rows(UNLOCKED_ROWS))
    assert heard


def test_the_machine_code_is_called_as_what_needs_no_lock() -> None:
    with_the_lock = ctypes.PYFUNCTYPE(ctypes.c_int32)._flags_
    assert unlocked._native()._flags_ == ctypes.CFUNCTYPE(ctypes.c_int32)._flags_
    assert unlocked._native()._flags_ != with_the_lock


def test_at_the_ceiling_many_rows_are_refused_where_they_are_with_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for kernel in (run_unlocked, run):
        monkeypatch.setattr(engines, "run_unlocked", kernel)
        engine = Engine(PLAN, state_bytes_max=8 << 20)
        with pytest.raises(Unavailable) as caught:
            engine.fold(good_rows(MANY))
        assert caught.value.code is Code.OVERLOADED
        found.append((engine.counts.folded, state(engine)))
    assert 0 < found[0][0] < MANY
    assert found[0] == found[1]
