"""Training, scoring and contributions: seconds, rows a second on one core, microseconds a row.

Training is what `crivo train --data` does with a table: it reads the file, looks for leaks, fits
three forests, a regression and a curve, draws the intervals, keeps the model and registers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Row, Setting
from benchmarks.learn import peers
from benchmarks.learn.training import FEATURES, drawn, trained
from crivo.model.artifact import Artifact, ArtifactKind, names_hash
from crivo.model.booster import BoosterOptions, fit_booster
from crivo.model.calibrate import sigmoid_of, tabulate
from crivo.model.forest import forest_of
from crivo.model.scorer import Scorer

#: Rows that the forest which is timed learns from; those that it is asked about are the first.
GROWN_ROWS: Final = 200_000
SINGLE_ROWS: Final = 4_000
#: Rows whose contributions are compared with a peer's.
EXPLAINED_ROWS: Final = 400
#: Who else scores or explains the same forest (`make peers`).
PEERS: Final = {"onnxruntime": "scoring", "mlflow": "scoring", "shap": "contributions"}

Float64s = npt.NDArray[np.float64]


def run(setting: Setting) -> Iterator[Row]:
    """The rows of training, and of a forest like its own: 300 trees of 16 leaves."""
    yield from training(setting, 100_000 if setting.quick else 1_000_000)
    vectors, labels = drawn(GROWN_ROWS // 4 if setting.quick else GROWN_ROWS)
    booster, _ = fit_booster(vectors, labels, np.ones(len(vectors)), BoosterOptions())
    yield from scoring(setting, artifact_of(booster), booster, vectors)


def training(setting: Setting, count: int) -> Iterator[Row]:
    """The whole of a training, and its parts."""
    taken = trained(count)
    what = f"training, {count:,} rows × {FEATURES} features, two threads"
    yield setting.row(f"{what}: the whole of crivo train", "s", [taken.whole], at_most=180.0)
    yield setting.row(f"{what}: its processor time", "s", [taken.processor])
    yield setting.row(f"{what}: reading the table", "s", [taken.reading])
    yield setting.row(f"{what}: fitting and judging", "s", [taken.fitting])
    yield setting.row(f"{what}: keeping and registering", "s", [taken.keeping])


def scoring(setting: Setting, artifact: Artifact, booster: Any, rows: Float64s) -> Iterator[Row]:
    """Each beside the library's own way, on one thread."""
    scorer = Scorer(artifact)
    scorer.score(rows[:100], plan_hash="")  # compiles, or loads what was compiled before
    runs = 3 if setting.quick else 7
    own = [len(rows) / seconds(lambda: scorer.score(rows, plan_hash="")) for _ in range(runs)]
    its = len(rows) / seconds(lambda: booster.predict(rows, raw_score=True, num_threads=1))
    yield setting.row(
        "scoring, batch, one core (peer: LightGBM)", "rows/s", own, at_least=500_000, peer=its
    )
    one = [each_us(lambda row: scorer.score_one(row, plan_hash=""), rows) for _ in range(runs)]
    it = each_us(
        lambda row: booster.predict(row.reshape(1, -1), raw_score=True, num_threads=1), rows
    )
    yield setting.row("scoring, one row, p50 (peer: LightGBM)", "µs", one, at_most=15.0, peer=it)
    parts = [each_us(scorer.contributions, rows) for _ in range(runs)]
    its_parts = each_us(
        lambda row: booster.predict(row.reshape(1, -1), pred_contrib=True, num_threads=1),
        rows[: SINGLE_ROWS // 10],
    )
    yield setting.row(
        "contributions, one row, p50 (peer: LightGBM's SHAP)",
        "µs",
        parts,
        at_most=300.0,
        peer=its_parts,
    )
    some = rows[: len(rows) // 10]
    together = len(some) / seconds(lambda: scorer.contributions_of(some))
    yield setting.row("contributions, many rows, one core", "rows/s", [together])
    mine = float(np.median(own)), float(np.median(one)), together, float(np.median(parts))
    yield from beside(setting, artifact, some, mine)


def beside(
    setting: Setting,
    artifact: Artifact,
    rows: Float64s,
    mine: tuple[float, float, float, float],
) -> Iterator[Row]:
    """The peers on the same forest; `mine`: rows a second and one row, scored and explained."""
    scorer = Scorer(artifact)
    ours = {
        "margins": scorer.score(rows, plan_hash="")[0],
        "parts": scorer.contributions_of(rows[:EXPLAINED_ROWS]),
    }
    for name, what in PEERS.items():
        found = peers.ask(name, artifact, rows, ours)
        batch, one = mine[2:] if what == "contributions" else mine[:2]
        if isinstance(found, str):
            yield setting.not_run(f"{what} by {name}", "rows/s", found)
            continue
        label = f"{what} by {name} {found.version}"
        yield setting.row(
            f"{label}, many rows, one core (peer: ours)",
            "rows/s",
            [found.rows_per_second],
            peer=batch,
        )
        yield setting.row(f"{label}, one row, p50 (peer: ours)", "µs", [found.one_us], peer=one)
        yield setting.row(
            f"{label}, greatest difference from ours", "", [found.difference], at_most=peers.EQUAL
        )


def artifact_of(booster: Any) -> Artifact:
    """The forest as it is served."""
    names = tuple(f"input_{place}" for place in range(FEATURES))
    forest = forest_of(booster)
    margins = np.array([-20 << 40, 20 << 40], np.int64)
    return Artifact(
        kind=ArtifactKind.ROWS,
        input_names=names,
        set_hash=names_hash(names),
        plan_hash="",
        body=forest,
        calibration=tabulate(sigmoid_of(1.0, 0.0), margins),
        metadata={},
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def each_us(work: Callable[[Float64s], object], rows: Float64s) -> float:
    """Microseconds that the median row takes alone, of the second half of some rows."""
    taken = []
    for row in rows[:SINGLE_ROWS]:
        begun = time.perf_counter_ns()
        work(row)
        taken.append(time.perf_counter_ns() - begun)
    return float(np.median(taken[len(taken) // 2 :])) / 1_000
