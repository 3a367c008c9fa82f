"""Answers that were given, by id: what makes a repeat the same answer and no second record."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.reasons import REASON_CODES, ReasonCode
from crivo.decision.record import Hold, Record, Versions, decode_derived, decode_record
from crivo.decision.sums import Sums
from crivo.domain.clock import SLACK
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.event import StoredEvent
from crivo.domain.identifiers import (
    END_TO_END_ID_TOLERANCE,
    end_to_end_id_minute,
    minute_digits_of,
)
from crivo.domain.instant import HOUR
from crivo.domain.transfer import Transfer
from crivo.flows.pending import Pending

#: An id's minute lies within 12 h of its receipt, so a repeat comes within 24 h of the first.
REMEMBERED: Final = 2 * END_TO_END_ID_TOLERANCE + SLACK
#: At most so many ids are forgotten for each one that is remembered, so that no hour's end pauses.
FORGOTTEN_AT_ONCE: Final = 4
#: How many newest decisions are held whole, so that a repeat or a look-up reads no file.
RECENT_MAX: Final = 16_384


#: What must be equal in a repeat under one id, where both requests carry it.
FACTS: Final = (
    "payer_account_id",
    "payer_person_id",
    "payee_account_id",
    "payee_person_id",
    "payee_key_id",
    "amount_centavos",
    "occurred_at",
    "initiation",
    "purpose",
)
#: What must be equal in both phases: all but the instant, which is that of each phase.
SHARED_FACTS: Final = tuple(name for name in FACTS if name != "occurred_at")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the caller is told. `score` counts 10⁻⁹ and is None where nothing was scored.

    `as_of` is the log's sequence number that the decision had seen, `seq` its own record's. `lists`
    and `sums` are what its record says of them: whoever looks the decision up is shown them.
    """

    end_to_end_id: str
    phase: str
    outcome: Outcome
    score: int | None
    reasons: tuple[ReasonCode, ...]
    versions: Versions
    as_of: int
    seq: int
    occurred_at: int
    received_at: int
    degraded: tuple[str, ...]
    hold: Hold | None = None
    lists: tuple[str, ...] = ()
    sums: Sums | None = None


@dataclass(slots=True)
class Decided:
    """A decision of this process: `pending` is None once its log's commit failed."""

    transfer: Transfer
    answer: Answer
    pending: Pending[Answer] | None


def answer_of(record: Record, *, seq: int, occurred_at: int, received_at: int) -> Answer:
    """The answer that a stored record stands for: the same as the first caller got.

    Raises:
        Refused: FIELD_TYPE.
    """
    derived = decode_derived(record.derived)
    try:
        outcome = OUTCOMES[derived.outcome]
        reasons = tuple([REASON_CODES[code] for code in derived.reasons])
    except KeyError as error:
        raise Refused(
            Code.FIELD_TYPE,
            f"the record holds a name that this release does not know: {error}",
            hint="It was written by a newer release, or is damaged.",
            field="derived",
            expected="outcomes and reasons of this release",
            found=str(error),
        ) from None
    return Answer(
        end_to_end_id=record.end_to_end_id,
        phase=record.phase,
        outcome=outcome,
        score=derived.score,
        reasons=reasons,
        versions=record.given.versions,
        as_of=record.given.as_of,
        seq=seq,
        occurred_at=occurred_at,
        received_at=received_at,
        degraded=record.given.degraded,
        hold=derived.hold,
        lists=record.given.lists,
        sums=record.given.sums,
    )


def answer_of_stored(stored: StoredEvent) -> Answer:
    """The answer that a stored decision stands for.

    Raises:
        Refused: FIELD_TYPE.
    """
    event = stored.event
    return answer_of(
        decode_record(event.payload),
        seq=stored.seq,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
    )


