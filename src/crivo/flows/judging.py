"""Judging: what follows for transfers from the state as it is, and what was observed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from crivo.decision.decide import Plain, Scored, derive, is_return, plain_of, policy_modes
from crivo.decision.degraded import Mode
from crivo.decision.lists import ListHit
from crivo.decision.many import are_plain
from crivo.decision.procedure import InForce
from crivo.decision.record import INITIATION, Derived, Observed
from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import brasilia_day
from crivo.domain.transfer import Transfer
from crivo.features.row import RowBytes, make_rows
from crivo.flows.bundle import Bundle
from crivo.flows.replica import Replica
from crivo.model.network import Network

Int64s = npt.NDArray[np.int64]


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


class _Terms(NamedTuple):
    """What is in force on one date, and why nothing can be read (empty where it can); `is_blind`
    says that nothing is, for that or for a switch.
    """

    in_force: InForce
    cause: tuple[str, ...]
    is_blind: bool


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
        beside = (replica.lists.of(transfer, received_at), replica.sums.of(transfer, received_at))
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
        observed = self._observed((started - arrived_ns, read - started, scored_at - read))
        return self._judged(transfer, scored, in_force, observed, cause, *beside, phase=phase)

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
        scorer = self.bundle.scorer
        engine, lists, sums = replica.engine, replica.lists, replica.sums
        started = self._monotonic_ns()
        due = started if arrived_ns is None else arrived_ns
        terms = self._terms([transfer for transfer, _ in asked], started, arrived_ns)
        wanted = [
            not (what.is_blind or is_return(transfer))
            for (transfer, _), what in zip(asked, terms, strict=True)
        ]
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[at[np.array(wanted, dtype=np.bool_)]] = True
        engine.check_plan(scorer.artifact.plan_hash)
        vectors, flags = engine.vectors(rows, mask)
        read = self._monotonic_ns()
        margins, scores = scorer.score(vectors, plan_hash=engine.plan_hash)
        scored_at = self._monotonic_ns()
        seen = [what for what, is_wanted in zip(terms, wanted, strict=True) if is_wanted]
        said, plains = _said(seen, vectors, flags, scores)
        parts = self._parts(seen, vectors, scores)
        # What one took of the whole, so that the stages of all add up.
        count = max(len(vectors), 1)
        took = (started - due, (read - started) // count, (scored_at - read) // count)
        observed = self._observed(took)
        of_all = (flags.tolist(), margins.tolist(), scores.tolist(), said, parts)
        found = zip(map(Scored, vectors, _kept(vectors), *of_all), plains, strict=True)
        judged: list[Judged] = []
        for (transfer, received_at), what, is_wanted in zip(asked, terms, wanted, strict=True):
            scored, plain, cause = None, None, what.cause
            if is_wanted:
                scored, plain = next(found)
                if arrived_ns is not None and read - arrived_ns > what.in_force.model_by_ns:
                    plain, cause = None, (Mode.NO_MODEL,)
                if arrived_ns is not None and scored_at - arrived_ns > what.in_force.deadline_ns:
                    plain, cause, scored = None, (Mode.TIMEOUT,), None
            before(len(judged))
            listed, attempted = lists.of(transfer, received_at), sums.of(transfer, received_at)
            if (
                scored is None
                or plain is None
                or listed
                or what.in_force.limits.exceeded(transfer, attempted)
            ):
                each = self._judged(
                    transfer, scored, what.in_force, observed, cause, listed, attempted
                )
            else:
                own = self._shadowed(observed, scored)
                each = Judged(plain(scored), (), own, scored.kept, (), attempted)
            judged.append(each)
            sums.decided(transfer, received_at, each.derived.outcome, attempted)
        return judged

    def _terms(
        self, transfers: Sequence[Transfer], started: int, arrived_ns: int | None
    ) -> list[_Terms]:
        """The terms of each transfer: few dates are asked about together."""
        by_day: dict[int, _Terms] = {}
        found = []
        for transfer in transfers:
            day = brasilia_day(transfer.occurred_at)
            terms = by_day.get(day)
            if terms is None:
                in_force = self.bundle.procedure.at(transfer.occurred_at)
                cause = () if arrived_ns is None else self._cause(in_force, started, arrived_ns)
                is_blind = bool(cause) or Mode.KILL_ALL in in_force.degraded.killed
                terms = by_day[day] = _Terms(in_force, cause, is_blind)
            found.append(terms)
        return found

    def _parts(
        self, terms: Sequence[_Terms], vectors: npt.NDArray[np.float64], scores: Int64s
    ) -> list[Int64s | None]:
        """The contributions to those scores that ask for anything, which are few: reasons are made
        of them. Together they take a third of the time: what one reads is at hand for the next.
        """
        least = np.array([each.in_force.thresholds[0][0] for each in terms], dtype=np.int64)
        asking = np.flatnonzero(scores >= least)
        found: list[Int64s | None] = [None] * len(vectors)
        if len(asking):
            parts = self.bundle.scorer.contributions_of(np.ascontiguousarray(vectors[asking]))
            for place, own in zip(asking.tolist(), parts, strict=True):
                found[place] = own
        return found

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
        observed: Observed,
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
            return Judged(derived, degraded, observed, b"", listed, sums)
        # After all is derived.
        observed = self._shadowed(observed, scored)
        return Judged(derived, degraded, observed, scored.kept, listed, sums)

    def _shadowed(self, observed: Observed, scored: Scored) -> Observed:
        """With what the shadow says, where there is one."""
        if self._shadow is None:
            return observed
        said = self._shadow.score_one(scored.vector)
        return replace(observed, shadow=self._shadow.hash, shadow_score=said)

    def _observed(self, took: tuple[int, int, int]) -> Observed:
        """What it took, but for what the shadow says."""
        return Observed(self._host, *took, log_ns=self._waits.took_ns)


def _kept(vectors: npt.NDArray[np.float64]) -> list[bytes]:
    """The bytes of each row."""
    kept, width = vectors.tobytes(), vectors.itemsize * vectors.shape[1]
    return [kept[at : at + width] for at in range(0, len(kept), width)]


def _said(
    terms: Sequence[_Terms],
    vectors: npt.NDArray[np.float64],
    flags: npt.NDArray[np.uint8],
    scores: Int64s,
) -> tuple[Sequence[bytes | None], Sequence[Plain | None]]:
    """What the conditions say of each row, and what makes its answer where nothing but these has a
    say: asked once where one policy is in force for all rows.
    """
    nothing = [None] * len(vectors)
    if not terms or any(each.in_force is not terms[0].in_force for each in terms):
        return nothing, nothing
    in_force = terms[0].in_force
    said = list(map(bytes, in_force.conditions.many(vectors)))
    plain = {each: plain_of(in_force.fired(each)) for each in set(said)}
    are = are_plain(vectors, flags, scores, in_force).tolist()
    return said, [plain[own] if is_plain else None for own, is_plain in zip(said, are, strict=True)]


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
