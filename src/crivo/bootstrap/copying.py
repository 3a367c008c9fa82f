"""Composes the copying of a log's file into Kafka."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, open_log_reader
from crivo.bootstrap.kafka import open_kafka_rows, open_kafka_writer
from crivo.domain.errors import Code, Unavailable
from crivo.flows.copy_log import CopyResult, Progress, copy_log, copy_undecided
from crivo.flows.ports import Manifest
from crivo.settings import Settings


def copy_to_kafka(
    settings: Settings, source: Path, *, undecided: bool, progress: Progress
) -> CopyResult:
    """Copies the log of a file, or of a home folder, into the one of CRIVO_LOG__URL.

    A copy keeps the log's id, clock and partitions. With `undecided` it is another log, with an id
    of its own, in which the transfers that were decided wait for their decisions.

    Raises:
        Unavailable: NOT_FOUND where there is no log to copy. Misconfigured: LOG_MISMATCH where
            another log is there; else as `open_kafka_log` and `KafkaRows`.
    """
    path = Paths(source).log if source.is_dir() else source
    if not path.is_file():
        raise Unavailable(
            Code.NOT_FOUND,
            f"{source} holds no log",
            hint="Name a log's file, or a home folder.",
            file=str(path),
        )
    reader = open_log_reader(path) if undecided else open_reader(path)
    try:
        manifest = reader.manifest
        if not undecided:
            with closing(open_kafka_rows(settings, manifest)) as rows:
                return copy_log(reader, rows, progress=progress)
        log = open_kafka_writer(_like(settings, manifest), new_log_id=secrets.token_hex(16))
        with closing(log):
            return copy_undecided(reader, log, progress=progress)
    finally:
        reader.close()


def _like(settings: Settings, manifest: Manifest) -> Settings:
    """The settings, with a clock and a number of partitions that are those of the source."""
    log = settings.log.model_copy(
        update={"clock": manifest.clock, "partitions": manifest.partitions}
    )
    return settings.model_copy(update={"log": log})
