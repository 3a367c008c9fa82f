"""What a model may learn from: vectors, labels with times, weights, and where it all came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.model.files import canonical_json
from crivo.model.labels import Int64s
from crivo.model.order import Order, said

_COLUMNS: Final = (
    "weights",
    "occurred_at",
    "received_at",
    "known_at",
    "amounts",
    "ids",
    "payers",
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows in log order. `vectors` is float64[n, F], a null is NaN; times are instants.

    `known_at` is when the accepted report of a row became known, `NEVER` where none did; a label is
    therefore a question with a time: `labels(as_of)`. `ids` are uint64[n, 2], the two words of the
    16 bytes; `payers` the numbers of `model.groups.numbered`, 0 for nobody. `amounts` are centavos,
    0 where the rows have none. `left_out` counts rows that are not here, by cause. `cut` is the
    exclusive end of the log that was read (0 for a table). `made_of` says of inputs which columns
    or fields they are made of, for people: no part of the hash. Where `order` is not that of time,
    times are places in that order.
    """

    vectors: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    occurred_at: Int64s
    received_at: Int64s
    known_at: Int64s
    amounts: Int64s
    ids: npt.NDArray[np.uint64]
    payers: Int64s
    names: tuple[str, ...]
    set_hash: str
    plan_hash: str
    cut: int
    labels_as_of: int
    label_delay: int
    left_out: Mapping[str, int]
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: Order = Order.TIME
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.vectors)
        assert self.vectors.shape == (n, len(self.names))
        for name in _COLUMNS:
            assert len(getattr(self, name)) == n, name
        object.__setattr__(self, "hash", _content_hash(self))

    def __len__(self) -> int:
        return len(self.vectors)

    def said(self, instant: int) -> str:
        """An instant of these rows, for people: as RFC 3339, or the place that stands for it."""
        return said(instant, self.order)

    def only(self, rows: npt.NDArray[np.bool_]) -> Dataset:
        """The chosen rows, by mask bool[n]."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ("vectors", *_COLUMNS)})

    def labels(self, as_of: int | None = None) -> npt.NDArray[np.bool_]:
        """bool[n]: an accepted report about the row was known by `as_of` (`labels_as_of`)."""
        known: npt.NDArray[np.bool_] = self.known_at <= (
            self.labels_as_of if as_of is None else min(as_of, self.labels_as_of)
        )
        return known


def _content_hash(dataset: Dataset) -> str:
    digest = hashlib.sha256(
        canonical_json(
            {
                "names": list(dataset.names),
                "set_hash": dataset.set_hash,
                "plan_hash": dataset.plan_hash,
                "labels_as_of": dataset.labels_as_of,
                "label_delay": dataset.label_delay,
                "rows": len(dataset),
            }
        )
    )
    for name in ("vectors", *_COLUMNS):
        array = np.ascontiguousarray(getattr(dataset, name))
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
    return digest.hexdigest()
