"""What a backtest reads of a log: decisions as they stand in it, with all that they were given.

The vector, the lists and the sums of a decision are those of its record: what was known when it was
made, though the log has gone on since. A log holds millions of them, so a record becomes columns at
once; a transfer that has to be looked at by itself is made of its payload when it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from crivo.decision.degraded import CAUSES
from crivo.decision.lists import HitKind, ListHit
from crivo.decision.many import Attempts, Circumstances, FactColumns, facts_of
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import (
    INITIATION,
    SCHEMA,
    Given,
    Versions,
    decode_record,
    transfer_of,
)
from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Refused
from crivo.domain.event import ENTITY_ID_BYTES, transfer_event_id
from crivo.domain.instant import EARLIEST, LATEST, format_rfc3339
from crivo.domain.list_entry import ListSide
from crivo.domain.money import CENTAVOS_MAX
from crivo.domain.transfer import Transfer
from crivo.flows.bundle import PROGRAM_VERSION
from crivo.flows.codec import TransferFields
from crivo.flows.ports import BulkReader, Payload

#: Events of the log looked through at a time.
BATCH: Final = 8_192

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answered:
    """n decisions of one bundle as the log holds them.

    `ids` and `payers` are uint64[n, 2], the words of the transfer's event id and of its payer's;
    `ranks` int8[n] of the outcomes that were answered, `scores` int64[n] in 10⁻⁹ and −1 where
    nothing was scored.
    """

    bundle: str
    attempts: Attempts
    ids: npt.NDArray[np.uint64]
    payers: npt.NDArray[np.uint64]
    ranks: npt.NDArray[np.int8]
    scores: Int64s


@dataclass(frozen=True, slots=True)
class Interval:
    """Receipts from `start` (None: from the first) up to and without `end` (None: the last)."""

    start: int | None
    end: int | None

    def holds(self, received_at: int) -> bool:
        """Whether an instant lies in it."""
        if self.start is not None and received_at < self.start:
            return False
        return self.end is None or received_at < self.end

    @property
    def text(self) -> str:
        """The interval in words."""
        start = "the first decision" if self.start is None else format_rfc3339(self.start)
        end = "the last" if self.end is None else format_rfc3339(self.end)
        return f"from {start} to {end}"


class _Given(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What of `given` has a say; millions of decisions have the same few versions."""

    as_of: msgspec.Raw
    log_id: msgspec.Raw
    versions: msgspec.Raw
    degraded: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    sums: Sums | None = None


class _Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A record as columns are made of it; what was measured is passed over."""

    end_to_end_id: str
    phase: str
    in_place: bool
    transfer: TransferFields
    given: _Given
    derived: bytes
    observed: msgspec.Raw
    kept: bytes


class _Answer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What of `derived` is compared."""

    vector_hash: msgspec.Raw
    flags: msgspec.Raw
    margin: msgspec.Raw
    score: int | None
    rules: msgspec.Raw
    shadow_rules: msgspec.Raw
    nulls: msgspec.Raw
    reasons: msgspec.Raw
    outcome: str


_RECORDS: Final = msgspec.msgpack.Decoder(_Record)
_ANSWERS: Final = msgspec.msgpack.Decoder(_Answer)
_VERSIONS: Final = msgspec.msgpack.Decoder(Versions)

#: A record with its derived part and the payload that it was read of.
_Read = tuple[_Record, _Answer, bytes]


def answered(
    log: BulkReader, stretch: range, interval: Interval, *, passed: Counter[str]
) -> Iterator[Answered]:
    """The decisions on attempts of a stretch of the log that were received then, in its order.

    `passed` counts those of other releases, whose bundles cannot be read (`other_version`). The
    second decision on a transfer, that of its settlement, is no attempt and is not among them.

    Raises:
        Refused: FIELD_TYPE for a record that cannot be read.
    """
    for start in range(stretch.start, stretch.stop, BATCH):
        page = range(start, min(start + BATCH, stretch.stop))
        found = log.payloads(SCHEMA, page, since=interval.start, until=interval.end)
        yield from _of_page(found, passed)


