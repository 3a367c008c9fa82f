"""A table of plain rows, and what `crivo train --data` takes for it, from file to registered model.

The rows are as a bank's might be: a time, whose they are, an amount, a label that a week brings,
and inputs of which ten say something.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from crivo.bootstrap.training import Training, train_on_rows
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.model.learner import Method
from crivo.model.train import STEPS
from crivo.settings import load_settings

SEED: Final = 7
FEATURES: Final = 80
DAYS: Final = 120
#: Rows that one entity has on average.
ROWS_OF_ENTITY: Final = 20
FIRST: Final = parse_rfc3339("2026-01-05T00:00:00Z")
#: The stages whose beginning `crivo train` tells.
FIT: Final = f"1 of {len(STEPS)}: {STEPS[0]}"
REGISTER: Final = "register"

MAPPING: Final = f"""
source = "benchmark"
kind = "rows"
[time]
column = "at"
zone = "UTC"
[label]
column = "fraud"
positive = 1
known_after_days = 7
[entity]
column = "card"
[amount]
column = "amount"
unit = "centavos"
[features]
columns = ["x1..x{FEATURES}"]
"""

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of the whole, of reading the table, of fitting and judging, of keeping the model;
    processor seconds of the whole; and the model's hash.
    """

    whole: float
    reading: float
    fitting: float
    keeping: float
    processor: float
    model: str


def drawn(count: int) -> tuple[Float64s, npt.NDArray[np.bool_]]:
    """Vectors of which ten inputs say something of a label that one row in a hundred has."""
    dice = np.random.default_rng(SEED)
    vectors = dice.normal(size=(count, FEATURES))
    risk = vectors[:, :10].sum(axis=1) + vectors[:, 0] * vectors[:, 1] - 8.5
    vectors[:, 5:][dice.random((count, FEATURES - 5)) < 0.1] = np.nan
    return vectors, dice.random(count) < 1 / (1 + np.exp(-risk))


def mapping() -> Mapping:
    """What the columns of `written` are."""
    return parse_mapping(MAPPING, name="benchmark.toml")


def written(path: Path, count: int) -> Path:
    """The table of so many rows, as Parquet."""
    vectors, labels = drawn(count)
    dice = np.random.default_rng(SEED + 1)
    at = FIRST + np.sort(dice.integers(0, DAYS * DAY, count))
    columns = {
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "card": dice.integers(0, max(count // ROWS_OF_ENTITY, 1), count),
        "amount": np.exp(dice.normal(9, 1, count)).astype(np.int64) + 1,
        "fraud": labels.astype(np.int64),
        **{
            f"x{number}": pa.array(column, from_pandas=True)
            for number, column in enumerate(vectors.T, start=1)
        },
    }
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def trained(count: int, *, method: Method = Method.FOREST) -> Taken:
    """What a training of so many rows takes, in a home folder that is gone afterwards."""
    with TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        table = written(Path(folder) / "rows.parquet", count)
        settings = load_settings({}, home=Path(folder) / "home")
        asked = Training(labels_as_of=None, seed=SEED, leak_accepted_by="", method=method)
        told: dict[str, float] = {}

        def note(stage: str, _done: int, _total: int) -> None:
            told.setdefault(stage, time.perf_counter())

        begun, processor = time.perf_counter(), time.process_time()
        result = train_on_rows(settings, table, mapping(), asked, progress=note)
        ended = time.perf_counter()
        return Taken(
            whole=ended - begun,
            reading=told[FIT] - begun,
            fitting=told[REGISTER] - told[FIT],
            keeping=ended - told[REGISTER],
            processor=time.process_time() - processor,
            model=result.artifact.hash,
        )