def check_same_facts(first: Transfer, repeat: Transfer, *, names: Sequence[str] = FACTS) -> None:
    """Nothing, if of these facts none differs; what only one of the two carries is no difference.

    Raises:
        Refused: CONFLICT, naming the first fact that differs.
    """
    for name in names:
        before, now = getattr(first, name), getattr(repeat, name)
        if before is not None and now is not None and before != now:
            raise Refused(
                Code.CONFLICT,
                "this EndToEndId is another transfer's: the facts differ",
                hint="A repeat carries the same facts; another transfer carries another id.",
                field=name,
                expected="the fact that came first under this id",
                found="another",
            )


def no_decision(end_to_end_id: str) -> Refused:
    """The refusal of an id under which nothing was decided, or nothing is durable yet."""
    return Refused(
        Code.NOT_FOUND,
        "no decision has this id",
        field="end_to_end_id",
        expected="the id of a transfer that was decided here",
        found=end_to_end_id,
        hint="A decision is found once its answer has left. Those of workers, such as of what came "
        "through an inbox in Kafka, are read by the lake: docs/how-to/topics.md, The inbox.",
    )


def not_durable() -> Unavailable:
    """The error of a decision that was made, and is not on disk yet."""
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        "the decision is made, and not yet on disk",
        hint="The log retries by itself; send the same again in a moment.",
    )


#: Stands where an array is missing.
_NOTHING: Final = np.zeros((0, 0))


def _put(hours: deque[tuple[int, list[str]]], hour: int, end_to_end_id: str) -> None:
    """Adds an id to the newest hour, which this one begins or goes on with."""
    if not hours or hours[-1][0] != hour:
        hours.append((hour, []))
    hours[-1][1].append(end_to_end_id)


