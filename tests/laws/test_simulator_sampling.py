"""A stratified sample keeps all frauds, and its weights sum to the world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.simulator.rows import NONE
from crivo.simulator.sampling import Sampling, picked, strata
from crivo.simulator.seven.tables import EARLIER, TRANSFERS, seven_tables
from crivo.simulator.tables import TRANSFERS as PLATFORM
from crivo.simulator.tables import TRUTH, platform_tables
from tests.unit.simulator.worlds import SMALL, small_world

pytestmark = pytest.mark.slow

ONE_IN = [2, 10, 700]


def offences(places: np.ndarray, weights: np.ndarray, stratum: np.ndarray) -> Iterator[str]:
    """What is wrong with a sample of rows of these strata."""
    if (np.diff(places) <= 0).any():
        yield "out of order"
    whole = np.bincount(stratum)
    found = np.bincount(stratum[places], weights=weights, minlength=len(whole))
    if not np.array_equal(whole, found):
        yield "weights do not sum to the stratum"


@pytest.mark.parametrize("one_in", ONE_IN)
def test_weights_sum_to_every_stratum_of_every_day(one_in: int):
    for day, rows in small_world().rows():
        always = rows["typology"] != NONE
        places, weights = Sampling(one_in).of_day(SMALL.seed, day, rows, always)
        stratum = strata(rows) * 2 + always
        assert list(offences(places, weights, stratum)) == []
        assert set(np.flatnonzero(always)) <= set(places)
        assert (weights[always[places]] == 1).all()
        assert weights.max() <= one_in
        assert len(places) <= len(rows) // one_in + len(np.unique(stratum)) + always.sum()


def test_sabotage_a_lost_row_or_a_wrong_weight_is_noticed():
    day, rows = next(iter(small_world().rows()))
    always = rows["typology"] != NONE
    places, weights = Sampling(5).of_day(SMALL.seed, day, rows, always)
    stratum = strata(rows)
    assert list(offences(places[1:], weights[1:], stratum)) == ["weights do not sum to the stratum"]
    assert list(offences(places, weights + 1, stratum)) == ["weights do not sum to the stratum"]
    assert "out of order" in set(offences(places[::-1], weights[::-1], stratum))


@pytest.mark.parametrize("table", [PLATFORM, TRUTH])
def test_a_sample_of_the_platforms_tables_is_a_part_of_them(table: str):
    sampled = [p for p in platform_tables(small_world(), None, Sampling(4)) if p.table == table]
    whole = [p for p in platform_tables(small_world()) if p.table == table]
    for few, many in zip(sampled, whole, strict=True):
        lines = {row.tobytes() for row in _lines(many.columns)}
        known = few.columns[: len(many.columns)]
        assert all(row.tobytes() in lines for row in _lines(known))
        if table == PLATFORM:
            assert few.columns[-1].name == "weight"
            assert few.columns[-1].values.sum() == len(many)


@pytest.mark.slow
def test_a_sample_of_the_seven_keeps_every_case_and_leaves_the_registers_whole():
    sampled = list(seven_tables(small_world(), None, Sampling(4)))
    whole = list(seven_tables(small_world()))
    for few, many in zip(sampled, whole, strict=True):
        assert few.table == many.table
        if few.table in {TRANSFERS, EARLIER}:
            assert few.columns[-1].name == "peso"
            suspicious = [(p.columns[6].values == b"suspeita").sum() for p in (few, many)]
            assert suspicious[0] == suspicious[1]
            assert len(few) < len(many)
        else:
            assert _lines(few.columns).tobytes() == _lines(many.columns).tobytes()


def test_picking_all_rows_changes_nothing():
    piece = next(iter(platform_tables(small_world())))
    columns = picked(piece.columns, np.arange(len(piece)))
    assert _lines(columns).tobytes() == _lines(piece.columns).tobytes()


@pytest.mark.parametrize("one_in", [0, -3, 10_001])
def test_an_impossible_sample_is_refused(one_in: int):
    with pytest.raises(Refused) as refusal:
        replace(Sampling(), one_in=one_in)
    assert refusal.value.code is Code.FIELD_VALUE


def _lines(columns: tuple) -> np.ndarray:
    """The rows as records, nulls as they are masked."""
    values = []
    for column in columns:
        missing = column.missing
        values.append(column.values)
        if missing is not None:
            values[-1] = np.where(missing, np.zeros(1, dtype=column.values.dtype), column.values)
    kinds = [(f"c{place}", value.dtype) for place, value in enumerate(values)]
    lines = np.zeros(len(values[0]), dtype=kinds)
    for place, value in enumerate(values):
        lines[f"c{place}"] = value
    return lines
