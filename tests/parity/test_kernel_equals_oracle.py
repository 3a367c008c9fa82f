"""The kernel says what the oracle says, bit for bit, whatever the stream; each law can turn red."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR
from crivo.features.engine import Engine, vector_bytes
from crivo.features.row import RowKind
from tests.parity.judging import (
    PLAN,
    disagreements,
    in_two_orders,
    last_vector,
    long_stream,
    one_by_one,
    transfer_after,
)
from tests.parity.streams import OFTEN_ENOUGH, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]


@OFTEN_ENOUGH
@given(streams())
def test_the_kernel_says_what_the_oracle_says(rows: Rows) -> None:
    assert disagreements(rows) == []


@OFTEN_ENOUGH
@given(streams())
def test_a_batch_gives_what_one_by_one_gives(rows: Rows) -> None:
    vectors, _ = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == one_by_one(rows)


def test_room_that_was_made_changes_no_vector_and_nothing_grows_after_it() -> None:
    rows = long_stream(4)
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


@pytest.mark.slow
@OFTEN_ENOUGH
@given(pasts_and_hours(), st.randoms(use_true_random=False))
def test_state_is_a_function_of_the_set_of_events(rows: tuple[Rows, Rows], random: Any) -> None:
    one, other = in_two_orders(*rows, random)
    assert one == other


def _placed_by_arrival(rows: Rows) -> Rows:
    seen = rows.copy()
    seen["occurred_at"][-20:] = np.sort(rows["occurred_at"][-20:])
    return seen


def _the_last_lost(rows: Rows) -> Rows:
    return rows[:-1].copy()


@pytest.mark.slow
@pytest.mark.parametrize("seen", [_placed_by_arrival, _the_last_lost])
def test_sabotage_an_engine_that_looks_at_the_order_turns_the_law_red(
    seen: Callable[[Rows], Rows],
) -> None:
    @settings(OFTEN_ENOUGH, max_examples=100, derandomize=True, phases=[Phase.generate])
    @given(pasts_and_hours(), st.randoms(use_true_random=False))
    def law(rows: tuple[Rows, Rows], random: Any) -> None:
        one, other = in_two_orders(*rows, random, seen=seen)
        if one != other:
            raise _OrderSeen

    with pytest.raises(_OrderSeen):
        law()


class _OrderSeen(Exception):
    """Two orders of one set of events gave two vectors."""


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), streams(events_max=20))
def test_nothing_at_or_after_its_instant_changes_a_vector(rows: Rows, others: Rows) -> None:
    asked = transfer_after(rows)
    future = others.copy()
    # At the transfer's own instant, or within the slack after it, and received in time.
    span = future["occurred_at"] - future["occurred_at"].min()
    future["occurred_at"] = asked["occurred_at"][0] + span % HOUR
    future["received_at"] = future["occurred_at"]
    assert last_vector(rows, asked) == last_vector(np.concatenate([rows, future]), asked)


def test_a_report_is_not_known_before_its_instant() -> None:
    asked = long_stream(1, events=3)[1:2]
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_long_stream_with_a_hot_key_agrees(seed: int) -> None:
    assert disagreements(long_stream(seed, events=250)) == []


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "break_one_thing",
    [_earlier_by_a_microsecond, _dropped, _report_moved, _night_moved, _cheaper],
)
def test_sabotage_one_broken_thing_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = long_stream(0, events=200)
    assert disagreements(rows) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken) != []


def test_a_long_stream_tells_of_every_kind() -> None:
    told = np.concatenate([long_stream(seed)["kind"] for seed in range(4)])
    assert set(told.tolist()) == {kind.value for kind in RowKind}
