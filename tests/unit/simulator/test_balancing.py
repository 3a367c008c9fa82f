"""Sums that are moved together: those of frauds to a typology's mean, a day's to its total."""

from __future__ import annotations

import numpy as np

from crivo.simulator.amounts import towards
from crivo.simulator.balancing import balance, moved
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows, make_rows, no_rows
from tests.unit.simulator.worlds import small_world


def rows_of(amounts: list[int], *, hop: int, role: Role = Role.VICTIM) -> Rows:
    """Rows of campaign 0."""
    at = np.arange(len(amounts), dtype=np.int64)
    rows = make_rows(at, np.asarray(amounts), at, at + 100)
    rows["campaign"] = 0
    rows["hop"] = hop
    rows["role"] = role
    return rows


def balanced(
    frauds: Rows, companions: Rows, mean: int, passed_on: dict[int, int] | None = None
) -> None:
    balance(frauds, companions, np.zeros(1, dtype=np.int64), {0: mean}, passed_on or {})


def test_round_sums_stay_round_and_prices_keep_their_ending():
    found = moved(np.asarray([20_000, 5_000, 500_000, 8_990, 12_345]), 10_600)
    assert found.tolist() == [21_000, 5_300, 530_000, 9_490, 13_045]
    assert moved(found, 10_000).tolist() == found.tolist()
    assert (moved(np.arange(1, 200), 7_500) > 0).all()


def test_what_victims_pay_has_the_mean_of_their_typology():
    amounts = 1 + Draws(1, "sums").below(1_000_000, 500)
    frauds = rows_of(amounts.tolist(), hop=1)
    balanced(frauds, no_rows(), 450_000)
    assert abs(frauds["amount_centavos"].mean() - 450_000) < 4_500


def test_mules_pass_on_no_more_than_came():
    inflow, outflow = rows_of([100_000, 7_000], hop=1), rows_of([60_000, 47_000], hop=2)
    for mean in (10_000, 50_000, 60_000, 200_000):
        frauds = np.concatenate([inflow, outflow])
        balanced(frauds, no_rows(), mean)
        came, went = frauds["amount_centavos"][:2].sum(), frauds["amount_centavos"][2:].sum()
        assert 0 < went <= came


def test_a_network_passes_on_no_more_than_its_mean_where_that_takes_little():
    for mean, found in ((80_000, 50_000), (45_000, 45_000), (10_000, 37_500)):
        frauds = np.concatenate([rows_of([100_000], hop=1), rows_of([60_000, 40_000], hop=2)])
        frauds["typology"] = [0, 1, 1]
        balanced(frauds, no_rows(), 100_000, {1: mean})
        assert frauds["amount_centavos"][1:].mean() == found


def test_a_bait_is_moved_with_the_payment_that_it_asks_for():
    frauds = rows_of([12_345, 80_000], hop=1)
    baits = rows_of([12_345, 80_000], hop=0, role=Role.REWARD)
    balanced(frauds, baits, 50_000)
    assert baits["amount_centavos"].tolist() == frauds["amount_centavos"].tolist() != [12_345]


def test_a_total_is_met_as_far_as_amounts_may_be_moved():
    amounts = np.asarray([1_000_000, 3_000_000, 10])
    assert abs(int(towards(amounts, 4_400_000).sum()) - 4_400_000) < 100
    assert towards(amounts, 40_000_000).tolist() == [1_250_000, 3_750_000, 12]
    assert towards(amounts, 1).tolist() == [800_000, 2_400_000, 8]
    assert towards(amounts[:0], 100).tolist() == []


def test_of_any_run_of_campaigns_so_many_have_their_turn():
    casting = Casting(small_world().town, small_world().days)
    turns = [casting.turn("every fifth", 200) for _ in range(50)]
    assert {sum(turns[first : first + 20]) for first in range(30)} == {4}
