"""Composes what runs without a service: import, train, replay, verify."""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.reader import FileReader
from crivo.adapters.files.streams import days_of_streams
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.adapters.sqlite.reader import SqliteLogReader
from crivo.bootstrap.collecting import seldom_collected
from crivo.bootstrap.home import (
    Paths,
    open_home,
    open_log_reader,
    policy_text,
    require_home,
    wall_clock,
)
from crivo.bootstrap.service import serving_plan
from crivo.bootstrap.snapshots import start_of
from crivo.decision.proposal import COSTS_FILE, Costs, parse_costs
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.instant import DAY
from crivo.flows.ingest import IngestResult, ingest
from crivo.flows.ingest_streams import ingest_streams
from crivo.flows.mapping import Kind, Mapping, parse_mapping
from crivo.flows.ports import QuarantinedRow, Table
from crivo.flows.rows import RowReader
from crivo.flows.train import LogTraining, TableTraining, TrainResult
from crivo.flows.training_run import Environment
from crivo.model.booster import BoosterOptions
from crivo.model.calibrate import Calibrator
from crivo.model.challenger import Challenger
from crivo.model.resample import Resampling
from crivo.model.train import TrainOptions
from crivo.settings import Settings

#: Called with (done, total) in the unit of the work.
Progress = Callable[[int, int], None]
#: Called with (stage, done, total).
StagedProgress = Callable[[str, int, int], None]


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file.

    Raises:
        Refused: FILE_UNREADABLE. Misconfigured: MAPPING_INVALID.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            Code.FILE_UNREADABLE,
            f"the mapping {path} cannot be read: {error}",
            hint="mappings/ in the repository holds examples.",
            file=str(path),
        ) from error
    return parse_mapping(text, name=path.name)


def read_table(path: Path, mapping: Mapping) -> Table:
    """The columns of a table that its mapping reads.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING, IMPORT_TOO_LARGE.
    """
    return FileReader(path).read(mapping.columns())


