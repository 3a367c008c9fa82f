"""What the settings say of Kafka, as its adapter wants it: a cluster, its topics, a log in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, Misconfigured
from crivo.flows.copy_log import check_end
from crivo.flows.event_rows import without_offset
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.client import Cluster
    from crivo.adapters.kafka.log import KafkaLog
    from crivo.adapters.kafka.reader import KafkaLogReader
    from crivo.adapters.kafka.rows import KafkaRows
    from crivo.adapters.kafka.topics import Topics
    from crivo.adapters.sqlite.reader import SqliteLogReader
    from crivo.bootstrap.home import Importing, Paths
    from crivo.governance.identity import IdentitySealer

#: Partitions of a topic unless CRIVO_LOG__PARTITIONS says how many: they can never change.
PARTITIONS: Final = 64

SCHEME: Final = "kafka://"


def require_client(who: str) -> None:
    """Nothing, if a client of Kafka is installed, which `who` asks for: asked before the modules
    that import it.

    Raises:
        Misconfigured: SETTING_INVALID.
    """
    if find_spec("confluent_kafka") is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{who} asks for a client of Kafka, which is not installed",
            hint="`make extra NAME=kafka`, then .tools/kafka/bin/crivo with the same words.",
            field="confluent_kafka",
        )


def cluster_of(settings: Settings) -> Cluster:
    """The cluster of CRIVO_LOG__URL, else of CRIVO_KAFKA__BROKERS, and how one gets in.

    Raises:
        Misconfigured: SETTING_INVALID without a cluster, or without the extra.
    """
    kafka, url = settings.kafka, settings.log.url
    brokers, _, space = ("" if url is None else url).removeprefix(SCHEME).partition("/")
    brokers = brokers or kafka.brokers or ""
    if not brokers:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "no Kafka cluster is named",
            hint="Set CRIVO_KAFKA__BROKERS to its brokers, such as 127.0.0.1:9092.",
            field="CRIVO_KAFKA__BROKERS",
            expected="host:port",
            found="nothing",
        )
    require_client(brokers)
    from crivo.adapters.kafka.client import Cluster

    return Cluster(
        brokers,
        protocol=kafka.protocol,
        authority=kafka.authority,
        certificate=kafka.certificate,
        key=kafka.key,
        mechanism=kafka.mechanism,
        username=kafka.username,
        password=None if kafka.password is None else kafka.password.get_secret_value(),
        space=space,
        outage_seconds=kafka.outage_seconds,
    )


def open_topics(settings: Settings) -> Topics:
    """The topics of the cluster that the settings name, beside those that a log needs.

    Raises:
        Misconfigured: SETTING_INVALID without a cluster, without the extra, or for settings that do
            not fit together.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.topics import Topics, declared_topics

    declared = declared_topics(
        partitions=settings.log.partitions or PARTITIONS,
        replicas=settings.kafka.replicas,
        in_sync_min=settings.kafka.in_sync_min,
        space=cluster.space,
    )
    return Topics(cluster, declared)


def open_kafka_reader(
    settings: Settings, *, answers: bool = True, whole: bool = True
) -> KafkaLogReader:
    """The log of CRIVO_LOG__URL as it stands, with the keys of the home folder.

    Raises:
        Misconfigured, Refused, Unavailable: as `KafkaLogReader`.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.reader import KafkaLogReader
    from crivo.bootstrap.home import Paths, record_cipher, rotation_of

    cipher = record_cipher(Paths(settings.home), rotation_of(settings))
    return KafkaLogReader(cluster, cipher=cipher, answers=answers, whole=whole)


@contextmanager
def importing_to_kafka(settings: Settings) -> Iterator[Importing]:
    """What an import needs: the log of CRIVO_LOG__URL, and of the home folder, which is made where
    there is none, its key and a quarantine of this log's own.

    Raises:
        Misconfigured: FILE_UNREADABLE, and as `open_kafka_log` and `open_pseudonyms`.
        Unavailable: FILE_UNWRITABLE, and as `open_kafka_log`.
    """
    from crivo.adapters.files.private import make_private_folder
    from crivo.adapters.sqlite.quarantine import SqliteQuarantine
    from crivo.bootstrap.home import Importing, Paths, open_pseudonyms, refused_cipher

    with ExitStack() as opened:
        log = open_kafka_writer(settings)
        opened.callback(log.close)
        make_private_folder(settings.home)
        paths = Paths(settings.home)
        path = paths.refused_of(log.manifest.log_id)
        quarantine = SqliteQuarantine(path, refused_cipher(settings))
        opened.callback(quarantine.close)
        yield Importing(log, quarantine, open_pseudonyms(paths, log))


def open_kafka_writer(
    settings: Settings,
    *,
    new_log_id: str | None = None,
    identities: IdentitySealer | None = None,
) -> KafkaLog:
    """The log of CRIVO_LOG__URL for its one writer, with the keys of records of the home folder;
    with `identities` it takes events with an identity part in clear.

    Raises:
        Misconfigured: LOG_MISMATCH where that one is the home's own log, which its service writes;
            as `open_kafka_log`.
        Unavailable: as `open_kafka_log`.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.log import open_kafka_log
    from crivo.bootstrap.home import Paths, record_cipher, rotation_of

    _check_own(cluster, Paths(settings.home))

    return open_kafka_log(
        cluster,
        clock=settings.log.clock,
        partitions=settings.log.partitions,
        new_log_id=new_log_id or secrets.token_hex(16),
        cipher=record_cipher(Paths(settings.home), rotation_of(settings)),
        identities=identities,
    )


