"""The rows that a model is judged by, kept beside it, so that others can be judged by them too."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.model.artifact import MANIFEST, Artifact
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric, evaluate
from crivo.model.files import canonical_json, sync_folder, whole_folders, write_synced
from crivo.model.named_scorer import NamedScorer
from crivo.model.network import Network

#: Of longer tests a sample is kept: all positives, and of the others so many, with weights.
ROWS_MAX: Final = 50_000

_COLUMNS: Final = ("vectors", "labels", "weights", "amounts", "occurred_at")


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """n rows that a model has not learnt from; `vectors` float64[n, F] in the order of `names`.

    `labels` is bool[n], `weights` float64[n], `amounts` int64[n] in centavos, `occurred_at`
    instants int64[n]. `groups` int64[n] numbers whose each row is, for the intervals; it is empty
    where the rows name nobody.
    """

    names: tuple[str, ...]
    vectors: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    amounts: npt.NDArray[np.int64]
    occurred_at: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(canonical_json(list(self.names)))
        for name in self.columns:
            digest.update(np.ascontiguousarray(getattr(self, name)).data)
        object.__setattr__(self, "hash", digest.hexdigest())

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that are there."""
        return (*_COLUMNS, "groups") if len(self.groups) else _COLUMNS

    @property
    def day(self) -> npt.NDArray[np.int64]:
        """int64[n]: the Brasília day that each row lies on."""
        return np.asarray((self.occurred_at + BRASILIA_OFFSET) // DAY)

    @property
    def days(self) -> int:
        """How many Brasília days the rows lie on."""
        return len(np.unique(self.day))

    def figures(
        self,
        ranking: npt.ArrayLike,
        *,
        chances: npt.NDArray[np.float64] | None,
        reviews_per_day: int,
        resamples: int,
        seed: int = 0,
    ) -> tuple[Metric, ...]:
        """Every metric of a ranking of these rows."""
        return evaluate(
            ranking,
            self.labels,
            self.weights,
            chances=chances,
            amounts=self.amounts,
            groups=self.groups if len(self.groups) else None,
            days=self.day,
            capacity=reviews_per_day,
            resamples=resamples,
            seed=seed,
        )

    def of(self, rows: npt.NDArray[Any]) -> JudgedRows:
        """Some of the rows, by mask or places."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.columns})

    def scores(self, model: Artifact | Network) -> npt.NDArray[np.int64]:
        """int64[n] in 10⁻⁹: the model's scores; its inputs are chosen by their names.

        Raises:
            Misconfigured: PLAN_MISMATCH where the rows lack an input of the model.
        """
        return NamedScorer(model, self.names).scores(self.vectors)


def judged_rows(
    dataset: Dataset, rows: npt.NDArray[np.bool_], *, known_by: int | None = None
) -> JudgedRows:
    """The chosen rows of a data set with the labels known by an instant; by the end where None."""
    payers = dataset.payers[rows]
    return JudgedRows(
        names=dataset.names,
        vectors=dataset.vectors[rows],
        labels=dataset.labels(known_by)[rows],
        weights=dataset.weights[rows],
        amounts=dataset.amounts[rows],
        occurred_at=dataset.occurred_at[rows],
        groups=payers if payers.any() else np.empty(0, np.int64),
    )


def to_keep(judged: JudgedRows, *, seed: int) -> JudgedRows:
    """The rows themselves, or where they are too many all positives and drawn others, weighted."""
    if len(judged) <= ROWS_MAX:
        return judged
    others = np.flatnonzero(~judged.labels)
    room = max(ROWS_MAX - (len(judged) - len(others)), 1)
    if room >= len(others):
        return judged
    drawn = np.random.default_rng(seed).choice(others, room, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(judged.labels), drawn]))
    sample = judged.of(kept)
    raised = np.where(sample.labels, 1.0, len(others) / room)
    return replace(sample, weights=sample.weights * raised)


def save_judged(folder: Path, judged: JudgedRows) -> Path:
    """`<hash>.npz` in the folder, complete and on disk; there already, it is left as it is."""
    path = folder / f"{judged.hash}.npz"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    columns = {name: getattr(judged, name) for name in judged.columns}
    np.savez_compressed(buffer, names=np.array(judged.names, np.str_), **columns)
    aside = folder / f".{path.name}.{os.getpid()}.partial"
    write_synced(aside, buffer.getvalue())
    aside.replace(path)
    sync_folder(folder)
    return path


def load_judged(folder: Path, hash_: str) -> JudgedRows:
    """The rows of this hash, after it was checked.

    Raises:
        Unavailable: NOT_FOUND. Misconfigured: ARTIFACT_INVALID where a byte is not what was kept.
    """
    path = folder / f"{hash_}.npz"
    if not path.is_file():
        raise Unavailable(
            Code.NOT_FOUND,
            "the rows that the model was judged by are not here",
            hint="Train it again here: `crivo train` keeps them.",
            file=str(path),
        )
    found: JudgedRows | None = None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = tuple(str(name) for name in arrays["names"])
            found = JudgedRows(names, **{item: arrays[item] for item in arrays if item != "names"})
    except (ValueError, TypeError, OSError, EOFError, BadZipFile, zlib.error):
        found = None
    if found is None or found.hash != hash_:
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            f"{path} is not what was written",
            hint="Train the model again, or restore the file from a copy.",
            file=str(path),
        )
    return found


def forget_judged(folder: Path, models_folder: Path) -> list[Path]:
    """The files of rows that judged no model which is still there; they are gone now.

    Of a model whose manifest was spoilt nobody can say which rows judged it: then none go.
    """
    try:
        named = {
            json.loads((folder / MANIFEST).read_bytes())["metadata"].get("judged")
            for folder in whole_folders(models_folder, MANIFEST)
        }
    except (ValueError, KeyError, AttributeError):
        return []
    gone = sorted(path for path in folder.glob("*.npz") if path.stem not in named)
    for path in gone:
        path.unlink()
    return gone


def as_table(metrics: tuple[Metric, ...]) -> dict[str, list[float | None]]:
    """Value, low and high of each metric; JSON has no NaN, so what is undefined is null."""
    return {
        metric.name: [
            float(x) if np.isfinite(x) else None for x in (metric.value, metric.low, metric.high)
        ]
        for metric in metrics
    }
