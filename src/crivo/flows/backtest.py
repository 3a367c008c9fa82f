"""A backtest: what other policies and models would have answered to transfers of the past.

Each decision is made again from what it was given: its vector, the lists its parties stood on, what
its payer had attempted. An import, which nobody decided, is judged by the vector of a fold. What
would have followed from another answer (a payer who gives up, a mule who is stopped) is not
invented: later transfers are as they were.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from crivo.decision.many import UNKNOWN
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows.backtest_bench import Arm, Bench, Contest, contest
from crivo.flows.backtest_imported import imported
from crivo.flows.backtest_rows import Interval
from crivo.flows.backtest_stretches import (
    Judged,
    OpenLog,
    gather,
    judge_all,
    judge_by,
    judge_here,
)
from crivo.flows.bundle import Bundle
from crivo.flows.labels import labels_of_log
from crivo.flows.ports import BulkReader, Workers
from crivo.governance.backtest_figures import Backtested
from crivo.model.labels import mature


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels as of an instant, and how long one may take to arrive."""

    labels_as_of: int
    label_delay: int


@dataclass(frozen=True, slots=True)
class Hands:
    """Processes that judge decisions, and how each of them opens the log."""

    open_log: OpenLog
    workers: Workers


def backtest(
    log: BulkReader,
    bundles_folder: Path,
    arms: Sequence[Arm],
    interval: Interval,
    labelling: Labelling,
    *,
    progress: Callable[[int, int], None],
    importer: Bundle | None = None,
    hands: Hands | None = None,
) -> Backtested:
    """What each arm would have answered to the transfers that were decided in the interval.

    With `importer` to those that were imported in it: it makes their vectors, and stands where an
    arm names no policy or no model; there is no arm of what was answered. `hands` change nothing of
    what is found.

    Raises:
        Refused: DATA_TOO_SMALL where nothing was decided in it, or no fraud of it is known;
            FIELD_TYPE for a record that cannot be read.
        Misconfigured: POLICY_INVALID, PLAN_MISMATCH; FILE_UNREADABLE or ARTIFACT_INVALID where the
            bundle of a decision is missing or damaged.
        Unavailable: INTERNAL where a process ended.
    """
    end = log.end()
    asked = contest(bundles_folder, arms, has_recorded=importer is None)
    begun = time.perf_counter_ns()
    with _stretch_by_stretch(log, asked, interval, end=end, hands=hands) as parts:
        # Other processes begin while the labels are read.
        labels = labels_of_log(log, end=end, labels_as_of=labelling.labels_as_of)
        if importer is None:
            found = gather(parts, end=end, progress=progress)
        else:
            found = judge_all(Bench(asked), imported(log, importer, interval, progress=progress))
    whole_ns = time.perf_counter_ns() - begun
    if not found.parts:
        raise _nothing_imported(interval) if importer else _nothing(interval, found.passed)
    whole = Backtested.joined(
        [
            replace(part, is_fraud=labels.of(ids)[0] <= labelling.labels_as_of)
            for part, ids in found.parts
        ]
    )
    return _told(whole, found, labelling, whole_ns)


def _stretch_by_stretch(
    log: BulkReader, asked: Contest, interval: Interval, *, end: int, hands: Hands | None
) -> AbstractContextManager[Iterator[Judged]]:
    if hands is None:
        return nullcontext(judge_here(log, asked, interval, end=end))
    return judge_by(hands.workers, hands.open_log, asked, interval, end=end)


def _told(whole: Backtested, found: Judged, labelling: Labelling, whole_ns: int) -> Backtested:
    """What can be judged, with what is said beside it."""
    known = (whole.ranks != UNKNOWN).all(axis=1)
    passed = found.passed + Counter()
    passed["without_vector"] = int((~known).sum())
    whole = whole.of(known)
    old = mature(
        whole.occurred_at,
        labels_as_of=labelling.labels_as_of,
        label_delay=labelling.label_delay,
    )
    if not whole.is_fraud.any():
        raise Refused(
            Code.DATA_TOO_SMALL,
            f"of {len(whole):,} decided transfers none is known as a fraud by "
            f"{format_rfc3339(labelling.labels_as_of)}, so nothing can be said of money saved",
            hint="Ask with a later --labels-as-of, or a longer interval; reports come in by "
            "POST /v1/reports and by imports.",
            field="labels_as_of",
            expected="an accepted report about a transfer of the interval",
            found="none",
        )
    return replace(
        whole,
        immature=int((~old).sum()),
        passed=dict(sorted(passed.items())),
        seconds={
            "read": found.read_ns / 1e9,
            "decide": found.decide_ns / 1e9,
            "read_and_decide": whole_ns / 1e9,
        },
    )


def _nothing_imported(interval: Interval) -> Refused:
    return Refused(
        Code.DATA_TOO_SMALL,
        f"no transfer was imported {interval.text}",
        hint="Without --imported the decisions are judged. `crivo ingest` imports a table.",
        field="from",
        expected="an interval with imported transfers",
        found=interval.text,
    )


def _nothing(interval: Interval, passed: Counter[str]) -> Refused:
    others = passed["other_version"]
    said = f"; {others:,} were made by another release" if others else ""
    return Refused(
        Code.DATA_TOO_SMALL,
        f"nothing that can be judged again was decided {interval.text}{said}",
        hint="--imported judges imports, which nobody decided. `crivo replay` says which release "
        "made what.",
        field="from",
        expected="an interval with decisions of this release",
        found=interval.text,
    )
