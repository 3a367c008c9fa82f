"""New pairs, and others who are counted under a filter, at an institution or for a pair, are those
that the oracle finds, whatever came first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.features.engine import Engine, vector_bytes
from crivo.features.row import ABSENT, RowKind
from crivo.features.spec import Entity, EventKind, Feature, Statistic
from tests.parity.everything import everything, plan_of
from tests.parity.judging import (
    agreed,
    disagreements,
    in_two_orders,
    long_stream,
    one_by_one,
    value_of,
)
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]

NEW_PAIRS = tuple(each for each in everything() if each.event is EventKind.NEW_PAIR)
PLAN = plan_of(NEW_PAIRS)
DISTINCT = tuple(each for each in everything() if each.statistic is Statistic.DISTINCT)
BEYOND = (Entity.INSTITUTION, Entity.PAIR, Entity.PAIR_REVERSED)
ANA, BIA, CAIO = 1, 2, 3


def some(seed: int) -> tuple[Feature, ...]:
    """New pairs, and counts of others: filtered ones, and those of each entity."""
    dice = random.Random(seed)
    filtered = [each for each in DISTINCT if each.filter is not None]
    beyond = [each for each in DISTINCT if each.entity in BEYOND and each.filter is None]
    found = (*dice.sample(NEW_PAIRS, 12), *dice.sample(filtered, 25), *dice.sample(beyond, 12))
    return tuple({each.hash: each for each in found}.values())


def paid(payer: int, payee: int, at: int, *, received: int | None = None) -> Rows:
    """One transfer, so long after the start, received at once or as late as is said."""
    row = long_stream(0, events=2)[:1].copy()
    row["payer_0"], row["payee_0"], row["payer_1"], row["payee_1"] = payer, payee, 0, 0
    row["occurred_at"] = START + at
    row["received_at"] = START + (at if received is None else received)
    return row


def value(name: str, *events: Rows) -> float:
    """A value of the last event, on which kernel and oracle agree."""
    rows = np.concatenate(events)
    return agreed(rows[:-1], rows[-1:], name, plan=PLAN)


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(0, 10**6))
def test_new_pairs_and_others_of_any_stream_agree(rows: Rows, seed: int) -> None:
    assert disagreements(rows, plan=plan_of(some(seed))) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(pasts_and_hours(), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_new_pairs_and_others_are_a_function_of_the_set(
    rows: tuple[Rows, Rows], seed: int, chance: Any
) -> None:
    one, other = in_two_orders(*rows, chance, plan=plan_of(some(seed)))
    assert one == other


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(2, 5))
def test_saturated_windows_of_new_pairs_agree(rows: Rows, limit: int) -> None:
    assert disagreements(rows, plan=plan_of(NEW_PAIRS, saturation_events=limit)) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(0, 10**6))
def test_a_batch_gives_what_one_by_one_gives(rows: Rows, seed: int) -> None:
    plan = plan_of(some(seed))
    vectors, _ = Engine(plan).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == one_by_one(rows, plan=plan)


@pytest.mark.slow
@pytest.mark.parametrize("step", [SECOND, 10 * MINUTE, 3 * HOUR])
def test_a_crowd_of_new_payers_agrees_while_rows_are_dropped(step: int) -> None:
    dice = np.random.default_rng(step)
    rows = long_stream(2, events=2)[[0] * 1_500]
    rows["event_0"] = np.arange(1_500)
    rows["payer_0"], rows["payee_0"] = dice.integers(1, 900, 1_500), 9
    rows["received_at"] = START + np.arange(1_500) * step
    rows["occurred_at"] = rows["received_at"]
    rows["occurred_at"] -= np.where(dice.random(1_500) < 0.4, dice.integers(0, HOUR, 1_500), 0)
    of_payees = tuple(each for each in NEW_PAIRS if each.entity is Entity.PAYEE)
    assert disagreements(rows, plan=plan_of(of_payees), every=61) == []


def test_a_pair_is_new_with_its_first_transfer_alone_and_never_again() -> None:
    events = (paid(ANA, BIA, 0), paid(ANA, BIA, 2), paid(ANA, CAIO, 4))
    assert value("payer_new_pair_count_1h", *events, paid(ANA, BIA, HOUR // 2)) == 2
    assert value("payer_new_pair_count_1h", *events, paid(ANA, BIA, HOUR + 1)) == 1
    assert value("payee_new_pair_count_1h", *events, paid(CAIO, BIA, 5)) == 1
    # Whom the payee paid, and who paid the payer, are counted of the other role.
    assert value("payee_sending_new_pair_count_1h", *events, paid(BIA, ANA, 9)) == 2
    assert value("payer_receiving_new_pair_count_1h", *events, paid(BIA, ANA, 9)) == 1


def test_an_earlier_transfer_that_comes_late_takes_the_place_of_the_first() -> None:
    first, late = paid(ANA, BIA, HOUR), paid(ANA, BIA, HOUR // 2, received=HOUR + 1)
    # An hour after the earlier one the pair is no longer new within the hour.
    asked = paid(ANA, CAIO, HOUR + HOUR // 2 + 1)
    assert value("payer_new_pair_count_1h", first, asked) == 1
    assert value("payer_new_pair_count_1h", first, late, asked) == 0
    assert value("payer_new_pair_count_1h", late, first, asked) == 0
    assert value("payer_new_pair_count_7d", first, late, asked) == 1


def test_of_the_transfers_of_a_window_the_share_that_were_first_ones_is_told() -> None:
    share = next(
        each
        for each in NEW_PAIRS
        if each.statistic is Statistic.PER_TRANSFER and each.name.startswith("payer_new_pair")
    )
    plan = plan_of((share,))
    rows = np.concatenate([paid(ANA, payee, at) for at, payee in enumerate((BIA, CAIO, BIA, BIA))])
    found = value_of(rows, paid(ANA, BIA, 9), share.name, plan=plan)
    assert found == 0.5


def _turned_round(rows: Rows) -> None:
    rows["payer_0"][0], rows["payee_0"][0] = rows["payee_0"][0], rows["payer_0"][0]


def _another_payee(rows: Rows) -> None:
    rows["payee_0"][2] = 99


def _first_at_another_time(rows: Rows) -> None:
    rows["occurred_at"][0] -= 2 * DAY


def _late(rows: Rows) -> None:
    rows["received_at"][0] = rows["occurred_at"][0] + HOUR + 1


@pytest.mark.parametrize(
    "break_one_thing", [_turned_round, _another_payee, _first_at_another_time, _late]
)
def test_sabotage_one_broken_transfer_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    events = [(ANA, BIA), (ANA, CAIO), (ANA, BIA), (CAIO, BIA), (ANA, BIA), (BIA, CAIO)]
    rows = np.concatenate([paid(*pair, at) for at, pair in enumerate(events)])
    assert disagreements(rows, plan=PLAN) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=PLAN) != []


@pytest.mark.parametrize("entity", BEYOND)
def test_sabotage_another_member_is_noticed(entity: Entity) -> None:
    plan = plan_of(tuple(each for each in DISTINCT if each.entity is entity))
    rows = np.concatenate([paid(ANA, BIA, at) for at in range(2)] + [paid(BIA, ANA, 3)])
    rows["device_0"], rows["payee_ispb"], rows["payer_ispb"] = (7, 8, 7), 5, ABSENT
    assert disagreements(rows, plan=plan) == []
    broken = rows.copy()
    broken["device_0"][1], broken["payer_0"][1] = 7, CAIO
    assert disagreements(rows, judged=broken, plan=plan) != []
