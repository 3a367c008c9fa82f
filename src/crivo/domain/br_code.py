"""BR Code: what the payer scans or pastes, in the regulator's profile of EMV merchant codes.

A static code names the payee's key and perhaps an amount. A dynamic one names an address where the
payee's institution tells the rest; with a second address (tag 80) it also offers a recurring
authorisation. The last four characters are the CRC-16 of everything before them. Sources: Manual of
the BR Code 2.0 and "Padrões para Iniciação do Pix", whose own examples are in the tests.

The id of a dynamic charge has 26 to 35 characters, and the field for an id in a code (62-05) at
most 25: so a dynamic code says `***` there, and its address tells the id.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.identifiers import check_txid
from crivo.domain.money import check_centavos, parse_centavos
from crivo.domain.pix_key import PixKey, parse_pix_key
from crivo.domain.tax_id import masked
from crivo.domain.tlv import VALUE_CHARACTERS_MAX, read_tlv, write_tlv

GUI: Final = "br.gov.bcb.pix"
#: What stands for the id where the payee gave none.
NO_TXID: Final = "***"

CODE_CHARACTERS_MAX: Final = 512
URL_CHARACTERS_MAX: Final = 77
NAME_CHARACTERS_MAX: Final = 25
CITY_CHARACTERS_MAX: Final = 15
DESCRIPTION_CHARACTERS_MAX: Final = 72
STATIC_TXID_CHARACTERS_MAX: Final = 25
DYNAMIC_TXID_CHARACTERS_MIN: Final = 26

_REAL: Final = "986"
_BRAZIL: Final = "BR"
_ONCE: Final = "12"
_CRC_HEAD: Final = "6304"
_AMOUNT: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?", re.ASCII)
#: The characters of RFC 3986: reserved, unreserved, and the percent sign of encoded ones.
_ADDRESS: Final = re.compile(r"[a-zA-Z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
_CATEGORY: Final = re.compile(r"[0-9]{4}", re.ASCII)


class BrCodeKind(StrEnum):
    """Whether the code itself says whom to pay, or says where to ask."""

    STATIC = "STATIC"
    DYNAMIC = "DYNAMIC"


@dataclass(frozen=True, slots=True)
class BrCode:
    """The content of a code. A static one has a `key`, a dynamic one a `url` without its scheme.

    `amount_centavos` None: the payer types it, or the address tells it. `txid` None: the payee gave
    none, or the address tells it, as that of every dynamic code. `recurrence_url` is where an
    authorisation for Pix Automático is offered.

    Raises:
        Refused: the first part that cannot be, with its field.
    """

    merchant_name: str
    merchant_city: str
    key: PixKey | None = None
    url: str | None = None
    recurrence_url: str | None = None
    amount_centavos: int | None = None
    txid: str | None = None
    description: str | None = None
    category: str = "0000"
    is_once: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        _check_text("merchant_name", self.merchant_name, NAME_CHARACTERS_MAX)
        _check_text("merchant_city", self.merchant_city, CITY_CHARACTERS_MAX)
        if (self.key is None) == (self.url is None):
            raise invalid(
                Code.FIELD_MISSING,
                field="br_code",
                expected="a key or an address, and not both",
                found="both" if self.key else "neither",
            )
        for field, url in (("url", self.url), ("recurrence_url", self.recurrence_url)):
            if url is not None:
                _check_url(field, url)
        if self.amount_centavos is not None:
            check_centavos(self.amount_centavos)
        if self.txid is not None:
            _check_code_txid(self.txid, self.kind)
        if self.description is not None:
            _check_text("description", self.description, DESCRIPTION_CHARACTERS_MAX)
        if not _CATEGORY.fullmatch(self.category):
            raise invalid(
                Code.FIELD_VALUE, field="category", expected="four digits", found=self.category
            )
        if len(self._account()) > VALUE_CHARACTERS_MAX:
            raise invalid(
                Code.FIELD_VALUE,
                field="description",
                expected=f"with its key at most {VALUE_CHARACTERS_MAX} characters",
                found=self.description,
            )

    @property
    def kind(self) -> BrCodeKind:
        """Static where it names a key."""
        return BrCodeKind.STATIC if self.url is None else BrCodeKind.DYNAMIC

    def _account(self) -> str:
        """The content of tag 26: who is paid, or where to ask."""
        key = "" if self.key is None else self.key.value
        return write_tlv(
            (("00", GUI), ("01", key), ("02", self.description or ""), ("25", self.url or ""))
        )

    def text(self) -> str:
        """The code as it is drawn and pasted."""
        amount = self.amount_centavos
        body = write_tlv(
            (
                ("00", "01"),
                ("01", _ONCE if self.is_once else ""),
                ("26", self._account()),
                ("52", self.category),
                ("53", _REAL),
                ("54", "" if amount is None else f"{amount // 100}.{amount % 100:02d}"),
                ("58", _BRAZIL),
                ("59", self.merchant_name),
                ("60", self.merchant_city),
                ("62", write_tlv([("05", self.txid or NO_TXID)])),
                ("80", _recurrence(self.recurrence_url)),
            )
        )
        return body + _CRC_HEAD + crc16(body + _CRC_HEAD)


def crc16(text: str) -> str:
    """CRC-16/CCITT-FALSE of a text's UTF-8 bytes as four hexadecimal digits.

    >>> crc16("123456789")
    '29B1'
    """
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def parse_br_code(text: str) -> BrCode:
    """The content of a code; tags that Pix does not use are passed over, as EMV asks.

    So is an id in a dynamic code: what its address tells is the charge's.

    Raises:
        Refused: BODY_MALFORMED for what is no such code, or whose CRC is wrong; FIELD_MISSING,
            FIELD_VALUE, ID_INVALID or AMOUNT_INVALID for a part that cannot be.
    """
    if not isinstance(text, str):
        raise _malformed("the text of a code", type(text).__name__)
    if not text.isprintable() or len(text) > CODE_CHARACTERS_MAX:
        raise _malformed(f"at most {CODE_CHARACTERS_MAX} printable characters", len(text))
    if text[-8:-4] != _CRC_HEAD or text[-4:].upper() != crc16(text[:-4]):
        raise _malformed("a code that ends with its CRC", text[-8:])
    parts = read_tlv(text, field="br_code")
    _check_constant(parts, "00", "01")
    _check_constant(parts, "53", _REAL)
    _check_constant(parts, "58", _BRAZIL)
    account = _template(parts, "26")
    key = account.get("01")
    amount = parts.get("54")
    txid = read_tlv(parts.get("62", ""), field="br_code").get("05", NO_TXID)
    recurrence = _template(parts, "80").get("25") if "80" in parts else None
    return BrCode(
        merchant_name=parts.get("59", ""),
        merchant_city=parts.get("60", ""),
        key=None if key is None else parse_pix_key(key),
        url=account.get("25"),
        recurrence_url=recurrence,
        amount_centavos=None if amount is None else _amount(amount),
        txid=None if txid == NO_TXID or "25" in account else txid,
        description=account.get("02"),
        category=parts.get("52", ""),
        is_once=parts.get("01") == _ONCE,
    )


def _template(parts: dict[str, str], tag: str) -> dict[str, str]:
    """The values inside a tag that begins with Pix's own name, in either case."""
    inside = read_tlv(parts.get(tag, ""), field="br_code")
    if inside.get("00", "").lower() != GUI:
        raise _malformed(f"{GUI} in tag {tag}", inside.get("00"))
    return inside


