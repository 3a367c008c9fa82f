"""Least, greatest, first and ranked amounts are those that the oracle finds, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.features.engine import Engine
from crivo.features.row import ABSENT, RowKind
from crivo.features.spec import RANKED_MAX, Entity, Feature, Statistic
from tests.parity.everything import everything, plan_of
from tests.parity.judging import agreed, disagreements, in_two_orders, long_stream, paid
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

pytestmark = pytest.mark.slow

Rows = np.ndarray[Any, Any]

ALONE = (Statistic.MIN, Statistic.MAX, Statistic.RANK, Statistic.FIRST)
OF_SINGLE_EVENTS = tuple(each for each in everything() if each.statistic in ALONE)
OF_HOT_KEYS = tuple(
    each
    for each in OF_SINGLE_EVENTS
    if each.entity is Entity.PAYEE and each.filter is None and each.event.value == "transfer"
)
HOT = plan_of(OF_HOT_KEYS)


def some(seed: int, count: int = 30) -> tuple[Feature, ...]:
    """A draw of all features of single events that holds each statistic."""
    dice = random.Random(seed)
    chosen = [
        dice.choice([each for each in OF_SINGLE_EVENTS if each.statistic is statistic])
        for statistic in ALONE
    ]
    rest = [each for each in OF_SINGLE_EVENTS if each not in chosen]
    return tuple(chosen + dice.sample(rest, count - len(chosen)))


def value(name: str, before: Rows, asked: Rows) -> float:
    """One value of payee 9, which the oracle finds too."""
    return agreed(before, asked, name, plan=HOT)


@OFTEN_ENOUGH
@given(streams(), st.integers(0, 10**6))
def test_single_events_of_any_stream_agree(rows: Rows, seed: int) -> None:
    assert disagreements(rows, plan=plan_of(some(seed))) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(pasts_and_hours(), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_single_events_are_a_function_of_the_set(
    rows: tuple[Rows, Rows], seed: int, chance: Any
) -> None:
    one, other = in_two_orders(*rows, chance, plan=plan_of(some(seed)))
    assert one == other


def hot(events: int, seed: int, *, step: int) -> Rows:
    """One payee whom everybody pays, a fifth of it delayed; amounts repeat, rise and fall."""
    dice = np.random.default_rng(seed)
    rows = long_stream(seed, events=events)
    rows["kind"], rows["accepted"] = RowKind.TRANSFER, ABSENT
    rows["received_at"] = START + np.cumsum(dice.integers(0, 2 * step, events))
    delay = np.where(dice.random(events) < 0.2, dice.integers(0, HOUR, events), 0)
    rows["occurred_at"] = rows["received_at"] - delay
    rows["payee_0"] = 9
    wave = 10_000 + 9_000 * np.sin(np.arange(events) / 700)
    rows["amount_centavos"] = (wave + dice.integers(0, 400, events)).astype(np.int64)
    return rows


@pytest.mark.slow
def test_a_hot_key_agrees() -> None:
    assert disagreements(hot(1_500, 1, step=MINUTE), plan=HOT, every=37) == []


@pytest.mark.slow
@pytest.mark.parametrize("step", [10 * SECOND, 3 * MINUTE, 40 * MINUTE])
def test_a_hot_key_agrees_for_long(step: int) -> None:
    assert disagreements(hot(12_000, step, step=step), plan=HOT, every=307) == []


def test_what_no_window_reads_is_forgotten() -> None:
    day = tuple(each for each in OF_HOT_KEYS if each.window.length <= DAY)
    engine = Engine(plan_of(day))
    engine.fold(hot(20_000, 2, step=HOUR))
    bytes_of_events = engine.counts.state_bytes - Engine(plan_of(day)).counts.state_bytes
    assert bytes_of_events < 20_000


def test_of_equal_amounts_half_are_less() -> None:
    before = paid((START, 10), (START + 1, 20), (START + 2, 20), (START + 3, 30))
    name = "payee_amount_rank_1h"
    for amount, rank in ((5, 0.0), (10, 0.125), (20, 0.5), (25, 0.75), (31, 1.0)):
        assert value(name, before, paid((START + 4, amount))) == rank
    assert np.isnan(value(name, before[:0], paid((START, 5))))


def test_a_rank_is_one_among_the_newest_and_of_one_instant_the_dearest() -> None:
    # One too many: of the two at the first instant the cheaper is left out.
    before = paid((START, 1), (START, 2), *((START + 1 + at, 3) for at in range(RANKED_MAX - 1)))
    found = value("payee_amount_rank_1h", before, paid((START + MINUTE, 3)))
    assert found == (2 + RANKED_MAX - 1) / (2 * RANKED_MAX)


def test_extremes_leave_with_their_windows_and_stay_for_ever() -> None:
    before = paid((START, 1), (START + 1, 900), (START + HOUR, 50))
    asked = paid((START + HOUR + 1, 7))
    assert value("payee_amount_min_1h", before, asked) == 50
    assert value("payee_amount_max_1h", before, asked) == 50
    assert value("payee_amount_min_ever", before, asked) == 1
    assert value("payee_amount_max_ever", before, asked) == 900
    assert value("payee_amount_first_ever", before, asked) == 1


def test_of_two_first_events_at_one_instant_the_lesser_id_tells() -> None:
    before = paid((START, 4), (START, 5))
    before["event_0"] = [2**64 - 1, 3]  # ids have no sign
    for order in ([0, 1], [1, 0]):
        found = value("payee_amount_first_ever", before[order], paid((START + 1, 7)))
        assert found == 5


def test_an_undone_attempt_stays_the_greatest_and_the_first() -> None:
    before = paid((START, 900), (START + 1, 50))
    undone = before[:1].copy()
    undone["kind"], undone["received_at"] = RowKind.UNDOING, START + 2
    undone["initiation"] = undone["payer_ispb"] = undone["payee_ispb"] = ABSENT
    undone["device_0"] = undone["payee_key_0"] = undone["payee_person_0"] = 0
    asked = paid((START + 3, 60))
    for name in ("payee_amount_max_1h", "payee_amount_first_ever", "payee_amount_rank_24h"):
        found = value(name, np.concatenate([before, undone]), asked)
        assert found == value(name, before, asked)


def _dearer(rows: Rows) -> None:
    rows["amount_centavos"][0] = 10**9


def _cheaper(rows: Rows) -> None:
    rows["amount_centavos"][0] = 1


def _gone(rows: Rows) -> None:
    rows["received_at"][0] = rows["occurred_at"][0] + HOUR + 1


@pytest.mark.parametrize(
    ("break_one_thing", "noticed_by"),
    [
        (_dearer, Statistic.MAX),
        (_cheaper, Statistic.MIN),
        (_dearer, Statistic.RANK),
        (_gone, Statistic.FIRST),
    ],
)
def test_sabotage_one_broken_event_turns_the_law_red(
    break_one_thing: Callable[[Rows], None], noticed_by: Statistic
) -> None:
    rows = hot(60, 3, step=SECOND)
    plan = plan_of(tuple(each for each in OF_HOT_KEYS if each.statistic is noticed_by))
    assert disagreements(rows, plan=plan) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=plan) != []
