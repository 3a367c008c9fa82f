"""The schemas of all events: their names, what they hold, and the streams that carry them.

A schema `name.vN` is the order of a declared value's fields, and its payload a msgpack array in
that order. Fields are only ever appended, with a default: an old reader passes over what it does
not know, a new one reads an old payload with the defaults. What else changes is another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from crivo.decision import alert, follow_up, hold_end, record, revision
from crivo.domain import (
    authorisation,
    claim,
    cut,
    device,
    dict_entry,
    dict_statistics,
    enrolment,
    erasure,
    fraud_marker,
    funds_recovery,
    infraction,
    limit_change,
    list_entry,
    login,
    precautionary_block,
    refund,
    report,
    reveal,
    review,
    risk_signals,
    settlement,
    transfer,
)
from crivo.domain.errors import Code, Refused
from crivo.domain.streams import Stream
from crivo.governance import segment


@dataclass(frozen=True, slots=True)
class EventSchema:
    """A schema: the class whose fields it is, and the streams whose events may have it.

    `is_rails`: the rail names these events, so that two sources tell of the same one. `is_own`:
    this program alone writes them.
    """

    name: str
    value: type
    streams: tuple[Stream, ...]
    is_rails: bool = False
    is_own: bool = False

    @property
    def family(self) -> str:
        """The name without its version: what event ids are made under."""
        return self.name.rpartition(".v")[0]


SCHEMAS: Final = (
    EventSchema(
        transfer.SCHEMA, transfer.Transfer, (Stream.TRANSFERS, Stream.HISTORY), is_rails=True
    ),
    EventSchema(record.SCHEMA, record.Record, (Stream.DECISIONS,), is_rails=True, is_own=True),
    EventSchema(review.SCHEMA, review.Review, (Stream.DECISIONS,), is_own=True),
    EventSchema(hold_end.SCHEMA, hold_end.HoldEnd, (Stream.DECISIONS,), is_rails=True, is_own=True),
    EventSchema(
        revision.SCHEMA,
        revision.DecisionRevised,
        (Stream.DECISIONS,),
        is_rails=True,
        is_own=True,
    ),
    EventSchema(
        follow_up.SCHEMA, follow_up.FollowUp, (Stream.DECISIONS,), is_rails=True, is_own=True
    ),
    EventSchema(alert.SCHEMA, alert.Alert, (Stream.ALERTS,), is_own=True),
    EventSchema(settlement.SCHEMA, settlement.Settlement, (Stream.SETTLEMENTS,), is_rails=True),
    EventSchema(
        precautionary_block.SCHEMA, precautionary_block.PrecautionaryBlock, (Stream.SETTLEMENTS,)
    ),
    EventSchema(login.SCHEMA, login.Login, (Stream.LOGINS,)),
    EventSchema(device.SCHEMA, device.DeviceChange, (Stream.DEVICES,)),
    EventSchema(risk_signals.SCHEMA, risk_signals.RiskSignals, (Stream.DEVICES,)),
    EventSchema(enrolment.SCHEMA, enrolment.Enrolment, (Stream.DEVICES,)),
    EventSchema(dict_entry.SCHEMA, dict_entry.DictEntry, (Stream.DICT,)),
    EventSchema(dict_statistics.SCHEMA, dict_statistics.DictStatistics, (Stream.DICT,)),
    EventSchema(fraud_marker.SCHEMA, fraud_marker.FraudMarker, (Stream.DICT,)),
    EventSchema(claim.SCHEMA, claim.Claim, (Stream.DICT,)),
    EventSchema(limit_change.SCHEMA, limit_change.LimitChange, (Stream.LIMITS,)),
    EventSchema(authorisation.SCHEMA, authorisation.AuthorisationRequest, (Stream.LIMITS,)),
    EventSchema(report.SCHEMA, report.Report, (Stream.REPORTS,)),
    EventSchema(infraction.SCHEMA, infraction.InfractionReport, (Stream.REPORTS,)),
    EventSchema(funds_recovery.SCHEMA, funds_recovery.FundsRecovery, (Stream.REPORTS,)),
    EventSchema(refund.SCHEMA, refund.Refund, (Stream.REPORTS,)),
    EventSchema(list_entry.SCHEMA, list_entry.ListEntry, (Stream.LISTS,)),
    EventSchema(erasure.SCHEMA, erasure.Erasure, (Stream.PRIVACY,), is_own=True),
    EventSchema(reveal.SCHEMA, reveal.Reveal, (Stream.PRIVACY,), is_own=True),
    EventSchema(segment.SCHEMA, segment.Segment, (Stream.LEDGER,), is_own=True),
    EventSchema(cut.SCHEMA, cut.Cut, (Stream.CUTS,), is_own=True),
)

BY_NAME: Final[Mapping[str, EventSchema]] = MappingProxyType({each.name: each for each in SCHEMAS})
BY_VALUE: Final[Mapping[type, EventSchema]] = MappingProxyType(
    {each.value: each for each in SCHEMAS}
)


def schema_of(name: str, *, stream: Stream | None = None) -> EventSchema:
    """The schema of that name; with a stream, only if the stream carries it.

    Raises:
        Refused: SCHEMA_UNKNOWN.
    """
    found = BY_NAME.get(name)
    if found is None or (stream is not None and stream not in found.streams):
        expected = [each.name for each in SCHEMAS if stream is None or stream in each.streams]
        raise Refused(
            Code.SCHEMA_UNKNOWN,
            f"{name} is no schema of {stream or 'any stream'} that this release reads",
            hint="It was written by a newer release, or came to the wrong stream.",
            field="schema",
            expected=", ".join(expected),
            found=name[:80],
        )
    return found
