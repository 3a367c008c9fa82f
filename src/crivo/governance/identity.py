"""The identity part of an event: what its parties are called, sealed under keys of their own.

A part in clear is `0x00 ‖ msgpack` and exists in memory alone, from the door to the thread that
writes the log; what is stored is `0x01 ‖ msgpack([[role, subject, key id, nonce, ciphertext], …])`
(AES-256-GCM, with the event's id and the role authenticated). Each subject (a person, else an
account, by pseudonym) has random keys in a file of their own: without them nobody reads the part,
and nothing else of the event depends on it. Folds never read it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crivo.domain.errors import Code, Misconfigured
from crivo.governance.record_cipher import KEY_BYTES, NONCE_BYTES

KEY_ID_BYTES: Final = 8

_CLEAR: Final = b"\0"
_SEALED: Final = b"\1"

#: Keys of persons that are held; another is read from their file again.
KEYS_MAX: Final = 65_536


class Role(StrEnum):
    """Whose part it is."""

    PAYER = "PAYER"
    PAYEE = "PAYEE"


class Identity(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one party is called. `subject` is a pseudonym; `aliases` others of the same party."""

    role: Role
    subject: bytes
    aliases: tuple[bytes, ...] = ()
    name: str | None = None
    tax_id: str | None = None
    key: str | None = None
    remittance: str | None = None


