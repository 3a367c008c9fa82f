"""The record of a decision, `decision.v1`: what it was given, what follows, what was observed.

Four parts with four uses. `given` and the log are all that replay may read; `derived` is what it
must find again, byte for byte; `observed` are measurements, in no comparison; `kept` is the vector.
Everything is a msgpack array in the order of the fields: append only. No map, no float: two
programs that agree on the values agree on the bytes.
"""

from __future__ import annotations

import dataclasses
import typing
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec

from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Refused
from crivo.domain.event import ENTITY_ID_BYTES, make_event_id
from crivo.domain.instant import EARLIEST, LATEST
from crivo.domain.money import CENTAVOS_MAX
from crivo.domain.phase import Phase
from crivo.domain.transfer import Transfer

SCHEMA: Final = "decision.v1"
#: Raised whenever the same vector, score and policy come to give other bytes of `derived`.
DERIVE_VERSION: Final = 9
#: Of the two phases, the one whose record is the transfer's attempt. Plain texts encode fastest.
INITIATION: Final = Phase.INITIATION.value
SETTLEMENT: Final = Phase.SETTLEMENT.value
#: Who answers the transfers of `pix.transfers.v1`: each answer stands right behind its transfer.
WORKER: Final = "worker"


class Versions(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The hashes that decided; `bundle` covers them all and names the folder that holds them."""

    bundle: str
    features: str
    plan: str
    model: str
    rules: str
    policy: str
    kernel: str


class Given(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a decision had: `as_of` is the sequence number of the last event it had seen (−1: none).

    `degraded` names what was left out, and why; it is empty for a full decision. `lists` are the
    entries that held for its parties, `sums` what its payer had attempted before (None: a return,
    or it came too late for anybody to say).
    """

    as_of: int
    log_id: str
    versions: Versions
    degraded: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    sums: Sums | None = None


class Hold(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Until when a HOLD lasts at most, and what it becomes then: ALLOW or REJECT."""

    until: int
    ends_as: str


class Derived(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What follows from `given` and the log, and from nothing else.

    `vector_hash` is SHA-256 over the kept bytes (empty: no vector was read); `margin` counts
    2⁻⁴⁰, `score` 10⁻⁹; both are null where nothing was scored. `nulls` are the rules whose
    condition read a null: they count as not fired. `hold` is there for the outcome HOLD alone.
    """

    vector_hash: bytes
    flags: int
    margin: int | None
    score: int | None
    rules: tuple[str, ...]
    shadow_rules: tuple[str, ...]
    nulls: tuple[str, ...]
    reasons: tuple[str, ...]
    outcome: str
    hold: Hold | None = None


class Observed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Measurements, in nanoseconds of a monotonic clock, from arrival to the derived answer.

    `shadow` is the hash of the network that scored beside, and `shadow_score` what it would have
    said, in 10⁻⁹: nothing comes of it, and its bytes depend on the processor. `log_ns` is how long
    a decision before it, the newest one looked at, took to be on disk (None: none was yet): how
    long its own takes nobody knows when it is written.
    """

    host: str
    waited_ns: int
    read_ns: int
    score_ns: int
    shadow: str = ""
    shadow_score: int | None = None
    log_ns: int | None = None


class Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One stored record. `transfer` is the array of `transfer.v1`; `derived` are its own bytes.

    `caller` is whose key or token asked; None where none was asked for, where a worker answered,
    and in records of before it was kept.
    """

    end_to_end_id: str
    phase: str
    in_place: bool
    transfer: msgspec.Raw
    given: Given
    derived: bytes
    observed: Observed
    kept: bytes
    caller: str | None = None


class _Head(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The part of a record that folding reads; the rest of the array is skipped."""

    end_to_end_id: str
    phase: str
    in_place: bool
    transfer: msgspec.Raw


# The fields of a transfer are declared once, in the domain; their order there is the schema.
_HINTS: Final = typing.get_type_hints(Transfer)
_TransferArray: Final = msgspec.defstruct(
    "_TransferArray",
    [
        (field.name, _HINTS[field.name])
        if field.default is dataclasses.MISSING
        else (field.name, _HINTS[field.name], field.default)
        for field in dataclasses.fields(Transfer)
    ],
    array_like=True,
    frozen=True,
    gc=False,
)
_values: Final = attrgetter(*(field.name for field in dataclasses.fields(Transfer)))

_ENCODER: Final = msgspec.msgpack.Encoder()
_RECORDS: Final = msgspec.msgpack.Decoder(Record)
_HEADS: Final = msgspec.msgpack.Decoder(_Head)
_DERIVED: Final = msgspec.msgpack.Decoder(Derived)
_TRANSFERS: Final[msgspec.msgpack.Decoder[Any]] = msgspec.msgpack.Decoder(_TransferArray)

Part = TypeVar("Part")


def decision_event_id(end_to_end_id: str, phase: str = INITIATION) -> bytes:
    """The identity of a decision's event: one a (EndToEndId, phase)."""
    return make_event_id("decision", "pix", f"{end_to_end_id}/{phase}")


def encode_derived(derived: Derived) -> bytes:
    """The canonical bytes of `derived`: what replay compares."""
    return _ENCODER.encode(derived)


def decode_derived(derived: bytes) -> Derived:
    """The values of `derived`.

    Raises:
        Refused: FIELD_TYPE.
    """
    return _decode(_DERIVED, derived)


def encode_record(
    transfer: Transfer,
    *,
    given: Given,
    derived: bytes,
    observed: Observed,
    kept: bytes,
    phase: str = INITIATION,
    in_place: bool = True,
    caller: str | None = None,
) -> bytes:
    """The payload of a decision. The initiation's is in place: it is the transfer's attempt.

    Not so where the log holds the attempt apart, in `pix.transfers.v1`, and `in_place` is false.
    """
    return _ENCODER.encode(
        (
            transfer.end_to_end_id,
            phase,
            in_place and phase == INITIATION,
            _values(transfer),
            given,
            derived,
            observed,
            kept,
            caller,
        )
    )


def decode_record(payload: bytes) -> Record:
    """The record of a payload; its transfer is read by `transfer_of`.

    Raises:
        Refused: FIELD_TYPE for bytes that are no such record.
    """
    return _decode(_RECORDS, payload)


def transfer_of(record: Record) -> Transfer:
    """The facts of the transfer that a record decided.

    Raises:
        Refused: FIELD_TYPE, and whatever `Transfer` refuses.
    """
    return _transfer(record.transfer)


def in_place_transfer(payload: bytes) -> Transfer | None:
    """The transfer that a record of `pix.decisions.v1` adds to state; None for one not in place.

    Raises:
        Refused: as `transfer_of`.
    """
    head = _decode(_HEADS, payload)
    return _transfer(head.transfer) if head.in_place else None


class StoredTransfer(Transfer):
    """A transfer as a record holds it: typed by decoding, and not parsed again.

    The door judged the facts before they were written, and folds read millions of them. What a fold
    relies on is still looked at, because bytes rot.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Nothing, if ids have their length and numbers their range."""
        payer, payee = self.payer_account_id, self.payee_account_id
        person, other, key = self.payer_person_id, self.payee_person_id, self.payee_key_id
        if (
            not EARLIEST <= self.occurred_at < LATEST
            or not 1 <= self.amount_centavos <= CENTAVOS_MAX
            # One by one: folds read millions of them.
            or (payer is not None and len(payer) != ENTITY_ID_BYTES)
            or (payee is not None and len(payee) != ENTITY_ID_BYTES)
            or (person is not None and len(person) != ENTITY_ID_BYTES)
            or (other is not None and len(other) != ENTITY_ID_BYTES)
            or (key is not None and len(key) != ENTITY_ID_BYTES)
            or not (payer or person)
            or not (payee or other or key)
        ):
            raise _unreadable(f"a transfer {self.end_to_end_id!r} that cannot be")


def _transfer(array: msgspec.Raw) -> Transfer:
    return StoredTransfer(*msgspec.structs.astuple(_decode(_TRANSFERS, array)))


def _decode(decoder: msgspec.msgpack.Decoder[Part], data: bytes | msgspec.Raw) -> Part:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(str(error)) from None


def _unreadable(found: str) -> Refused:
    return Refused(
        Code.FIELD_TYPE,
        f"the payload is no {SCHEMA}: {found}",
        hint="It was written by a newer release, or is damaged.",
        field="payload",
        expected=SCHEMA,
        found=found,
    )
