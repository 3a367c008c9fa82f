"""Transfers and reports as payloads, and as the arrays of fields that folds read by the million."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from crivo.decision.record import StoredTransfer
from crivo.domain import report, transfer
from crivo.domain.account import CustomerSegment
from crivo.domain.report import Report, ReportStatus
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel, Transfer
from crivo.flows import payload as payloads


class TransferFields(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The fields of `transfer.v1` as they lie in a payload: typed, but not judged again."""

    end_to_end_id: str
    occurred_at: int
    amount_centavos: int
    payer_account_id: bytes | None
    payee_account_id: bytes | None
    payer_person_id: bytes | None = None
    payee_person_id: bytes | None = None
    payee_key_id: bytes | None = None
    device_id: bytes | None = None
    payer_ispb: str | None = None
    payee_ispb: str | None = None
    initiation: Initiation | None = None
    purpose: Purpose | None = None
    service_level: ServiceLevel | None = None
    txid: str | None = None
    initiator_ispb: str | None = None
    payer_segment: CustomerSegment | None = None
    payee_segment: CustomerSegment | None = None


class _TransferId(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The first field of `transfer.v1`; what follows is passed over."""

    end_to_end_id: str


class ReportFields(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The fields of `report.v1` as they lie in a payload."""

    report_id: str
    status: ReportStatus
    end_to_end_id: str
    payer_id: bytes
    payee_id: bytes
    amount_centavos: int
    transfer_occurred_at: int
    reviewer: str | None = None
    caller: str | None = None


_ENCODER: Final = msgspec.msgpack.Encoder()
_TRANSFER_ARRAY: Final = payloads.to_array(Transfer)
_TRANSFERS: Final = msgspec.msgpack.Decoder(TransferFields)
_IDS: Final = msgspec.msgpack.Decoder(_TransferId)
_REPORTS: Final = msgspec.msgpack.Decoder(ReportFields)


def encode_transfer(value: Transfer) -> bytes:
    """The payload of a transfer."""
    return _ENCODER.encode(_TRANSFER_ARRAY(value))


def encode_report(value: Report) -> bytes:
    """The payload of a report."""
    return payloads.encode(value)


def decode_transfer(payload: bytes) -> Transfer:
    """The transfer of a payload.

    Raises:
        Refused: as `payload.decode`.
    """
    return cast("Transfer", payloads.decode(transfer.SCHEMA, payload))


def stored_transfer(payload: bytes) -> Transfer:
    """The transfer of a payload that this program wrote: the door judged it, so nobody does again.

    Raises:
        Refused: as `transfer_fields`, and as `StoredTransfer`.
    """
    return StoredTransfer(*msgspec.structs.astuple(transfer_fields(payload)))


def decode_report(payload: bytes) -> Report:
    """The report of a payload.

    Raises:
        Refused: as `payload.decode`.
    """
    return cast("Report", payloads.decode(report.SCHEMA, payload))


def transfer_fields(payload: bytes) -> TransferFields:
    """The fields of a payload that this program wrote: for folds, which read millions of them.

    Raises:
        Refused: FIELD_MISSING, FIELD_TYPE, FIELD_VALUE.
    """
    return cast("TransferFields", payloads.read_array(_TRANSFERS, payload, transfer.SCHEMA))


def transfer_id(payload: bytes) -> str:
    """The EndToEndId in a payload of `transfer.v1`.

    Raises:
        Refused: FIELD_MISSING, FIELD_TYPE.
    """
    return cast("_TransferId", payloads.read_array(_IDS, payload, transfer.SCHEMA)).end_to_end_id


def report_fields(payload: bytes) -> ReportFields:
    """The fields of a payload that this program wrote.

    Raises:
        Refused: FIELD_MISSING, FIELD_TYPE, FIELD_VALUE.
    """
    return cast("ReportFields", payloads.read_array(_REPORTS, payload, report.SCHEMA))
