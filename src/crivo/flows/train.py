"""Train: from the log, or from a table of ready rows, to an artifact that is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from crivo.decision.proposal import Costs, Proposal, propose
from crivo.domain.instant import BRASILIA_OFFSET, DAY, format_rfc3339
from crivo.features.plan import Plan
from crivo.flows.aliases import Alias, give_alias
from crivo.flows.choosing import chosen
from crivo.flows.mapping import Mapping as TableMapping
from crivo.flows.ports import LogReader, TableReader
from crivo.flows.row_weights import RowWeights, weighed
from crivo.flows.tracker import TrackedRun, Tracker
from crivo.flows.training_rows import Keep, dataset_of_log, dataset_of_table
from crivo.flows.training_run import Environment, challenger_run, training_run
from crivo.model.artifact import Artifact, ArtifactKind, save_artifact
from crivo.model.challenger import (
    NETWORK,
    Challenged,
    Challenger,
    NetworkOptions,
    challenge,
)
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric
from crivo.model.files import held_alone
from crivo.model.judged import forget_judged, save_judged
from crivo.model.labels import NEVER
from crivo.model.leak import Finding
from crivo.model.network import Network, save_network
from crivo.model.order import Order
from crivo.model.split import Split, SplitOptions
from crivo.model.train import Trained, TrainOptions, train

#: Called with (stage, done, total) as the work goes on.
Progress = Callable[[str, int, int], None]

#: Where the tries of searches are kept, so that they can be taken up again.
SEARCHES_FILE: Final = "tries.journal"

#: How long the reports of a log may take, where nobody says otherwise.
LABEL_DELAY: Final = 7 * DAY

#: A table of rows is short in time: its last fifth is the test.
ROWS_SPLIT: Final = SplitOptions(test_share=0.2)


@dataclass(frozen=True, slots=True)
class LogTraining:
    """What is to be learnt from a log.

    `labels_as_of` (an instant) is when training asks what is known: nothing that was received later
    is read. `label_delay` is how long a label may take to arrive. Of `tries` configurations the
    best is fitted. A `challenger` learns from the same rows and becomes the shadow. `weights` are
    those of the table that the transfers came from, which `source` names and `mapping` describes;
    `left_out` counts its rows that are not in the log, and labels, by cause.
    """

    labels_as_of: int
    label_delay: int = LABEL_DELAY
    split: SplitOptions = field(default_factory=SplitOptions)
    learner: TrainOptions = field(default_factory=TrainOptions)
    costs: Costs | None = None
    tries: int = 1
    challenger: Challenger = Challenger.NONE
    environment: Environment = field(default_factory=Environment)
    weights: RowWeights | None = None
    source: str = "log"
    mapping: TableMapping | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableTraining:
    """What is to be learnt from a table of ready rows; `tries`, `challenger` as for a log.

    Nothing that the table knows later than `now` (an instant) is read.
    """

    now: int = NEVER
    split: SplitOptions = ROWS_SPLIT
    learner: TrainOptions = field(default_factory=TrainOptions)
    costs: Costs | None = None
    tries: int = 1
    challenger: Challenger = Challenger.NONE
    environment: Environment = field(default_factory=Environment)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The artifact on disk, the split, every model's metrics, and where the run was kept.

    `proposal` are thresholds that the policy may adopt, None where they cannot be weighed, and
    `policy` the same as entries of `policy/decision.toml`, from the day that training asked about.
    `network` is the challenger, if one was asked for; `metrics` has it beside the others.
    `findings` are the figures of the leak alarm.
    """

    artifact: Artifact
    folder: Path
    split: Split
    metrics: Mapping[str, tuple[Metric, ...]]
    left_out: Mapping[str, int]
    run: TrackedRun
    proposal: Proposal | None
    policy: str
    network: Network | None = None
    findings: tuple[Finding, ...] = ()

    def table(self) -> list[dict[str, str | float]]:
        """One row a model: its name, and each metric's value with its 95 % interval."""
        rows: list[dict[str, str | float]] = []
        for model, metrics in self.metrics.items():
            row: dict[str, str | float] = {"model": model}
            for metric in metrics:
                row[metric.name] = metric.value
                row[f"{metric.name}_low"] = metric.low
                row[f"{metric.name}_high"] = metric.high
            rows.append(row)
        return rows


def train_from_log(
    log: LogReader,
    plan: Plan,
    *,
    tracker: Tracker,
    models_folder: Path,
    judged_folder: Path,
    networks_folder: Path,
    options: LogTraining,
    progress: Progress,
) -> TrainResult:
    """A model of transfers, learnt from what the log knew at `options.labels_as_of`.

    Raises:
        Refused: DATA_TOO_SMALL. Unfit: LEAK_SUSPECTED, GATE_FAILED.
        Unavailable: FILE_UNWRITABLE from the tracker; the artifact is on disk then.
    """
    dataset = dataset_of_log(
        log,
        plan,
        labels_as_of=options.labels_as_of,
        label_delay=options.label_delay,
        progress=progress,
        mapping=options.mapping,
    )
    if options.weights is not None:
        dataset = weighed(dataset, options.weights)
    if options.left_out:
        dataset = replace(dataset, left_out={**dataset.left_out, **options.left_out})
    return _train(
        dataset,
        ArtifactKind.EVENTS,
        options,
        tracker,
        (models_folder, judged_folder, networks_folder),
        progress,
        source=options.source,
    )


