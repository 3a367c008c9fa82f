"""Composes a service that answers once brokers have a record: its file follows them."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.sqlite.log import PARTITIONS_DEFAULT, stored_manifest
from crivo.adapters.sqlite.reader import open_reader
from crivo.adapters.sqlite.rows import SqliteRows
from crivo.bootstrap.home import Home, Paths, open_home, open_pseudonyms
from crivo.bootstrap.kafka import cluster_of, open_kafka_rows, require_client
from crivo.bootstrap.relay import RelayTelemetry, relay_settings
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, CrivoError, Unavailable
from crivo.flows.copy_log import RowLog, copy_log
from crivo.flows.group_commit import Notify
from crivo.flows.ports import Manifest
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.client import Cluster

#: How often it is looked whether the log is still this service's.
LOOK_SECONDS: Final = 0.25

_LOGGER: Final = logging.getLogger("crivo.brokers")


@dataclass(frozen=True, slots=True)
class _Holding:
    """A log that holds so much, wherever that is."""

    manifest: Manifest
    count: int

    def end(self) -> int:
        return self.count


def open_serving_home(settings: Settings, notify: Notify, opened: ExitStack) -> Home:
    """The home for its writer; brokers take what it writes first, where the settings say so.

    Raises:
        Misconfigured, Unavailable: as `open_brokers_first` and `open_home`.
    """
    brokers = open_brokers_first(settings, opened)
    home = open_home(settings, writer=True, notify=notify)
    opened.callback(home.close)
    if brokers is not None:
        home.log.lay_first(brokers)
    return home


def open_brokers_first(settings: Settings, opened: ExitStack) -> RowLog | None:
    """The log in Kafka that takes a service's records before its file does; None where the file
    comes first. Once it is open, file and brokers hold the same.

    A file that is behind takes what brokers hold: of the service that this one takes over from, or
    what was not written there when this one ended. What it alone holds is passed on.

    Raises:
        Misconfigured: LOG_MISMATCH where they hold different logs, or different events under one
            number; KEY_MISSING, KEY_INVALID without the key of what they hold; SETTING_INVALID
            without a client of Kafka.
        Unavailable: LOG_LOCKED while another process writes the file, LOG_UNAVAILABLE,
            FILE_UNWRITABLE.
    """
    if settings.relay.url is None or settings.relay.first != "brokers":
        return None
    require_client("CRIVO_RELAY__URL")
    from crivo.adapters.kafka.manifest import find_manifest, make_manifest
    from crivo.adapters.kafka.rows import number_behind

    there_settings = relay_settings(settings)
    cluster, path = cluster_of(there_settings), Paths(settings.home).log
    make_private_folder(settings.home)
    # Of several that begin at once, one makes the log.
    manifest = stored_manifest(path) or find_manifest(cluster)
    manifest = manifest or make_manifest(cluster, _new_manifest(settings))
    # The file's lock comes first: a second service of this home must not end the one that runs.
    with closing(SqliteRows(path, manifest)) as file, closing(open_reader(path)) as reader:
        # Who cannot serve must not take the name of one that does.
        held = max(file.end(), number_behind(cluster, manifest.partitions))
        open_pseudonyms(Paths(settings.home), _Holding(manifest, held))
        rows = open_kafka_rows(there_settings, reader, may_be_ahead=True)
        opened.callback(rows.close)
        if rows.end() > file.end():
            _take(cluster, manifest, file)
        copy_log(reader, rows, progress=_tell)
    return rows


def watch_brokers(
    settings: Settings,
    check: Callable[[], None],
    failed: Callable[[CrivoError], None],
    telemetry: RelayTelemetry,
) -> Mapping[str, Callable[[threading.Event], None]]:
    """What tells of brokers that take nothing, and ends a service whose log is another's now, by
    its name; nothing where the file comes first.
    """
    if settings.relay.url is None or settings.relay.first != "brokers":
        return {}
    return {"brokers": partial(_watch, check, failed, telemetry)}


def _watch(
    check: Callable[[], None],
    failed: Callable[[CrivoError], None],
    telemetry: RelayTelemetry,
    stop: threading.Event,
) -> None:
    """Until `stop`, or until another service has taken over."""
    was_told = False
    while not stop.wait(LOOK_SECONDS):
        try:
            check()
            was_told = False
        except Unavailable as error:
            if error.code is Code.LOG_LOCKED:
                failed(error)
                return
            if not was_told:
                telemetry.not_relayed(error.code)
                facts = {"words": str(error)}
                _LOGGER.warning("brokers.wait", extra={"code": error.code, "facts": facts})
            was_told = True


def _new_manifest(settings: Settings) -> Manifest:
    log = settings.log
    return Manifest(
        secrets.token_hex(16), log.clock or ClockKind.WALL, log.partitions or PARTITIONS_DEFAULT
    )


def _take(cluster: Cluster, manifest: Manifest, file: SqliteRows) -> None:
    from crivo.adapters.kafka.numbered import NumberedRows

    with closing(NumberedRows(cluster, manifest.partitions, start=file.end())) as rows:
        copy_log(rows, file, progress=_tell)


def _tell(done: int, end: int) -> None:
    _LOGGER.info("brokers.copied", extra={"facts": {"events": done, "of": end}})
