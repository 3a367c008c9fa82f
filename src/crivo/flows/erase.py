"""Erasing a person's identity, and revealing one: each is an event before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crivo.decision.record import WORKER, decision_event_id, decode_record
from crivo.domain.declared import check_fields
from crivo.domain.erasure import Erasure
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.fields import Word
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.reveal import Reveal
from crivo.domain.streams import Stream
from crivo.domain.tax_id import parse_tax_id
from crivo.flows.answers import no_decision
from crivo.flows.codec import decode_transfer
from crivo.flows.event_of import event_of
from crivo.flows.ports import LogReader
from crivo.governance.identity import IdentitySealer, PersonKeys, Role, sealed_parts
from crivo.governance.pseudonym import IdDomain, Pseudonymiser

#: Which door these events come through.
SOURCE: Final = "command"

_BATCH: Final = 4_096

#: Where identity parts lie: a service's with its decisions, others' with the transfers.
_HOLDING: Final = frozenset({Stream.DECISIONS, Stream.TRANSFERS})


#: Appends events; they are durable when it returns.
Publish = Callable[[Sequence[Event]], object]


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, and why. `overrides`: who asks answers for erasing within the legal retention.

    Raises:
        Refused: FIELD_VALUE for a text that is none.
    """

    by: Word
    reason: Word
    overrides: bool = False

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Holding:
    """The decisions, or transfers that a worker decides, that hold a part of one subject: how
    many, and the one received last.
    """

    records: int = 0
    newest: Event | None = None

    @property
    def newest_at(self) -> int | None:
        """When the newest was received."""
        return None if self.newest is None else self.newest.received_at

    def with_one(self, event: Event) -> Holding:
        """This, and one more."""
        is_newer = self.newest is None or event.received_at >= self.newest.received_at
        return Holding(self.records + 1, event if is_newer else self.newest)