def last_days(table: Table, mapping: Mapping, days: int) -> tuple[int, int]:
    """The stretch of the table's last `days` whole days: [from, to), days of UTC.

    Raises:
        Refused: DATA_TOO_SMALL for a table without one readable time.
    """
    rows = RowReader(table, mapping)
    order = rows.order(start=None, until=None)
    if not len(order):
        raise Refused(
            Code.DATA_TOO_SMALL,
            f"{table.name} has no row with a readable time",
            hint="Look at [time] in the mapping.",
            field="time",
        )
    end = (rows.received_at(int(order[-1])) // DAY + 1) * DAY
    return end - days * DAY, end


def import_table(
    settings: Settings,
    path: Path,
    mapping: Mapping,
    *,
    until: int | None,
    progress: Progress,
    received_at: int | None = None,
) -> IngestResult:
    """What became of the table's rows in the log and the quarantine of the home folder.

    Raises:
        Refused, Unavailable: as `flows.ingest`; Unavailable LOG_LOCKED while a service writes it.
    """
    # Looked at before the home is made: a file that is not there leaves nothing behind.
    reader = FileReader(path)
    reader.check(mapping.columns())
    with open_home(settings, writer=True) as home:
        return ingest(
            reader,
            mapping,
            home.log,
            home.quarantine,
            home.pseudonyms,
            now=wall_clock(),
            until=until,
            received_at=received_at,
            progress=progress,
        )


def import_streams(
    settings: Settings,
    folder: Path,
    mapping: Mapping,
    *,
    until: int | None,
    progress: Progress,
) -> IngestResult:
    """What became of the rows of a folder of streams in the log and the quarantine of the home.

    Raises:
        Refused, Unavailable: as `flows.ingest_streams`, and as `import_table`.
    """
    days = days_of_streams(folder, mapping)
    with open_home(settings, writer=True) as home, seldom_collected():
        return ingest_streams(
            days,
            mapping,
            home.log,
            home.quarantine,
            home.pseudonyms,
            now=wall_clock(),
            until=until,
            progress=progress,
        )


def log_reader(settings: Settings) -> SqliteLogReader:
    """The log of the home folder, for reading.

    Raises:
        Unavailable: NOT_FOUND where there is no log yet.
    """
    path = Paths(settings.home).log
    if not path.exists():
        raise Unavailable(
            Code.NOT_FOUND,
            f"{settings.home} holds no log",
            hint="`crivo ingest FILE --mapping …` or `crivo demo` makes one.",
            file=str(path),
        )
    return open_log_reader(path)


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """State at `cut`, of which a former snapshot held `before`; equal where nothing was new."""

    plan_hash: str
    cut: int
    before: int


def take_snapshot(settings: Settings, progress: Progress) -> SnapshotTaken:
    """Keeps the state at the log's end: the newest snapshot, and what came after it.

    Raises:
        Unavailable: NOT_FOUND without a log, FILE_UNWRITABLE.
    """
    plan = serving_plan()
    log = log_reader(settings)
    try:
        replica = start_of(settings, plan, log)
        before = replica.folded
        replica.catch_up(log, progress)
        if replica.folded > before:
            files = SnapshotFiles(Paths(settings.home).snapshots)
            files.keep(replica.snapshot(log.manifest.log_id))
        return SnapshotTaken(plan.plan_hash, replica.folded, before)
    finally:
        log.close()


def quarantined(settings: Settings, *, limit: int) -> tuple[Counter[Code], list[QuarantinedRow]]:
    """How many rows wait by cause, and some of them.

    Raises:
        Unavailable: NOT_FOUND where there is no home folder.
    """
    path = Paths(require_home(settings)).quarantine
    if not path.exists():
        return Counter(), []
    store = SqliteQuarantine(path)
    try:
        return Counter(store.counts()), store.rows(limit=limit)
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class Training:
    """What `crivo train` is asked for; `labels_as_of` None means the end of the log."""

    labels_as_of: int | None
    seed: int
    leak_accepted_by: str
    tries: int = 1
    resampling: Resampling = Resampling.NONE
    calibrator: Calibrator = Calibrator.PLATT
    challenger: Challenger = Challenger.NONE


def train_on_log(
    settings: Settings, training: Training, *, progress: StagedProgress
) -> TrainResult:
    """A model of the home folder's log, registered as candidate.

    Raises:
        Refused: DATA_TOO_SMALL. Unfit: LEAK_SUSPECTED. Unavailable: NOT_FOUND, FILE_UNWRITABLE.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker
    from crivo.flows.train import train_from_log

    paths = Paths(settings.home)
    reader = log_reader(settings)
    try:
        as_of = training.labels_as_of
        options = LogTraining(
            labels_as_of=_newest(reader) + 1 if as_of is None else as_of,
            learner=_learner(training, costs := _costs(settings)),
            costs=costs,
            tries=training.tries,
            challenger=training.challenger,
            environment=environment(),
        )
        return train_from_log(
            reader,
            serving_plan(),
            tracker=MlflowTracker(paths.tracking, url=settings.tracking_url or ""),
            models_folder=paths.models,
            judged_folder=paths.judged,
            networks_folder=paths.networks,
            options=options,
            progress=progress,
        )
    finally:
        reader.close()


def train_on_table(
    settings: Settings,
    path: Path,
    mapping: Mapping,
    training: Training,
    *,
    progress: StagedProgress,
) -> TrainResult:
    """A model of ready rows, registered as candidate; it answers `/predict`.

    Raises:
        Misconfigured: MAPPING_INVALID for a mapping that makes events. Else as `train_on_log`.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker
    from crivo.flows.train import train_from_table

    if mapping.kind is not Kind.ROWS:
        raise Misconfigured(
            Code.MAPPING_INVALID,
            "the mapping makes events, and --data trains on ready rows",
            hint="`crivo ingest` this table, then `crivo train` without --data.",
            field="kind",
            expected=Kind.ROWS.value,
            found=mapping.kind.value,
        )
    reader = FileReader(path)
    reader.check(mapping.columns())
    make_private_folder(settings.home)
    paths = Paths(settings.home)
    return train_from_table(
        reader,
        mapping,
        tracker=MlflowTracker(paths.tracking, url=settings.tracking_url or ""),
        models_folder=paths.models,
        judged_folder=paths.judged,
        networks_folder=paths.networks,
        options=TableTraining(
            now=wall_clock(),
            learner=_learner(training, costs := _costs(settings)),
            costs=costs,
            tries=training.tries,
            challenger=training.challenger,
            environment=environment(),
        ),
        progress=progress,
    )


def code_revision() -> str:
    """The git revision that this program runs from; empty where it runs from no checkout."""
    folder = Path(__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def environment() -> Environment:
    """What this program runs in: its revision, the lock of its checkout, what is installed."""
    lock = Path(__file__).resolve().parents[3] / "requirements" / "default.txt"
    found = {f"{each.name}=={each.version}" for each in distributions()}
    return Environment(
        code_revision=code_revision(),
        lock_hash=hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "",
        installed="".join(f"{each}\n" for each in sorted(found)),
    )


def _learner(training: Training, costs: Costs) -> TrainOptions:
    return TrainOptions(
        booster=BoosterOptions(seed=training.seed, resampling=training.resampling),
        calibrator=training.calibrator,
        reviews_per_day=costs.reviews_per_day,
        leak_accepted_by=training.leak_accepted_by,
    )


def _costs(settings: Settings) -> Costs:
    """What outcomes cost today."""
    return parse_costs(policy_text(settings, COSTS_FILE), at=wall_clock())


def _newest(reader: SqliteLogReader) -> int:
    """The greatest receipt of the log."""
    from crivo.domain.streams import Stream

    partitions = range(reader.manifest.partitions)
    return max(reader.order_time(stream, part) for stream in Stream for part in partitions)
