"""Exposure to marked accounts is what the oracle finds, whatever was told first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crivo.domain.errors import CrivoError
from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.features.engine import Engine, vector_bytes
from crivo.features.row import ABSENT, RowKind
from crivo.features.shard import ShardFold, join, shards_of
from crivo.features.spec import Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER
from tests.parity.everything import CARD, everything, plan_of
from tests.parity.judging import (
    disagreements,
    in_two_orders,
    long_stream,
    one_by_one,
    value_of,
)
from tests.parity.sampled import judge
from tests.parity.streams import OFTEN_ENOUGH, START, pasts_and_hours, streams

pytestmark = pytest.mark.slow

Rows = np.ndarray[Any, Any]

EXPOSURES = tuple(each for each in everything() if each.event is EventKind.EXPOSURE)
PLAN = plan_of(EXPOSURES)
MORE_OFTEN = settings(OFTEN_ENOUGH, max_examples=40)
VICTIM, MULE, NEXT, OTHER = 1, 2, 3, 4


def paid(payer: int, payee: int, at: int) -> Rows:
    """One transfer, so many microseconds after the start, received at once."""
    row = long_stream(0, events=2)[:1].copy()
    row["payer_0"], row["payee_0"], row["payer_1"], row["payee_1"] = payer, payee, 0, 0
    row["occurred_at"] = row["received_at"] = START + at
    return row


def reported(payer: int, payee: int, at: int, *, accepted: int = 1) -> Rows:
    """A report about the payee that became known then."""
    row = paid(payer, payee, at)
    row["kind"], row["accepted"], row["initiation"] = RowKind.REPORT, accepted, ABSENT
    row["device_0"] = row["payee_key_0"] = row["payee_person_0"] = 0
    row["payer_ispb"] = row["payee_ispb"] = ABSENT
    return row


def value(name: str, *events: Rows) -> float:
    """A value of the last event, on which kernel and oracle agree."""
    rows = np.concatenate(events)
    assert disagreements(rows, plan=PLAN) == []
    return value_of(rows[:-1], rows[-1:], name, plan=PLAN)


@MORE_OFTEN
@given(streams())
def test_exposures_over_any_stream_agree(rows: Rows) -> None:
    assert disagreements(rows, plan=PLAN) == []


@pytest.mark.slow
@MORE_OFTEN
@given(pasts_and_hours(), st.randoms(use_true_random=False))
def test_exposures_are_a_function_of_the_set_of_events(
    rows: tuple[Rows, Rows], chance: Any
) -> None:
    one, other = in_two_orders(*rows, chance, plan=PLAN)
    assert one == other


def crowd(seed: int, events: int = 400, accounts: int = 30) -> Rows:
    """Accounts that all pay each other, some of it late, and reports about many of them."""
    dice = np.random.default_rng(seed)
    rows = long_stream(seed, events=events)
    for name in ("payer_0", "payee_0"):
        rows[name] = dice.integers(1, accounts, events)
    is_report = dice.random(events) < 0.1
    marks = np.concatenate([reported(1, 2, 0)] * events)
    marks["received_at"] = marks["occurred_at"] = rows["received_at"]
    marks["payee_0"], marks["accepted"] = rows["payee_0"], dice.integers(0, 2, events)
    rows[is_report] = marks[is_report]
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_agrees(seed: int) -> None:
    assert disagreements(crowd(seed), plan=PLAN, every=7) == []


def test_a_batch_gives_what_one_by_one_gives() -> None:
    rows = crowd(5)
    vectors, _ = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    assert vector_bytes(vectors) == one_by_one(rows, plan=PLAN)


@pytest.mark.slow
def test_an_engine_whose_index_grows_meanwhile_finds_the_same() -> None:
    rows = crowd(6, events=30_000, accounts=3_000)
    wanted = rows["kind"] == RowKind.TRANSFER
    large = Engine(PLAN)
    large._state._move_index(1 << 20)
    large._aim()
    small = Engine(PLAN)
    begun = small._state.index.size
    found, _ = large.vectors(rows, wanted)
    assert vector_bytes(small.vectors(rows, wanted)[0]) == vector_bytes(found)
    assert small._state.index.size > begun
    assert large._state.index.size == 1 << 20


@pytest.mark.parametrize("count", [2, 3])
def test_shards_make_what_the_whole_makes(count: int) -> None:
    rows = crowd(7)
    wanted = rows["kind"] == RowKind.TRANSFER
    shards = shards_of(PLAN, count)
    made = [ShardFold(shard).vectors(rows, wanted) for shard in shards]
    joined, _ = join(shards, made, rows, wanted)
    assert vector_bytes(joined) == vector_bytes(Engine(PLAN).vectors(rows, wanted)[0])


def test_a_sample_of_keys_is_judged_with_the_reports_about_those_they_met() -> None:
    rows = crowd(8)
    vectors, flags = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    judged = judge([(rows, vectors, flags)], PLAN, one_in=3)
    assert judged.said == []
    assert judged.vectors > 0
    deaf = rows.copy()
    deaf["accepted"] = np.where(deaf["kind"] == RowKind.REPORT, 0, deaf["accepted"])
    assert judge([(deaf, vectors, flags)], PLAN, one_in=3).said != []


def test_who_paid_a_marked_account_or_was_paid_by_it_is_exposed_to_it() -> None:
    past = (paid(VICTIM, MULE, 0), paid(MULE, NEXT, MINUTE), reported(VICTIM, MULE, HOUR))
    asked = paid(VICTIM, NEXT, HOUR + 1)
    assert value("payer_exposure_count_ever", *past, asked) == 1
    assert value("payee_exposure_count_ever", *past, asked) == 1
    assert value("payee_sending_exposure_count_ever", *past, asked) == 0
    assert value("payer_receiving_exposure_count_ever", *past, asked) == 0
    assert value("payee_exposure_since_last_ever", *past, asked) == 1e-6
    assert value("payee_sending_exposure_count_ever", *past, paid(OTHER, VICTIM, 2 * HOUR)) == 1
    assert value("payer_receiving_exposure_count_ever", *past, paid(NEXT, OTHER, 2 * HOUR)) == 1


def test_a_mark_counts_from_when_it_was_known_and_once_for_each_account() -> None:
    past = (paid(VICTIM, MULE, 0), paid(VICTIM, MULE, 1), reported(VICTIM, MULE, HOUR))
    again = reported(OTHER, MULE, 2 * HOUR)
    name = "payer_exposure_count_ever"
    assert value(name, *past, paid(VICTIM, OTHER, HOUR)) == 0
    assert value(name, *past, again, paid(VICTIM, OTHER, 3 * HOUR)) == 1
    refused = reported(VICTIM, MULE, HOUR, accepted=0)
    assert value(name, *past[:2], refused, paid(VICTIM, OTHER, 3 * HOUR)) == 0


def test_who_meets_an_account_that_is_marked_already_is_exposed_from_then_on() -> None:
    mark, met = reported(VICTIM, MULE, 0), paid(OTHER, MULE, 2 * HOUR)
    later = paid(OTHER, NEXT, 3 * HOUR)
    assert value("payer_exposure_count_1h", mark, met, paid(OTHER, NEXT, 3 * HOUR - 1)) == 1
    assert value("payer_exposure_count_1h", mark, met, later) == 0
    assert value("payer_exposure_count_7d", mark, met, later) == 1
    assert value("payer_exposure_since_last_ever", mark, met, later) == 3_600
    assert value("payer_exposure_count_7d", mark, met, paid(OTHER, NEXT, 8 * DAY)) == 0


def test_a_late_first_meeting_moves_the_exposure_back() -> None:
    mark, met = reported(VICTIM, MULE, 0), paid(OTHER, MULE, 50 * MINUTE)
    late = paid(OTHER, MULE, 20 * MINUTE)
    late["received_at"] = met["received_at"]
    asked = paid(OTHER, NEXT, HOUR)
    assert value("payer_exposure_since_last_ever", mark, met, asked) == 600
    assert value("payer_exposure_since_last_ever", mark, met, late, asked) == 2_400
    assert value("payer_exposure_count_ever", mark, met, late, asked) == 1


def test_a_mark_that_was_received_late_moves_all_exposures_back() -> None:
    met = paid(OTHER, MULE, 0)
    marks = reported(VICTIM, MULE, 50 * MINUTE), reported(VICTIM, MULE, 20 * MINUTE)
    asked = paid(OTHER, NEXT, HOUR)
    assert value("payer_exposure_since_last_ever", met, *marks, asked) == 2_400
    assert value("payer_exposure_since_last_ever", met, *marks[::-1], asked) == 2_400


def test_what_is_no_account_is_exposed_to_nothing() -> None:
    with pytest.raises(CrivoError, match="entity"):
        Feature(
            entity=Entity.DEVICE,
            event=EventKind.EXPOSURE,
            measure=Measure.EXPOSURE,
            statistic=Statistic.COUNT,
            window=EVER,
            card=CARD,
        )


def _no_mark(rows: Rows) -> None:
    rows["accepted"] = np.where(rows["kind"] == RowKind.REPORT, 0, rows["accepted"])


def _met_somebody_else(rows: Rows) -> None:
    rows["payee_0"][0] = OTHER


def _never_met(rows: Rows) -> None:
    rows["received_at"][0] += HOUR + 1


@pytest.mark.parametrize("break_one_thing", [_no_mark, _met_somebody_else, _never_met])
def test_sabotage_one_broken_meeting_or_mark_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = np.concatenate(
        [paid(VICTIM, MULE, 0), reported(VICTIM, MULE, HOUR), paid(VICTIM, NEXT, 2 * HOUR)]
    )
    assert disagreements(rows, plan=PLAN) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=PLAN) != []
