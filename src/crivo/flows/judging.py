"""Judging: what follows for transfers from the state as it is, and what was observed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from crivo.decision.decide import Scored, derive, is_return, policy_modes
from crivo.decision.degraded import Mode
from crivo.decision.lists import ListHit
from crivo.decision.procedure import InForce
from crivo.decision.record import INITIATION, Derived, Observed
from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.transfer import Transfer
from crivo.features.row import RowBytes, make_rows
from crivo.flows.bundle import Bundle
from crivo.flows.replica import Replica
from crivo.model.network import Network

Vector = npt.NDArray[np.float64]


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What follows for one transfer; `degraded` is what was left out, `kept` its vector's bytes,
    `listed` are the entries of lists that held for its parties, and `sums` what its payer had
    attempted before.
    """

    derived: Derived
    degraded: tuple[str, ...]
    observed: Observed
    kept: bytes
    listed: Sequence[ListHit] = ()
    sums: Sums | None = None


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
        self._monotonic_ns = monotonic_ns
        self._host: Final = host
        self._shadow: Final = shadow
        self._waits: Final = _Waits()

    def judge(
        self,
        replica: Replica,
        asked: tuple[Transfer, int],
        row: RowBytes,
        arrived_ns: int,
        *,
        durable: int,
        phase: str = INITIATION,
    ) -> Judged:
        """What follows in that phase for one transfer (with its receipt), which will be the
        replica's next; nothing is folded.

        A stage that cannot begin in time from `arrived_ns` on is left out, and so are all while
        another decision has waited for the disk for long: what is `durable` tells.

        Raises:
            Misconfigured: PLAN_MISMATCH where the engine's vectors are not the model's.
        """
        (transfer, received_at), engine = asked, replica.engine
        beside = (replica.lists.of(transfer), replica.sums.of(transfer, received_at))
        in_force = self.bundle.procedure.at(transfer.occurred_at)
        killed = in_force.degraded.killed
        started = self._monotonic_ns()
        read = scored_at = started
        scored: Scored | None = None
        self._waits.note(replica.folded, durable, started)
        cause = self._cause(in_force, started, arrived_ns)
        if not cause and not is_return(transfer) and Mode.KILL_ALL not in killed:
            vector, flags = engine.read_row(row)
            read = scored_at = self._monotonic_ns()
            margin = score = 0
            if read - arrived_ns > in_force.model_by_ns:
                cause = (Mode.NO_MODEL,)
            elif Mode.KILL_MODEL not in killed:
                margin, score = self.bundle.scorer.score_one(vector, plan_hash=engine.plan_hash)
                scored_at = self._monotonic_ns()
            scored = Scored(vector, vector.tobytes(), flags, margin, score)
            if scored_at - arrived_ns > in_force.deadline_ns:
                cause, scored = (Mode.TIMEOUT,), None
        took = (started - arrived_ns, read - started, scored_at - read)
        return self._judged(transfer, scored, in_force, took, cause, *beside, phase=phase)

    def is_durable(self, place: int) -> None:
        """The decision at that place of the log is on disk; whichever thread knows it says so."""
        self._waits.end(place, self._monotonic_ns)

    def judge_and_fold(
        self,
        replica: Replica,
        asked: Sequence[tuple[Transfer, int]],
        rows: Sequence[RowBytes],
        arrived_ns: int,
        *,
        durable: int,
    ) -> list[Judged]:
        """What follows for each of the transfers (with its receipt), as if one after the other:
        later ones count the earlier. All are folded.

        Raises:
            Unavailable: OVERLOADED at the memory's ceiling; an unknown part of them is folded.
            Misconfigured: as `judge`; nothing is folded then.
        """
        self._waits.note(replica.folded, durable, self._monotonic_ns())
        at = np.arange(len(rows))
        return self._judge_rows(replica, asked, make_rows(rows), at, arrived_ns)

    def judge_among(
        self,
        replica: Replica,
        asked: Sequence[tuple[Transfer, int]],
        rows: npt.NDArray[np.void],
        at: npt.NDArray[np.int64],
        before: Callable[[int], None],
    ) -> list[Judged]:
        """What follows for each of the transfers (with its receipt), which stand `at` these places
        of the rows. All rows are folded.

        Before lists and sums are asked about the nth transfer, `before(n)` folds into them what
        came before it. Nobody waits for an answer, so nothing is left out for lack of time.

        Raises:
            Unavailable, Misconfigured: as `judge_and_fold`.
        """
        return self._judge_rows(replica, asked, rows, at, None, before)

    def _judge_rows(
        self,
        replica: Replica,
        asked: Sequence[tuple[Transfer, int]],
        rows: npt.NDArray[np.void],
        at: npt.NDArray[np.int64],
        arrived_ns: int | None,
        before: Callable[[int], None] = lambda _: None,
    ) -> list[Judged]:
        procedure, scorer = self.bundle.procedure, self.bundle.scorer
        engine, lists, sums = replica.engine, replica.lists, replica.sums
        transfers = [transfer for transfer, _ in asked]
        started = self._monotonic_ns()
        due = started if arrived_ns is None else arrived_ns
        in_force = [procedure.at(each.occurred_at) for each in transfers]
        causes: list[tuple[str, ...]] = [()] * len(in_force)
        if arrived_ns is not None:
            causes = [self._cause(each, started, arrived_ns) for each in in_force]
        terms = list(zip(asked, in_force, causes, strict=True))
        wanted = np.array(
            [
                not cause and not is_return(each) and Mode.KILL_ALL not in what.degraded.killed
                for (each, _), what, cause in terms
            ],
            dtype=np.bool_,
        )
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[at[wanted]] = True
        engine.check_plan(scorer.artifact.plan_hash)
        vectors, flags = engine.vectors(rows, mask)
        read = self._monotonic_ns()
        margins, scores = scorer.score(vectors, plan_hash=engine.plan_hash)
        scored_at = self._monotonic_ns()
        kept, width = vectors.tobytes(), vectors.itemsize * vectors.shape[1]
        said = _said(in_force, vectors)
        # What one took of the whole, so that the stages of all add up.
        count = max(len(vectors), 1)
        took = (started - due, (read - started) // count, (scored_at - read) // count)
        lists_of = (flags.tolist(), margins.tolist(), scores.tolist())
        found = iter(zip(vectors, *lists_of, said, strict=True))
        judged: list[Judged] = []
        line = 0
        for ((transfer, received_at), what, why), is_wanted in zip(
            terms, wanted.tolist(), strict=True
        ):
            scored, cause = None, why
            if is_wanted:
                vector, marks, margin, score, answers = next(found)
                own = kept[line * width : (line + 1) * width]
                scored = Scored(vector, own, marks, margin, score, answers)
                line += 1
                if arrived_ns is not None and read - arrived_ns > what.model_by_ns:
                    cause = (Mode.NO_MODEL,)
                if arrived_ns is not None and scored_at - arrived_ns > what.deadline_ns:
                    cause, scored = (Mode.TIMEOUT,), None
            before(len(judged))
            beside = (lists.of(transfer), sums.of(transfer, received_at))
            judged.append(self._judged(transfer, scored, what, took, cause, *beside))
            sums.decided(transfer, received_at, judged[-1].derived.outcome, beside[1])
        return judged

    def _cause(self, in_force: InForce, started: int, arrived_ns: int) -> tuple[str, ...]:
        """Why nothing can be read for a transfer; empty where it can."""
        if started - self._waits.since_ns > in_force.degraded.log_slow_ns:
            return (Mode.LOG_SLOW,)
        return (Mode.TIMEOUT,) if started - arrived_ns > in_force.features_by_ns else ()

    def _judged(
        self,
        transfer: Transfer,
        scored: Scored | None,
        in_force: InForce,
        took: tuple[int, int, int],
        cause: tuple[str, ...],
        listed: Sequence[ListHit],
        sums: Sums | None,
        *,
        phase: str = INITIATION,
    ) -> Judged:
        degraded: tuple[str, ...] = ()
        if not is_return(transfer):
            vector = None if scored is None else scored.vector
            degraded = cause + policy_modes(transfer, in_force, vector)
        derived = derive(
            transfer,
            scored,
            in_force,
            self.bundle.scorer,
            degraded=degraded,
            listed=listed,
            sums=sums,
            phase=phase,
        )
        if scored is None:
            observed = self._observed(None, took)
            return Judged(derived, degraded, observed, b"", listed, sums)
        observed = self._observed(scored.vector, took)
        return Judged(derived, degraded, observed, scored.kept, listed, sums)

    def _observed(self, vector: Vector | None, took: tuple[int, int, int]) -> Observed:
        """What it took, and what the shadow says of the vector: after all is derived."""
        log_ns = self._waits.took_ns
        if self._shadow is None or vector is None:
            return Observed(self._host, *took, log_ns=log_ns)
        score = self._shadow.score_one(vector)
        return Observed(self._host, *took, self._shadow.hash, score, log_ns)


def _said(in_force: Sequence[InForce], vectors: npt.NDArray[np.float64]) -> Iterable[bytes | None]:
    """What the conditions say of each row, asked once where one date is in force for all."""
    if not in_force or any(each is not in_force[0] for each in in_force):
        return repeat(None, len(vectors))
    return map(bytes, in_force[0].conditions.many(vectors))


class _Waits:
    """A decision that is not on disk yet: not always the oldest, but none since long before."""

    __slots__ = ("_watched", "took_ns")

    def __init__(self) -> None:
        #: Its place, and when it was made: together, as two threads look at them.
        self._watched = (-1, 0)
        #: How long the last one that was watched waited; None: there was none yet.
        self.took_ns: int | None = None

    @property
    def since_ns(self) -> int:
        """When it was made; with nothing on the way, just now."""
        return self._watched[1]

    def note(self, place: int, durable: int, now_ns: int) -> None:
        """A decision is made now for that place, while everything below `durable` is on disk.

        With nothing on the way it is a new one that waits: what was judged for a place and never
        written, as a revision that changes nothing, waits for no disk.
        """
        if place <= durable or self._watched[0] < durable:
            self._watched = (place, now_ns)

    def end(self, place: int, monotonic_ns: Callable[[], int]) -> None:
        """What stands at that place is on disk."""
        watched, since_ns = self._watched
        if place == watched:
            self.took_ns = monotonic_ns() - since_ns


def _other_plan(shadow: Network, bundle: Bundle) -> Misconfigured:
    return Misconfigured(
        Code.PLAN_MISMATCH,
        "the shadow was trained on other vectors than those that are served",
        hint="Train it again: `crivo train --challenger network`.",
        field="plan_hash",
        expected=bundle.plan.plan_hash,
        found=shadow.plan_hash,
    )
