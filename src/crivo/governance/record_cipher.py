"""Encryption of records at rest: AES-256-GCM under data keys, which a master key wraps.

A sealed payload is `0x01 ‖ data key (4 bytes, big-endian) ‖ nonce (12) ‖ ciphertext and tag (16)`,
33 bytes longer than what it holds; its event's id is authenticated with it, so that no payload can
be put under another event. A payload in clear is a msgpack array and never begins with 0x01.

Source: NIST SP 800-38D, section 8.3: at most 2³² random nonces a key. The ceiling on records keeps
far below it. Keys are wrapped as RFC 3394 says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY

#: The first byte of a sealed payload.
SEALED: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_KEY_ID_BYTES: Final = 4
_HEAD_BYTES: Final = 1 + _KEY_ID_BYTES
_BODY: Final = _HEAD_BYTES + NONCE_BYTES


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of records: made at an instant, for records from this sequence number on."""

    number: int
    made_at: int
    first_seq: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a data key is followed by another: after so long (µs), or so many events of the log."""

    age: int = 90 * DAY
    records: int = 100_000_000


class DataKeys(Protocol):
    """Where data keys are kept, each wrapped by the master key."""

    def read(self) -> Sequence[DataKey]:
        """All keys, the oldest first.

        Raises:
            Misconfigured: FILE_UNREADABLE, KEY_MISSING, KEY_INVALID.
        """
        ...

    def add(self, key: DataKey) -> None:
        """Keeps one more; it is durable when this returns. One of its number that is there stays.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        ...


class RecordCipher:
    """Seals payloads under the newest data key, opens them under the one that they name.

    One thread seals; any thread opens. Keys that another process made are read when first met.

    Args:
        keys: Where the keys are kept.
        now: The time of day as an instant.
        random: So many random bytes (`secrets.token_bytes` outside tests).
        rotation: When a new key is made.
    """

    def __init__(
        self,
        keys: DataKeys,
        *,
        now: Callable[[], int],
        random: Callable[[int], bytes],
        rotation: Rotation,
    ) -> None:
        self._keys: Final = keys
        self._now: Final = now
        self._random: Final = random
        self._rotation: Final = rotation
        self._lock: Final = threading.Lock()
        self._ciphers: dict[bytes, AESGCM] = {}
        self._newest: DataKey | None = None
        #: Payloads without a number that were sealed here since a key was made here.
        self._unnumbered = 0
        self._learn()

    @property
    def newest(self) -> DataKey | None:
        """The key that seals; None before the first record."""
        return self._newest

    def rotate(self, seq: int | None) -> None:
        """Has a key that is fit for records from this sequence number on; durable first.

        None is for one more payload that is no record of a log: of those, this cipher counts its
        own, and the log's count goes on across a key that is made for them.

        Raises:
            Misconfigured: as `DataKeys.read`.
            Unavailable: FILE_UNWRITABLE.
        """
        newest, now = self._newest, self._now()
        first = 0 if newest is None else newest.first_seq
        if newest is not None:
            is_young = now - newest.made_at < self._rotation.age
            under_it = self._unnumbered if seq is None else seq - first
            if is_young and under_it < self._rotation.records:
                self._unnumbered += seq is None
                return
        number = 1 if newest is None else newest.number + 1
        key = DataKey(number, now, first if seq is None else seq, self._random(KEY_BYTES))
        self._keys.add(key)
        # Another process may have made that number first: then it is that one's.
        self._learn()
        self._unnumbered = int(seq is None)

    def seal(self, payload: bytes, *, event_id: bytes) -> bytes:
        """The sealed payload; `rotate` was called before."""
        return self.seal_all([payload], event_ids=[event_id])[0]

    def seal_all(self, payloads: Sequence[bytes], *, event_ids: Sequence[bytes]) -> list[bytes]:
        """As `seal`, of several, each of the event with that id."""
        assert self._newest is not None, "a key is made before anything is sealed"
        head = _head(self._newest.number)
        encrypt = self._ciphers[head].encrypt
        # Asking the system costs as much as sealing one: once for all.
        drawn = self._random(NONCE_BYTES * len(payloads))
        nonces = [drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES)]
        return [
            b"".join((head, nonce, encrypt(nonce, payload, event_id)))
            for nonce, payload, event_id in zip(nonces, payloads, event_ids, strict=True)
        ]

    def open(self, stored: bytes, *, event_id: bytes) -> bytes:
        """The payload that was sealed.

        Raises:
            Misconfigured: KEY_MISSING where its key is unknown, SEAL_BROKEN where its bytes are not
                those that were sealed for this event.
        """
        head = stored[:_HEAD_BYTES]
        cipher = self._ciphers.get(head) or self._cipher(head)
        try:
            return cipher.decrypt(stored[_HEAD_BYTES:_BODY], stored[_BODY:], event_id)
        except (InvalidTag, ValueError):
            raise _broken(event_id, head) from None

    def _cipher(self, head: bytes) -> AESGCM:
        self._learn()
        found = self._ciphers.get(head)
        if found is None:
            raise missing_key(key_number(head))
        return found

    def _learn(self) -> None:
        with self._lock:
            for key in self._keys.read():
                self._take(key)

    def _take(self, key: DataKey) -> None:
        self._ciphers[_head(key.number)] = AESGCM(key.secret)
        if self._newest is None or key.number > self._newest.number:
            self._newest = key


def is_sealed(payload: bytes) -> bool:
    """Whether a stored payload is encrypted."""
    return payload[:1] == b"\x01"


def key_number(stored: bytes) -> int:
    """The number of the data key that a sealed payload names."""
    return int.from_bytes(stored[1:_HEAD_BYTES], "big")


def wrap(master: bytes, secret: bytes) -> bytes:
    """A data key as it is kept: 8 bytes longer than the key."""
    return aes_key_wrap(master, secret)


def unwrap(master: bytes, wrapped: bytes, *, number: int) -> bytes:
    """The data key that was wrapped.

    Raises:
        Misconfigured: KEY_INVALID where another master key wrapped it, or it is damaged.
    """
    try:
        return aes_key_unwrap(master, wrapped)
    except (InvalidUnwrap, ValueError):
        raise Misconfigured(
            Code.KEY_INVALID,
            f"data key {number} does not open under the master key",
            hint="Restore the master key that was there when this data key was made, and the file "
            "of data keys as it was.",
            expected="the master key that wrapped it",
            found="another, or damaged bytes",
        ) from None


def missing_key(number: int) -> Misconfigured:
    """The error of a record whose key nobody has."""
    return Misconfigured(
        Code.KEY_MISSING,
        f"a record is sealed under data key {number}, which is not here",
        hint="Restore the folder keys/ that belongs to this log.",
        expected=f"data key {number}",
        found="none",
    )


def _head(number: int) -> bytes:
    return bytes((SEALED,)) + number.to_bytes(_KEY_ID_BYTES, "big")


def _broken(event_id: bytes, head: bytes) -> Misconfigured:
    return Misconfigured(
        Code.SEAL_BROKEN,
        f"the record of event {event_id.hex()} is not what was sealed",
        hint="Its bytes were changed, or its data key is another log's: keep the file as it is "
        "and restore the log from its newest copy.",
        event_id=event_id.hex(),
        expected=f"bytes that open under data key {key_number(head)}",
        found="others",
    )
