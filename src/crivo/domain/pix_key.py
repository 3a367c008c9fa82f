"""Pix keys: the five types, and the one spelling of each that the directory (DICT) knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.tax_id import parse_cnpj, parse_cpf, shown_masked

EMAIL_CHARACTERS_MAX: Final = 77

_PHONE: Final = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)
_EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
    re.ASCII,
)
_EVP: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_SEPARATORS: Final = str.maketrans("", "", " ()-")


class KeyType(StrEnum):
    """What a key is made of. An EVP is a random UUID that the directory hands out."""

    CPF = "CPF"
    CNPJ = "CNPJ"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    EVP = "EVP"


@dataclass(frozen=True, slots=True)
class PixKey:
    """A key as the directory spells it; `parse_pix_key` makes one of any other spelling.

    Raises:
        Refused: FIELD_TYPE; ID_INVALID for a value that is no key of that type, or not so spelled.
    """

    type: KeyType
    value: str

    def __post_init__(self) -> None:
        check_fields(self)
        if _spelled(self.type, self.value, "key") != self.value:
            raise _refused("key", f"a {self.type} as the directory spells it", self.value)


def parse_pix_key(text: str, *, key_type: KeyType | None = None, field: str = "key") -> PixKey:
    """The key that a text means: of the given type, else of the one type that its form tells.

    Blanks around it, capitals of e-mails and UUIDs, punctuation of tax ids and the blanks, brackets
    and hyphens of telephones are ways to write the same key. A telephone begins with `+` and its
    country: eleven bare digits are a CPF.

    Raises:
        Refused: ID_INVALID. What was found is told with its characters masked.

    >>> parse_pix_key("+55 (11) 99999-0000")
    PixKey(type=<KeyType.PHONE: 'PHONE'>, value='+5511999990000')
    """
    if not isinstance(text, str):
        raise _refused(field, "the text of a key", text)
    written = text.strip()
    found = key_type or _type_of(written, field)
    return PixKey(found, _spelled(found, written, field))


def _spelled(key_type: KeyType, written: str, field: str) -> str:
    """The directory's spelling of a key of that type."""
    match key_type:
        case KeyType.CPF:
            return parse_cpf(written, field=field)
        case KeyType.CNPJ:
            return parse_cnpj(written.upper(), field=field)
        case KeyType.PHONE:
            return _phone(written, field)
        case KeyType.EMAIL:
            return _email(written, field)
        case KeyType.EVP:
            return _evp(written, field)


def _type_of(written: str, field: str) -> KeyType:
    """The type whose form this is; no text has the form of two."""
    if "@" in written:
        return KeyType.EMAIL
    if written.startswith("+"):
        return KeyType.PHONE
    if written.count("-") == 4:
        return KeyType.EVP
    characters = sum(character.isalnum() for character in written)
    if characters == 11:
        return KeyType.CPF
    if characters == 14:
        return KeyType.CNPJ
    raise _refused(field, "a CPF, CNPJ, telephone with +, e-mail or random key", written)


def _phone(written: str, field: str) -> str:
    digits = written.translate(_SEPARATORS)
    if not _PHONE.fullmatch(digits):
        raise _refused(field, "a telephone such as +5511999990000", written)
    return digits


def _email(written: str, field: str) -> str:
    address = written.lower()
    if len(address) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(address):
        raise _refused(
            field, f"an e-mail address of at most {EMAIL_CHARACTERS_MAX} characters", written
        )
    return address


def _evp(written: str, field: str) -> str:
    uuid = written.lower()
    if not _EVP.fullmatch(uuid):
        raise _refused(field, "a UUID of 32 hexadecimal digits and four hyphens", written)
    return uuid


def _refused(field: str, expected: str, found: object) -> Refused:
    return invalid(Code.ID_INVALID, field=field, expected=expected, found=shown_masked(found))
