"""The first and the last event of a window, of all or of those that a filter passes, are those that
the oracle finds: their amounts, and their ages.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.features.engine import Engine
from crivo.features.parts import is_earliest, is_pick
from crivo.features.spec import Entity, EventKind, Feature, FeatureSet, Filter, Measure, Statistic
from crivo.features.window import EVER, TODAY, Window, days, hours
from tests.parity.everything import CARD, LARGE, everything, plan_of
from tests.parity.judging import agreed, disagreements, in_two_orders, long_stream, paid
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]

SINGLE = (Statistic.FIRST, Statistic.LAST, Statistic.SINCE_FIRST, Statistic.SINCE_LAST)
OF_SINGLE_EVENTS = tuple(each for each in everything() if each.statistic in SINGLE)


def declared(
    statistic: Statistic, window: Window, condition: Filter | None = None, *, of_age: bool = False
) -> Feature:
    """What a payer's first or last transfer in that window moved, or how long ago it was."""
    return Feature(
        entity=Entity.PAYER,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER if of_age else Measure.AMOUNT,
        statistic=statistic,
        window=window,
        filter=condition,
        card=CARD,
    )


WINDOWS = (hours(1), hours(24), days(7), TODAY, EVER)
BY_HAND = plan_of(
    tuple(
        declared(statistic, window, condition, of_age=of_age)
        for window in WINDOWS
        for condition in (None, LARGE)
        for statistic, of_age in zip(SINGLE, (False, False, True, True), strict=True)
    )
)


def some(seed: int, count: int = 60) -> tuple[Feature, ...]:
    """As many of each statistic."""
    dice, found = random.Random(seed), []
    for statistic in SINGLE:
        of_it = [each for each in OF_SINGLE_EVENTS if each.statistic is statistic]
        found += dice.sample(of_it, count // len(SINGLE))
    return tuple(found)


def since_start(*payments: tuple[int, int]) -> Rows:
    """`paid`, with instants from the start of the streams."""
    return paid(*((START + instant, centavos) for instant, centavos in payments))


def value(name: str, before: Rows, asked: Rows) -> float:
    """A value on which kernel and oracle agree."""
    return agreed(before, asked, name, plan=BY_HAND)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("step", [SECOND, 600 * SECOND, 5 * HOUR])
def test_a_hot_key_whose_rows_are_dropped_agrees(step: int) -> None:
    dice = np.random.default_rng(step)
    rows = since_start(
        *((int(at), int(dice.integers(1, 200_000))) for at in np.arange(1_500) * step)
    )
    rows["occurred_at"] -= np.where(dice.random(1_500) < 0.3, dice.integers(0, HOUR, 1_500), 0)
    assert disagreements(rows, plan=BY_HAND, every=53) == []


def test_the_first_and_the_last_of_a_window_tell_their_amounts_and_ages() -> None:
    before = since_start(
        (0, 700), (30 * HOUR, 200_000), (30 * HOUR + HOUR // 2, 5), (31 * HOUR - 1, 9)
    )
    asked = since_start((31 * HOUR, 1))
    found = {
        "payer_amount_first_1h": 5.0,
        "payer_amount_first_24h": 200_000.0,
        "payer_amount_first_7d": 700.0,
        "payer_amount_first_ever": 700.0,
        "payer_amount_last_1h": 9.0,
        "payer_amount_last_ever_where_large": 200_000.0,
        "payer_transfer_since_first_24h": 3_600.0,
        "payer_transfer_since_first_ever_where_large": 3_600.0,
        "payer_transfer_since_last_7d_where_large": 3_600.0,
    }
    assert {name: value(name, before, asked) for name in found} == found
    assert np.isnan(value("payer_amount_last_1h_where_large", before, asked))


def test_today_begins_at_midnight_for_single_events_too() -> None:
    # The stream's start is a minute before midnight in Brasília.
    midnight = 60 * SECOND
    before, asked = (
        since_start((midnight - 1, 3), (midnight, 4)),
        since_start((midnight + SECOND, 1)),
    )
    assert value("payer_amount_first_today", before, asked) == 4
    assert value("payer_transfer_since_last_today", before, asked) == 1
    assert np.isnan(value("payer_amount_last_today", before[:1], asked))


def test_of_one_instant_the_lesser_id_is_first_and_the_greater_is_last() -> None:
    before = since_start((0, 3), (0, 4))
    before["event_0"] = [2**64 - 1, 8]  # ids have no sign
    for order in ([0, 1], [1, 0]):
        for span in ("1h", "24h", "7d", "today", "ever"):
            asked = since_start((1, 1))
            assert value(f"payer_amount_first_{span}", before[order], asked) == 4
            assert value(f"payer_amount_last_{span}", before[order], asked) == 3


def test_a_list_forgets_what_no_window_reads() -> None:
    features = (declared(Statistic.LAST, EVER, LARGE), declared(Statistic.FIRST, days(7)))
    engine = Engine(plan_of(features))
    rows = since_start(*((at * HOUR, 200_000) for at in range(4_000)))
    engine.fold(rows[:1_000])
    small = engine.counts.state_bytes
    engine.fold(rows[1_000:])
    assert engine.counts.state_bytes == small


def test_what_is_declared_here_takes_nothing_from_a_plan_that_does_not_read_it() -> None:
    plain = tuple(each for each in everything() if each.statistic is Statistic.COUNT)[:20]
    assert not any(is_pick(each) or is_earliest(each) for each in plain)
    engine, more = Engine(plan_of(plain)), Engine(plan_of((*plain, *some(3))))
    rows = long_stream(1, events=100)
    for each in (engine, more):
        each.fold(rows)
    assert engine.counts.state_bytes < more.counts.state_bytes
    assert FeatureSet(plain).hash == engine.plan.set_hash


def _dearer(rows: Rows) -> None:
    rows["amount_centavos"][-2] += 1


def _earlier(rows: Rows) -> None:
    rows["occurred_at"][-2] -= 1


def _by_another_id(rows: Rows) -> None:
    rows["event_0"][0], rows["event_0"][1] = rows["event_0"][1], rows["event_0"][0]


@pytest.mark.parametrize("break_one_thing", [_dearer, _earlier, _by_another_id])
def test_sabotage_one_broken_event_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = since_start((0, 3), (0, 4), (DAY, 150_000), (DAY + SECOND, 1))
    assert disagreements(rows, plan=BY_HAND) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=BY_HAND) != []
