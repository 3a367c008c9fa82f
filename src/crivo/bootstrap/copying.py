"""Composes the copying of a log's file into Kafka."""

from __future__ import annotations

import secrets
from pathlib import Path

from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, open_log_reader
from crivo.bootstrap.kafka import cluster_of, open_kafka_writer
from crivo.domain.errors import Code, Misconfigured, Unavailable
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
            another log is there; else as `open_kafka_log`.
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
        id_ = secrets.token_hex(16) if undecided else manifest.log_id
        log = open_kafka_writer(_like(settings, manifest), new_log_id=id_)
        try:
            if undecided:
                return copy_undecided(reader, log, progress=progress)
            _check_same(settings, log.manifest, manifest)
            return copy_log(reader, log, progress=progress)
        finally:
            log.close()
    finally:
        reader.close()


def _like(settings: Settings, manifest: Manifest) -> Settings:
    """The settings, with a clock and a number of partitions that are those of the source."""
    log = settings.log.model_copy(
        update={"clock": manifest.clock, "partitions": manifest.partitions}
    )
    return settings.model_copy(update={"log": log})


def _check_same(settings: Settings, there: Manifest, source: Manifest) -> None:
    if there.log_id != source.log_id:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"{cluster_of(settings).brokers} holds another log already",
            hint="Give the copy a space of its own: kafka://HOST:PORT/NAME.",
            field="log_id",
            expected=source.log_id,
            found=there.log_id,
        )
