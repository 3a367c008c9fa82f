"""The rows of the decision service hold only where what they promise was found."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks import decide, harness
from crivo.decision.degraded import Mode
from crivo.decision.outcome import Outcome
from crivo.decision.record import Versions
from crivo.domain.errors import Code, Refused
from crivo.flows.answers import Answer
from crivo.flows.pending import Pending

SETTING = harness.Setting(quick=True, machine="a machine", date="2026-01-02")
FAST = {"p50_ms": 0.5, "p99_ms": 3.0, "p999_ms": 9.0, "answered_per_second": 3_000.0}
TARGETS = (1.0, 4.0, 10.0)


def _rows(found: dict[str, object], syncs: list[float]) -> dict[str, harness.Row]:
    rows = decide.rate_rows(SETTING, [found], syncs, rate=3_000, targets=TARGETS)
    return {row.what.split("one core, ")[1].split(" (")[0]: row for row in rows}


def test_what_was_shed_does_not_make_a_rate_hold():
    whole = _rows({**FAST, "statuses": {"200": 100}}, [0.5] * 100)
    assert all(row.holds for row in whole.values())
    shed = _rows({**FAST, "statuses": {"200": 50, "503": 50}}, [0.5] * 100)
    assert (shed["decided of what was asked"].found, shed["p99"].holds) == (0.5, True)
    assert not shed["decided of what was asked"].holds
    slow = _rows({**FAST, "answered_per_second": 1_500.0, "statuses": {"200": 9}}, [0.5] * 100)
    assert not slow["answered"].holds


def test_the_tail_is_asked_for_only_where_the_syncs_of_the_run_leave_room_for_it():
    tail = {**FAST, "p999_ms": 11.0, "statuses": {"200": 9}}
    assert _rows(tail, [0.5] * 1_000)["p99.9"].holds is False
    slow = _rows(tail, [0.5] * 990 + [30.0] * 10)["p99.9"]
    assert slow.target is None and "do not allow" in slow.what


def test_the_p99_may_be_twice_that_of_a_sync_and_two_milliseconds():
    row = _rows({**FAST, "p99_ms": 7.0, "statuses": {"200": 9}}, [3.0] * 100)["p99"]
    assert (row.target, row.holds) == (8.0, True)


WHOLE = Answer(
    end_to_end_id="E12345678202611231200abcdefghijk",
    phase="initiation",
    outcome=Outcome.ALLOW,
    score=7,
    reasons=(),
    versions=Versions("bundle", "", "", "", "", "", ""),
    as_of=0,
    seq=1,
    occurred_at=0,
    received_at=0,
    degraded=(),
)


def _given(answer: Answer) -> Pending[Answer]:
    pending: Pending[Answer] = Pending()
    pending.resolve(answer)
    return pending


def test_decisions_that_are_refused_unscored_or_degraded_are_no_figure():
    decide.check_whole([_given(WHOLE)])
    for broken in (
        _given(msgspec.structs.replace(WHOLE, score=None)),
        _given(msgspec.structs.replace(WHOLE, degraded=("TIMEOUT",))),
        Refused(Code.CONFLICT, "decided with other facts"),
    ):
        with pytest.raises(RuntimeError):
            decide.check_whole([_given(WHOLE), broken])


def test_one_in_a_thousand_may_be_late_and_is_counted():
    late = _given(msgspec.structs.replace(WHOLE, score=None, degraded=(Mode.TIMEOUT,)))
    assert decide.check_whole([late, *[_given(WHOLE)] * 999]) == 1
    with pytest.raises(RuntimeError):
        decide.check_whole([late, late, *[_given(WHOLE)] * 998])