def train_from_table(
    reader: TableReader,
    mapping: TableMapping,
    *,
    tracker: Tracker,
    models_folder: Path,
    judged_folder: Path,
    networks_folder: Path,
    options: TableTraining,
    progress: Progress,
    keep: Keep = lambda _rows: None,
) -> TrainResult:
    """A model of ready rows (a mapping of kind `rows`); it answers `/predict` and no transfer.

    Rows that cannot be read are given to `keep`.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING, TIME_RANGE, DATA_TOO_SMALL.
        Unfit: LEAK_SUSPECTED, GATE_FAILED.
        Unavailable: FILE_UNWRITABLE from the tracker; the artifact is on disk then.
    """
    dataset = dataset_of_table(reader, mapping, progress=progress, now=options.now, keep=keep)
    return _train(
        dataset,
        ArtifactKind.ROWS,
        options,
        tracker,
        (models_folder, judged_folder, networks_folder),
        progress,
        source=mapping.source,
    )


def _train(
    dataset: Dataset,
    kind: ArtifactKind,
    options: LogTraining | TableTraining,
    tracker: Tracker,
    folders: tuple[Path, Path, Path],
    progress: Progress,
    *,
    source: str,
) -> TrainResult:
    models_folder, judged_folder, networks_folder = folders
    options = replace(
        options,
        learner=chosen(
            dataset,
            options.split,
            options.learner,
            tries=options.tries,
            file=judged_folder / SEARCHES_FILE,
            progress=progress,
        ),
    )
    trained = train(
        dataset, kind=kind, split_options=options.split, options=options.learner, progress=progress
    )
    folder = _kept(trained, models_folder, judged_folder)
    give_alias(models_folder, Alias.CANDIDATE, trained.artifact.hash)
    proposal = _propose(trained, options.costs)
    policy = ""
    # What scores rows decides no transfer: its thresholds are whoever asks `/predict`'s.
    if proposal is not None and kind is ArtifactKind.EVENTS:
        policy = proposal.as_policy(_day(dataset.labels_as_of))
    progress("register", 0, 1)
    run = tracker.record(
        training_run(
            dataset,
            trained,
            source=source,
            folder=folder,
            learner=options.learner,
            environment=options.environment,
            thresholds=None if proposal is None else (proposal, policy),
        )
    )
    progress("register", 1, 1)
    metrics, network = dict(trained.metrics), None
    if options.challenger is Challenger.NETWORK:
        progress("challenger", 0, 1)
        found = _challenge(dataset, trained, options, tracker, networks_folder, source=source)
        give_alias(models_folder, Alias.SHADOW, found.network.hash)
        metrics[NETWORK], network = found.metrics, found.network
        progress("challenger", 1, 1)
    return TrainResult(
        artifact=trained.artifact,
        folder=folder,
        split=trained.split,
        metrics=metrics,
        left_out=dataset.left_out,
        run=run,
        proposal=proposal,
        policy=policy,
        network=network,
        findings=trained.findings,
    )


def _kept(trained: Trained, models_folder: Path, judged_folder: Path) -> Path:
    """The artifact's folder, with the rows that judged it in theirs."""
    # Another training that forgets rows must not come between these rows and their model.
    with held_alone(judged_folder):
        # The rows first: an artifact that is there can be judged.
        save_judged(judged_folder, trained.judged)
        folder = save_artifact(models_folder, trained.artifact)
        forget_judged(judged_folder, models_folder)
    return folder


def _challenge(
    dataset: Dataset,
    trained: Trained,
    options: LogTraining | TableTraining,
    tracker: Tracker,
    networks_folder: Path,
    *,
    source: str,
) -> Challenged:
    """The network that learnt from the champion's rows, kept and registered as the shadow."""
    found = challenge(
        dataset,
        trained.split,
        NetworkOptions(seed=options.learner.seed),
        judged=trained.judged.hash,
        reviews_per_day=options.learner.reviews_per_day,
        resamples=options.learner.resamples,
    )
    folder = save_network(networks_folder, found.network)
    tracker.record(
        challenger_run(
            dataset,
            found,
            trained.judged,
            source=source,
            folder=folder,
            environment=options.environment,
        )
    )
    return found


def _day(instant: int) -> str:
    """The Brasília date."""
    return format_rfc3339(instant + BRASILIA_OFFSET)[:10]


def _propose(trained: Trained, costs: Costs | None) -> Proposal | None:
    """Thresholds by cost; none where nobody said what costs, or where rows have no amounts, or no
    time: there is no day then that reviews are counted by.
    """
    held, judged = trained.held, trained.judged
    if costs is None or not held.amounts.any() or trained.split.order is not Order.TIME:
        return None
    return propose(held, trained.held_scores, judged, judged.scores(trained.artifact), costs)
