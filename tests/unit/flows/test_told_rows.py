"""Whatever stands in the cells of a row that tells an event: an event comes of it, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.bootstrap.offline import read_mapping
from crivo.domain.errors import Refused
from crivo.domain.event import Event
from crivo.flows.told_rows import ToldReader
from crivo.governance.pseudonym import Pseudonymiser

MAPPING = read_mapping(Path(__file__).parents[3] / "mappings" / "simulated-events.toml")
TIME = "2026-08-03T12:00:00Z"
HOSTILE = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["9" * 5_000, "-" + "9" * 5_000, "٣", "1e400", "\ud800", b"\xff", "0x1", ""]),
)


class OneRow:
    """A table of one row, each of whose cells is drawn; but for when it was received."""

    row_count = 1

    def __init__(self, draw, time: str) -> None:
        self._draw, self._time = draw, time

    def cells(self, column: str, rows: Sequence[int]) -> list[object]:
        return [TIME if column == self._time else self._draw(HOSTILE) for _ in rows]


@pytest.mark.parametrize("told", MAPPING.told, ids=range(len(MAPPING.told)))
@given(data=st.data())
def test_hostile_cells_are_told_of_and_stop_nothing(told, data):
    time = MAPPING.time.received or MAPPING.time.column
    table = OneRow(data.draw, time)
    pseudonyms = Pseudonymiser(b"k" * 32)
    reader = ToldReader(table, told, MAPPING, pseudonyms, lambda _id: None)
    (found,) = reader.parse([0])
    assert isinstance(found, Event | Refused)