class _Named(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is encrypted. Append only."""

    name: str | None
    tax_id: str | None
    key: str | None
    remittance: str | None


class SealedPart(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One party's part as it is stored: whose, under which key."""

    role: Role
    subject: bytes
    key_id: bytes
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A key of one subject."""

    key_id: bytes
    subject: bytes
    made_at: int
    secret: bytes = field(repr=False)


class PersonKeys(Protocol):
    """Where keys of persons are kept.

    Laws:
        1. What `add` was given is durable when it returns.
        2. After `erase` no key of the subject is found again, nor its bytes in the file.
        3. Of a subject's receipts that were kept the newest is told, whatever their order.
        4. What `add` was given while an `erase` was under way is found once that is done.
    """

    def newest(self, subject: bytes) -> PersonKey | None:
        """The key that seals for a subject."""
        ...

    def key(self, key_id: bytes) -> PersonKey | None:
        """The key of this id; None once it was erased."""
        ...

    def add(
        self,
        keys: Sequence[PersonKey],
        aliases: Sequence[tuple[bytes, bytes]],
        receipts: Mapping[bytes, int],
    ) -> None:
        """Keeps keys, other pseudonyms (the first) of subjects (the second), and when what is
        sealed for a subject is received.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        ...

    def subjects(self, ids: Sequence[bytes]) -> frozenset[bytes]:
        """The subjects that bear one of these pseudonyms, or have it as an alias."""
        ...

    def aliases(self, subjects: Sequence[bytes]) -> frozenset[bytes]:
        """The other pseudonyms of these subjects."""
        ...

    def newest_receipt(self, subject: bytes) -> int | None:
        """The newest receipt that was kept of a subject."""
        ...

    def erase(self, subject: bytes) -> int:
        """How many keys of the subject there were: there are none any more, nor its aliases.

        Raises:
            Unavailable: FILE_UNWRITABLE; `subjects` finds it still, and it may be done again.
        """
        ...


_ENCODER: Final = msgspec.msgpack.Encoder()
_IDENTITIES: Final = msgspec.msgpack.Decoder(tuple[Identity, ...])
_PARTS: Final = msgspec.msgpack.Decoder(tuple[SealedPart, ...])
_NAMED: Final = msgspec.msgpack.Decoder(_Named)


def clear_part(identities: Sequence[Identity]) -> bytes:
    """The part in clear, for the log to seal."""
    return _CLEAR + _ENCODER.encode(tuple(identities))


def is_clear(part: bytes) -> bool:
    """Whether a part is not sealed yet."""
    return part[:1] == _CLEAR


def sealed_parts(sealed: bytes) -> tuple[SealedPart, ...]:
    """The parties' parts of a stored part.

    Raises:
        Misconfigured: SEAL_BROKEN for bytes that are none.
    """
    try:
        if sealed[:1] != _SEALED:
            raise msgspec.DecodeError("it does not begin as one")
        return _PARTS.decode(memoryview(sealed)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(str(error)) from None


class IdentitySealer:
    """Seals identity parts on the thread that writes the log; any thread opens and erases.

    Args:
        keys: Where the keys are.
        now: The time of day as an instant.
        random: So many random bytes.
        held_max: Keys that are held from one call of `seal` to the next; 0 where others may erase
            them.
        keeps_receipts: Whether each subject's newest receipt is kept with its keys: an erasure has
            no other word of it where the log lies elsewhere.
    """

    def __init__(
        self,
        keys: PersonKeys,
        *,
        now: Callable[[], int],
        random: Callable[[int], bytes],
        held_max: int = KEYS_MAX,
        keeps_receipts: bool = False,
    ) -> None:
        self._keys: Final = keys
        self._now: Final = now
        self._random: Final = random
        self._held_max: Final = held_max
        self._keeps_receipts: Final = keeps_receipts
        self._held: dict[bytes, PersonKey] = {}
        # What is known to be kept, by subject.
        self._aliases: dict[bytes, set[bytes]] = {}
        # No part may be sealed under a key that is being erased.
        self._lock: Final = threading.Lock()

    def seal(self, parts: Sequence[tuple[bytes, int, bytes]]) -> list[bytes]:
        """The stored parts of (event id, receipt, part in clear); new keys are durable first.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing was sealed.
        """
        found = [
            (event_id, _IDENTITIES.decode(memoryview(part)[1:])) for event_id, _, part in parts
        ]
        receipts: dict[bytes, int] = {}
        if self._keeps_receipts:
            for (_, received_at, _), (_, identities) in zip(parts, found, strict=True):
                for each in identities:
                    receipts[each.subject] = max(received_at, receipts.get(each.subject, 0))
        with self._lock:
            self._have_keys([each for _, identities in found for each in identities], receipts)
            return [
                _SEALED + _ENCODER.encode([self._sealed(event_id, each) for each in identities])
                for event_id, identities in found
            ]

    def open(self, sealed: bytes, *, event_id: bytes) -> dict[Role, dict[str, str] | None]:
        """What each party is called; None where its key was erased.

        Raises:
            Misconfigured: SEAL_BROKEN.
        """
        return {part.role: self._opened(part, event_id) for part in sealed_parts(sealed)}

    def erase(self, subject: bytes) -> None:
        """Deletes the subject's keys and aliases; what is sealed next has new ones.

        Raises:
            Unavailable: FILE_UNWRITABLE; it may be done again.
        """
        with self._lock:
            # First: where it fails half way, nothing is sealed under a key that may be gone.
            self._held.pop(subject, None)
            self._aliases.pop(subject, None)
            self._keys.erase(subject)

    def _have_keys(self, identities: Sequence[Identity], receipts: Mapping[bytes, int]) -> None:
        if len(self._held) > self._held_max:
            self._held.clear()
            self._aliases.clear()
        new: dict[bytes, PersonKey] = {}
        aliases: set[tuple[bytes, bytes]] = set()
        for each in identities:
            subject = each.subject
            if subject not in self._held and subject not in new:
                known = self._keys.newest(subject)
                if known is None:
                    new[subject] = PersonKey(
                        self._random(KEY_ID_BYTES), subject, self._now(), self._random(KEY_BYTES)
                    )
                else:
                    self._held[subject] = known
            known_as = self._aliases.get(subject, ())
            aliases |= {(alias, subject) for alias in each.aliases if alias not in known_as}
        if new or aliases or receipts:
            self._keys.add(list(new.values()), sorted(aliases), receipts)
        self._held |= new
        for alias, subject in aliases:
            self._aliases.setdefault(subject, set()).add(alias)

    def _sealed(self, event_id: bytes, identity: Identity) -> SealedPart:
        key = self._held[identity.subject]
        nonce = self._random(NONCE_BYTES)
        named = _Named(identity.name, identity.tax_id, identity.key, identity.remittance)
        role = identity.role
        ciphertext = AESGCM(key.secret).encrypt(
            nonce, _ENCODER.encode(named), _bound(event_id, role)
        )
        return SealedPart(role, identity.subject, key.key_id, nonce, ciphertext)

    def _opened(self, part: SealedPart, event_id: bytes) -> dict[str, str] | None:
        key = self._keys.key(part.key_id)
        if key is None:
            return None
        try:
            data = AESGCM(key.secret).decrypt(
                part.nonce, part.ciphertext, _bound(event_id, part.role)
            )
            named = _NAMED.decode(data)
        except (InvalidTag, ValueError, msgspec.DecodeError) as error:
            raise _broken(str(error)) from None
        found = msgspec.structs.asdict(named)
        return {name: text for name, text in found.items() if text is not None}


def _bound(event_id: bytes, role: Role) -> bytes:
    return event_id + role.value.encode()


def _broken(found: str) -> Misconfigured:
    return Misconfigured(
        Code.SEAL_BROKEN,
        "the identity part of an event is not what was sealed",
        hint="Its bytes were changed: `crivo ledger verify` says where.",
        expected="a part that was sealed for this event",
        found=found,
    )
