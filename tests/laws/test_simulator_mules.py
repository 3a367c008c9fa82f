"""What mules keep: of the accounts that stolen money reached, whose money stays, and how much."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from crivo.simulator import laundering
from crivo.simulator.reports import TRACED_FROM_CENTAVOS
from crivo.simulator.roles import Role
from tests.laws.mules import EVASIVE_MOST, after_one_payment

pytestmark = pytest.mark.slow

STOLEN = 5_000_00
#: Of all accounts; of those without another mule behind them, 15 % leave by no transfer: the four
#: hundredths of all that come to those in whose account everything stays.
KEEPS_ALL = 0.2
LEAVES_UNSEEN = 0.8 * 0.35 * 0.15
KEEPS_PART = 0.2
#: Of networks, those that hand on no part that is traced; of the others such parts are few.
EVADES = 0.2


def moved_on(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of mules that one payment reached: what each handed on to other mules, and to exits."""
    found = []
    for mule, left in after_one_payment(seed, STOLEN):
        mine = left[left["payer"] == mule]
        by_role = [mine["amount_centavos"][mine["role"] == role] for role in (Role.MULE, Role.EXIT)]
        found.append((by_role[0], by_role[1]))
    return found


@cache
def mules() -> list[tuple[np.ndarray, np.ndarray]]:
    return moved_on(4)


def share_that_stays(some: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Of accounts, those that no transfer leaves."""
    return float(np.mean([len(handed) + len(spent) == 0 for handed, spent in some]))


def share_kept_in_part(some: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Of accounts, those that would keep a part, by those that hand on parts to be traced."""
    whole = [handed.sum() for handed, _ in some if len(handed) and handed.max() > EVASIVE_MOST]
    kept = np.asarray(whole) < STOLEN * 9 // 10
    return float(kept.mean()) * (1 - KEEPS_ALL)


def test_in_one_account_of_five_all_the_money_is_still_there():
    assert abs(share_that_stays(mules()) - KEEPS_ALL - LEAVES_UNSEEN) < 0.03


def test_one_account_of_five_keeps_a_part():
    assert abs(share_kept_in_part(mules()) - KEEPS_PART) < 0.03


def test_a_part_that_is_kept_is_a_fifth_to_three_fifths():
    whole = np.asarray(
        [handed.sum() for handed, _ in mules() if len(handed) and handed.max() > EVASIVE_MOST]
    )
    kept = whole[whole < STOLEN * 9 // 10] / STOLEN
    assert 0.37 < kept.min() < kept.max() < 0.82


@pytest.mark.parametrize("per_mille", [0, 400])
def test_sabotage_mules_that_keep_all_never_or_twice_as_often_are_noticed(
    monkeypatch: pytest.MonkeyPatch, per_mille: int
):
    monkeypatch.setattr(laundering, "_KEEPS_ALL", per_mille)
    assert abs(share_that_stays(moved_on(4)) - KEEPS_ALL - LEAVES_UNSEEN) > 0.03


@pytest.mark.parametrize("per_mille", [100, 300])
def test_sabotage_mules_that_keep_a_part_half_or_more_than_as_often_are_noticed(
    monkeypatch: pytest.MonkeyPatch, per_mille: int
):
    monkeypatch.setattr(laundering, "_KEEPS_PART", per_mille)
    assert abs(share_kept_in_part(moved_on(4)) - KEEPS_PART) > 0.03


def shares_below_tracing(some: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Of accounts that hand on, those of which no part is traced; of the others' parts, such."""
    handing = [handed for handed, _ in some if len(handed)]
    evading = np.asarray([handed.max() <= EVASIVE_MOST for handed in handing])
    others = [handed for handed, evades in zip(handing, evading, strict=True) if not evades]
    return float(evading.mean()), float((np.concatenate(others) < TRACED_FROM_CENTAVOS).mean())


def evade_as_meant(some: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    evading, small = shares_below_tracing(some)
    return abs(evading - EVADES) < 0.03 and small < 0.05


def test_one_network_in_five_hands_on_less_than_is_traced_and_others_hardly_ever():
    assert evade_as_meant(mules()), shares_below_tracing(mules())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_EVASIVE_PER_MILLE", 0),
        ("_EVASIVE_PER_MILLE", 400),
        ("_EVASIVE_PART", (22_000, 39_900)),
    ],
)
def test_sabotage_networks_that_evade_never_twice_as_often_or_in_vain_are_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
):
    monkeypatch.setattr(laundering, name, value)
    assert not evade_as_meant(moved_on(4))
