"""Times of a whole column at once are the times of its cells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from crivo.flows.mapping import parse_mapping
from crivo.flows.ports import Timestamps
from crivo.flows.rows import RowReader

EPOCH = datetime(1970, 1, 1)
NAIVE = [
    datetime(2018, 8, 8, 12, 0, 0, 123),
    None,
    datetime(1999, 12, 31, 23, 59),
    datetime(2000, 1, 1, 1),
    datetime(2099, 12, 31, 23),
    datetime(2100, 1, 1),
    datetime(2018, 2, 18, 0, 30),
]


class TimesTable:
    """A table of nothing but times."""

    name = "times"
    sha256 = "0" * 64
    malformed = ()
    row_count = len(NAIVE)

    def __init__(self, *, is_zoned: bool, at_once: bool) -> None:
        self._is_zoned = is_zoned
        self._at_once = at_once

    def row_numbers(self, rows):
        return [row + 1 for row in rows]

    def cells(self, column, rows):
        zone = UTC if self._is_zoned else None
        return [cell and cell.replace(tzinfo=zone) for cell in (NAIVE[row] for row in rows)]

    def timestamps(self, column):
        if not self._at_once:
            return None
        least = np.iinfo(np.int64).min
        micros = [least if cell is None else (cell - EPOCH) // timedelta(0, 0, 1) for cell in NAIVE]
        return Timestamps(np.array(micros), is_zoned=self._is_zoned)


@pytest.mark.parametrize("zone", ["UTC", "-03:00", "+05:30", "America/Sao_Paulo"])
@pytest.mark.parametrize("is_zoned", [True, False])
def test_times_at_once_are_the_times_of_the_cells(zone, is_zoned):
    mapping = parse_mapping(
        f'source = "a"\nkind = "events"\n[time]\ncolumn = "t"\nzone = "{zone}"\n'
        '[transfer]\npayer = "p"\npayee = "q"\namount = { column = "a" }',
        name="m",
    )
    readers = [
        RowReader(TimesTable(is_zoned=is_zoned, at_once=at_once), mapping)
        for at_once in (True, False)
    ]
    times = [[reader.received_at(row) for row in range(len(NAIVE))] for reader in readers]
    assert times[0] == times[1]
    assert times[0][1] == -1
    assert readers[0].timeless() == readers[1].timeless()
    assert readers[0].order(start=None, until=None).tolist() == (
        readers[1].order(start=None, until=None).tolist()
    )
