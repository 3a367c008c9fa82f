"""The bench on which policies and models judge the same transfers of the past."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.explanation import feature_reasons
from crivo.decision.many import Ranks, ranks
from crivo.decision.procedure import Procedure
from crivo.decision.proposal import Costs
from crivo.decision.rule import declared_rules
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.flows.backtest_rows import Answered
from crivo.flows.bundle import Bundle, load_bundle
from crivo.governance.backtest_figures import Backtested
from crivo.model.artifact import Artifact
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
class Contest:
    """The arms that are compared, and where the bundles lie that decided.

    `has_recorded`: what was answered is the first arm. Two of the same digest are the same.
    """

    bundles_folder: Path
    arms: Sequence[Arm] = field(compare=False)
    has_recorded: bool
    digest: str


def contest(bundles_folder: Path, arms: Sequence[Arm], *, has_recorded: bool) -> Contest:
    """The contest of these arms."""
    told = hashlib.sha256()
    for arm in arms:
        texts = None if arm.policy is None else sorted(arm.policy.items())
        model = None if arm.model is None else arm.model.hash
        told.update(repr((arm.name, texts, model, arm.costs)).encode())
    return Contest(bundles_folder, tuple(arms), has_recorded, told.hexdigest())


class Bench:
    """Judges transfers by every arm; what an arm needs for a plan is made once."""

    def __init__(self, asked: Contest) -> None:
        self._asked: Final = asked
        self._bundles: dict[str, Bundle] = {}
        self._procedures: dict[tuple[int, str], Procedure] = {}
        self._scorers: dict[tuple[str, str], NamedScorer] = {}

    def judge(self, each: Answered) -> Backtested:
        """The outcomes of the arms, beside those that were answered where there are any.

        Nobody is called a fraud yet.

        Raises:
            Misconfigured: POLICY_INVALID, PLAN_MISMATCH; FILE_UNREADABLE or ARTIFACT_INVALID where
                the bundle of a decision is missing or damaged.
        """
        asked, facts = self._asked, each.attempts.facts
        bundle = self._bundle(each.bundle)
        columns = [each.ranks] if asked.has_recorded else []
        for place, arm in enumerate(asked.arms):
            procedure = self._procedure(place, arm, bundle)
            columns.append(_by_day(each, self._scores(each, arm, bundle), procedure))
        return Backtested(
            arms=(RECORDED,) * asked.has_recorded + tuple(arm.name for arm in asked.arms),
            costs=(None,) * asked.has_recorded + tuple(arm.costs for arm in asked.arms),
            ranks=np.stack(columns, axis=1),
            amounts=facts.amounts,
            occurred_at=facts.occurred_at,
            payers=each.payers,
            segments=facts.segments,
            is_fraud=np.zeros(len(each.attempts), np.bool_),
        )

    def _bundle(self, hash_: str) -> Bundle:
        if hash_ not in self._bundles:
            self._bundles[hash_] = load_bundle(self._asked.bundles_folder, hash_)
        return self._bundles[hash_]

    def _procedure(self, place: int, arm: Arm, bundle: Bundle) -> Procedure:
        if arm.policy is None:
            return bundle.procedure
        key = place, bundle.versions.plan
        if key not in self._procedures:
            try:
                self._procedures[key] = Procedure(
                    rules=declared_rules(),
                    texts=arm.policy,
                    columns=bundle.plan.names,
                    feature_reasons=feature_reasons(bundle.plan.feature_set),
                    is_past=True,
                )
            except Misconfigured as error:
                if error.code is not Code.DEFINITION_INVALID:
                    raise
                raise _made_since(error) from None
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


def _made_since(error: Misconfigured) -> Misconfigured:
    """A rule of today that acts on a feature which decisions of before keep no value of."""
    return Misconfigured(
        Code.PLAN_MISMATCH,
        f"{error.message}: these decisions were made without it, and none can say if it would hold",
        hint="Ask for decisions that were made since the feature serves, or for --imported, which "
        "folds the log anew; or have the rule off or in shadow in the policy that is compared.",
        **error.context,
    )


def _by_day(each: Answered, scores: Int64s, procedure: Procedure) -> Ranks:
    """int8[n]: the outcomes under what was in force on the day of each transfer."""
    occurred_at = each.attempts.facts.occurred_at
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
