"""Bodies that a door meets, by name: one that is whole, and the table of those that cannot be."""

from __future__ import annotations

import json
from typing import Final

from crivo.domain.errors import Code

GOOD: Final[dict[str, object]] = {
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "occurred_at": "2026-11-23T12:00:00Z",
    "amount_centavos": 12_500,
    "payer_account_id": "payer",
    "payee_account_id": "payee",
    "initiation": "DICT",
}

#: A body, the code it is refused with, and the field that the refusal names.
Hostile = tuple[bytes, Code, str]


def decision_body(**changes: object) -> bytes:
    """A whole body of `POST /v1/decisions` with these fields changed."""
    return json.dumps({**GOOD, **changes}).encode()


def _with(field: str, value: object, code: Code) -> Hostile:
    return decision_body(**{field: value}), code, field


def _amount(text: bytes, code: Code) -> Hostile:
    return decision_body().replace(b"12500", text), code, "amount_centavos"


_MALFORMED: Final = Code.BODY_MALFORMED

#: A static code of the BR Code manual, and the key that it names.
STATIC_CODE: Final = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)
STATIC_KEY: Final = "123e4567-e12b-12d1-a456-426655440000"


def _coded(field: str, value: object) -> Hostile:
    changes = {"br_code": STATIC_CODE, "initiation": None, field: value}
    return decision_body(**changes), Code.FIELD_VALUE, field


HOSTILE_DECISIONS: Final[dict[str, Hostile]] = {
    "nothing": (b"", _MALFORMED, "body"),
    "half an object": (b"{", _MALFORMED, "body"),
    "null": (b"null", _MALFORMED, "body"),
    "a list": (b"[]", _MALFORMED, "body"),
    "a text": (b'"text"', _MALFORMED, "body"),
    "bytes that are no UTF-8": (b"\xff\xfe", _MALFORMED, "body"),
    "a text that is no UTF-8": (b'{"end_to_end_id": "\xff"}', _MALFORMED, "body"),
    "a byte order mark": (b"\xef\xbb\xbf" + decision_body(), _MALFORMED, "body"),
    "deep nesting": (b"[" * 16_000, _MALFORMED, "body"),
    "deep nesting in a field": (b'{"end_to_end_id": ' + b'{"a":' * 3_000, _MALFORMED, "body"),
    "a body that breaks off after a wrong type": (
        b'{"end_to_end_id": 1, "amou',
        _MALFORMED,
        "body",
    ),
    "two documents": (decision_body() + b" {}", _MALFORMED, "body"),
    "a number twice": (
        decision_body()[:-1] + b', "amount_centavos": 1}',
        _MALFORMED,
        "amount_centavos",
    ),
    "a text twice": (
        decision_body()[:-1] + b', "payer_account_id": "z"}',
        _MALFORMED,
        "payer_account_id",
    ),
    "not a number": (b'{"amount_centavos": NaN}', _MALFORMED, "body"),
    "infinity": (b'{"amount_centavos": Infinity}', _MALFORMED, "body"),
    "half a surrogate pair": (decision_body(payer_account_id="\ud800"), _MALFORMED, "body"),
    "an empty object": (b"{}", Code.FIELD_MISSING, "end_to_end_id"),
    "an unknown field": _with("tax_id", "123", Code.FIELD_UNKNOWN),
    "an amount in quotes": _with("amount_centavos", "1", Code.FIELD_TYPE),
    "an amount with a fraction": _with("amount_centavos", 1.5, Code.FIELD_TYPE),
    "an amount that is true": _with("amount_centavos", True, Code.FIELD_TYPE),
    "an amount that is null": _with("amount_centavos", None, Code.FIELD_TYPE),
    "an amount of zero": _with("amount_centavos", 0, Code.AMOUNT_RANGE),
    "a negative amount": _with("amount_centavos", -1, Code.AMOUNT_RANGE),
    "an amount above the ceiling": _with("amount_centavos", 10**12, Code.AMOUNT_RANGE),
    "an amount of 300 digits": _with("amount_centavos", 10**300, Code.AMOUNT_RANGE),
    "an amount of 9,000 digits": _amount(b"1" * 9_000, Code.FIELD_VALUE),
    "an amount beyond any float": _amount(b"1e400", Code.FIELD_VALUE),
    "a time in words": _with("occurred_at", "yesterday", Code.TIME_INVALID),
    "a time with an offset": _with("occurred_at", "2026-11-23T12:00:00-03:00", Code.TIME_INVALID),
    "a time of 1900": _with("occurred_at", "1900-11-23T12:00:00Z", Code.TIME_RANGE),
    "a receipt in month 13": _with("received_at", "2026-13-23T12:00:00Z", Code.TIME_INVALID),
    "a short id": _with("end_to_end_id", "E1", Code.ID_INVALID),
    "an id of month 13": _with(
        "end_to_end_id", "E12345678202613231200abcDEF12345", Code.ID_INVALID
    ),
    "an unknown initiation": _with("initiation", "PIGEON", Code.FIELD_VALUE),
    "a lower-case initiation": _with("initiation", "dict", Code.FIELD_VALUE),
    "a phase that is none": _with("phase", "later", Code.FIELD_VALUE),
    "a short ISPB": _with("payer_ispb", "1234567", Code.ID_INVALID),
    "an unknown service level": _with("service_level", "SOON", Code.FIELD_VALUE),
    "a txid of three stars": _with("txid", "***", Code.ID_INVALID),
    "an unknown segment": _with("payer_segment", "LEGAL_ENTITY", Code.FIELD_VALUE),
    "a short ISPB of an initiator": _with("initiator_ispb", "1", Code.ID_INVALID),
    "a code that was cut": _with("br_code", STATIC_CODE[:-1], Code.BODY_MALFORMED),
    "a code with a changed letter": _with(
        "br_code", STATIC_CODE.replace("Fulano", "Fulana"), Code.BODY_MALFORMED
    ),
    "no code at all": _with("br_code", "", Code.FIELD_VALUE),
    "another key than the code's": _coded("payee_key_id", "ana@example.com"),
    "another initiation than the code's": _coded("initiation", "QRDN"),
    "an empty account": _with("payer_account_id", "", Code.FIELD_VALUE),
    "an account of 129 characters": _with("payer_account_id", "x" * 129, Code.FIELD_VALUE),
    "an account of blanks": _with("payer_account_id", "   ", Code.ID_INVALID),
    "an account with a line's end": _with("payer_account_id", "payer\n", Code.ID_INVALID),
    "an account with nothing between": _with("payee_account_id", "a\x00b", Code.ID_INVALID),
    "an account that reads backwards": _with("payee_account_id", "1\u202e23", Code.ID_INVALID),
    "a person with a blank of no width": _with("payer_person_id", "a\u200bb", Code.ID_INVALID),
    "a key with a hard blank": _with("payee_key_id", "a\u00a0b", Code.ID_INVALID),
    "a device with a bell": _with("device_id", "phone\x07", Code.ID_INVALID),
    "an account that is an object": _with("payer_account_id", {"a": 1}, Code.FIELD_TYPE),
    "no payer": (decision_body(payer_account_id=None), Code.FIELD_MISSING, "payer_account_id"),
}

