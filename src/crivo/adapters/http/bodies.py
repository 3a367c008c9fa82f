"""Request bodies: parsed strictly at the door, raw ids turned into pseudonyms, nothing kept raw."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import compress
from typing import Annotated, Any, Final, TypeVar

import msgspec

from crivo.adapters.http.id_texts import OwnIdText, RawId
from crivo.adapters.http.identity_body import IdentityBody, identity_part
from crivo.adapters.http.scanned_code import scanned
from crivo.decision.record import INITIATION
from crivo.domain.account import CustomerSegment
from crivo.domain.br_code import CODE_CHARACTERS_MAX
from crivo.domain.errors import Code, CrivoError, Refused, invalid
from crivo.domain.instant import parse_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.report import ReportStatus
from crivo.domain.review import ReviewResult, ReviewSide
from crivo.domain.settlement import Rejection
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel, Transfer
from crivo.flows.follow_up import FollowUpName
from crivo.governance.pseudonym import ID_CHARACTERS_MAX, Pseudonymiser

#: Described for the OpenAPI document and checked here, before any hash is computed.
CodeText = Annotated[str, msgspec.Meta(min_length=1, max_length=CODE_CHARACTERS_MAX)]

_ID_DESCRIPTION: Final = (
    "E, eight characters of the payer's institution, the minute in UTC as yyyyMMddHHmm, eleven "
    "letters or digits. The minute must lie within 12 h of the receipt (else ID_TIME): put the "
    "present minute into the example before you send it."
)
_OCCURRED_DESCRIPTION: Final = (
    "RFC 3339 in UTC with Z: when the payer confirmed, at most 60 s after the receipt."
)

#: Longer than any integer the schema allows; Python's own limit for parsing one is 4,300 digits.
_DIGITS_MAX: Final = 400


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/decisions`: the facts of one transfer, with raw ids."""

    end_to_end_id: Annotated[str, msgspec.Meta(description=_ID_DESCRIPTION)]
    occurred_at: Annotated[str, msgspec.Meta(description=_OCCURRED_DESCRIPTION)]
    amount_centavos: int
    phase: Phase | None = None
    received_at: str | None = None
    payer_account_id: RawId | None = None
    payee_account_id: RawId | None = None
    payer_person_id: RawId | None = None
    payee_person_id: RawId | None = None
    payee_key_id: RawId | None = None
    device_id: RawId | None = None
    payer_ispb: str | None = None
    payee_ispb: str | None = None
    initiation: Initiation | None = None
    purpose: Purpose | None = None
    service_level: ServiceLevel | None = None
    txid: str | None = None
    initiator_ispb: str | None = None
    payer_segment: CustomerSegment | None = None
    payee_segment: CustomerSegment | None = None
    br_code: CodeText | None = None
    identity: IdentityBody | None = None


class ReportBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/reports`: a claim. The door fills in the facts of its transfer."""

    report_id: OwnIdText
    end_to_end_id: str
    status: ReportStatus | None = None
    received_at: str | None = None


_Body = TypeVar("_Body", bound=msgspec.Struct)

_DECISION: Final = msgspec.json.Decoder(DecisionBody)
_REPORT: Final = msgspec.json.Decoder(ReportBody)
_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)


def parse_decision(
    raw: bytes, pseudonyms: Pseudonymiser
) -> tuple[Transfer, int | None, bytes | None]:
    """The transfer in a body, the receipt it supplies (for logs with a replay clock), and its
    identity part, for the log to seal.

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be; FIELD_VALUE for another phase
            than the initiation.
    """
    transfer, received_at, part, phase = parse_asked(raw, pseudonyms)
    if phase is not Phase.INITIATION:
        raise invalid(Code.FIELD_VALUE, field="phase", expected=INITIATION, found=phase)
    return transfer, received_at, part


def parse_asked(
    raw: bytes, pseudonyms: Pseudonymiser
) -> tuple[Transfer, int | None, bytes | None, Phase]:
    """As `parse_decision`, of either phase, and which of them it is.

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be.
    """
    body = decode_body(_DECISION, raw)
    phase = body.phase or Phase.INITIATION
    received_at = body.received_at
    payee_key_id = _pseudonym(pseudonyms.key, body.payee_key_id, "payee_key_id")
    initiation, txid = body.initiation, body.txid
    if body.br_code is not None:
        code = scanned(
            body.br_code,
            payee_key_id=payee_key_id,
            initiation=initiation,
            txid=txid,
            pseudonym=pseudonyms.key,
        )
        payee_key_id, initiation, txid = code.payee_key_id, code.initiation, code.txid
    transfer = Transfer(
        body.end_to_end_id,
        parse_rfc3339(body.occurred_at, field="occurred_at"),
        body.amount_centavos,
        _pseudonym(pseudonyms.account, body.payer_account_id, "payer_account_id"),
        _pseudonym(pseudonyms.account, body.payee_account_id, "payee_account_id"),
        _pseudonym(pseudonyms.person, body.payer_person_id, "payer_person_id"),
        _pseudonym(pseudonyms.person, body.payee_person_id, "payee_person_id"),
        payee_key_id,
        _pseudonym(pseudonyms.device, body.device_id, "device_id"),
        body.payer_ispb,
        body.payee_ispb,
        initiation,
        body.purpose,
        body.service_level,
        txid,
        body.initiator_ispb,
        body.payer_segment,
        body.payee_segment,
    )
    identity = body.identity
    part = None if identity is None else identity_part(identity, transfer, pseudonyms)
    if received_at is None:
        return transfer, None, part, phase
    return transfer, parse_rfc3339(received_at, field="received_at"), part, phase


def parse_report(raw: bytes) -> tuple[ReportBody, ReportStatus, int | None]:
    """The claim in a body, its status (default CLAIMED), and the receipt it supplies.

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be.
    """
    body = decode_body(_REPORT, raw)
    received_at = body.received_at
    supplied = None if received_at is None else parse_rfc3339(received_at, field="received_at")
    return body, body.status or ReportStatus.CLAIMED, supplied


def parse_told(raw: bytes) -> tuple[dict[str, object], int | None]:
    """The fields of an event, which its schema judges, and the receipt that stands beside them.

    Raises:
        Refused: BODY_MALFORMED; FIELD_TYPE, TIME_INVALID, TIME_RANGE for the receipt.
    """
    document = _load(raw)
    if not isinstance(document, dict):
        raise _typed(Code.BODY_MALFORMED, "body", "an object", "something else")
    received_at = document.pop("received_at", None)
    if received_at is None:
        return document, None
    if not isinstance(received_at, str):
        raise invalid(Code.FIELD_TYPE, field="received_at", expected="a string", found=received_at)
    return document, parse_rfc3339(received_at, field="received_at")


def parse_rows(raw: bytes, *, rows_max: int) -> tuple[list[dict[str, object]], bool]:
    """The rows of a predict body, and whether it was a list; the model judges what is in them.

    Raises:
        Refused: BODY_MALFORMED; FIELD_TYPE for a row that is no object; FIELD_VALUE.
    """
    document = _load(raw)
    many = isinstance(document, list)
    rows = document if isinstance(document, list) else [document]
    if not 1 <= len(rows) <= rows_max:
        raise invalid(
            Code.FIELD_VALUE, field="rows", expected=f"1 to {rows_max} rows", found=len(rows)
        )
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise invalid(
                Code.FIELD_TYPE,
                field=f"rows[{index}]",
                expected="an object of the model's inputs",
                found=row,
            )
    return rows, many


def _pseudonym(make: Callable[..., bytes], raw: str | None, field: str) -> bytes | None:
    return None if raw is None else make(raw, field=field)


def decode_body(decoder: msgspec.json.Decoder[_Body], raw: bytes) -> _Body:
    """The body of a request.

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be.
    """
    try:
        body = decoder.decode(raw)
    except msgspec.ValidationError as error:
        _check_syntax(raw)
        raise _refusal(str(error), raw) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    if raw.count(b'"') != _quotes(body):
        # Escapes and nulls come here too: only then is the slower, exact look worth its time.
        _load(raw)
    return body


def _check_syntax(raw: bytes) -> None:
    """Nothing, if the body is JSON to its end: one that breaks off says little of its fields.

    Raises:
        Refused: BODY_MALFORMED.
    """
    try:
        _SYNTAX.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _quotes(body: msgspec.Struct) -> int:
    """The quotation marks of the plainest JSON that gives this body; a repeated key has more.

    It counts what is there, so every field that may be left out must default to None.
    """
    is_there = [value is not None for value in msgspec.structs.astuple(body)]
    return sum(compress(_quotes_of(type(body)), is_there))


@lru_cache
def _quotes_of(body: type[msgspec.Struct]) -> tuple[int, ...]:
    """The quotation marks of each field: two around its name, and two around a text."""
    return tuple(2 if field.type is int else 4 for field in msgspec.structs.fields(body))


def _load(raw: bytes) -> Any:
    """The JSON document; repeated keys, non-finite numbers and halves of characters refused."""
    try:
        if b"\\ud" in raw or b"\\uD" in raw:
            msgspec.json.decode(raw)  # what Python's own parser lets pass has no bytes in UTF-8
        return json.loads(
            raw.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
        )
    except CrivoError:
        raise
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise _malformed(error) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(
            Code.BODY_MALFORMED,
            field=twice[:ID_CHARACTERS_MAX],
            expected="each field at most once",
            found=f"{names.count(twice)} times",
        )
    return made


def _constant(name: str) -> float:
    raise invalid(Code.BODY_MALFORMED, field="body", expected="finite numbers", found=name)


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise invalid(
            Code.FIELD_VALUE, field="body", expected="numbers of sane length", found=digits
        )
    return int(digits)


def _malformed(error: Exception) -> Refused:
    text = str(error)
    return Refused(
        Code.BODY_MALFORMED,
        "the body is not a JSON document in UTF-8",
        field="body",
        expected="one JSON document in UTF-8",
        found=text if len(text) <= 120 else text[:117] + "...",
    )


_TYPE: Final = re.compile(r"`([^`]*)`")
_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED: Final = re.compile(r"(?P<what>missing required|contains unknown) field `(?P<name>[^`]*)`")


def _refusal(message: str, raw: bytes) -> Refused:
    """The refusal that a message of msgspec amounts to, in the words of a problem document."""
    named = _NAMED.search(message)
    place = _AT.search(message)
    path = place["path"] if place else ""
    if named is not None:
        missing = named["what"] == "missing required"
        return invalid(
            Code.FIELD_MISSING if missing else Code.FIELD_UNKNOWN,
            field=f"{path}.{named['name']}".lstrip(".")[:ID_CHARACTERS_MAX],
            expected="a value" if missing else "only fields of the schema",
            found=None if missing else named["name"],
        )
    said = message[: place.start()] if place else message
    expected, _, got = said.partition(", got ")
    if "alue out of range" in said or "umber out of range" in said:
        return invalid(
            Code.FIELD_VALUE, field=path or "body", expected="a number of sane size", found=said
        )
    if not path and got:
        return _typed(Code.BODY_MALFORMED, "body", "an object", _words(got))
    if got:
        return _typed(Code.FIELD_TYPE, path, _expected(expected, path), _words(got))
    return invalid(
        Code.FIELD_VALUE,
        field=path or "body",
        expected=_expected(expected, path),
        found=_found(raw, path),
    )


def _typed(code: Code, field: str, expected: str, found: str) -> Refused:
    """The refusal of a value by its type; the type's name is a word, not a text in quotes."""
    return Refused(
        code,
        f"{field} must be {expected}, found {found}",
        field=field,
        expected=expected,
        found=found,
    )


_ENUMERATIONS: Final = {
    "initiation": Initiation,
    "purpose": Purpose,
    "service_level": ServiceLevel,
    **dict.fromkeys(("payer_segment", "payee_segment"), CustomerSegment),
    "status": ReportStatus,
    "side": ReviewSide,
    "result": ReviewResult,
    "event": FollowUpName,
    "rejection": Rejection,
    "phase": Phase,
}


#: What JSON calls the types that msgspec names as Python does.
_JSON_WORDS: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


def _words(said: str) -> str:
    """Types in JSON's words: `str | null` is a string or null."""
    names = said.strip("` ").split(" | ")
    return " or ".join(_JSON_WORDS.get(name, name) for name in names)


def _expected(said: str, path: str) -> str:
    if said.startswith("Invalid enum value"):
        return "one of " + ", ".join(_ENUMERATIONS[path])
    said = said.removeprefix("Expected ")
    if said.startswith("`") and said.endswith("`"):
        return _words(said)
    return _TYPE.sub(lambda found: _JSON_WORDS.get(found[1], found[1]), said)


def _found(raw: bytes, path: str) -> object:
    found = _load(raw)
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
