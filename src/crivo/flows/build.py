"""Building a training set: the rows of a log as a table, with a manifest of what it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from crivo.domain.instant import format_rfc3339
from crivo.features.engine import LATE, SATURATED
from crivo.features.plan import Plan
from crivo.flows.ports import Workers
from crivo.flows.staged_set import OpenLog, staged_parts
from crivo.flows.training_set import Progress, Rules, TrainingPart, no_part, training_parts
from crivo.flows.training_set_port import SetColumns, TrainingSets, WrittenSet
from crivo.model.labels import Tier

FORMAT: Final = "crivo.training_set.v1"

_TIERS: Final = tuple(tier.name for tier in Tier)


@dataclass(slots=True)
class BuildResult:
    """What was written, and how many rows of each tier; `left_out` counts transfers by cause."""

    log_id: str
    cut: int
    written: WrittenSet | None = None
    tiers: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How many rows the set has."""
        return self.tiers.total()


@dataclass(frozen=True, slots=True)
class Hands:
    """How the work is dealt: into so many shards, to these processes (None: to this one)."""

    shards: int = 1
    workers: Workers | None = None


def build_training_set(
    open_log: OpenLog,
    plan: Plan,
    rules: Rules,
    sets: TrainingSets,
    *,
    hands: Hands,
    progress: Progress,
) -> BuildResult:
    """The training set of a log up to its end as it is now; the same bytes for any `hands`.

    Raises:
        Refused: FIELD_TYPE for an event that this release cannot read; FILE_UNWRITABLE where
            something lies in the set's place. Unavailable: FILE_UNWRITABLE, OVERLOADED.
    """
    sets.check_free()
    with open_log() as log:
        result = BuildResult(log.manifest.log_id, log.end())

    def make(folder: Path) -> Iterator[SetColumns]:
        yield columns_of(no_part(plan), plan)  # the columns, also of a log without a transfer
        if hands.workers is None:
            with open_log() as log:
                parts: Iterable[TrainingPart] = training_parts(
                    log, plan, rules, end=result.cut, shards=hands.shards, progress=progress
                )
                yield from _counted(parts, plan, result)
        else:
            parts = staged_parts(
                open_log,
                plan,
                rules,
                end=result.cut,
                shards=hands.shards,
                folder=folder,
                workers=hands.workers,
                progress=progress,
            )
            yield from _counted(parts, plan, result)

    result.written = sets.write(make, lambda: manifest_of(plan, rules, result))
    return result


def manifest_of(plan: Plan, rules: Rules, result: BuildResult) -> Mapping[str, Any]:
    """What a reader must know of a set: the features, the log and its cut, what T was."""
    return {
        "format": FORMAT,
        "feature_set_hash": plan.set_hash,
        "plan_hash": plan.plan_hash,
        "features": {feature.name: feature.hash for feature in plan.feature_set.features},
        "log_id": result.log_id,
        # Of a log with one writer its sequence is the cut, and nothing else (exclusive).
        "cut": result.cut,
        "labels_as_of": format_rfc3339(rules.labels_as_of),
        "label_delay_seconds": rules.label_delay // 1_000_000,
        "silent_one_in": rules.silent_one_in,
        "rows": result.rows,
        "tiers": {name: result.tiers[name] for name in _TIERS},
        "left_out": dict(sorted(result.left_out.items())),
    }


def columns_of(part: TrainingPart, plan: Plan) -> SetColumns:
    """A part as the columns of the table."""
    return SetColumns(
        integers={"seq": part.seq},
        ids={"event_id": part.ids, "payer_id": part.payer_ids},
        instants={
            "occurred_at": part.occurred_at,
            "received_at": part.received_at,
            "label_known_at": part.accepted_at,
        },
        codes={"label_tier": part.tier},
        words={"label_tier": _TIERS},
        flags={
            "label": part.tier == Tier.ACCEPTED,
            "is_late": (part.flags & LATE) != 0,
            "is_saturated": (part.flags & SATURATED) != 0,
        },
        numbers={
            "weight": part.weights,
            **{name: part.vectors[:, place] for place, name in enumerate(plan.names)},
        },
    )


def _counted(
    parts: Iterable[TrainingPart], plan: Plan, result: BuildResult
) -> Iterator[SetColumns]:
    for part in parts:
        result.left_out.update(part.left_out)
        result.tiers.update({name: int((part.tier == Tier[name]).sum()) for name in _TIERS})
        yield columns_of(part, plan)
