"""A backtest: what other policies and models would have answered to transfers of the past.

Each decision is made again from what it was given: its vector, the lists its parties stood on, what
its payer had attempted. An import, which nobody decided, is judged by the vector of a fold. What
would have followed from another answer (a payer who gives up, a mule who is stopped) is not
invented: later transfers are as they were.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.explanation import feature_reasons
from crivo.decision.many import UNKNOWN, Ranks, ranks
from crivo.decision.procedure import Procedure
from crivo.decision.proposal import Costs
from crivo.decision.rule import declared_rules
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import BRASILIA_OFFSET, DAY, format_rfc3339
from crivo.flows.backtest_imported import imported
from crivo.flows.backtest_rows import Answered, Interval, answered
from crivo.flows.bundle import Bundle, load_bundle
from crivo.flows.labels import labels_of_log
from crivo.flows.ports import LogReader
from crivo.governance.backtest_figures import SEGMENTS, Backtested
from crivo.model.artifact import Artifact
from crivo.model.labels import mature
from crivo.model.named_scorer import NamedScorer
from crivo.model.network import Network

#: The arm of what was answered when it happened.
RECORDED: Final = "recorded"

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arm:
    """Something to be compared: a policy's texts by file and a model, None: those in force then."""

    name: str
    policy: Mapping[str, str] | None
    model: Artifact | Network | None
    costs: Costs


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels as of an instant, and how long one may take to arrive."""

    labels_as_of: int
    label_delay: int


def backtest(
    log: LogReader,
    bundles_folder: Path,
    arms: Sequence[Arm],
    interval: Interval,
    labelling: Labelling,
    *,
    progress: Callable[[int, int], None],
    importer: Bundle | None = None,
) -> Backtested:
    """What each arm would have answered to the transfers that were decided in the interval.

    With `importer` to those that were imported in it: it makes their vectors, and stands where an
    arm names no policy or no model; there is no arm of what was answered.

    Raises:
        Refused: DATA_TOO_SMALL where nothing was decided in it, or no fraud of it is known.
        Misconfigured: POLICY_INVALID, PLAN_MISMATCH; FILE_UNREADABLE or ARTIFACT_INVALID where the
            bundle of a decision is missing or damaged.
    """
    passed: Counter[str] = Counter()
    labels = labels_of_log(log, end=log.end(), labels_as_of=labelling.labels_as_of)
    bench = _Bench(bundles_folder, arms, is_recorded=importer is None)
    parts, begun, decided_ns = [], time.perf_counter_ns(), 0
    if importer is None:
        asked = answered(log, interval, passed=passed, progress=progress)
    else:
        asked = imported(log, importer, interval, progress=progress)
    for each in asked:
        before = time.perf_counter_ns()
        part = bench.judge(each)
        decided_ns += time.perf_counter_ns() - before
        accepted_at, _ = labels.of(each.ids)
        part = replace(part, is_fraud=accepted_at <= labelling.labels_as_of)
        parts.append(part)
    total_ns = time.perf_counter_ns() - begun
    if not parts:
        raise _nothing(interval, passed) if importer is None else _nothing_imported(interval)
    whole = Backtested.joined(parts)
    known = (whole.ranks != UNKNOWN).all(axis=1)
    passed["without_vector"] += int((~known).sum())
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
        seconds={"read": (total_ns - decided_ns) / 1e9, "decide": decided_ns / 1e9},
    )


class _Bench:
    """Judges decisions by every arm; what an arm needs for a plan is made once."""

    def __init__(self, bundles_folder: Path, arms: Sequence[Arm], *, is_recorded: bool) -> None:
        self._folder, self._arms, self._is_recorded = bundles_folder, tuple(arms), is_recorded
        self._bundles: dict[str, Bundle] = {}
        self._procedures: dict[tuple[int, str], Procedure] = {}
        self._scorers: dict[tuple[str, str], NamedScorer] = {}

    def judge(self, each: Answered) -> Backtested:
        """The outcomes of the arms, beside those that were answered where there are any."""
        bundle = self._bundle(each.bundle)
        transfers = each.attempts.transfers
        occurred_at = np.array([one.occurred_at for one in transfers], np.int64)
        columns = [each.ranks] if self._is_recorded else []
        for place, arm in enumerate(self._arms):
            procedure = self._procedure(place, arm, bundle)
            columns.append(_by_day(each, self._scores(each, arm, bundle), procedure, occurred_at))
        place_of = {segment: at for at, segment in enumerate(SEGMENTS)}
        return Backtested(
            arms=((RECORDED,) * self._is_recorded + tuple(arm.name for arm in self._arms)),
            costs=((None,) * self._is_recorded + tuple(arm.costs for arm in self._arms)),
            ranks=np.stack(columns, axis=1),
            amounts=np.array([one.amount_centavos for one in transfers], np.int64),
            occurred_at=occurred_at,
            payers=each.payers,
            segments=np.array([place_of[one.payer_segment] for one in transfers], np.int8),
            is_fraud=np.zeros(len(transfers), np.bool_),
        )

    def _bundle(self, hash_: str) -> Bundle:
        if hash_ not in self._bundles:
            self._bundles[hash_] = load_bundle(self._folder, hash_)
        return self._bundles[hash_]

    def _procedure(self, place: int, arm: Arm, bundle: Bundle) -> Procedure:
        if arm.policy is None:
            return bundle.procedure
        key = place, bundle.versions.plan
        if key not in self._procedures:
            self._procedures[key] = Procedure(
                rules=declared_rules(),
                texts=arm.policy,
                columns=bundle.plan.names,
                feature_reasons=feature_reasons(bundle.plan.feature_set),
            )
        return self._procedures[key]

    def _scores(self, each: Answered, arm: Arm, bundle: Bundle) -> Int64s:
        """int64[n]: the recorded scores of the model that decided, else the other one's."""
        model: Artifact | Network = bundle.artifact if arm.model is None else arm.model
        unscored = each.attempts.has_vector & (each.scores < 0)
        if model.hash == bundle.artifact.hash and not unscored.any():
            return each.scores
        key = model.hash, bundle.versions.plan
        if key not in self._scorers:
            self._scorers[key] = NamedScorer(model, bundle.plan.names)
        scorer, scores = self._scorers[key], each.scores.copy()
        asked = unscored if model.hash == bundle.artifact.hash else each.attempts.has_vector
        scores[asked] = scorer.scores(np.ascontiguousarray(each.attempts.vectors[asked]))
        return scores


def _by_day(each: Answered, scores: Int64s, procedure: Procedure, occurred_at: Int64s) -> Ranks:
    """int8[n]: the outcomes under what was in force on the day of each transfer."""
    days = (occurred_at + BRASILIA_OFFSET) // DAY
    in_force = {day: procedure.at(int(occurred_at[days == day][0])) for day in np.unique(days)}
    kinds = {id(one): one for one in in_force.values()}
    if len(kinds) == 1:
        return ranks(each.attempts, scores, next(iter(kinds.values())))
    found = np.empty(len(scores), np.int8)
    for kind, one in kinds.items():
        rows = np.isin(days, [day for day, own in in_force.items() if id(own) == kind])
        found[rows] = ranks(each.attempts.of(rows), scores[rows], one)
    return found


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
