"""People pay as people of their age do."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.simulator.ages import TICKETS, TRANSFERS, Age
from crivo.simulator.rows import NONE
from tests.unit.simulator.worlds import medium_rows, medium_world


@pytest.mark.slow
def test_each_age_has_about_its_part_of_the_transfers_and_its_mean_ticket():
    rows, town = medium_rows(), medium_world().town
    paid = rows[(rows["payer"] < town.census.persons) & (rows["typology"] == NONE)]
    ages = town.ages[paid["payer"]]
    counts = np.bincount(ages, minlength=len(Age))
    money = np.bincount(ages, paid["amount_centavos"], minlength=len(Age))
    # New customers have an age too, which the town does not know.
    of_town = (rows["payer"] < town.census.first_newcomer).sum()
    assert np.abs(counts / of_town - np.asarray(TRANSFERS) / 10_000).max() < 0.015
    means = money / counts
    assert (np.diff(means) > 0).all()
    # A few thousand payments of a heavy tail, and habits that do not ask for the age, move a mean.
    assert np.abs(means / np.asarray(TICKETS) - 1).max() < 0.4
    assert (town.seniors == (town.ages == Age.FROM_60)).all()
