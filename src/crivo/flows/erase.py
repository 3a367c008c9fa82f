"""Erasing a person's identity, and revealing one: each is an event before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crivo.decision.record import decision_event_id
from crivo.domain.erasure import Erasure
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.domain.reveal import Reveal
from crivo.domain.streams import Stream
from crivo.flows.answers import no_decision
from crivo.flows.event_of import EventValue, event_of
from crivo.flows.ports import Log, LogReader
from crivo.governance.identity import IdentitySealer, PersonKeys, Role, sealed_parts

#: Which door these events come through.
SOURCE: Final = "command"

_BATCH: Final = 4_096


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, why, and when; `id` names the act. `overrides`: who asks answers for doing it
    within the legal retention (`retention`, µs after the newest record).
    """

    id: str
    by: str
    reason: str
    at: int
    retention: int = 0
    overrides: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """The decisions that hold a part of one person: how many, and the newest receipt."""

    records: int
    newest_at: int | None


def holding_of(log: LogReader, subject: bytes) -> Holding:
    """What the log holds of a person; it reads every decision."""
    records, newest, at = 0, 0, 0
    streams = frozenset({Stream.DECISIONS})
    while found := log.read(start=at, limit=_BATCH, streams=streams):
        at = found[-1].seq + 1
        for stored in found:
            sealed = stored.event.sealed
            if sealed is not None and any(p.subject == subject for p in sealed_parts(sealed)):
                records += 1
                newest = max(newest, stored.event.received_at)
    return Holding(records, newest if records else None)


def erase(log: Log, keys: PersonKeys, ids: Sequence[bytes], request: Request) -> list[Erasure]:
    """The erasures of everybody who bears one of these pseudonyms: their keys are gone.

    The event is durable before a key is deleted: what stops between the two is done again.

    Raises:
        Refused: NOT_FOUND where nobody has a key; RETENTION where the law keeps a record longer,
            and nobody answers for erasing it: nothing is erased then.
    """
    subjects = sorted(keys.subjects(ids))
    if not subjects:
        raise Refused(
            Code.NOT_FOUND,
            "nobody of this id has an identity part that could be read",
            hint="Give the tax id or the id that the decisions carried; it may be erased already.",
            field="person",
            expected="a tax id, person or account that a decision named",
            found="none",
        )
    erasures = [_erasure(subject, holding_of(log, subject), request) for subject in subjects]
    for each in erasures:
        _append(log, each, request.at)
        keys.erase(each.person_id)
    return erasures


def reveal(
    log: Log, sealer: IdentitySealer, end_to_end_id: str, request: Request
) -> dict[Role, dict[str, str] | None]:
    """What the parties of a decision are called; None for one whose key was erased.

    Raises:
        Refused: NOT_FOUND for an id under which nothing was decided, or without a part.
        Misconfigured: SEAL_BROKEN.
    """
    stored = log.find(decision_event_id(end_to_end_id))
    if stored is None:
        raise no_decision(end_to_end_id)
    event = stored.event
    if event.sealed is None:
        raise Refused(
            Code.NOT_FOUND,
            "this decision was asked for without an identity part",
            hint="Only what a request carried in `identity` can be revealed.",
            field="end_to_end_id",
            found=end_to_end_id,
        )
    value = Reveal(
        reveal_id=request.id,
        occurred_at=request.at,
        payer_id=event.key,
        end_to_end_id=end_to_end_id,
        revealed_by=request.by,
        reason=request.reason,
    )
    _append(log, value, request.at)
    return sealer.open(event.sealed, event_id=event.event_id)


def _erasure(subject: bytes, holding: Holding, request: Request) -> Erasure:
    free_at = None if holding.newest_at is None else holding.newest_at + request.retention
    is_early = free_at is not None and free_at > request.at
    if is_early and free_at is not None and not request.overrides:
        raise Refused(
            Code.RETENTION,
            "the law keeps a record of this person longer",
            hint="Erase it then; or, where somebody answers for it, repeat with --override.",
            field="person",
            expected=f"not before {format_rfc3339(free_at)}",
            found=format_rfc3339(request.at),
        )
    return Erasure(
        erasure_id=f"{request.id}-{subject.hex()[:8]}",
        occurred_at=request.at,
        person_id=subject,
        records=holding.records,
        newest_at=holding.newest_at,
        requested_by=request.by,
        reason=request.reason,
        is_early=is_early,
    )


def _append(log: Log, value: EventValue, at: int) -> None:
    log.append([event_of(value, occurred_at=at, received_at=at, source=SOURCE)])