def _recurrence(url: str | None) -> str:
    return "" if url is None else write_tlv([("00", GUI), ("25", url)])


def _amount(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        raise invalid(
            Code.AMOUNT_INVALID, field="amount", expected="reais such as 10.50", found=text
        )
    return parse_centavos(text)


def _check_code_txid(txid: str, kind: BrCodeKind) -> None:
    check_txid(txid)
    if kind is BrCodeKind.STATIC and len(txid) > STATIC_TXID_CHARACTERS_MAX:
        raise invalid(
            Code.ID_INVALID,
            field="txid",
            expected=f"at most {STATIC_TXID_CHARACTERS_MAX} characters in a static code",
            found=txid,
        )
    if kind is BrCodeKind.DYNAMIC:
        raise invalid(
            Code.ID_INVALID,
            field="txid",
            expected="none in a dynamic code, whose address tells it",
            found=txid,
        )


def _check_url(field: str, url: str) -> None:
    if len(url) > URL_CHARACTERS_MAX or "://" in url or not _ADDRESS.fullmatch(url):
        raise invalid(
            Code.FIELD_VALUE,
            field=field,
            expected=f"an address without its scheme, of at most {URL_CHARACTERS_MAX} characters "
            "that an address may have (RFC 3986)",
            found=url,
        )


def _check_text(field: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most or not text.isprintable():
        raise invalid(
            Code.FIELD_VALUE,
            field=field,
            expected=f"1 to {most} printable characters",
            found=masked(text),
        )


def _check_constant(parts: dict[str, str], tag: str, value: str) -> None:
    if parts.get(tag) != value:
        raise _malformed(f"{value} in tag {tag}", parts.get(tag))


def _malformed(expected: str, found: object) -> Refused:
    return invalid(
        Code.BODY_MALFORMED,
        field="br_code",
        expected=expected,
        found=found,
        hint="The code was cut or altered on its way, or is no Pix code.",
    )
