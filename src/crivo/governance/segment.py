"""Segments of the ledger: each a signed sentence about some decisions of a partition, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crivo.domain.declared import Form, check_fields, refuse_unless
from crivo.domain.errors import Code, invalid
from crivo.domain.event import ENTITY_ID_BYTES, make_event_id
from crivo.domain.fields import Count, Instant, Word
from crivo.domain.identifiers import length_prefixed
from crivo.governance.merkle import HASH_BYTES, merkle_root

SCHEMA: Final = "segment.v1"

#: Stands for the root before a partition's first segment.
NO_ROOT: Final = bytes(HASH_BYTES)
SIGNATURE_BYTES: Final = 64

_PURPOSE: Final = b"crivo ledger segment v1"
_ENCODER: Final = msgspec.msgpack.Encoder()


def _exactly(name: str, length: int) -> Form:
    def check(data: bytes, *, field: str) -> bytes:
        if len(data) != length:
            raise invalid(
                Code.FIELD_VALUE,
                field=field,
                expected=f"{length} bytes",
                found=f"{len(data)} bytes",
            )
        return data

    return Form(name, check, {"minLength": length, "maxLength": length})


Digest = Annotated[bytes, _exactly("digest", HASH_BYTES)]
Signature = Annotated[bytes, _exactly("signature", SIGNATURE_BYTES)]


@dataclass(frozen=True, slots=True)
class Segment:
    """The decisions of a partition from one offset on, closed and signed. Fields are the schema.

    `number` counts from 1 without gaps. `root` is the Merkle root over the stored records in offset
    order, `previous_root` that of the segment before, `places` SHA-256 over the sequence numbers (8
    bytes each, big-endian), `received_to` the greatest receipt, `signer` SHA-256 of the public key.
    The signature (Ed25519) is over everything else.

    Raises:
        Refused: the first fact that cannot be.
    """

    log_id: Word
    partition: Count
    number: Count
    first_offset: Count
    count: Count
    first_seq: Count
    last_seq: Count
    received_to: Instant
    root: Digest
    places: Digest
    previous_root: Digest
    signer: Digest
    signature: Signature

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(self.number >= 1, "number", "from 1 on", self.number)
        refuse_unless(self.count >= 1, "count", "from 1 on", self.count)
        refuse_unless(self.last_seq >= self.first_seq, "last_seq", "not before", self.last_seq)

    @property
    def end(self) -> int:
        """The offset that the next segment begins with."""
        return self.first_offset + self.count

    @property
    def subject_id(self) -> bytes:
        """The chain: the segments of a partition have one key, and so one partition themselves."""
        text = f"{self.log_id}/{self.partition}".encode()
        return hashlib.sha256(length_prefixed(b"ledger", text)).digest()[:ENTITY_ID_BYTES]

    @property
    def own_id(self) -> str:
        """A segment is the only one of its number."""
        return _own_id(self.log_id, self.partition, self.number)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a segment is made of: leaves in offset order, sequence numbers, the greatest receipt."""

    first_offset: int
    leaves: Sequence[bytes]
    places: Sequence[int]
    received_to: int


class Signer:
    """Signs segments with an Ed25519 key, whose seed is 32 random bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key: Final = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: Final = self._key.public_key().public_bytes_raw()
        #: SHA-256 of the public key, as each segment names it.
        self.signer: Final = hashlib.sha256(self.public_key).digest()

    def segment(
        self, log_id: str, partition: int, before: Segment | None, sealed: Sealed
    ) -> Segment:
        """The segment that follows `before`: equal records make equal bytes."""
        unsigned = Segment(
            log_id=log_id,
            partition=partition,
            number=1 if before is None else before.number + 1,
            first_offset=sealed.first_offset,
            count=len(sealed.leaves),
            first_seq=sealed.places[0],
            last_seq=sealed.places[-1],
            received_to=sealed.received_to,
            root=merkle_root(sealed.leaves),
            places=places_hash(sealed.places),
            previous_root=NO_ROOT if before is None else before.root,
            signer=self.signer,
            signature=bytes(SIGNATURE_BYTES),
        )
        return replace(unsigned, signature=self._key.sign(signed_bytes(unsigned)))


def is_signed_by(segment: Segment, public_key: bytes) -> bool:
    """Whether the holder of that key signed the segment as it is."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(segment.signature, signed_bytes(segment))
    except (InvalidSignature, ValueError):
        return False
    return segment.signer == hashlib.sha256(public_key).digest()


def signed_bytes(segment: Segment) -> bytes:
    """What is signed: a name for what it is, and every field but the signature, in order."""
    return _ENCODER.encode(
        (
            _PURPOSE,
            segment.log_id,
            segment.partition,
            segment.number,
            segment.first_offset,
            segment.count,
            segment.first_seq,
            segment.last_seq,
            segment.received_to,
            segment.root,
            segment.places,
            segment.previous_root,
            segment.signer,
        )
    )


def places_hash(places: Sequence[int]) -> bytes:
    """SHA-256 over sequence numbers."""
    return hashlib.sha256(b"".join([each.to_bytes(8, "big") for each in places])).digest()


def segment_event_id(log_id: str, partition: int, number: int) -> bytes:
    """The identity of a segment's event."""
    return make_event_id("segment", "ledger", _own_id(log_id, partition, number))


def _own_id(log_id: str, partition: int, number: int) -> str:
    return f"{log_id}/{partition}/{number}"
