"""Stored events as the rows that engines fold: one array for a batch, built column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.decision import record
from crivo.decision.record import in_place_transfer
from crivo.domain import report, transfer
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.features.row import (
    ABSENT,
    EVENT_ROW,
    FACTS_MAX,
    INITIATION_CODES,
    NOBODY,
    PURPOSE_CODES,
    RowBytes,
    RowKind,
    ispb_word,
    make_rows,
)
from crivo.features.told import TELLERS, told_rows
from crivo.flows.codec import ReportFields, TransferFields, report_fields, transfer_fields
from crivo.flows.event_of import value_of
from crivo.flows.schemas import BY_VALUE, schema_of

#: The schemas of what is told beside transfers and reports.
TOLD: Final = frozenset(BY_VALUE[value_type].name for value_type in TELLERS)

#: The schemas whose events change the state of today's features; the others are passed over.
FOLDED: Final = TOLD | {transfer.SCHEMA, record.SCHEMA, report.SCHEMA}

_INITIATIONS: Final[Mapping[Initiation | None, int]] = {
    None: ABSENT,
    **{member: INITIATION_CODES[member] for member in Initiation},
}
_PURPOSES: Final[Mapping[Purpose | None, int]] = {
    None: ABSENT,
    **{member: PURPOSE_CODES[member] for member in Purpose},
}


class _Part(IntEnum):
    """What a row is made of."""

    TRANSFER = 0
    REPORT = 1
    TOLD = 2


def fold_rows(events: Sequence[StoredEvent]) -> NDArray[np.void]:
    """The rows (`EVENT_ROW`) of those events that change state, in their order.

    Raises:
        Refused: as `fold_events`.
    """
    return fold_events(events)[0]


def fold_events(
    events: Sequence[StoredEvent], known: Mapping[int, Transfer] = MappingProxyType({})
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The rows (`EVENT_ROW`) of those events that change state, in their order; and their `seq`.

    `known` are transfers that were decoded already, by their `seq`.

    These are transfers of the past, transfers that await a decision, transfers decided in place,
    reports, and what is told beside them, which may give several rows an event. They equal
    `transfer_row`, `report_row` and `told_rows` of the decoded events; the columns of transfers and
    reports are filled together, since a log has millions of them.

    Raises:
        Refused: FIELD_TYPE, FIELD_MISSING or FIELD_VALUE for a payload that this release cannot
            read, SCHEMA_UNKNOWN for an event whose schema it does not know.
    """
    transfers: list[TransferFields | Transfer] = []
    reports: list[ReportFields] = []
    told: list[RowBytes] = []
    # Of each row: its place in the log, the event's id, its receipt, and what it is made of.
    places: list[int] = []
    ids: list[bytes] = []
    received: list[int] = []
    made_of: list[_Part] = []
    for stored in events:
        event = stored.event
        event_id = event.event_id
        if event.schema not in FOLDED:
            # An event of a kind that no feature reads; of one that is not known, nobody can say.
            schema_of(event.schema, stream=event.stream)
            continue
        count = 1
        if event.schema in TOLD:
            value = value_of(event)
            rows_told = told_rows(value, received_at=event.received_at, event_id=event_id)
            told += rows_told
            count, part = len(rows_told), _Part.TOLD
        elif event.stream is Stream.REPORTS:
            reports.append(report_fields(event.payload))
            part = _Part.REPORT
        else:
            if event.schema == record.SCHEMA:
                decided = in_place_transfer(event.payload)
                if decided is None:
                    continue
                transfers.append(decided)
                event_id = transfer_event_id(decided.end_to_end_id)
            else:
                transfers.append(known.get(stored.seq) or transfer_fields(event.payload))
            part = _Part.TRANSFER
        places += [stored.seq] * count
        ids += [event_id] * count
        received += [event.received_at] * count
        made_of += [part] * count
    rows = np.empty(len(ids), dtype=EVENT_ROW)
    rows["received_at"] = received
    rows["event_0"], rows["event_1"] = _words(ids)
    parts = np.array(made_of, dtype=np.int64)
    for place in range(FACTS_MAX):
        rows[f"fact_{place}"] = ABSENT
    _fill_transfers(rows, parts == _Part.TRANSFER, transfers)
    _fill_reports(rows, parts == _Part.REPORT, reports)
    rows[parts == _Part.TOLD] = make_rows(told)
    return rows, np.array(places, dtype=np.int64)


def _fill_transfers(
    rows: NDArray[np.void],
    places: NDArray[np.bool_],
    transfers: Sequence[TransferFields | Transfer],
) -> None:
    rows["kind"][places] = RowKind.TRANSFER.value
    rows["occurred_at"][places] = [each.occurred_at for each in transfers]
    rows["amount_centavos"][places] = [each.amount_centavos for each in transfers]
    payers = _words([each.payer_account_id or each.payer_person_id or b"" for each in transfers])
    payees = _words(
        [
            each.payee_account_id or each.payee_person_id or each.payee_key_id or b""
            for each in transfers
        ]
    )
    rows["payer_0"][places], rows["payer_1"][places] = payers
    rows["payee_0"][places], rows["payee_1"][places] = payees
    rows["initiation"][places] = [_INITIATIONS[each.initiation] for each in transfers]
    rows["purpose"][places] = [_PURPOSES[each.purpose] for each in transfers]
    rows["accepted"][places] = ABSENT
    devices = _words([each.device_id or NOBODY for each in transfers])
    rows["device_0"][places], rows["device_1"][places] = devices
    rows["payer_ispb"][places] = [ispb_word(each.payer_ispb) for each in transfers]
    rows["payee_ispb"][places] = [ispb_word(each.payee_ispb) for each in transfers]
    keys = _words([each.payee_key_id or NOBODY for each in transfers])
    rows["payee_key_0"][places], rows["payee_key_1"][places] = keys
    persons = _words([each.payee_person_id or NOBODY for each in transfers])
    rows["payee_person_0"][places], rows["payee_person_1"][places] = persons


def _fill_reports(
    rows: NDArray[np.void], places: NDArray[np.bool_], reports: Sequence[ReportFields]
) -> None:
    rows["kind"][places] = RowKind.REPORT.value
    # A report is placed at the instant it was known, which is that of its receipt.
    rows["occurred_at"][places] = rows["received_at"][places]
    rows["amount_centavos"][places] = [each.amount_centavos for each in reports]
    rows["payer_0"][places], rows["payer_1"][places] = _words([each.payer_id for each in reports])
    rows["payee_0"][places], rows["payee_1"][places] = _words([each.payee_id for each in reports])
    rows["initiation"][places] = ABSENT
    rows["purpose"][places] = ABSENT
    for name in ("device", "payee_key", "payee_person"):
        rows[f"{name}_0"][places] = rows[f"{name}_1"][places] = 0
    rows["payer_ispb"][places] = rows["payee_ispb"][places] = ABSENT
    rows["accepted"][places] = [each.status is ReportStatus.ACCEPTED for each in reports]


def _words(ids: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The two little-endian words of each 16-byte id."""
    words = np.frombuffer(b"".join(ids), dtype="<u8").reshape(len(ids), 2)
    return words[:, 0], words[:, 1]
