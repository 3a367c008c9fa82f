"""Composes the feature store: the lake's bronze, the serving plan, the home's snapshots."""

from __future__ import annotations

from dataclasses import dataclass

from crivo.bootstrap.lake import LakeHouse, payload_opener
from crivo.bootstrap.snapshots import snapshot_files, warn_unfit
from crivo.domain.errors import Code, Unavailable
from crivo.flows.feature_store import Extended, FeatureStore
from crivo.flows.gold_set import GoldSet, build_gold_set
from crivo.flows.lake_log import LakeLog
from crivo.flows.newest import known_by
from crivo.flows.refine import Progress
from crivo.flows.training_set import Rules
from crivo.settings import Settings


@dataclass(frozen=True, slots=True)
class GoldSetRequest:
    """What a training set in gold is made of. `labels_as_of` None: the newest receipt of bronze."""

    name: str
    labels_as_of: int | None
    label_delay: int
    silent_one_in: int


def extend_features(settings: Settings, *, progress: Progress) -> Extended:
    """Folds what bronze has and the feature table not yet, and keeps the state for a start.

    Raises:
        As `LakeLog` and `FeatureStore.extend`.
    """
    house = LakeHouse(settings)
    log = _log(settings, house)
    return _store(settings, house, log).extend(log, progress=progress)


def write_gold_set(settings: Settings, request: GoldSetRequest, *, progress: Progress) -> GoldSet:
    """The training set that was written into gold.

    Raises:
        Unavailable: NOT_READY where days of bronze are not refined. Else as `build_gold_set`.
    """
    house = LakeHouse(settings)
    due = house.refinery.due()
    if due:
        raise Unavailable(
            Code.NOT_READY,
            f"{len(due)} days of bronze are not refined, and labels are read from gold",
            hint="`crivo lake refine` refines them.",
            field="table",
            expected="gold as far as bronze",
            found=", ".join(day.isoformat() for day in list(due)[:3]),
        )
    log = _log(settings, house)
    rules = Rules(
        labels_as_of=known_by(log, request.labels_as_of),
        label_delay=request.label_delay,
        silent_one_in=request.silent_one_in,
    )
    application = _store(settings, house, log).application(log)
    return build_gold_set(
        house.lake, house.plan, application, request.name, rules, progress=progress
    )


def _log(settings: Settings, house: LakeHouse) -> LakeLog:
    return LakeLog(house.lake, payload_opener(settings))


def _store(settings: Settings, house: LakeHouse, log: LakeLog) -> FeatureStore:
    files = snapshot_files(settings, log.manifest)
    return FeatureStore(house.lake, house.plan, files, unfit=warn_unfit)
