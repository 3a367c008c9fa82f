"""What a tracker is told of a training: what went in, what came out, how it was judged."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from crivo.decision.proposal import Proposal
from crivo.domain.instant import DAY
from crivo.flows.tracker import SHADOW, TrackedData, TrainingRun
from crivo.governance.plots import parts, precision_over_recall, reliability
from crivo.model.artifact import SCORE_ONE
from crivo.model.challenger import NETWORK, Challenged
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric
from crivo.model.judged import JudgedRows
from crivo.model.split import Split
from crivo.model.train import Trained, TrainOptions

_UNTRACKED: Final = re.compile(r"[^\w\-. ]")


@dataclass(frozen=True, slots=True)
class Environment:
    """What a training runs in: the git revision, the lock's SHA-256, and what is installed.

    `installed` is one `name==version` a line; what is not known is empty.
    """

    code_revision: str = ""
    lock_hash: str = ""
    installed: str = ""

    def tags(self) -> dict[str, str]:
        """The revision, and the hashes of the lock and of all that is installed."""
        installed = hashlib.sha256(self.installed.encode()).hexdigest() if self.installed else ""
        return {
            "code_revision": self.code_revision,
            "environment_lock_hash": self.lock_hash,
            "environment_hash": installed,
        }

    def texts(self) -> dict[str, str]:
        """What the last of the hashes is of."""
        return {"environment.txt": self.installed} if self.installed else {}


def training_run(
    dataset: Dataset,
    trained: Trained,
    *,
    source: str,
    folder: Path,
    learner: TrainOptions,
    environment: Environment,
    thresholds: tuple[Proposal, str] | None,
) -> TrainingRun:
    """The run as it is remembered.

    Args:
        dataset: What was learnt from.
        trained: What was learnt.
        source: Where the rows are from.
        folder: The artifact's.
        learner: The options in the end.
        environment: Where it ran.
        thresholds: The proposal, and its entries for the policy, empty where it has none.
    """
    texts = {**_texts(trained), **environment.texts()}
    if thresholds is not None:
        proposal, policy = thresholds
        texts["thresholds.json"] = json.dumps(proposal.as_json(), indent=2)
        if policy:
            texts["thresholds.toml"] = policy
    return TrainingRun(
        name=f"{source} {dataset.said(dataset.labels_as_of)}",
        params=_params(dataset, trained.split, learner),
        metrics=_metrics(trained.metrics),
        texts=texts,
        tags=_made_of(
            dataset, trained.artifact.hash, trained.artifact.metadata["versions"], environment
        ),
        folder=folder,
        data=_data(dataset, source),
        example=_example(trained.judged),
    )


def challenger_run(
    dataset: Dataset,
    challenged: Challenged,
    judged: JudgedRows,
    *,
    source: str,
    folder: Path,
    environment: Environment,
) -> TrainingRun:
    """The challenger's run; it bears the alias `shadow`, and a tag says that it never decides.

    Args:
        dataset: What was learnt from.
        challenged: The network and its metrics.
        judged: The rows that judged it.
        source: Where the rows are from.
        folder: The network's.
        environment: Where it ran.
    """
    network = challenged.network
    described = {**network.metadata["options"], **network.metadata["split"]}
    scores = network.scores(judged.vectors)
    rows = judged.labels, judged.weights
    return TrainingRun(
        name=f"{NETWORK} {source} {dataset.said(dataset.labels_as_of)}",
        params={name: str(value) for name, value in described.items()},
        metrics=_metrics({NETWORK: challenged.metrics}),
        texts={
            "plots/precision_over_recall.svg": precision_over_recall(scores, *rows),
            "plots/reliability.svg": reliability(scores / SCORE_ONE, *rows),
            **environment.texts(),
        },
        tags={
            **_made_of(dataset, network.hash, network.metadata["versions"], environment),
            "serves_as": SHADOW,
        },
        folder=folder,
        data=_data(dataset, source),
        example=_example(judged),
        outputs=("score",),
        alias=SHADOW,
    )


def _data(dataset: Dataset, source: str) -> TrackedData:
    return TrackedData(
        source=source,
        hash=dataset.hash,
        rows=len(dataset),
        inputs=dataset.names,
        cut=dataset.cut,
        labels_as_of=dataset.said(dataset.labels_as_of),
    )


def _texts(trained: Trained) -> dict[str, str]:
    """Plots of how the artifact was judged, and what it asks for."""
    judged, artifact = trained.judged, trained.artifact
    scores = judged.scores(artifact)
    rows = judged.labels, judged.weights
    return {
        "plots/precision_over_recall.svg": precision_over_recall(scores, *rows),
        "plots/reliability.svg": reliability(scores / SCORE_ONE, *rows),
        "plots/parts.svg": parts(trained.segments),
        "signature.json": json.dumps(artifact.signature, indent=2),
    }


def _example(judged: JudgedRows) -> dict[str, float | None]:
    """The first of the rows with the fewest nulls."""
    row = judged.vectors[int(np.isnan(judged.vectors).sum(axis=1).argmin())]
    values = zip(judged.names, row.tolist(), strict=True)
    return {name: None if math.isnan(value) else value for name, value in values}


def tracked_name(text: str) -> str:
    """A text as a part of a metric's name (`flows.tracker.TrainingRun`): what it may not hold is _.

    >>> tracked_name("only valor (R$)")
    'only valor _R__'
    """
    return _UNTRACKED.sub("_", text)


def _metrics(found: Mapping[str, Sequence[Metric]]) -> dict[str, float]:
    """Every model's figures, the ends of each interval beside it; what is undefined is left out."""
    every = {
        f"{tracked_name(model)}/{metric.name}{end}": value
        for model, metrics in found.items()
        for metric in metrics
        for end, value in (("", metric.value), (".low", metric.low), (".high", metric.high))
    }
    return {name: value for name, value in every.items() if not math.isnan(value)}


def _made_of(
    dataset: Dataset, hash_: str, versions: Mapping[str, object], environment: Environment
) -> dict[str, str]:
    """Tags, what the run was made of: hashes, the log's cut, revisions and versions."""
    return {
        "artifact_hash": hash_,
        "dataset_hash": dataset.hash,
        "feature_set_hash": dataset.set_hash,
        "plan_hash": dataset.plan_hash,
        "log_cut": str(dataset.cut),
        **environment.tags(),
        "python": platform.python_version(),
        **{f"version.{name}": str(version) for name, version in versions.items()},
    }


def _params(dataset: Dataset, split: Split, options: TrainOptions) -> dict[str, str]:
    learner = asdict(options)
    described: dict[str, Any] = {
        **{f"booster.{name}": value for name, value in learner.pop("booster").items()},
        **learner,
        **{f"split.{name}": value for name, value in split.as_json().items()},
        "rows": len(dataset),
        "inputs": len(dataset.names),
        "labels_as_of": dataset.said(dataset.labels_as_of),
        "label_delay_days": dataset.label_delay / DAY,
        **{f"left_out.{cause}": count for cause, count in dataset.left_out.items()},
    }
    return {name: str(value) for name, value in described.items()}