#: For a model whose only input is `a`, and at most two rows.
HOSTILE_ROWS: Final[dict[str, Hostile]] = {
    "no rows": (b"[]", Code.FIELD_VALUE, "rows"),
    "too many rows": (b'[{"a": 1}, {"a": 1}, {"a": 1}]', Code.FIELD_VALUE, "rows"),
    "a row that is a number": (b"[1]", Code.FIELD_TYPE, "rows[0]"),
    "a number": (b"7", Code.FIELD_TYPE, "rows[0]"),
    "a missing input": (b"{}", Code.FIELD_MISSING, "rows[0].a"),
    "an unknown input": (b'{"a": 1, "z": 2}', Code.FIELD_UNKNOWN, "rows[0].z"),
    "a text in the second row": (b'[{"a": 1}, {"a": "1"}]', Code.FIELD_TYPE, "rows[1].a"),
    "true": (b'{"a": true}', Code.FIELD_TYPE, "rows[0].a"),
    "a list as a number": (b'{"a": [1]}', Code.FIELD_TYPE, "rows[0].a"),
    "a number beyond any float": (b'{"a": 1e400}', Code.FIELD_TYPE, "rows[0].a"),
    "an integer of 300 digits": (b'{"a": ' + b"9" * 300 + b"}", Code.FIELD_TYPE, "rows[0].a"),
    "an integer of 9,000 digits": (b'{"a": ' + b"9" * 9_000 + b"}", Code.FIELD_VALUE, "body"),
    "not a number": (b'{"a": NaN}', Code.BODY_MALFORMED, "body"),
    "an input twice": (b'{"a": 1, "a": 2}', Code.BODY_MALFORMED, "a"),
    "deep nesting": (b"[" * 100_000, Code.BODY_MALFORMED, "body"),
    "no UTF-8": (b"\xff", Code.BODY_MALFORMED, "body"),
}
