"""Tag, length, value: the frame of a BR Code (EMV QRCPS, merchant-presented mode)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crivo.domain.errors import Code, Refused

VALUE_CHARACTERS_MAX: Final = 99


def read_tlv(text: str, *, field: str) -> dict[str, str]:
    """The values by tag: two digits of tag, two of length, then so many characters.

    Raises:
        Refused: BODY_MALFORMED for a text that is not of this form, or has a tag twice.

    >>> read_tlv("000201010212", field="br_code")
    {'00': '01', '01': '12'}
    """
    values: dict[str, str] = {}
    place = 0
    while place < len(text):
        head = text[place : place + 4]
        if len(head) < 4 or not (head.isascii() and head.isdigit()):
            raise _malformed(field, "two digits of tag and two of length", place, head)
        tag, length = head[:2], int(head[2:])
        value = text[place + 4 : place + 4 + length]
        if len(value) < length:
            raise _malformed(field, f"{length} characters in tag {tag}", place, f"{len(value)}")
        if tag in values:
            raise _malformed(field, "each tag once", place, f"tag {tag} again")
        values[tag] = value
        place += 4 + length
    return values


def write_tlv(values: Iterable[tuple[str, str]]) -> str:
    """The text of these tags with their values, in this order; empty values are left out.

    >>> write_tlv([("00", "01"), ("54", ""), ("58", "BR")])
    '0002015802BR'
    """
    parts = []
    for tag, value in values:
        assert len(value) <= VALUE_CHARACTERS_MAX, tag
        if value:
            parts.append(f"{tag}{len(value):02d}{value}")
    return "".join(parts)


def _malformed(field: str, expected: str, place: int, found: str) -> Refused:
    return Refused(
        Code.BODY_MALFORMED,
        f"{field} must hold {expected} at character {place}, found {found!r}",
        hint="The code was cut or altered on its way; read it again.",
        field=field,
        expected=expected,
        found=found,
    )
