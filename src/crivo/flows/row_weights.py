"""What the transfers of a table weigh in training: `[weight]` of a mapping of events.

The log knows no weights, since they are nothing that happened: they say what a row of a sample
stands for. So they are read from the table again, by the ids that its rows have in the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.event import transfer_event_id
from crivo.features.row import words
from crivo.flows.cells import parse_weight
from crivo.flows.mapping import Mapping
from crivo.flows.ports import Table
from crivo.flows.rows import BATCH_ROWS, RowReader
from crivo.flows.unreadable import Unreadable, check_readable, count_unreadable
from crivo.model.dataset import Dataset


@dataclass(frozen=True, slots=True)
class RowWeights:
    """Weights float64[n] by the two words uint64[n, 2] of a transfer's event id."""

    ids: npt.NDArray[np.uint64]
    weights: npt.NDArray[np.float64]


def weights_of_table(table: Table, mapping: Mapping) -> RowWeights | None:
    """The weights of the rows that are transfers and have one above 0; None without `[weight]`.

    Raises:
        Refused: FIELD_VALUE and the like, where more rows than by a slip have none.
    """
    if mapping.weight is None:
        return None
    reader = RowReader(table, mapping)
    order = reader.order(start=None, until=None)
    ids: list[tuple[int, int]] = []
    weights: list[float] = []
    unreadable: dict[str, Unreadable] = {}
    for start in range(0, len(order), BATCH_ROWS):
        rows = order[start : start + BATCH_ROWS].tolist()
        cells = table.cells(mapping.weight.column, rows)
        for parsed, cell in zip(reader.parse(rows), cells, strict=True):
            if isinstance(parsed, Refused):
                continue
            try:
                weights.append(parse_weight(cell, field=mapping.weight.column))
            except Refused as refusal:
                count_unreadable(unreadable, refusal)
                continue
            ids.append(words(transfer_event_id(parsed.end_to_end_id)))
        # These rows lie in the log, and in no quarantine: what is wrong with them is no row.
        check_readable(unreadable, mapping, len(order), read=start + len(rows), kept=False)
    return RowWeights(np.array(ids, np.uint64).reshape(-1, 2), np.array(weights, np.float64))


def weighed(dataset: Dataset, found: RowWeights) -> Dataset:
    """The rows that have a weight, with it; the others are left out and counted as `unweighed`.

    Of two rows with one id the first weighs, as it is the one in the log.
    """
    ids = np.concatenate([found.ids, dataset.ids])
    numbers = np.unique(ids, axis=0, return_inverse=True)[1].reshape(-1)
    by_number = np.full(int(numbers.max(initial=-1)) + 1, np.nan)
    read = len(found.ids)
    by_number[numbers[:read][::-1]] = found.weights[::-1]
    weights = by_number[numbers[read:]]
    has = ~np.isnan(weights)
    left_out = Counter(dataset.left_out) + Counter(unweighed=int((~has).sum()))
    kept = dataset.only(has)
    return replace(
        kept,
        weights=kept.weights * weights[has],
        left_out={**dict.fromkeys((*dataset.left_out, "unweighed"), 0), **left_out},
    )


def check_unweighed(mapping: Mapping) -> None:
    """Nothing, where the mapping names no weight: outside of training none can act.

    Raises:
        Misconfigured: MAPPING_INVALID.
    """
    if mapping.weight is not None:
        raise Misconfigured(
            Code.MAPPING_INVALID,
            "the mapping names a weight, and a log has no place for one: its transfers count as "
            "one each",
            hint="`crivo train --data FILE --mapping M` learns with the weights; else take "
            "[weight] out.",
            field="weight",
            expected="no section, where nothing is trained",
            found=mapping.weight.column,
        )