def _of_page(page: Sequence[Payload], passed: Counter[str]) -> Iterator[Answered]:
    by_bundle: dict[str, list[_Read]] = {}
    versions_of: dict[bytes, Versions] = {}
    for seq, payload in page:
        try:
            record = _RECORDS.decode(payload)
            if record.phase != INITIATION:
                continue
            told = bytes(record.given.versions)
            versions = versions_of.get(told)
            if versions is None:
                versions = versions_of[told] = _VERSIONS.decode(told)
            if versions.kernel != PROGRAM_VERSION:
                passed["other_version"] += 1
                continue
            answer = _ANSWERS.decode(record.derived)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unreadable(seq, str(error)) from None
        by_bundle.setdefault(versions.bundle, []).append((record, answer, payload))
    for bundle, found in by_bundle.items():
        yield _columns(bundle, found)


def _columns(bundle: str, found: Sequence[_Read]) -> Answered:
    records = [record for record, _, _ in found]
    answers = [answer for _, answer, _ in found]
    payers = [_payer(record.transfer) for record in records]
    attempts = _attempts(records, payers, [payload for _, _, payload in found])
    return Answered(
        bundle=bundle,
        attempts=attempts,
        ids=_words([transfer_event_id(each.end_to_end_id) for each in records]),
        payers=_words(payers),
        ranks=np.array([OUTCOMES[each.outcome].rank for each in answers], np.int8),
        scores=np.array([-1 if each.score is None else each.score for each in answers], np.int64),
    )


def _attempts(
    records: Sequence[_Record], payers: Sequence[bytes], payloads: Sequence[bytes]
) -> Attempts:
    facts = facts_of([each.transfer for each in records], [each.given.sums for each in records])
    _check(facts, payers, payloads)
    kept = [each.kept for each in records if each.kept]
    width = len(kept[0]) // 8 if kept else 0
    # Of a bytearray the array can be written to: compiled loops know one kind of vectors.
    read = np.frombuffer(bytearray().join(kept), "<f8").reshape(len(kept), width)
    if len(kept) == len(records):
        has_vector, vectors = np.ones(len(records), np.bool_), read
    else:
        has_vector = np.array([bool(each.kept) for each in records], np.bool_)
        vectors = np.full((len(records), width), np.nan)
        vectors[has_vector] = read
    has_more = np.array(
        [bool(each.given.degraded or each.given.lists) for each in records], np.bool_
    )
    return Attempts(facts, vectors, has_vector, has_more, lambda at: _one(payloads[at]))


def _check(facts: FactColumns, payers: Sequence[bytes], payloads: Sequence[bytes]) -> None:
    """Nothing, if the columns can be those of transfers: bytes rot.

    Raises:
        Refused: FIELD_TYPE, of the first that cannot be.
    """
    bad = (np.array([len(payer) for payer in payers]) != ENTITY_ID_BYTES) | (facts.amounts < 1)
    bad |= (facts.amounts > CENTAVOS_MAX) | (facts.occurred_at < EARLIEST)
    bad |= facts.occurred_at >= LATEST
    for at in np.flatnonzero(bad).tolist():
        _one(payloads[at])


def _one(payload: bytes) -> tuple[Transfer, Circumstances]:
    """One transfer as it was decided, with its circumstances."""
    record = decode_record(payload)
    return transfer_of(record), _circumstances(record.given)


def _payer(fields: TransferFields) -> bytes:
    return fields.payer_account_id or fields.payer_person_id or b""


def _words(ids: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(ids), "<u8").reshape(-1, 2)


def _circumstances(given: Given) -> Circumstances:
    causes = tuple(mode for mode in given.degraded if mode in CAUSES) if given.degraded else ()
    listed = tuple(_hit(text) for text in given.lists) if given.lists else ()
    return Circumstances(causes, listed, given.sums)


def _hit(text: str) -> ListHit:
    """The entry that `ListHit.text` wrote down."""
    kind, side, entry_id = text.split("/", 2)
    return ListHit(HitKind(kind), ListSide(side), entry_id)


def _unreadable(seq: int, found: str) -> Refused:
    return Refused(
        Code.FIELD_TYPE,
        f"event {seq} is no decision that can be read: {found}",
        hint="It was written by a newer release, or is damaged: restore the log from its newest "
        "copy.",
        field="payload",
        expected=SCHEMA,
        found=found,
        seq=seq,
    )
