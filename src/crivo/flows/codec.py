"""Payload bytes of `transfer.v1` and `report.v1` and back: msgpack arrays in field order."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from crivo.domain import report, transfer
from crivo.domain.errors import Code, Refused
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.report import Report, ReportStatus
from crivo.domain.transfer import Initiation, Purpose, Transfer


class TransferFields(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False
):
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


class ReportFields(
    msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False
):
    """The fields of `report.v1` as they lie in a payload."""

    report_id: str
    status: ReportStatus
    end_to_end_id: str
    payer_id: bytes
    payee_id: bytes
    amount_centavos: int
    transfer_occurred_at: int


_ENCODER: Final = msgspec.msgpack.Encoder()
_TRANSFERS: Final = msgspec.msgpack.Decoder(TransferFields)
_REPORTS: Final = msgspec.msgpack.Decoder(ReportFields)

Fields = TypeVar("Fields")


def encode_transfer(value: Transfer) -> bytes:
    """The payload of a transfer."""
    return _ENCODER.encode(
        (
            value.end_to_end_id,
            value.occurred_at,
            value.amount_centavos,
            value.payer_account_id,
            value.payee_account_id,
            value.payer_person_id,
            value.payee_person_id,
            value.payee_key_id,
            value.device_id,
            value.payer_ispb,
            value.payee_ispb,
            value.initiation,
            value.purpose,
        )
    )


def encode_report(value: Report) -> bytes:
    """The payload of a report."""
    return _ENCODER.encode(
        (
            value.report_id,
            value.status,
            value.end_to_end_id,
            value.payer_id,
            value.payee_id,
            value.amount_centavos,
            value.transfer_occurred_at,
        )
    )


def decode_transfer(payload: bytes) -> Transfer:
    """The transfer of a payload; a shorter array is an older minor and reads with defaults.

    Raises:
        Refused: FIELD_TYPE for bytes that are no such array (also one with unknown fields), and
            whatever `Transfer` itself refuses.
    """
    fields = _decode(_TRANSFERS, payload, transfer.SCHEMA)
    _check_ids(
        transfer.SCHEMA,
        fields.payer_account_id,
        fields.payee_account_id,
        fields.payer_person_id,
        fields.payee_person_id,
        fields.payee_key_id,
        fields.device_id,
    )
    return Transfer(*(getattr(fields, name) for name in TransferFields.__struct_fields__))


def decode_report(payload: bytes) -> Report:
    """The report of a payload.

    Raises:
        Refused: FIELD_TYPE for bytes that are no such array, and whatever `Report` refuses.
    """
    fields = _decode(_REPORTS, payload, report.SCHEMA)
    _check_ids(report.SCHEMA, fields.payer_id, fields.payee_id)
    return Report(*(getattr(fields, name) for name in ReportFields.__struct_fields__))


def transfer_fields(payload: bytes) -> TransferFields:
    """The fields of a payload that this program wrote: for folds, which read millions of them.

    Raises:
        Refused: FIELD_TYPE.
    """
    return _decode(_TRANSFERS, payload, transfer.SCHEMA)


def report_fields(payload: bytes) -> ReportFields:
    """The fields of a payload that this program wrote.

    Raises:
        Refused: FIELD_TYPE.
    """
    return _decode(_REPORTS, payload, report.SCHEMA)


def _decode(decoder: msgspec.msgpack.Decoder[Fields], payload: bytes, schema: str) -> Fields:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(schema, str(error)) from None


def _check_ids(schema: str, *ids: bytes | None) -> None:
    for entity_id in ids:
        if entity_id is not None and len(entity_id) != ENTITY_ID_BYTES:
            raise _unreadable(schema, f"an entity id of {len(entity_id)} bytes")


def _unreadable(schema: str, found: str) -> Refused:
    return Refused(
        Code.FIELD_TYPE,
        f"the payload is no {schema}: {found}",
        hint="It was written by a newer release, or is damaged.",
        field="payload",
        expected=schema,
        found=found,
    )
