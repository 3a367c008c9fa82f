"""Training rows of a log: each transfer's vector as it was known then, its label as known at T.

The log is cut into chunks. A chunk is read (events → rows), folded by each shard (rows → vectors),
joined, and given its labels. One process does these steps chunk by chunk; many do each step in
files beside each other (`staged`). The rows are the same bytes either way, and for any number of
shards, since a shard's columns are (`features/shard.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import DAY
from crivo.domain.transfer import Purpose
from crivo.features.engine import BEHIND, LATE, SATURATED, Rows
from crivo.features.plan import Plan
from crivo.features.row import PURPOSE_CODES, RowKind
from crivo.features.shard import ShardFold, join, shards_of
from crivo.flows.fold import fold_events
from crivo.flows.labels import Labels, Words, labels_of_log
from crivo.flows.ports import LogReader
from crivo.model.labels import Int64s, Tier, mature, tiers

#: Told (stage, done, total) in events.
Progress = Callable[[str, int, int], None]

#: What the making of vectors is called.
STAGE: Final = "a vector of each transfer"

#: Events of a chunk. What is written depends on it, so it is no setting.
CHUNK_EVENTS: Final = 60_000

#: Returns are answered without a score, so nothing is learnt from them.
RETURNS: Final = (PURPOSE_CODES[Purpose.REFU], PURPOSE_CODES[Purpose.IPRT])

_MIX: Final = np.uint64(0xD6E8FEB86659FD93)
_HALF: Final = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rows, and labels as of when.

    `label_delay` is how long a label may take to arrive: younger transfers are immature, and are
    made only `with_immature`. Of silent rows one in `silent_one_in` is kept, chosen by its id, with
    that weight.
    """

    labels_as_of: int
    label_delay: int = 7 * DAY
    with_immature: bool = True
    silent_one_in: int = 1


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """The training rows of one chunk: n of them, in the order of the log.

    `vectors` is float64[n, F]; ids are uint64[n, 2]; times are instants; amounts are centavos;
    `tier` is of `Tier`; `flags` are the engine's. `left_out` counts transfers of the chunk that are
    not here, by cause.
    """

    vectors: npt.NDArray[np.float64]
    flags: npt.NDArray[np.uint8]
    seq: Int64s
    ids: Words
    payer_ids: Words
    occurred_at: Int64s
    received_at: Int64s
    amounts: Int64s
    accepted_at: Int64s
    tier: npt.NDArray[np.int8]
    weights: npt.NDArray[np.float64]
    left_out: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.vectors)


def no_part(plan: Plan) -> TrainingPart:
    """The part of a chunk without a transfer."""
    rows, seq = fold_events([])
    rules = Rules(labels_as_of=0)
    vectors = np.empty((0, len(plan.names)))
    return part_of(rows, seq, vectors, np.empty(0, np.uint8), Labels({}), rules)


def training_parts(
    log: LogReader, plan: Plan, rules: Rules, *, end: int, shards: int, progress: Progress
) -> Iterator[TrainingPart]:
    """The parts of a log below `end`, one a chunk, made by this process.

    Raises:
        Refused: FIELD_TYPE for an event that this release cannot read.
        Unavailable: OVERLOADED where the state of the keys outgrows its ceiling.
    """
    # Said before the first of them, which may take minutes: a kernel may have to be compiled.
    progress(STAGE, 0, end)
    labels = labels_of_log(log, end=end, labels_as_of=rules.labels_as_of)
    dealt = shards_of(plan, shards)
    folds = [ShardFold(shard) for shard in dealt]
    for start in range(0, end, CHUNK_EVENTS):
        stop = min(start + CHUNK_EVENTS, end)
        rows, seq = chunk_rows(log, rules, start=start, stop=stop)
        wanted = wanted_rows(rows, rules)
        made = [fold.vectors(rows, wanted) for fold in folds]
        vectors, flags = join(dealt, made, rows, wanted)
        yield part_of(rows, seq, vectors, flags, labels, rules)
        progress(STAGE, stop, end)


def chunk_rows(log: LogReader, rules: Rules, *, start: int, stop: int) -> tuple[Rows, Int64s]:
    """The rows of the events of a chunk, and their `seq`; none that was received later than T.

    Nothing later is known yet, and nothing later enters the vector of a transfer received by T.
    """
    events = log.read(start=start, limit=stop - start)
    assert len(events) == stop - start, "the log is gapless below its end"
    return fold_events([e for e in events if e.event.received_at <= rules.labels_as_of])


def wanted_rows(rows: Rows, rules: Rules) -> npt.NDArray[np.bool_]:
    """bool[n]: the rows whose vectors are made."""
    wanted: npt.NDArray[np.bool_] = rows["kind"] == RowKind.TRANSFER
    wanted &= ~np.isin(rows["purpose"], RETURNS)
    return wanted if rules.with_immature else wanted & _old(rows, rules)


def part_of(
    rows: Rows,
    seq: Int64s,
    vectors: npt.NDArray[np.float64],
    flags: npt.NDArray[np.uint8],
    labels: Labels,
    rules: Rules,
) -> TrainingPart:
    """The part of a chunk's rows, of which the wanted ones have these vectors and flags."""
    wanted = wanted_rows(rows, rules)
    asked = rows[wanted]
    ids = _ids(asked, "event")
    accepted_at, claimed_at = labels.of(ids)
    tier = tiers(
        asked["occurred_at"],
        accepted_at,
        claimed_at,
        labels_as_of=rules.labels_as_of,
        label_delay=rules.label_delay,
    )
    # A vector read at another instant than its own is outside the law of the future.
    ahead = (flags & BEHIND) == 0
    sampled = (tier != Tier.SILENT) | _is_drawn(ids, rules.silent_one_in)
    kept = ahead & sampled
    transfers = rows["kind"] == RowKind.TRANSFER
    returned = transfers & np.isin(rows["purpose"], RETURNS)
    old = _old(rows, rules)
    left_out = Counter(
        immature=0 if rules.with_immature else int((transfers & ~old).sum()),
        returns=int((returned if rules.with_immature else returned & old).sum()),
        behind=int((~ahead).sum()),
        not_drawn=int((ahead & ~sampled).sum()),
    )
    silent = tier[kept] == Tier.SILENT
    return TrainingPart(
        vectors=vectors[kept],
        flags=flags[kept] & (LATE | SATURATED),
        seq=seq[wanted][kept],
        ids=ids[kept],
        payer_ids=_ids(asked, "payer")[kept],
        occurred_at=asked["occurred_at"][kept],
        received_at=asked["received_at"][kept],
        amounts=asked["amount_centavos"][kept],
        accepted_at=accepted_at[kept],
        tier=tier[kept],
        weights=np.where(silent, float(rules.silent_one_in), 1.0),
        left_out=left_out,
    )


def _old(rows: Rows, rules: Rules) -> npt.NDArray[np.bool_]:
    return mature(
        rows["occurred_at"], labels_as_of=rules.labels_as_of, label_delay=rules.label_delay
    )


def _ids(rows: Rows, name: str) -> Words:
    return np.stack([rows[f"{name}_0"], rows[f"{name}_1"]], axis=1)


def _is_drawn(ids: Words, one_in: int) -> npt.NDArray[np.bool_]:
    """bool[n]: the ids that a sample of one in so many holds; an id is always drawn or never."""
    mixed = (ids[:, 0] ^ (ids[:, 1] >> _HALF)) * _MIX
    drawn: npt.NDArray[np.bool_] = ((mixed >> _HALF) % np.uint64(one_in)) == 0
    return drawn
