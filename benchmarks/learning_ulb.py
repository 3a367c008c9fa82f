"""Real card rows (ULB): the last fifth of time, weighted, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.ulb import FILE, ulb_dataset
from crivo.flows.train import ROWS_SPLIT
from crivo.model.artifact import ArtifactKind
from crivo.model.train import CHAMPION, LOGISTIC, TrainOptions, train

#: LightGBM and a logistic regression, measured elsewhere before.
BEFORE: Final = {
    CHAMPION: {"average_precision": 0.799, "auc": 0.987, "recall_at_fpr_1_percent": 0.853},
    LOGISTIC: {"average_precision": 0.760, "auc": 0.979, "recall_at_fpr_1_percent": 0.867},
}
TARGETS: Final = {"average_precision": 0.79, "auc": 0.985}


def run(setting: Setting) -> Iterator[Row]:
    """Every metric of every model; the ends of its interval stand in rows of their own."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    dataset = ulb_dataset(data_folder())
    options = TrainOptions(resamples=100 if setting.quick else 500)
    trained = train(dataset, kind=ArtifactKind.ROWS, split_options=ROWS_SPLIT, options=options)
    frauds = trained.split.positives_test
    for model, metrics in trained.metrics.items():
        for metric in metrics:
            what = f"ULB, last fifth ({frauds} frauds), {model}, {metric.name}"
            yield setting.row(
                f"{what} (peer: measured before)",
                "",
                [metric.value],
                at_least=TARGETS.get(metric.name) if model == CHAMPION else None,
                peer=BEFORE.get(model, {}).get(metric.name),
            )
            yield setting.row(f"{what}, 2.5 %", "", [metric.low])
            yield setting.row(f"{what}, 97.5 %", "", [metric.high])