def _check_own(cluster: Cluster, paths: Paths) -> None:
    """Nothing, unless that one is the log of the home's file: what another appended there would
    take the numbers of what its service has yet to pass on, and end one that asks brokers first.
    """
    from crivo.adapters.kafka.manifest import find_manifest
    from crivo.adapters.sqlite.log import stored_manifest

    own = stored_manifest(paths.log)
    if own is not None and own == find_manifest(cluster):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"the log at {cluster.brokers} is the one of this home's file, whose service writes it",
            hint="Give what is to be in it to the service: over HTTP, or to the inbox that it "
            "takes with CRIVO_RELAY__INBOX; or import it into the home's own log. A log that goes "
            "on by itself is another one: `crivo log copy --undecided`, or a home of its own.",
            field="log_id",
            expected="a log that is written here",
            found=own.log_id,
        )


def open_kafka_rows(
    settings: Settings, source: SqliteLogReader, *, may_be_ahead: bool = False
) -> KafkaRows:
    """The log of CRIVO_LOG__URL for who appends a file's rows; made like that one, if needed.

    Whoever writes that log goes on where this one cannot: it is compared before the writer's name
    is taken, and again where it grew meanwhile. `may_be_ahead`: it may hold more than the file.

    Raises:
        Misconfigured: LOG_MISMATCH where the newest event that both hold is not one event, or it is
            ahead and may not be; as `KafkaRows`.
        Unavailable: as `KafkaRows`.
    """
    cluster, manifest = cluster_of(settings), source.manifest
    from crivo.adapters.kafka.manifest import find_manifest
    from crivo.adapters.kafka.rows import KafkaRows, check_same, number_behind

    there, compared = find_manifest(cluster), 0
    if there is not None:
        check_same(cluster, there, manifest)
        compared = number_behind(cluster, manifest.partitions)
        _check_beginning(cluster, compared, source, may_be_ahead=may_be_ahead)
    with ExitStack() as opened:
        rows = opened.enter_context(closing(KafkaRows(cluster, manifest)))
        if rows.end() != compared:
            _check_beginning(cluster, rows.end(), source, may_be_ahead=may_be_ahead)
        opened.pop_all()
        return rows


def _check_beginning(
    cluster: Cluster, at: int, source: SqliteLogReader, *, may_be_ahead: bool
) -> None:
    """Nothing, if the log of a cluster, of `at` events, and a file's are one as far as both go:
    the newest event that both hold is the same one, byte for byte.

    Raises:
        Misconfigured: LOG_MISMATCH. Unavailable: LOG_UNAVAILABLE.
    """
    from crivo.adapters.kafka.numbered import row_at

    end = source.end()
    if not may_be_ahead:
        check_end(at, end)
    shared = min(at, end)
    there = row_at(cluster, source.manifest.partitions, shared - 1) if shared else None
    if there is None:
        return
    (here,) = source.stored_rows(start=shared - 1, limit=1)
    if without_offset(there) != without_offset(here):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"event {shared - 1} of this log is another one than that of {cluster.brokers}",
            hint="One of the two went on without the other: its home was put back from an older "
            "copy, or another service took the log over. Pass this one on to a space of its own, "
            "kafka://HOST:PORT/NAME; or keep this home for whoever asks what its events were, and "
            "start a new one with the same keys and CRIVO_RELAY__FIRST=brokers: it takes the log "
            "from the brokers.",
            field="event_id",
            expected=there[4].hex(),
            found=here[4].hex(),
        )
