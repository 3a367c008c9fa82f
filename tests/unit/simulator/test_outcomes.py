"""What becomes of claims and of the money: quotas that hold where cases are few."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.domain.instant import HOUR
from crivo.simulator.amounts import drawn, lognormal_of_mean
from crivo.simulator.blocks import Block, block_frauds, block_honest, honest_blocks_of_million
from crivo.simulator.draws import Draws
from crivo.simulator.recoveries import Recovery, recover
from crivo.simulator.reports import HONEST_CLAIMS_OF_MILLION, honest_claims_of_million
from crivo.simulator.rows import NONE, Rows, make_rows
from tests.unit.simulator.worlds import medium_rows

#: Of cases and of value, April 2026.
CASES = {"FULL": 0.139, "PARTIAL": 0.183, "NO_BALANCE": 0.611, "ACCOUNT_CLOSED": 0.03}
VALUES = {"FULL": 0.125, "PARTIAL": 0.288, "NO_BALANCE": 0.517, "ACCOUNT_CLOSED": 0.021}


def cases(seed: int, count: int) -> Rows:
    """So many accepted claims with amounts as frauds have them."""
    draws = Draws(seed, "cases")
    amounts = np.maximum(drawn(draws, lognormal_of_mean(220_000, 160), count), 100)
    accounts = np.arange(count, dtype=np.int64)
    rows = make_rows(accounts * HOUR, amounts, accounts, accounts + count)
    rows["typology"] = 0
    rows["accepted"] = True
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_recoveries_have_the_official_mix_of_cases_and_of_value(seed: int):
    rows = cases(seed, 850)
    recover(Draws(seed, "recover"), rows)
    amounts = rows["amount_centavos"]
    for name, share in CASES.items():
        mine = rows["recovery"] == Recovery[name]
        assert abs(mine.mean() - share) < 0.05
        assert abs(amounts[mine].sum() / amounts.sum() - VALUES[name]) < 0.03
    partial = rows["recovery"] == Recovery.PARTIAL
    part = rows["returned_centavos"][partial].sum() / amounts.sum()
    assert 0.02 < part < 0.06


def test_what_came_back_fits_what_became_of_the_case():
    rows = medium_rows()
    recovery, returned = rows["recovery"], rows["returned_centavos"]
    assert ((recovery != Recovery.NONE) == rows["accepted"]).all()
    full, partial = recovery == Recovery.FULL, recovery == Recovery.PARTIAL
    assert (returned[full] == rows["amount_centavos"][full]).all()
    assert (returned[partial] > 0).all()
    assert (returned[partial] < rows["amount_centavos"][partial]).all()
    assert (returned[~full & ~partial] == 0).all()


def test_no_case_is_no_trouble():
    rows = cases(1, 3)[:0]
    recover(Draws(1, "recover"), rows)
    block_frauds(Draws(1, "block"), rows)
    block_honest(Draws(1, "block"), rows, 1_000_000)
    assert len(rows) == 0


def test_blocks_end_within_the_laws_72_hours_and_returned_ones_are_silent_frauds():
    rows = medium_rows()
    blocked, returned = rows["block"] != Block.NONE, rows["block"] == Block.RETURNED
    waits = (rows["block_ended_at"] - rows["occurred_at"])[blocked]
    assert (waits > 0).all()
    assert (waits < 72 * HOUR).all()
    assert (rows["block_ended_at"][~blocked] == NONE).all()
    assert returned.any()
    assert (rows["typology"][returned] != NONE).all()
    assert (rows["contested_at"][returned] == NONE).all()
    assert (rows["typology"][blocked & ~returned] == NONE).all()


def test_honest_claims_and_blocks_grow_with_enriched_frauds_and_have_a_natural_floor():
    assert honest_claims_of_million(40, 1_000_000) == HONEST_CLAIMS_OF_MILLION
    assert honest_claims_of_million(4000, 1_000_000) == 6000
    assert honest_blocks_of_million(10, 1_000_000) == 82
    assert honest_blocks_of_million(1000, 1_000_000) == 500


def test_a_quota_is_its_sum_and_falls_on_anybody():
    odds = np.asarray([900, 100] * 500)
    found = Draws(1, "quota").quota(odds)
    assert found.sum() in (500, 501)
    assert 420 < found[::2].sum() < 480
    assert len(Draws(1, "none").quota(odds[:0])) == 0
