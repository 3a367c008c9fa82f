"""An account's own night begins at the hour that was told for it, else at the policy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.domain.errors import CrivoError
from crivo.domain.instant import DAY, HOUR, parse_rfc3339
from crivo.features.row import ABSENT, RowKind
from crivo.features.spec import Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import OWN_NIGHT, Span
from tests.parity.everything import CARD, everything, plan_of
from tests.parity.judging import (
    disagreements,
    in_two_orders,
    long_stream,
    value_of,
)
from tests.parity.streams import OFTEN_ENOUGH, pasts_and_hours, streams

Rows = np.ndarray[Any, Any]

NIGHTLY = tuple(
    each
    for each in everything()
    if each.window.span is Span.OWN_NIGHT and (each.filter is None or each.filter.name == "large")
)
PLAN = plan_of(NIGHTLY)
#: Midnight in Brasília.
MIDNIGHT = parse_rfc3339("2026-03-03T03:00:00Z")


def transfers(*hours: float, payer: int = 1, payee: int = 9) -> Rows:
    """Transfers that many hours after the midnight of 3 March."""
    rows = long_stream(0, events=2)[[0] * len(hours)]
    rows["payer_0"], rows["payee_0"], rows["amount_centavos"] = payer, payee, 100
    rows["occurred_at"] = [MIDNIGHT + int(hour * HOUR) for hour in hours]
    rows["received_at"] = rows["occurred_at"]
    return rows


def told(account: int, hour: int, *, at: float = -48) -> Rows:
    """The night of that account begins at that hour, from so many hours after midnight on."""
    row = transfers(at, payer=account, payee=0)
    row["kind"], row["amount_centavos"], row["fact_0"] = RowKind.NIGHT_START, 0, hour
    row["initiation"] = row["payer_ispb"] = row["payee_ispb"] = ABSENT
    row["device_0"] = row["payee_key_0"] = row["payee_person_0"] = 0
    return row


def count(before: Rows, asked: Rows, name: str = "payer_transfer_count_own_night") -> float:
    """One value, on which kernel and oracle agree."""
    assert disagreements(np.concatenate([before, asked]), plan=PLAN) == []
    return value_of(before, asked, name, plan=PLAN)


@pytest.mark.slow
@OFTEN_ENOUGH
@given(streams())
def test_own_nights_over_any_stream_agree(rows: Rows) -> None:
    assert disagreements(rows, plan=PLAN) == []


@pytest.mark.slow
@OFTEN_ENOUGH
@given(pasts_and_hours(), st.randoms(use_true_random=False))
def test_own_nights_are_a_function_of_the_set_of_events(
    rows: tuple[Rows, Rows], chance: Any
) -> None:
    one, other = in_two_orders(*rows, chance, plan=PLAN)
    assert one == other


def test_a_night_begins_at_the_policys_hour_until_another_is_told() -> None:
    before = transfers(19.5, 20.5, 21.5, 22.5)
    assert np.isnan(count(before[:0], transfers(19.9)))
    assert count(before, transfers(23)) == 3
    later = np.concatenate([told(1, 22), before])
    assert np.isnan(count(later[:3], transfers(21.9)))
    assert count(later, transfers(23)) == 1
    assert count(later, transfers(29.9)) == 1
    assert np.isnan(count(later, transfers(30)))


def test_the_policys_night_does_not_begin_at_the_accounts_hour() -> None:
    both = plan_of(
        tuple(
            each
            for each in everything()
            if each.statistic is Statistic.DISTINCT
            and each.window.span in (Span.TONIGHT, Span.OWN_NIGHT)
        )
    )
    rows = np.concatenate([told(1, 1), transfers(20.1, 20.9, 24.5, 25.5)])
    rows["event_0"] = np.arange(len(rows)) + 1
    assert disagreements(rows, plan=both) == []


def test_an_hour_counts_from_when_it_stands_on() -> None:
    before = np.concatenate([told(1, 22, at=22.75), transfers(20.5, 22.5)])
    assert count(before, transfers(22.75)) == 2
    assert count(before, transfers(22.8)) == 1


def test_a_payee_has_a_night_of_its_own() -> None:
    before = np.concatenate([told(9, 22), transfers(20.5, 22.5)])
    assert count(before, transfers(23)) == 2
    name = "payee_transfer_count_own_night"
    assert count(before, transfers(23), name) == 1
    received = np.concatenate([told(1, 22), transfers(20.5, 22.5, payer=5, payee=1)])
    assert count(received, transfers(23), "payer_receiving_transfer_count_own_night") == 1


def test_a_night_may_begin_after_midnight_and_an_absurd_hour_is_none() -> None:
    before = np.concatenate([told(1, 1), transfers(23, 24.5, 25.5)])
    assert np.isnan(count(before, transfers(23.5)))
    assert np.isnan(count(before, transfers(24.9)))
    assert count(before, transfers(26)) == 1
    for hour in (24, 10**12, ABSENT):
        absurd = np.concatenate([told(1, hour), transfers(20.5)])
        assert count(absurd, transfers(21)) == 1


@pytest.mark.parametrize("entity", [Entity.PAIR, Entity.DEVICE, Entity.PAYER_DEVICE])
def test_what_is_no_account_has_no_night_of_its_own(entity: Entity) -> None:
    with pytest.raises(CrivoError, match=r"window\.span"):
        Feature(
            entity=entity,
            event=EventKind.TRANSFER,
            measure=Measure.TRANSFER,
            statistic=Statistic.COUNT,
            window=OWN_NIGHT,
            card=CARD,
        )


def _another_hour(rows: Rows) -> None:
    rows["fact_0"][0] = 21


def _another_account(rows: Rows) -> None:
    rows["payer_0"][0] = 2


def _from_later_on(rows: Rows) -> None:
    rows["occurred_at"][0] += 4 * DAY


@pytest.mark.parametrize("break_one_thing", [_another_hour, _another_account, _from_later_on])
def test_sabotage_one_broken_hour_turns_the_law_red(
    break_one_thing: Callable[[Rows], None],
) -> None:
    rows = np.concatenate([told(1, 22), transfers(20.5, 21.5, 22.5, 23)])
    assert disagreements(rows, plan=PLAN) == []
    broken = rows.copy()
    break_one_thing(broken)
    assert disagreements(rows, judged=broken, plan=PLAN) != []
