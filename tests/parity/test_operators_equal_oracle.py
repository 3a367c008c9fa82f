"""Every operator over every entity and window says what the oracle says, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.features.engine import Engine, vector_bytes
from crivo.features.row import EVENT_ROW, RowKind
from crivo.features.spec import NIGHT, Entity, EventKind, Feature, Statistic
from crivo.features.window import Span, minutes
from tests.parity.everything import everything, plan_of
from tests.parity.judging import (
    disagreements,
    in_two_orders,
    long_stream,
    one_by_one,
    transfer_after,
)
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]

EVERYTHING = everything()
DISTINCT = tuple(each for each in EVERYTHING if each.statistic is Statistic.DISTINCT)


def some(seed: int, count: int = 40) -> tuple[Feature, ...]:
    """A draw of all features that holds each statistic at least once."""
    dice = random.Random(seed)
    chosen = [
        dice.choice([each for each in EVERYTHING if each.statistic is statistic])
        for statistic in Statistic
    ]
    rest = [each for each in EVERYTHING if each not in chosen]
    return tuple(chosen + dice.sample(rest, count - len(chosen)))


def some_distinct(seed: int) -> tuple[Feature, ...]:
    """Counts of others: so many that every member is mostly among them."""
    return tuple(random.Random(seed).sample(DISTINCT, 70))


def test_every_statistic_entity_and_span_is_among_everything() -> None:
    assert {each.statistic for each in EVERYTHING} == set(Statistic)
    assert {each.entity for each in EVERYTHING} == set(Entity)
    assert {each.window.span for each in EVERYTHING} == set(Span)


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(events_max=40), st.integers(0, 10**6))
def test_any_features_over_any_stream_agree(rows: Rows, seed: int) -> None:
    assert disagreements(rows, plan=plan_of(some(seed))) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_decay_over_any_whole_minutes_agrees(seed: int) -> None:
    decayed = [
        next(each for each in EVERYTHING if each.statistic is statistic and each.entity is entity)
        for statistic in (Statistic.DECAYED_COUNT, Statistic.DECAYED_SUM)
        for entity in (Entity.PAYER, Entity.PAYEE, Entity.DEVICE)
    ]
    lengths = (1, 7, 10, 60, 1_439, 1_441, 129_599)
    features = [replace(each, window=minutes(length)) for each in decayed for length in lengths]
    rows = long_stream(seed, events=300)
    assert disagreements(rows, plan=plan_of(tuple(features))) == []


def test_a_share_of_reports_is_not_behind_by_a_transfer() -> None:
    newest = transfer_after(np.zeros(1, dtype=EVENT_ROW))
    newest["occurred_at"] = newest["received_at"] = START
    newest["device_0"] = 7
    late = newest.copy()
    late["event_0"], late["occurred_at"] = 1, newest["occurred_at"] - 3 * HOUR
    shares = [each for each in EVERYTHING if each.statistic is Statistic.SHARE]
    of_reports = tuple(each for each in shares if each.event is EventKind.REPORT)
    assert disagreements(np.concatenate([newest, late]), plan=plan_of(of_reports)) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(2, 6))
def test_saturated_windows_agree(rows: Rows, limit: int) -> None:
    plan = plan_of(some(limit, 30), saturation_events=limit)
    assert disagreements(rows, plan=plan) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(0, 10**6))
def test_members_of_any_stream_are_counted_once(rows: Rows, seed: int) -> None:
    assert disagreements(rows, plan=plan_of(some_distinct(seed))) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_long_stream_with_a_hot_key_agrees(seed: int) -> None:
    rows = long_stream(seed, events=200)
    assert disagreements(rows, plan=plan_of(some(seed, 60))) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams(), st.integers(0, 10**6))
def test_a_batch_gives_what_one_by_one_gives(rows: Rows, seed: int) -> None:
    plan = plan_of(some(seed))
    vectors, _ = Engine(plan).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == one_by_one(rows, plan=plan)


@pytest.mark.slow
@OFTEN_ENOUGH
@given(pasts_and_hours(), st.randoms(use_true_random=False))
def test_state_is_a_function_of_the_set_of_events(rows: tuple[Rows, Rows], chance: Any) -> None:
    counted = some_distinct(1)
    plan = plan_of((*counted, *(each for each in some(1, 40) if each not in counted)))
    one, other = in_two_orders(*rows, chance, plan=plan)
    assert one == other


def crowd(events: int, members: int, seed: int, *, step: int = 20 * SECOND) -> Rows:
    """One payee and one device that very many payers use, some of them delayed, some again."""
    dice = np.random.default_rng(seed)
    rows = long_stream(seed, events=events, tells=False)
    rows["kind"], rows["accepted"] = RowKind.TRANSFER, -1
    rows["received_at"] = START + np.cumsum(dice.integers(0, 2 * step, events))
    delay = np.where(dice.random(events) < 0.2, dice.integers(0, HOUR, events), 0)
    rows["occurred_at"] = rows["received_at"] - delay
    rows["payer_0"] = dice.integers(1, members, events)
    rows["payee_0"], rows["device_0"] = 9, 3
    return rows


CROWDED = tuple(
    each
    for each in DISTINCT
    if each.entity in (Entity.PAYEE, Entity.DEVICE, Entity.PAYER)
    and each.window.length != 8 * MINUTE
    and (each.filter is None or each.filter.name == "large")
)


@pytest.mark.slow
@pytest.mark.parametrize("members", [40, 3_000, 10**6])
def test_a_crowd_beyond_the_counts_of_thousands_is_counted_once(members: int) -> None:
    rows = crowd(12_000, members, seed=members)
    assert disagreements(rows, plan=plan_of(CROWDED), every=487) == []


@pytest.mark.slow
def test_a_crowd_that_fills_its_list_is_saturated_as_the_oracle_says() -> None:
    rows = crowd(4_000, 10**6, seed=3, step=20 * MINUTE)
    plan = plan_of(CROWDED, saturation_events=300)
    assert disagreements(rows, plan=plan, every=97) == []


def test_the_list_of_members_forgets_what_no_window_reads() -> None:
    rows = crowd(3_000, 10**6, seed=5, step=2 * HOUR)
    day = tuple(each for each in CROWDED if each.window.length == DAY)
    engine = Engine(plan_of(day))
    engine.fold(rows)
    bytes_a_link = 8 * 32
    assert engine.counts.state_bytes < len(rows) * 4 * bytes_a_link
    assert disagreements(rows[-400:], plan=plan_of(day), every=41) == []


def _other_device(rows: Rows) -> None:
    rows["device_0"][0] = 99


def _other_institution(rows: Rows) -> None:
    rows["payee_ispb"][0] = 99


def _dearer(rows: Rows) -> None:
    rows["amount_centavos"][0] += 1


def _turned_round(rows: Rows) -> None:
    rows["payer_0"][0], rows["payee_0"][0] = rows["payee_0"][0], rows["payer_0"][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_one_thing", "noticed_by"),
    [
        (_other_device, Entity.PAYER_DEVICE),
        (_other_institution, Entity.INSTITUTION),
        (_dearer, Statistic.STD),
        (_dearer, Statistic.DECAYED_SUM),
        (_turned_round, Entity.PAYER_RECEIVING),
        (_other_device, Statistic.DISTINCT),
    ],
)
def test_sabotage_one_broken_thing_turns_the_law_red(
    break_one_thing: Callable[[Rows], None], noticed_by: Entity | Statistic
) -> None:
    rows = long_stream(0, events=120, tells=False)
    rows["kind"], rows["accepted"] = RowKind.TRANSFER, -1
    rows["device_0"] = np.maximum(rows["device_0"], 1)
    rows["payee_ispb"] = np.maximum(rows["payee_ispb"], 1)
    plain = [each for each in EVERYTHING if each.filter in (None, NIGHT)]
    of_transfers = [each for each in plain if each.event is EventKind.TRANSFER]
    chosen = [each for each in of_transfers if noticed_by in (each.entity, each.statistic)]
    plan = plan_of(tuple(random.Random(1).sample(chosen, 20)))
    assert disagreements(rows, plan=plan) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=plan) != []
