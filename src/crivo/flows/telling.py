"""Telling: an event beside transfers and reports, folded the moment the log takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import Code, Refused, Unavailable, shown
from crivo.domain.event import Event, StoredEvent
from crivo.domain.transfer import Transfer
from crivo.features.told import TELLERS, told_rows
from crivo.flows.decide import DecisionService
from crivo.flows.event_body import CALLER, parse_event
from crivo.flows.event_of import event_of, value_of
from crivo.flows.listing import check_can_hold
from crivo.flows.pending import Pending, resolved
from crivo.flows.recording import SOURCE
from crivo.flows.report import check_known
from crivo.flows.same_party import check_same_party, find_in
from crivo.flows.schemas import BY_NAME, SCHEMAS, schema_of
from crivo.flows.told_mapping import filled_in, is_about_transfer
from crivo.governance.pseudonym import Pseudonymiser

#: Schemas that have a door of their own.
ELSEWHERE: Final = {"transfer.v1": "POST /v1/decisions", "report.v1": "POST /v1/reports"}


#: The kinds that are told here.
TOLD_HERE: Final = [s.name for s in SCHEMAS if not s.is_own and s.name not in ELSEWHERE]


@dataclass(frozen=True, slots=True)
class TellAnswer:
    """What the teller is told: the event stands in the log since `received_at`, at `seq`."""

    schema: str
    event_id: bytes
    received_at: int
    seq: int


class TellingService:
    """Takes events, on the thread of its `DecisionService`, whose state it folds them into."""

    def __init__(self, decisions: DecisionService, pseudonyms: Pseudonymiser) -> None:
        self._decisions: Final = decisions
        self._log: Final = decisions.log
        self._pseudonyms: Final = pseudonyms
        self._waiting: Final[dict[bytes, tuple[Any, Pending[TellAnswer]]]] = {}

    def tell(
        self,
        schema_name: str,
        document: object,
        *,
        supplied_received_at: int | None = None,
        caller: str | None = None,
    ) -> Pending[TellAnswer]:
        """The event as it was taken, when the log has it on disk; a repeat gets the same.

        The facts of a transfer that it is about are filled in from its decision or its history, and
        where its schema keeps it, whose key or token told it first (`caller`).

        Raises:
            Refused: SCHEMA_UNKNOWN; NOT_FOUND where the transfer is unknown; CONFLICT where its id
                stands for other facts, or another step of it for another party; CLOCK_AHEAD; and as
                `parse_event`.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        value, event = told_event(
            schema_name,
            document,
            self._pseudonyms,
            clock=self._decisions.clock,
            find_transfer=self._decisions.find_transfer,
            supplied=supplied_received_at,
            caller=caller,
        )
        return self.take(
            value, event, check=lambda: check_same_party(find_in(self._log), event, value)
        )

    def take(
        self, value: Any, event: Event, *, check: Callable[[], None] = lambda: None
    ) -> Pending[TellAnswer]:
        """The event of a value as it was taken, when the log has it on disk; a repeat the same.

        Raises:
            Refused: CONFLICT where its id stands for other facts; what `check` refuses of an event
                that is new.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        waiting = self._waiting.get(event.event_id)
        if waiting is not None:
            check_same_event(waiting[0], value)
            return waiting[1]
        stored = self._log.find(event.event_id)
        if stored is not None:
            return self._again(stored, value)
        check()
        return self._first(value, event)

    def _first(self, value: Any, event: Event) -> Pending[TellAnswer]:
        pending: Pending[TellAnswer] = Pending()
        self._waiting[event.event_id] = (value, pending)
        places: list[int] = []

        def done(failure: Exception | None) -> None:
            self._waiting.pop(event.event_id, None)
            if failure is None:
                pending.resolve(_answer(event, places[0]))
            else:
                pending.fail(failure)

        rows = []
        if type(value) in TELLERS:
            rows = told_rows(value, received_at=event.received_at, event_id=event.event_id)
        places.append(self._decisions.folded)
        try:
            self._decisions.append(event, rows, done)
        except (Refused, Unavailable):
            del self._waiting[event.event_id]
            raise
        return pending

    def _again(self, stored: StoredEvent, value: Any) -> Pending[TellAnswer]:
        check_same_event(value_of(stored.event), value)
        if stored.seq >= self._log.end():
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                "the event is taken, and not yet on disk",
                hint="The log retries by itself; send the same again in a moment.",
            )
        return resolved(_answer(stored.event, stored.seq))


def _answer(event: Event, seq: int) -> TellAnswer:
    return TellAnswer(event.schema, event.event_id, event.received_at, seq)


def told_event(
    schema_name: str,
    document: object,
    pseudonyms: Pseudonymiser,
    *,
    clock: LogClock,
    find_transfer: Callable[[str], Transfer | None],
    supplied: int | None = None,
    caller: str | None = None,
) -> tuple[Any, Event]:
    """What a document tells, and its event, received now by the log's clock.

    Args:
        schema_name: One of `TOLD_HERE`.
        document: The fields by name, as outsiders write them.
        pseudonyms: What makes pseudonyms of raw ids.
        clock: The log's.
        find_transfer: Finds the transfer that the event is about, whose facts are filled in.
        supplied: The receipt, on a replay clock.
        caller: Whose key or token told it, where its schema keeps that.

    Raises:
        Refused: SCHEMA_UNKNOWN; NOT_FOUND where the transfer is unknown; CLOCK_AHEAD; and as
            `parse_event`.
    """
    if schema_name not in TOLD_HERE:
        raise _not_told(schema_name)
    facts = None
    if is_about_transfer(schema_of(schema_name)):
        found = document.get("end_to_end_id") if isinstance(document, dict) else None
        id_ = found if isinstance(found, str) else ""
        facts = filled_in(check_known(find_transfer(id_), id_))
    value = parse_event(schema_name, document, pseudonyms, facts=facts, caller=caller)
    check_can_hold(value)
    received_at = clock.stamp(
        occurred_at=value.occurred_at,
        supplied=supplied if clock.kind is ClockKind.REPLAY else None,
    )
    event = event_of(value, occurred_at=value.occurred_at, received_at=received_at, source=SOURCE)
    return value, event


def check_same_event(first: Any, repeat: Any) -> None:
    """Nothing, if an event repeats the facts that came first under its id: whoever told it is none.

    Raises:
        Refused: CONFLICT.
    """
    if hasattr(first, CALLER):
        repeat = replace(repeat, caller=first.caller)
    if first != repeat:
        raise Refused(
            Code.CONFLICT,
            "this id was used for another event",
            hint="A repeat carries the same facts; another event carries another id.",
            field="event",
            expected="the facts that came first under this id",
            found="others",
        )


def _not_told(name: str) -> Refused:
    if name in ELSEWHERE:
        hint = f"Send it to {ELSEWHERE[name]}."
    elif name in BY_NAME:
        hint = "Crivo alone writes events of this schema."
    else:
        hint = "Send one of the kinds that outsiders write."
    return Refused(
        Code.SCHEMA_UNKNOWN,
        f"{shown(name)} is not told here",
        hint=hint,
        field="schema",
        expected=", ".join(TOLD_HERE),
        found=shown(name),
    )
