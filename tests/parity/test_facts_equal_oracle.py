"""Facts and ages say what the oracle says: what was told last stands, whatever order it came in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR
from crivo.features.choices import is_of_facts
from crivo.features.engine import Engine
from crivo.features.row import ABSENT, EVENT_ROW, RowKind
from crivo.features.spec import Statistic
from crivo.features.window import Span
from tests.parity.everything import everything, plan_of
from tests.parity.judging import (
    agreed,
    disagreements,
    in_two_orders,
    last_vector,
    transfer_after,
    value_of,
)
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]

TOLD = tuple(
    each
    for each in everything()
    if (is_of_facts(each.statistic, each.event) and each.statistic is not Statistic.FIRST)
    or (
        each.statistic is Statistic.SINCE_LAST
        and each.window.span is Span.EVER
        and each.filter is None
    )
)
PLAN = plan_of(TOLD)
MORE_OFTEN = settings(OFTEN_ENOUGH, max_examples=40)


def limits(*stand_from: int, told: int = START) -> Rows:
    """Changes of a payer's day limit to 100, 200, … told at one instant, in force from others."""
    rows = transfer_after(np.zeros(1, dtype=EVENT_ROW))[[0] * len(stand_from)]
    rows["kind"], rows["amount_centavos"], rows["payee_0"] = RowKind.DAY_LIMIT, 0, 0
    rows["received_at"], rows["occurred_at"] = told, stand_from
    rows["event_0"] = np.arange(len(rows)) + 1
    rows["fact_0"] = 100 * (np.arange(len(rows)) + 1)
    return rows


def asked_at(instant: int) -> Rows:
    row = transfer_after(np.zeros(1, dtype=EVENT_ROW))
    row["occurred_at"] = row["received_at"] = instant
    return row


def value(before: Rows, asked: Rows, name: str = "payer_day_limit_last_ever") -> float:
    return value_of(before, asked, name, plan=PLAN)


@pytest.mark.slow
@MORE_OFTEN
@given(streams())
def test_facts_over_any_stream_agree(rows: Rows) -> None:
    assert disagreements(rows, plan=PLAN) == []


@pytest.mark.slow
@MORE_OFTEN
@given(pasts_and_hours(), st.randoms(use_true_random=False))
def test_facts_are_a_function_of_the_set_of_events(rows: tuple[Rows, Rows], chance: Any) -> None:
    one, other = in_two_orders(*rows, chance, plan=PLAN)
    assert one == other


@pytest.mark.parametrize(
    ("delay", "used"),
    [(0, 0.3), (HOUR, 0.3), (2 * HOUR, 0.1)],
    ids=["at once", "just in time", "late"],
)
def test_what_undoes_a_transfer_is_subtracted_though_a_late_one_was_never_added(
    delay: int, used: float
) -> None:
    limit = limits(START - DAY)
    limit["fact_0"] = 1_000
    asked = asked_at(START + 7 * HOUR)
    asked["payer_ispb"] = asked["payee_ispb"] = ABSENT
    paid = asked[[0, 0]]
    paid["occurred_at"] = paid["received_at"] = START + 3 * HOUR
    paid["amount_centavos"], paid["event_0"] = (200, 300), (11, 12)
    paid["received_at"][0] += delay
    undone = paid[:1].copy()
    undone["kind"], undone["event_0"], undone["received_at"] = (
        RowKind.UNDOING,
        13,
        START + 6 * HOUR,
    )
    before = np.concatenate([limit, paid, undone])
    assert agreed(before, asked, "payer_day_limit_used_today", plan=PLAN) == used


def test_a_limit_stands_from_its_own_instant_on_and_not_from_when_it_was_told() -> None:
    told = limits(START, START + DAY)
    assert np.isnan(value(told, asked_at(START)))
    assert value(told, asked_at(START + 1)) == 100
    assert value(told, asked_at(START + DAY)) == 100
    assert value(told, asked_at(START + DAY + 1)) == 200


def test_of_two_limits_from_one_instant_on_the_greater_id_stands() -> None:
    told = limits(START, START)
    assert value(told, asked_at(START + 1)) == 200
    assert value(told[::-1], asked_at(START + 1)) == 200
    # Ids are compared without a sign.
    told["event_0"][0] = 2**64 - 1
    assert value(told, asked_at(START + 1)) == 100


def test_a_limit_that_is_told_for_later_leaves_nobody_behind() -> None:
    flags = last_vector(limits(START, START + 3 * DAY), asked_at(START + 2), plan=PLAN)[-1]
    assert flags == 0


def test_what_no_read_can_meet_is_forgotten_and_what_stands_is_kept() -> None:
    many = np.concatenate(
        [limits(START + at * HOUR, told=START + at * HOUR) for at in range(2_000)]
    )
    many["fact_0"] = np.arange(2_000)
    assert value(many, asked_at(START + 1_999 * HOUR + 1)) == 1_999
    assert value(many, asked_at(START + 9_999 * HOUR)) == 1_999
    engine = Engine(PLAN)
    engine.fold(many[:100])
    small = engine.counts.state_bytes
    engine.fold(many[100:])
    assert engine.counts.state_bytes == small


def _other_fact(rows: Rows) -> None:
    rows["fact_0"] += 1


def _no_fact(rows: Rows) -> None:
    rows["fact_0"][1] = ABSENT


def _from_later_on(rows: Rows) -> None:
    rows["occurred_at"][1] += 2


def _by_another_id(rows: Rows) -> None:
    rows["event_0"][0] = 99


@pytest.mark.parametrize("break_one_thing", [_other_fact, _no_fact, _from_later_on, _by_another_id])
def test_sabotage_one_broken_fact_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = np.concatenate([limits(START, START), asked_at(START + 2)])
    assert disagreements(rows, plan=PLAN) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=PLAN) != []
