"""Judging: what follows for transfers from the state as it is, and what was observed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.decide import TIMEOUT, Scored, derive, is_return
from crivo.decision.procedure import InForce
from crivo.decision.record import Derived, Observed
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.transfer import Transfer
from crivo.features.engine import Engine
from crivo.features.row import RowBytes, make_rows
from crivo.flows.bundle import Bundle
from crivo.model.network import Network

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows for one transfer; `degraded` is what was left out, `kept` its vector's bytes."""

    derived: Derived
    degraded: tuple[str, ...]
    observed: Observed
    kept: bytes


class Judge:
    """Reads, scores and derives with the bundle in force. It folds and writes nothing by itself.

    Args:
        bundle: Features, rules, policy and model that decide.
        monotonic_ns: A monotonic clock, the same that arrivals were read from.
        host: Which machine observed; for people.
        shadow: A network that scores the same vectors beside, with no say.

    Raises:
        Misconfigured: PLAN_MISMATCH where the shadow reads another plan's vectors.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        monotonic_ns: Callable[[], int],
        host: str,
        shadow: Network | None = None,
    ) -> None:
        if shadow is not None and shadow.plan_hash != bundle.plan.plan_hash:
            raise _other_plan(shadow, bundle)
        #: What decides from now on.
        self.bundle = bundle
        self._monotonic_ns: Final = monotonic_ns
        self._host: Final = host
        self._shadow: Final = shadow

    def judge(self, engine: Engine, transfer: Transfer, row: RowBytes, arrived_ns: int) -> Judged:
        """What follows for one transfer; nothing is folded.

        Past the deadline from `arrived_ns` on, the answer is the degraded policy's.

        Raises:
            Misconfigured: PLAN_MISMATCH where the engine's vectors are not the model's.
        """
        in_force = self.bundle.procedure.at(transfer.occurred_at)
        scorer = self.bundle.scorer
        started = self._monotonic_ns()
        read = scored_at = started
        scored: Scored | None = None
        late = started - arrived_ns > in_force.deadline_ns
        if not late and not is_return(transfer):
            vector, flags = engine.read_row(row)
            read = self._monotonic_ns()
            margin, score = scorer.score_one(vector, plan_hash=engine.plan_hash)
            scored_at = self._monotonic_ns()
            scored = Scored(vector, vector.tobytes(), flags, margin, score)
            late = scored_at - arrived_ns > in_force.deadline_ns
        took = (started - arrived_ns, read - started, scored_at - read)
        return self._judged(transfer, scored, in_force, took, is_late=late)

    def judge_and_fold(
        self,
        engine: Engine,
        transfers: Sequence[Transfer],
        rows: Sequence[RowBytes],
        arrived_ns: int,
    ) -> list[Judged]:
        """What follows for each of the transfers, as if one after the other: later ones count the
        earlier. All are folded.

        Raises:
            Unavailable: OVERLOADED at the memory's ceiling; an unknown part of them is folded.
            Misconfigured: as `judge`; nothing is folded then.
        """
        procedure, scorer = self.bundle.procedure, self.bundle.scorer
        started = self._monotonic_ns()
        waited = started - arrived_ns
        in_force = [procedure.at(each.occurred_at) for each in transfers]
        asked = list(zip(transfers, in_force, strict=True))
        wanted = np.array(
            [waited <= what.deadline_ns and not is_return(each) for each, what in asked]
        )
        engine.check_plan(scorer.artifact.plan_hash)
        vectors, flags = engine.vectors(make_rows(rows), wanted)
        read = self._monotonic_ns()
        margins, scores = scorer.score(vectors, plan_hash=engine.plan_hash)
        scored_at = self._monotonic_ns()
        kept, width = vectors.tobytes(), vectors.itemsize * vectors.shape[1]
        # What one took of the whole, so that the stages of all add up.
        count = max(len(vectors), 1)
        took = (waited, (read - started) // count, (scored_at - read) // count)
        found = iter(zip(vectors, flags.tolist(), margins.tolist(), scores.tolist(), strict=True))
        judged, line = [], 0
        for (transfer, what), is_wanted in zip(asked, wanted.tolist(), strict=True):
            scored = None
            if is_wanted:
                vector, marks, margin, score = next(found)
                own = kept[line * width : (line + 1) * width]
                scored = Scored(vector, own, marks, margin, score)
                line += 1
            is_late = (scored_at if is_wanted else started) - arrived_ns > what.deadline_ns
            judged.append(self._judged(transfer, scored, what, took, is_late=is_late))
        return judged

    def _judged(
        self,
        transfer: Transfer,
        scored: Scored | None,
        in_force: InForce,
        took: tuple[int, int, int],
        *,
        is_late: bool,
    ) -> Judged:
        degraded = (TIMEOUT,) if is_late and not is_return(transfer) else ()
        if degraded:
            scored = None
        derived = derive(transfer, scored, in_force, self.bundle.scorer, degraded=degraded)
        if scored is None:
            return Judged(derived, degraded, Observed(self._host, *took), b"")
        return Judged(derived, degraded, self._observed(scored.vector, took), scored.kept)

    def _observed(self, vector: Vector, took: tuple[int, int, int]) -> Observed:
        """What it took, and what the shadow says of the vector: after all is derived."""
        if self._shadow is None:
            return Observed(self._host, *took)
        return Observed(self._host, *took, self._shadow.hash, self._shadow.score_one(vector))


def _other_plan(shadow: Network, bundle: Bundle) -> Misconfigured:
    return Misconfigured(
        Code.PLAN_MISMATCH,
        "the shadow was trained on other vectors than those that are served",
        hint="Train it again: `crivo train --challenger network`.",
        field="plan_hash",
        expected=bundle.plan.plan_hash,
        found=shadow.plan_hash,
    )