@dataclass(frozen=True, slots=True)
class Left:
    """Parts that are still readable, as they may be another's: of somebody who has an account or
    person id in common with an erased one, or of that account itself.

    `records` decisions or transfers hold one, the newest of them (null: none) a phase of
    `end_to_end_id`.
    """

    records: int
    end_to_end_id: str | None
    phase: Phase | None


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: whose keys are gone, and what is left beside them."""

    erasures: tuple[Erasure, ...]
    left: tuple[Left, ...]


def holdings_of(logs: Sequence[LogReader], subjects: Sequence[bytes]) -> dict[bytes, Holding]:
    """What the logs hold of each subject; it reads every decision and transfer. What one log has
    of another's counts once, and a worker's copy of a part with the transfer it is of.
    """
    holdings = {each: Holding() for each in subjects}
    counted: set[bytes] = set()
    for event, sealed in _with_parts(logs):
        named = {part.subject for part in sealed_parts(sealed)} & holdings.keys()
        if named and event.event_id not in counted:
            counted.add(event.event_id)
            for subject in named:
                holdings[subject] = holdings[subject].with_one(event)
    return holdings


def _with_parts(logs: Sequence[LogReader]) -> Iterator[tuple[Event, bytes]]:
    """What was sealed as it was asked for, and its parts."""
    for log in logs:
        at = 0
        while found := log.read(start=at, limit=_BATCH, streams=_HOLDING):
            at = found[-1].seq + 1
            for event in (stored.event for stored in found):
                if event.sealed is not None and event.source != WORKER:
                    yield event, event.sealed


class PrivacyService:
    """Erases persons and reveals decisions; each is an event before it is done.

    It reads the log and waits for its disk: a service calls it beside its loop.

    Args:
        log: The home's own log, as anybody reads it.
        elsewhere: Another log whose parts lie under these keys: what is revealed is of it, and what
            an erasure counts is of both.
        keys: The keys of persons.
        sealer: What opens identity parts.
        pseudonyms: What finds a person by a tax id or an id.
        publish: Appends events, durably.
        now: The log's time.
        new_id: An id that nobody had.
        retention: How long the law keeps a record of a person, in microseconds.
    """

    def __init__(
        self,
        *,
        log: LogReader,
        elsewhere: LogReader | None = None,
        keys: PersonKeys,
        sealer: IdentitySealer,
        pseudonyms: Pseudonymiser,
        publish: Publish,
        now: Callable[[], int],
        new_id: Callable[[], str],
        retention: int,
    ) -> None:
        self._log: Final = elsewhere or log
        self._logs: Final = (log,) if elsewhere is None else (log, elsewhere)
        self._keys: Final = keys
        self._sealer: Final = sealer
        self._pseudonyms: Final = pseudonyms
        self._publish: Final = publish
        self._now: Final = now
        self._new_id: Final = new_id
        self._retention: Final = retention

    def erase(self, person: str, request: Request) -> Erased:
        """Erases whoever bears this tax id, person id or account id: their keys are gone.

        So are those of their other ids: a decision that told no tax id is sealed under the person
        id or the account. Of an account that others bear too, nobody can say whose the part is:
        it is left, and told.

        The event is durable before a key is deleted. What stops between the two leaves the key:
        asked again, it is erased, by another event.

        Raises:
            Refused: NOT_FOUND where nobody has a key; RETENTION where the law keeps a record
                longer, and nobody answers for erasing it: nothing is erased then; ID_INVALID.
            Unavailable: LOG_UNAVAILABLE, FILE_UNWRITABLE.
        """
        subjects, others = self._bearers(person)
        if not subjects:
            raise Refused(
                Code.NOT_FOUND,
                "nobody of this id has an identity part that could be read",
                hint="Give the tax id or the id that decisions carried; it may be erased already.",
                field="person",
                expected="a tax id, person or account that a decision named",
                found="none",
            )
        holdings = holdings_of(self._logs, [*subjects, *others])
        newest = {each: self._newest_at(each, holdings[each]) for each in subjects}
        erasures = [
            self._erasure(each, holdings[each].records, newest[each], request) for each in subjects
        ]
        # What was found by an erased one goes before it: asked again, it is found again.
        for erasure in reversed(erasures):
            self._append(erasure)
            self._sealer.erase(erasure.person_id)
        return Erased(tuple(erasures), tuple(_left(holdings[each]) for each in others))

    def reveal(
        self, end_to_end_id: str, request: Request, *, phase: Phase = Phase.INITIATION
    ) -> dict[Role, dict[str, str] | None]:
        """What the parties of a phase's decision are called; None for one whose key was erased.

        Of a transfer that a worker decides, that is what its own event says, decided or not.

        Raises:
            Refused: NOT_FOUND for an id under which nothing was decided, or without a part.
            Unavailable: LOG_UNAVAILABLE. Misconfigured: SEAL_BROKEN, KEY_INVALID.
        """
        event = self._asked(end_to_end_id, phase)
        if event.sealed is None:
            raise Refused(
                Code.NOT_FOUND,
                "this decision was asked for without an identity part",
                hint="Only what a request carried in `identity` can be revealed.",
                field="end_to_end_id",
                expected="the id of a decision that was asked for with an identity part",
                found=end_to_end_id,
            )
        self._append(
            Reveal(
                reveal_id=self._new_id(),
                occurred_at=self._now(),
                payer_id=event.key,
                end_to_end_id=end_to_end_id,
                revealed_by=request.by,
                reason=request.reason,
                phase=phase,
            )
        )
        return self._sealer.open(event.sealed, event_id=event.event_id)

    def _asked(self, end_to_end_id: str, phase: Phase) -> Event:
        """What was sealed as it was asked for: a decision made in place, or a transfer."""
        decided = self._log.find(decision_event_id(end_to_end_id, phase))
        if decided is not None and decided.event.source != WORKER:
            return decided.event
        waits = self._log.find(transfer_event_id(end_to_end_id))
        is_of_it = waits is not None and waits.event.stream is Stream.TRANSFERS
        if waits is None or not is_of_it or phase is not Phase.INITIATION:
            raise no_decision(end_to_end_id)
        return waits.event

    def _bearers(self, person: str) -> tuple[list[bytes], list[bytes]]:
        """Who is meant, each behind whom it was found by; and who shares an id with them."""
        subjects = sorted(self._keys.subjects(self._ids(person)))
        found = set(subjects)
        while True:
            aliases = sorted(self._keys.aliases(subjects) - found)
            own = [each for each in aliases if self._is_of(found, each)]
            if not own:
                return subjects, sorted(self._keys.subjects(aliases) - found)
            subjects += own
            found.update(own)

    def _is_of(self, persons: set[bytes], alias: bytes) -> bool:
        """Whether parts are sealed under this other id of them, and nobody else bears it."""
        bearers = self._keys.subjects([alias])
        return alias in bearers and bearers - {alias} <= persons

    def _ids(self, person: str) -> list[bytes]:
        """Every pseudonym that the text may stand for."""
        known = self._pseudonyms.known
        domains = (IdDomain.PERSON, IdDomain.ACCOUNT, IdDomain.KEY)
        ids = [known(domain, person, field="person") for domain in domains]
        try:
            ids.append(known(IdDomain.PERSON, parse_tax_id(person), field="person"))
        except Refused:
            return ids
        return ids

    def _newest_at(self, subject: bytes, holding: Holding) -> int | None:
        """When the newest part of a subject was received: by this log, or by one elsewhere."""
        found = (holding.newest_at, self._keys.newest_receipt(subject))
        return max((each for each in found if each is not None), default=None)

    def _erasure(
        self, subject: bytes, records: int, newest_at: int | None, request: Request
    ) -> Erasure:
        now = self._now()
        free_at = None if newest_at is None else newest_at + self._retention
        is_early = free_at is not None and free_at > now
        if is_early and free_at is not None and not request.overrides:
            raise Refused(
                Code.RETENTION,
                "the law keeps a record of this person longer",
                hint="Erase it then; or, where somebody answers for it, ask with the override.",
                field="person",
                expected=f"not before {format_rfc3339(free_at)}",
                found=format_rfc3339(now),
            )
        return Erasure(
            erasure_id=self._new_id(),
            occurred_at=now,
            person_id=subject,
            records=records,
            newest_at=newest_at,
            requested_by=request.by,
            reason=request.reason,
            is_early=is_early,
        )

    def _append(self, value: Erasure | Reveal) -> None:
        at = value.occurred_at
        self._publish([event_of(value, occurred_at=at, received_at=at, source=SOURCE)])


def _left(holding: Holding) -> Left:
    newest = holding.newest
    if newest is None:
        return Left(0, None, None)
    if newest.stream is Stream.TRANSFERS:
        transfer = decode_transfer(newest.payload)
        return Left(holding.records, transfer.end_to_end_id, Phase.INITIATION)
    record = decode_record(newest.payload)
    return Left(holding.records, record.end_to_end_id, Phase(record.phase))
