"""The kernel says what the oracle says, bit for bit, whatever the stream; each law can turn red."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR
from crivo.features.engine import BEHIND, LATE, SATURATED, Engine, vector_bytes
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import EVENT_ROW, RowKind
from tests.parity.streams import START, streams

Rows = np.ndarray[Any, Any]

FEATURES = default_feature_set()
PLAN = compile_plan(FEATURES)
SLOWLY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def disagreements(rows: Rows, judged: Rows | None = None) -> list[str]:
    """Where the kernel, folding `rows`, leaves the oracle, folding `judged` (else the same)."""
    oracle = Oracle(FEATURES)
    said = []
    wanted = rows["kind"] == RowKind.TRANSFER
    vectors, flags = Engine(PLAN).vectors(rows, wanted)
    line = 0
    for place, row in enumerate(rows_as_mappings(rows if judged is None else judged)):
        if wanted[place]:
            answer = oracle.read(row)
            for name, found, value in zip(PLAN.names, vectors[line], answer.values, strict=True):
                if differs(float(found), value):
                    said.append(f"{place} {name}: kernel {found}, oracle {value}")
            expected = answer.late * LATE | answer.behind * BEHIND | answer.saturated * SATURATED
            if flags[line] != expected:
                said.append(f"{place}: flags {flags[line]}, oracle {expected}")
            line += 1
        oracle.fold(row)
    return said


def one_by_one(rows: Rows) -> bytes:
    """The vectors when every row is read and folded by itself, as a service does."""
    engine = Engine(PLAN)
    found = b""
    for place in range(len(rows)):
        row = rows[place : place + 1]
        if row["kind"][0] == RowKind.TRANSFER:
            found += vector_bytes(engine.read(row)[0])
        engine.fold(row)
    return found


def last_vector(before: Rows, row: Rows) -> bytes:
    """The vector of one transfer over everything folded before it."""
    engine = Engine(PLAN)
    engine.fold(before)
    vector, flags = engine.read(row)
    return vector_bytes(vector) + bytes([flags])


@SLOWLY
@given(streams())
def test_the_kernel_says_what_the_oracle_says(rows: Rows) -> None:
    assert disagreements(rows) == []


@SLOWLY
@given(streams())
def test_a_batch_gives_what_one_by_one_gives(rows: Rows) -> None:
    vectors, _ = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == one_by_one(rows)


def test_room_that_was_made_changes_no_vector_and_nothing_grows_after_it() -> None:
    rows = _long_stream(4)
    engine = Engine(PLAN)
    engine.fold(rows[:300])
    engine.make_room()
    arena, index = engine._state.arena, engine._state.index
    vectors, _ = engine.vectors(rows[300:], rows["kind"][300:] == RowKind.TRANSFER)
    assert engine._state.arena is arena
    assert engine._state.index is index
    plain = Engine(PLAN)
    plain.fold(rows[:300])
    expected, _ = plain.vectors(rows[300:], rows["kind"][300:] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == vector_bytes(expected)


def test_room_is_not_made_beyond_the_ceiling() -> None:
    engine = Engine(PLAN, state_bytes_max=1 << 24)
    engine.make_room()
    assert engine._state.arena.nbytes + engine._state.index.nbytes <= 1 << 24


@SLOWLY
@given(streams(), st.randoms(use_true_random=False))
def test_state_is_a_function_of_the_set_of_events(rows: Rows, random: Any) -> None:
    asked = _transfer_after(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    within = _within_lateness(rows)
    assert last_vector(rows[within], asked) == last_vector(rows[_shuffled(order, within)], asked)


@SLOWLY
@given(streams(), streams(events_max=20))
def test_nothing_at_or_after_its_instant_changes_a_vector(rows: Rows, others: Rows) -> None:
    asked = _transfer_after(rows)
    future = others.copy()
    # At the transfer's own instant, or within the slack after it, and received in time.
    span = future["occurred_at"] - future["occurred_at"].min()
    future["occurred_at"] = asked["occurred_at"][0] + span % HOUR
    future["received_at"] = future["occurred_at"]
    assert last_vector(rows, asked) == last_vector(np.concatenate([rows, future]), asked)


def test_a_report_is_not_known_before_its_instant() -> None:
    asked = _long_stream(1, events=3)[1:2]
    asked["payee_0"] = 9
    report = asked.copy()
    report["kind"], report["accepted"] = RowKind.REPORT, 1
    counts = []
    for after in (-1, 0, 1):
        report["occurred_at"] = asked["occurred_at"] + after
        engine = Engine(PLAN)
        engine.fold(report)
        vector, _ = engine.read(asked)
        counts.append(vector[PLAN.names.index("payee_report_count_30d_where_accepted")])
    assert counts == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stream_with_a_hot_key_agrees(seed: int) -> None:
    assert disagreements(_long_stream(seed)) == []


def _earlier_by_a_microsecond(rows: Rows) -> None:
    rows["occurred_at"][0] += 1


def _dropped(rows: Rows) -> None:
    rows["received_at"][1] = rows["occurred_at"][1] + HOUR + 1


def _report_moved(rows: Rows) -> None:
    accepted = (rows["accepted"] == 1) & (rows["payee_0"] == 9)
    rows["occurred_at"][np.flatnonzero(accepted)[0]] -= 31 * DAY


def _night_moved(rows: Rows) -> None:
    rows["occurred_at"] += 12 * HOUR
    rows["received_at"] += 12 * HOUR


def _cheaper(rows: Rows) -> None:
    rows["amount_centavos"][0] -= 1


@pytest.mark.parametrize(
    "break_one_thing",
    [_earlier_by_a_microsecond, _dropped, _report_moved, _night_moved, _cheaper],
)
def test_sabotage_one_broken_thing_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = _long_stream(0, events=200)
    assert disagreements(rows) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken) != []


def _long_stream(seed: int, events: int = 600) -> Rows:
    """A hot payee, delays, ties and reports, from a seed."""
    random = np.random.default_rng(seed)
    rows = np.zeros(events, dtype=EVENT_ROW)
    rows["received_at"] = START + np.cumsum(random.integers(0, 6, events) ** 7 * 1_000_000)
    rows["occurred_at"] = rows["received_at"] - random.choice([0, 0, 0, 1, HOUR, 2 * HOUR], events)
    rows["kind"] = random.random(events) < 0.2
    is_report = rows["kind"] == RowKind.REPORT
    rows["occurred_at"][is_report] = rows["received_at"][is_report]
    rows["occurred_at"][:2] = rows["received_at"][:2]
    rows["kind"][:2] = RowKind.TRANSFER
    rows["amount_centavos"] = random.integers(1, 10**6, events)
    rows["payer_0"] = random.integers(1, 6, events)
    rows["payee_0"] = np.where(random.random(events) < 0.7, 9, random.integers(10, 14, events))
    rows["event_0"] = np.arange(events)
    rows["initiation"] = rows["purpose"] = -1
    rows["accepted"] = np.where(is_report, random.integers(0, 2, events), -1)
    return rows


def _transfer_after(rows: Rows) -> Rows:
    asked = rows[:1].copy()
    asked["kind"], asked["accepted"] = RowKind.TRANSFER, -1
    asked["occurred_at"] = asked["received_at"] = rows["occurred_at"].max() + 1
    return asked


def _within_lateness(rows: Rows) -> list[int]:
    """The rows of the last slack: those that may come in any order without falling out of state."""
    newest = rows["occurred_at"].max()
    return np.flatnonzero(rows["occurred_at"] >= newest - HOUR).tolist()


def _shuffled(order: list[int], kept: list[int]) -> list[int]:
    return [place for place in order if place in set(kept)]
