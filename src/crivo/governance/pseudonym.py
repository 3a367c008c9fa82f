"""Pseudonyms: keyed, one-way ids of 16 bytes, so that the log never holds what a person is called.

The same id in two roles is one entity; the same text in two domains is two. Whoever holds the key
can link ids again, so a pseudonymous fact is not an anonymous one.
"""

from __future__ import annotations

import hashlib
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import Final

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.fields import is_printable
from crivo.domain.identifiers import length_prefixed
from crivo.domain.pix_key import parse_pix_key

KEY_BYTES_MIN: Final = 32

#: The longest raw id that a door takes, in characters.
ID_CHARACTERS_MAX: Final = 128

#: The block of SHA-256, which HMAC pads its key to.
_BLOCK_BYTES: Final = 64

#: Pseudonyms that are remembered, so that a busy account costs no hash.
_CACHE_MAX: Final = 1 << 17


class IdDomain(StrEnum):
    """The kinds of id. Each has its own pseudonyms."""

    ACCOUNT = "account"
    PERSON = "person"
    KEY = "key"
    DEVICE = "device"


class Pseudonymiser:
    """Makes pseudonyms under one key and version."""

    def __init__(self, key: bytes, *, version: int = 1) -> None:
        assert len(key) >= KEY_BYTES_MIN, "a pseudonym key has at least 256 bits"
        assert 0 <= version < 256
        self._version = version.to_bytes(1, "big")
        # The two halves of HMAC (RFC 2104) with the key absorbed once. hmac.digest would give
        # Python's lock away for every id, and waiting to get it back delays the whole request.
        block = (key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()).ljust(
            _BLOCK_BYTES, b"\0"
        )
        inner = bytes(byte ^ 0x36 for byte in block)
        # The message's first two parts are the same for every id of a domain.
        self._inner = {
            domain: hashlib.sha256(inner + length_prefixed(self._version, domain.value.encode()))
            for domain in IdDomain
        }
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._pseudonym = lru_cache(maxsize=_CACHE_MAX)(self._make)

    def __repr__(self) -> str:
        return f"Pseudonymiser(version={self._version[0]})"

    def account(self, raw_id: str, *, field: str = "account_id") -> bytes:
        """The pseudonym of an account id.

        Raises:
            Refused: ID_INVALID.
        """
        return self._checked(IdDomain.ACCOUNT, raw_id, field)

    def person(self, raw_id: str, *, field: str = "person_id") -> bytes:
        """The pseudonym of a person's id.

        Raises:
            Refused: ID_INVALID.
        """
        return self._checked(IdDomain.PERSON, raw_id, field)

    def key(self, raw_id: str, *, field: str = "key_id") -> bytes:
        """The pseudonym of a Pix key; the directory's keys are the same in either case.

        Raises:
            Refused: ID_INVALID.
        """
        return self._checked(IdDomain.KEY, raw_id, field)

    def device(self, raw_id: str, *, field: str = "device_id") -> bytes:
        """The pseudonym of a device's id.

        Raises:
            Refused: ID_INVALID.
        """
        return self._checked(IdDomain.DEVICE, raw_id, field)

    def of(self, domain: IdDomain, raw_id: str, *, field: str) -> bytes:
        """The pseudonym of an id of this kind, which is to be kept.

        Raises:
            Refused: ID_INVALID.
        """
        return self._checked(domain, raw_id, field)

    def known(self, domain: IdDomain, raw_id: str, *, field: str) -> bytes:
        """The pseudonym of an id to be looked up, which may have come in before ids were printable.

        Raises:
            Refused: ID_INVALID.
        """
        if not 0 < len(raw_id) <= ID_CHARACTERS_MAX:
            raise _invalid_id(raw_id, field)
        try:
            return self._pseudonym(domain, raw_id)
        except ValueError:
            raise _invalid_id(raw_id, field) from None

    def _checked(self, domain: IdDomain, raw_id: str, field: str) -> bytes:
        if not is_printable(raw_id):
            raise _invalid_id(raw_id, field)
        return self.known(domain, raw_id, field=field)

    def _make(self, domain: IdDomain, raw_id: str) -> bytes:
        # ValueError also stands for UnicodeEncodeError: half a surrogate pair is no text.
        normalised = normalise(domain, raw_id).encode()
        if not normalised:
            raise ValueError(raw_id)
        inner, outer = self._inner[domain].copy(), self._outer.copy()
        inner.update(len(normalised).to_bytes(4, "big") + normalised)  # length-prefixed
        outer.update(inner.digest())
        return outer.digest()[:ENTITY_ID_BYTES]


def normalise(domain: IdDomain, raw_id: str) -> str:
    """The one spelling of an id: NFC, no blanks around it, and Pix keys as the directory has them.

    What is called a key and is none of the directory's five types is taken in lower case.

    >>> normalise(IdDomain.KEY, " Ana@Exemplo.com "), normalise(IdDomain.KEY, "111.444.777-35")
    ('ana@exemplo.com', '11144477735')
    """
    spelled = (raw_id if raw_id.isascii() else unicodedata.normalize("NFC", raw_id)).strip()
    if domain is not IdDomain.KEY:
        return spelled
    key = spelled.lower()
    if not _is_punctuated(key):
        return key
    try:
        return parse_pix_key(spelled).value.lower()
    except Refused:
        return key


def _is_punctuated(key: str) -> bool:
    """Whether it may be a tax id or a telephone with punctuation: a quick look at every key."""
    if key.startswith("+"):
        return not key[1:].isdigit()
    return "." in key and "@" not in key


def _invalid_id(raw_id: str, field: str) -> Exception:
    return invalid(
        Code.ID_INVALID,
        field=field,
        expected=f"1 to {ID_CHARACTERS_MAX} printable characters",
        found=raw_id[:ID_CHARACTERS_MAX],
    )
