"""A code in a body: what it says of the transfer, and whether the rest of the body agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crivo.domain.br_code import (
    DYNAMIC_TXID_CHARACTERS_MIN,
    BrCode,
    BrCodeKind,
    parse_br_code,
)
from crivo.domain.errors import Code, invalid
from crivo.domain.transfer import Initiation

#: How a payment may begin from a code of each kind; the first where the body does not say.
_INITIATIONS: Final = {
    BrCodeKind.STATIC: (Initiation.QRES, Initiation.APES),
    BrCodeKind.DYNAMIC: (Initiation.QRDN, Initiation.APDN, Initiation.AUTO),
}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the code adds to a body: None where it says nothing."""

    payee_key_id: bytes | None
    initiation: Initiation
    txid: str | None


def scanned(
    text: str,
    *,
    payee_key_id: bytes | None,
    initiation: Initiation | None,
    txid: str | None,
    pseudonym: Callable[..., bytes],
) -> Scanned:
    """The facts of a transfer that begins with this code, filled in where the body left them out.

    The receiver of a code cannot be edited, so a body that names another key is no such transfer.
    The amount may be another where the payee lets the payer choose. The id of a dynamic charge is
    told by the code's address, so that the body alone can name it.

    Raises:
        Refused: what `parse_br_code` refuses; FIELD_VALUE for a body that contradicts the code.
    """
    code = parse_br_code(text)
    key = _key_id(code, pseudonym)
    allowed = _INITIATIONS[code.kind]
    if key is not None and payee_key_id not in {None, key}:
        raise _contradicts("payee_key_id", "the key that the code names", "another")
    if initiation is not None and initiation not in allowed:
        raise _contradicts("initiation", "one of " + ", ".join(allowed), initiation.value)
    if code.txid is not None and txid not in {None, code.txid}:
        raise _contradicts("txid", code.txid, txid)
    if code.kind is BrCodeKind.DYNAMIC and txid and len(txid) < DYNAMIC_TXID_CHARACTERS_MIN:
        raise _contradicts("txid", "26 to 35 characters, as of every dynamic charge", txid)
    return Scanned(key or payee_key_id, initiation or allowed[0], txid or code.txid)


def _key_id(code: BrCode, pseudonym: Callable[..., bytes]) -> bytes | None:
    return None if code.key is None else pseudonym(code.key.value, field="br_code")


def _contradicts(field: str, expected: str, found: object) -> Exception:
    return invalid(
        Code.FIELD_VALUE,
        field=field,
        expected=expected,
        found=found,
        hint="Send what the code says, or leave the field out.",
    )
