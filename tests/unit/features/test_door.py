"""What cannot be is refused by name before anything is folded: state is never half updated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.instant import DAY, EARLIEST, LATEST
from crivo.domain.money import CENTAVOS_MAX
from crivo.domain.transfer import Initiation, Purpose
from crivo.features.engine import Engine
from crivo.features.layout import C_VERSION
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import EVENT_ROW, RowKind
from tests.parity.streams import START

PLAN = compile_plan(default_feature_set())

Rows = np.ndarray[Any, Any]


def good_rows(count: int) -> Rows:
    """Transfers a second apart between accounts that never meet again."""
    rows = np.zeros(count, dtype=EVENT_ROW)
    rows["occurred_at"] = rows["received_at"] = START + np.arange(count) * 1_000_000
    rows["amount_centavos"] = 1_000
    rows["payer_0"], rows["payee_0"] = np.arange(count) + 1, np.arange(count) + 10**9
    rows["event_0"] = np.arange(count)
    rows["initiation"] = rows["purpose"] = rows["accepted"] = -1
    return rows


def folded(rows: Rows) -> Engine:
    engine = Engine(PLAN)
    engine.fold(rows)
    return engine


def state(engine: Engine) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in engine.arrays().items()}


IMPOSSIBLE = [
    ("amount_centavos", -1, Code.AMOUNT_RANGE),
    ("amount_centavos", 0, Code.AMOUNT_RANGE),
    ("amount_centavos", CENTAVOS_MAX + 1, Code.AMOUNT_RANGE),
    ("occurred_at", 0, Code.TIME_RANGE),
    ("occurred_at", EARLIEST - 1, Code.TIME_RANGE),
    ("occurred_at", LATEST, Code.TIME_RANGE),
    ("received_at", 0, Code.TIME_RANGE),
    ("received_at", LATEST + 100 * 365 * DAY, Code.TIME_RANGE),  # the year 2200
    ("kind", -1, Code.FIELD_VALUE),
    ("kind", len(RowKind), Code.FIELD_VALUE),
    ("initiation", -2, Code.FIELD_VALUE),
    ("initiation", len(Initiation), Code.FIELD_VALUE),
    ("purpose", -2, Code.FIELD_VALUE),
    ("purpose", len(Purpose), Code.FIELD_VALUE),
    ("accepted", -2, Code.FIELD_VALUE),
    ("accepted", 2, Code.FIELD_VALUE),
    *((f"fact_{place}", value, Code.FIELD_VALUE) for place in (0, 7) for value in (-2, LATEST)),
]

DOORS: dict[str, Callable[[Engine, Rows], object]] = {
    "fold": lambda engine, rows: engine.fold(rows),
    "vectors": lambda engine, rows: engine.vectors(rows, np.ones(len(rows), dtype=np.bool_)),
    "read": lambda engine, rows: engine.read(rows[-1:]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("column", "value", "code"), IMPOSSIBLE)
def test_a_fact_that_cannot_be_is_refused_and_nothing_is_folded(door, column, value, code) -> None:
    engine = folded(good_rows(50))
    before, counts = state(engine), engine.counts
    rows = good_rows(8)
    rows[column][7] = value
    with pytest.raises(Refused) as refusal:
        DOORS[door](engine, rows)
    assert refusal.value.code is code
    place = 0 if door == "read" else 7
    assert refusal.value.context["field"] == f"rows[{place}].{column}"
    assert state(engine) == before
    assert engine.counts == counts


def _float_amounts(rows: Rows) -> Rows:
    kinds = [(name, "<f8" if name == "amount_centavos" else kind) for name, kind in EVENT_ROW.descr]
    floats = rows.astype(kinds)
    floats["amount_centavos"][0] = np.nan
    return floats


OTHERS: dict[str, Callable[[Rows], Rows]] = {
    "a column too many": lambda rows: np.zeros(len(rows), [*EVENT_ROW.descr, ("label", "<i8")]),
    "a column missing": lambda rows: rows[list(EVENT_ROW.names or ())[:-1]],
    "a column renamed": lambda rows: rows.astype([("sort", "<i8"), *EVENT_ROW.descr[1:]]),
    "fractions, one of them no number": _float_amounts,
    "a plain table": lambda rows: rows.view(np.int64).reshape(len(rows), -1),
    "two dimensions": lambda rows: rows.reshape(2, -1),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("other", OTHERS)
def test_rows_of_another_shape_or_type_are_refused(door, other) -> None:
    engine = folded(good_rows(50))
    before = state(engine)
    with pytest.raises(Refused) as refusal:
        DOORS[door](engine, OTHERS[other](good_rows(8)))
    assert refusal.value.code is Code.FIELD_TYPE
    assert state(engine) == before


@pytest.mark.parametrize("rows", [0, 1, 8])
def test_facts_at_the_edges_of_what_can_be_are_taken(rows) -> None:
    edges = good_rows(rows)
    if rows:
        edges["amount_centavos"] = CENTAVOS_MAX
        edges["occurred_at"][-1] = edges["received_at"][-1] = LATEST - 1
        edges["occurred_at"][0] = edges["received_at"][0] = EARLIEST
    assert folded(edges).counts.folded == rows


def test_at_the_ceiling_each_row_is_folded_whole_or_not_at_all() -> None:
    rows = good_rows(20_000)
    engine = Engine(PLAN, state_bytes_max=8 << 20)
    with pytest.raises(Unavailable) as refusal:
        engine.fold(rows)
    assert refusal.value.code is Code.OVERLOADED
    done = engine.counts.folded
    assert 0 < done < len(rows)
    vector, flags = engine.read(rows[-1:])
    expected, marks = folded(rows[:done]).read(rows[-1:])
    assert (vector.tobytes(), flags) == (expected.tobytes(), marks)
    for place in (done - 1, done):
        asked = rows[place : place + 1].copy()
        asked["occurred_at"] += 1
        found = engine.read(asked)[0].tobytes()
        assert found == folded(rows[:done]).read(asked)[0].tobytes()


def test_the_whole_ceiling_can_be_used() -> None:
    ceiling = 13 << 20
    engine = Engine(PLAN, state_bytes_max=ceiling)
    with pytest.raises(Unavailable):
        engine.fold(good_rows(40_000))
    assert ceiling - (2 << 20) < engine.counts.state_bytes <= ceiling


def test_sabotage_a_door_that_looks_away_spoils_the_state(monkeypatch) -> None:
    bad = good_rows(8)
    bad["amount_centavos"][3] = -5
    monkeypatch.setattr("crivo.features.door.first_fault", lambda *_: -1)
    engine = folded(good_rows(50))
    before = state(engine)
    engine.fold(bad)
    assert state(engine) != before


def test_only_what_moves_money_needs_an_amount() -> None:
    rows = good_rows(1)
    rows["kind"], rows["amount_centavos"] = RowKind.LOGIN, 0
    assert folded(rows).counts.folded == 1
    rows["kind"] = RowKind.UNDOING
    with pytest.raises(Refused) as refusal:
        folded(rows)
    assert refusal.value.code is Code.AMOUNT_RANGE


def test_a_state_of_another_layout_is_refused() -> None:
    arrays = folded(good_rows(5)).arrays()
    Engine(PLAN).restore(arrays)
    arrays["control"][C_VERSION] += 1
    with pytest.raises(Misconfigured) as refusal:
        Engine(PLAN).restore(arrays)
    assert refusal.value.code is Code.SNAPSHOT_INVALID


@pytest.mark.parametrize("kind", [kind for kind in RowKind if kind is not RowKind.TRANSFER])
@pytest.mark.parametrize("door", ["vectors", "read", "read_row"])
def test_what_is_no_transfer_has_no_vector(door: str, kind: RowKind) -> None:
    engine = folded(good_rows(5))
    before = state(engine)
    rows = good_rows(1)
    rows["kind"] = kind
    doors = {**DOORS, "read_row": lambda engine, rows: engine.read_row(rows.tobytes())}
    with pytest.raises(Refused) as refusal:
        doors[door](engine, rows)
    assert refusal.value.code is Code.FIELD_VALUE
    assert kind.name in str(refusal.value.context["found"])
    assert state(engine) == before


@pytest.mark.parametrize("name", ["control", "index", "arena"])
@pytest.mark.parametrize("dtype", ["<f8", "<u8", "<i4", ">i8", "S8"])
def test_a_state_of_other_words_is_refused(name: str, dtype: str) -> None:
    arrays = dict(folded(good_rows(5)).arrays())
    engine = folded(good_rows(3))
    before = state(engine)
    with pytest.raises(Misconfigured) as refusal:
        engine.restore({**arrays, name: arrays[name].astype(dtype)})
    assert refusal.value.code is Code.SNAPSHOT_INVALID
    assert str(refusal.value.context["expected"]).startswith(name)
    assert state(engine) == before
