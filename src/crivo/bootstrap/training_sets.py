"""Composes the building of training sets: a log, the serving plan, processes, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crivo.adapters.processes.pool import ProcessPool
from crivo.adapters.training_files.store import TrainingSetFiles
from crivo.bootstrap.home import Paths
from crivo.bootstrap.reading import reading
from crivo.bootstrap.service import serving_plan
from crivo.domain.errors import Code, Unavailable
from crivo.flows.build import BuildResult, Hands, build_training_set
from crivo.flows.newest import known_by
from crivo.flows.ports import LogReader
from crivo.flows.staged_set import OpenLog
from crivo.flows.training_set import Progress, Rules
from crivo.settings import Settings


@dataclass(frozen=True, slots=True)
class SetRequest:
    """What a training set is made of. None: the home's log; its end; a folder in the home."""

    log: Path | None
    labels_as_of: int | None
    label_delay: int
    silent_one_in: int
    shards: int
    out: Path | None


def build_set(settings: Settings, request: SetRequest, *, progress: Progress) -> BuildResult:
    """The training set that was written.

    Raises:
        Refused: TIME_RANGE. Unavailable: NOT_FOUND where there is no log; else as `flows.build`.
    """
    if settings.log.url is not None and request.log is None:
        opener: OpenLog = partial(reading_kafka, settings)
    else:
        opener = partial(reading, _log_file(settings, request.log))
    plan = serving_plan()
    with opener() as log:
        as_of = known_by(log, request.labels_as_of)
    rules = Rules(
        labels_as_of=as_of,
        label_delay=request.label_delay,
        silent_one_in=request.silent_one_in,
    )
    name = f"{plan.set_hash[:12]}-{as_of}"
    folder = Paths(settings.home).training_sets / name if request.out is None else request.out
    workers = ProcessPool(request.shards) if request.shards > 1 else None
    return build_training_set(
        opener,
        plan,
        rules,
        TrainingSetFiles(folder),
        hands=Hands(request.shards, workers),
        progress=progress,
    )


@contextmanager
def reading_kafka(settings: Settings) -> Iterator[LogReader]:
    """The log of the settings' URL, open for a while; as `reading`."""
    from crivo.bootstrap.kafka import open_kafka_reader

    reader = open_kafka_reader(settings)
    try:
        yield reader
    finally:
        reader.close()


def _log_file(settings: Settings, log: Path | None) -> Path:
    given = settings.home if log is None else log
    path = Paths(given).log if given.is_dir() or log is None else given
    if not path.is_file():
        raise Unavailable(
            Code.NOT_FOUND,
            f"{given} holds no log",
            hint="`crivo ingest FILE --mapping …` or `crivo demo` makes one.",
            file=str(path),
        )
    return path