class Memory:
    """At least the ids decided within `REMEMBERED`, and the newest decisions whole.

    Times are receipts. A replay clock may be told of receipts of long ago, and a wall clock may
    have been wrong: `covers` says whether an id received then would be remembered.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._hours: deque[tuple[int, list[str]]] = deque()
        #: A plain dictionary would look through all that it let go for its oldest.
        self._recent: OrderedDict[str, Decided] = OrderedDict()
        #: Settlement phases whose initiation is not remembered: their ids, and the hours of those.
        self._settled: set[str] = set()
        self._settled_hours: deque[tuple[int, list[str]]] = deque()
        self._order_time = 0
        #: The newest minute that an id of an imported transfer names, in the digits of ids: their
        #: order is that of time, and none has to be read for it.
        self._history_minute = ""

    def __len__(self) -> int:
        return len(self._places)

    def recent(self, end_to_end_id: str) -> Decided | None:
        """The decision, if it is one of the newest of this process."""
        return self._recent.get(end_to_end_id)

    def place(self, end_to_end_id: str) -> int | None:
        """The sequence number of the decision's record, if the id is remembered."""
        return self._places.get(end_to_end_id)

    def remember(self, end_to_end_id: str, seq: int, *, received_at: int) -> None:
        """Keeps the id, and forgets those that no repeat can carry any more."""
        self._places[end_to_end_id] = seq
        if self._settled:
            self._settled.discard(end_to_end_id)
        self._order_time = max(self._order_time, received_at)
        _put(self._hours, self._order_time // HOUR, end_to_end_id)
        self._forget(self._hours, self._places.pop)

    def note_settlement(self, end_to_end_id: str, *, received_at: int) -> None:
        """A settlement phase was decided: an initiation that comes after it is compared with it."""
        self._order_time = max(self._order_time, received_at)
        if end_to_end_id in self._places or end_to_end_id in self._settled:
            return
        self._settled.add(end_to_end_id)
        _put(self._settled_hours, self._order_time // HOUR, end_to_end_id)
        self._forget(self._settled_hours, self._settled.discard)

    def is_settled(self, end_to_end_id: str) -> bool:
        """Whether an id that is not remembered is that of a settlement phase."""
        return end_to_end_id in self._settled

    def covers(self, received_at: int) -> bool:
        """Whether an id that comes at this time is surely remembered if it was decided before."""
        return received_at >= self._order_time - (REMEMBERED - 2 * END_TO_END_ID_TOLERANCE)

    def note_history(self, end_to_end_id: str) -> None:
        """A transfer of this id, which nobody decides, is in the log.

        Raises:
            Refused: ID_INVALID.
        """
        digits = minute_digits_of(end_to_end_id)
        if digits > self._history_minute:
            # It lies on a disk, where bytes rot.
            end_to_end_id_minute(end_to_end_id)
            self._history_minute = digits

    def may_be_history(self, end_to_end_id: str) -> bool:
        """Whether the id can be one of a transfer that nobody decides: it names no later minute
        than they all do. Right after an import every transfer would else ask the log.
        """
        return minute_digits_of(end_to_end_id) <= self._history_minute

    def _forget(self, hours: deque[tuple[int, list[str]]], forget: Callable[[str], object]) -> None:
        """Lets a few ids of the oldest hours go."""
        for _ in range(FORGOTTEN_AT_ONCE):
            hour, ids = hours[0]
            if (hour + 1) * HOUR > self._order_time - REMEMBERED:
                return
            if ids:
                forget(ids.pop())
            else:
                hours.popleft()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Ids, their places and hours (bytes[32][n], int64[n] twice), oldest first; the newest
        receipt, and the newest minute of an imported id; the ids of settlement phases alone and
        their hours (bytes[32][m], int64[m]), oldest first.
        """
        hours = [(hour, each) for hour, ids in self._hours for each in ids]
        settled = [
            (hour, each)
            for hour, ids in self._settled_hours
            for each in ids
            if each in self._settled
        ]
        return {
            "ids": np.array([each.encode() for _, each in hours], dtype="S32"),
            "places": np.array([self._places[each] for _, each in hours], dtype=np.int64),
            "hours": np.array([hour for hour, _ in hours], dtype=np.int64),
            # Named anew where it means another time: a snapshot of before is none of this release.
            "order_and_history_digits": np.array(
                [self._order_time, int(self._history_minute or 0)], dtype=np.int64
            ),
            "settled_ids": np.array([each.encode() for _, each in settled], dtype="S32"),
            "settled_hours": np.array([hour for hour, _ in settled], dtype=np.int64),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remembers what `arrays` of another memory gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID for arrays that do not belong together.
        """
        ids, places, hours = (arrays.get(name, _NOTHING) for name in ("ids", "places", "hours"))
        times = arrays.get("order_and_history_digits", _NOTHING)
        settled, since = (arrays.get(f"settled_{name}", _NOTHING) for name in ("ids", "hours"))
        is_memory = ids.shape == places.shape == hours.shape and settled.shape == since.shape
        if not is_memory or {ids.dtype.kind, settled.dtype.kind} != {"S"} or times.shape != (2,):
            raise Misconfigured(
                Code.SNAPSHOT_INVALID,
                "the arrays hold no memory of decisions",
                hint="State is rebuilt from the log.",
                expected="ids, places and hours of one length, two times, settled ids and hours",
                found=", ".join(sorted(arrays)),
            )
        remembered = zip(ids.tolist(), places.tolist(), hours.tolist(), strict=True)
        for end_to_end_id, place, hour in remembered:
            self.remember(end_to_end_id.decode(), place, received_at=hour * HOUR)
        for end_to_end_id, hour in zip(settled.tolist(), since.tolist(), strict=True):
            self._settled.add(end_to_end_id.decode())
            _put(self._settled_hours, hour, end_to_end_id.decode())
        self._order_time, newest = times.tolist()
        self._history_minute = str(newest) if newest else ""

    def keep(self, decided: Decided, *, durable: int) -> None:
        """Holds a decision whole; beyond the ceiling the oldest is let go, once below `durable`."""
        answer = decided.answer
        self._recent[answer.end_to_end_id] = decided
        self.remember(answer.end_to_end_id, answer.seq, received_at=answer.received_at)
        if len(self._recent) > RECENT_MAX:
            oldest = next(iter(self._recent.values()))
            if oldest.answer.seq < durable:
                self._recent.popitem(last=False)
