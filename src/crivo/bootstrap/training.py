"""Composes training: from the home folder's log, or from a table, to a registered candidate."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import abc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.reader import FileReader
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.bootstrap.collecting import give_back
from crivo.bootstrap.home import Paths, policy_text, refused_cipher, wall_clock
from crivo.bootstrap.offline import import_streams, import_table, log_reader, read_table
from crivo.bootstrap.quarantine import listing
from crivo.bootstrap.service import serving_plan
from crivo.decision.proposal import COSTS_FILE, Costs, parse_costs
from crivo.domain.errors import Code, Refused
from crivo.domain.report import SCHEMA as REPORT
from crivo.flows.ingest import IngestResult
from crivo.flows.mapping import Kind, Mapping
from crivo.flows.newest import known_by
from crivo.flows.row_weights import RowWeights, weights_of_table
from crivo.flows.train import LABEL_DELAY, ROWS_SPLIT, LogTraining, TableTraining, TrainResult
from crivo.flows.training_rows import label_of
from crivo.flows.training_run import Environment
from crivo.model.booster import BoosterOptions
from crivo.model.calibrate import Calibrator
from crivo.model.challenger import Challenger
from crivo.model.learner import Method
from crivo.model.resample import Resampling
from crivo.model.split import Cuts, SplitOptions
from crivo.model.train import TrainOptions
from crivo.settings import Settings

#: The checkout that this file is of, where it is of one.
_ROOT: Final = Path(__file__).resolve().parents[3]

#: Called with (stage, done, total).
StagedProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Training:
    """What `crivo train` is asked for; `labels_as_of` None means the end of the log.

    `apart`, `without_compromised`, `cuts` and `calibration_share` are those of `SplitOptions`,
    which the last is left to where it is None.
    """

    labels_as_of: int | None
    seed: int
    leak_accepted_by: str
    tries: int = 1
    resampling: Resampling = Resampling.NONE
    calibrator: Calibrator = Calibrator.BETA
    challenger: Challenger = Challenger.NONE
    apart: float | None = None
    without_compromised: bool = False
    calibration_share: float | None = None
    method: Method = Method.FOREST
    cuts: Cuts | None = None

    def split(self, usual: SplitOptions) -> SplitOptions:
        """The usual split, of the payers and at the instants that were asked for."""
        share = self.calibration_share
        return replace(
            usual,
            apart=self.apart,
            apart_seed=self.seed,
            without_compromised=self.without_compromised,
            cuts=self.cuts,
            calibration_share=usual.calibration_share if share is None else share,
        )


@dataclass(frozen=True, slots=True)
class Past:
    """Whence a log's transfers came, where that was one table: its name, how long its labels take,
    what its rows weigh (None: one each), which of its columns are what, and how many of its rows
    were refused, by code, and labels are known only later than the log's clock (`labels_later`).
    """

    source: str = "log"
    label_delay: int = LABEL_DELAY
    weights: RowWeights | None = None
    mapping: Mapping | None = None
    left_out: abc.Mapping[str, int] = field(default_factory=dict)


_THE_LOG: Final = Past()


def train_on_log(
    settings: Settings, training: Training, *, progress: StagedProgress, past: Past = _THE_LOG
) -> TrainResult:
    """A model of the home folder's log, registered as candidate.

    Raises:
        Refused: DATA_TOO_SMALL, TIME_RANGE. Unfit: LEAK_SUSPECTED. Unavailable: NOT_FOUND,
            FILE_UNWRITABLE.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker
    from crivo.flows.train import train_from_log

    paths = Paths(settings.home)
    reader = log_reader(settings)
    try:
        options = LogTraining(
            labels_as_of=known_by(reader, training.labels_as_of),
            label_delay=past.label_delay,
            split=training.split(SplitOptions()),
            learner=_learner(training, costs := _costs(settings)),
            costs=costs,
            tries=training.tries,
            challenger=training.challenger,
            environment=environment(),
            weights=past.weights,
            source=past.source,
            mapping=past.mapping,
            left_out=past.left_out,
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
        give_back()


def own_home(settings: Settings, mapping: Mapping) -> Path:
    """The folder of a table of events that is trained on without `--home`: a log of its own."""
    return settings.home.with_name(f"{settings.home.name}-{mapping.source}")


def train_on_events(
    settings: Settings,
    path: Path,
    mapping: Mapping,
    training: Training,
    *,
    progress: StagedProgress,
) -> tuple[IngestResult, TrainResult]:
    """What became of a table's rows in the log of the home folder, and a model of that log.

    What the log holds already is not appended again. A label takes as long to arrive as the mapping
    says; where a column says when each was known, as long as in any log.

    Raises:
        Refused: FIELD_MISSING for a mapping without [label], unless a stream tells reports;
            TIME_RANGE, FIELD_MISSING as `ingest` of what is to train;
            DATA_TOO_SMALL where no row could be read; as `weights_of_table`, `import_table`,
            `import_streams` and `train_on_log`. Unavailable: as these.
    """
    if not any(told.schema == REPORT for told in mapping.told):
        label_of(mapping)

    def count(done: int, total: int) -> None:
        progress("import the table into the log", done, total)

    if mapping.told:
        taken = import_streams(
            settings, path, mapping, until=None, progress=count, is_to_train=True
        )
        weights = None
    else:
        # The weights first: a table whose weights cannot be read leaves the log as it was.
        weights = weights_of_table(read_table(path, mapping), mapping) if mapping.weight else None
        taken = import_table(settings, path, mapping, until=None, progress=count, is_to_train=True)
    _check_some_read(taken, settings)
    delay = mapping.known_after
    left_out = {code.value: count for code, count in sorted(taken.causes.items())}
    if delay is None and taken.reports_later:
        # Those of a delay are of rows that are immature, and counted as such.
        left_out["labels_later"] = taken.reports_later
    past = Past(
        source=mapping.source,
        label_delay=LABEL_DELAY if delay is None else delay,
        weights=weights,
        mapping=mapping,
        left_out=left_out,
    )
    return taken, train_on_log(settings, training, progress=progress, past=past)


def _check_some_read(taken: IngestResult, settings: Settings) -> None:
    """Nothing, where a row of the table is in the log.

    Raises:
        Refused: DATA_TOO_SMALL, with why the rows were refused.
    """
    if taken.received and taken.quarantined == taken.received:
        causes = ", ".join(f"{count:,} {code.value}" for code, count in taken.causes.items())
        raise Refused(
            Code.DATA_TOO_SMALL,
            f"none of the {taken.received:,} rows of the table could be read",
            hint=f"`{listing(settings)}` shows the rows, and what was wrong with each.",
            field="rows",
            expected="at least 1 that the mapping can read",
            found=causes,
        )


def train_on_rows(
    settings: Settings,
    path: Path,
    mapping: Mapping,
    training: Training,
    *,
    progress: StagedProgress,
) -> TrainResult:
    """A model of ready rows, registered as candidate; it answers `/predict`.

    A home folder that was made for it is gone again where nothing is kept there, neither a row that
    was refused nor a model.

    Raises:
        Refused: as `train_from_table`. Else as `train_on_log`.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker
    from crivo.flows.train import train_from_table

    assert mapping.kind is Kind.ROWS
    reader = FileReader(path)
    reader.check(mapping.columns())
    paths = Paths(settings.home)
    with _home(paths.home), ExitStack() as opened:

        @cache
        def quarantine() -> SqliteQuarantine:
            made = SqliteQuarantine(paths.quarantine, refused_cipher(settings))
            opened.callback(made.close)
            return made

        return train_from_table(
            reader,
            mapping,
            tracker=MlflowTracker(paths.tracking, url=settings.tracking_url or ""),
            models_folder=paths.models,
            judged_folder=paths.judged,
            networks_folder=paths.networks,
            options=TableTraining(
                now=wall_clock(),
                split=training.split(ROWS_SPLIT),
                learner=_learner(training, costs := _costs(settings)),
                costs=costs,
                tries=training.tries,
                challenger=training.challenger,
                environment=environment(),
            ),
            progress=progress,
            keep=lambda rows: quarantine().put(rows),
        )


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """The folder is there; one that was not there before, and stays empty, is gone afterwards.

    Raises:
        Unavailable: FILE_UNWRITABLE, before anything else is done.
    """
    was_there = folder.exists()
    make_private_folder(folder)
    try:
        yield
    finally:
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


def code_revision(root: Path = _ROOT) -> str:
    """The git revision of Crivo's own tree at `root`, with `-dirty` where tracked files differ from
    it; empty where `root` is no repository's own folder, as where Crivo is installed in another's.
    """
    folder = _git(root, "rev-parse", "--show-toplevel")
    if not folder or Path(folder).resolve() != root.resolve():
        return ""
    # Tags are left aside, so that it is the whole hash.
    return _git(root, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def _git(folder: Path, *words: str) -> str:
    """What git answers about a folder; empty where it cannot, or is not installed."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def lock_hash(root: Path = _ROOT, prefix: Path = Path(sys.prefix)) -> str:
    """The SHA-256 of the lock that the environment at `prefix` was made by; empty where the tree at
    `root` has none.

    `make extra NAME=keras` makes `.tools/keras` by a lock of its own; any other environment has the
    packages of the default one, whatever else it has.
    """
    is_keras = prefix.resolve() == (root / ".tools" / "keras").resolve()
    lock = root / "requirements" / ("keras.txt" if is_keras else "default.txt")
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""


def environment() -> Environment:
    """What this program runs in: its revision, the lock of its environment, what is installed."""
    found = {f"{each.name}=={each.version}" for each in distributions()}
    return Environment(
        code_revision=code_revision(),
        lock_hash=lock_hash(),
        installed="".join(f"{each}\n" for each in sorted(found)),
    )


def _learner(training: Training, costs: Costs) -> TrainOptions:
    return TrainOptions(
        booster=BoosterOptions(seed=training.seed, resampling=training.resampling),
        method=training.method,
        calibrator=training.calibrator,
        reviews_per_day=costs.reviews_per_day,
        leak_accepted_by=training.leak_accepted_by,
    )


def _costs(settings: Settings) -> Costs:
    """What outcomes cost today."""
    return parse_costs(policy_text(settings, COSTS_FILE), at=wall_clock())
