"""Composes the making of a log in Kafka, and the copying of a log's file into one."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

from crivo.adapters.sqlite.log import stored_manifest
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths, open_home, open_log_reader
from crivo.bootstrap.kafka import (
    PARTITIONS,
    cluster_of,
    open_kafka_rows,
    open_kafka_writer,
    open_topics,
)
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
            another log is there; else as `open_kafka_log` and `open_kafka_rows`.
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
        if not undecided:
            with closing(open_kafka_rows(settings, reader)) as rows:
                return copy_log(reader, rows, progress=progress)
        log = open_kafka_writer(_like(settings, reader.manifest), new_log_id=secrets.token_hex(16))
        with closing(log):
            return copy_undecided(reader, log, progress=progress)
    finally:
        reader.close()


def make_kafka_log(settings: Settings) -> Manifest:
    """What is fixed of the log of CRIVO_LOG__URL, else of CRIVO_RELAY__URL; where there is none,
    its topics and it are made.

    A new one has as many partitions as its topics. Where the home's service passes its own log on
    to that one (CRIVO_RELAY__URL), it is a copy of that log as it stands, which is made too: what a
    relay passes on counts towards its bound.

    Raises:
        Misconfigured: LOG_MISMATCH for topics of other counts, and where another log than the one
            that is passed on is there; as `open_kafka_log` and `open_home`.
        Unavailable: LOG_UNAVAILABLE; as `open_home`.
    """
    if settings.log.url is None:
        log = settings.log.model_copy(update={"url": settings.relay.url})
        settings = settings.model_copy(update={"log": log})
    if settings.log.url is not None and settings.relay.url == settings.log.url:
        manifest = _own_manifest(settings)
        open_topics(_like(settings, manifest)).apply()
        copy_to_kafka(settings, settings.home, undecided=False, progress=lambda *_: None)
        return manifest
    open_topics(settings).apply()
    from crivo.adapters.kafka.manifest import find_manifest

    if find_manifest(cluster_of(settings)) is None:
        made = {"partitions": settings.log.partitions or PARTITIONS}
        settings = settings.model_copy(update={"log": settings.log.model_copy(update=made)})
    writer = open_kafka_writer(settings)
    writer.close()
    return writer.manifest


def _own_manifest(settings: Settings) -> Manifest:
    """What is fixed of the home's own log, which is made where there is none."""
    manifest = stored_manifest(Paths(settings.home).log)
    if manifest is not None:
        return manifest
    with open_home(settings, writer=True) as home:
        return home.log.manifest


def _like(settings: Settings, manifest: Manifest) -> Settings:
    """The settings, with a clock and a number of partitions that are those of the source."""
    log = settings.log.model_copy(
        update={"clock": manifest.clock, "partitions": manifest.partitions}
    )
    return settings.model_copy(update={"log": log})
