"""Moves what victims pay to the mean of their typology: the last step of its quota.

Fraud is rare and heavy-tailed. However sums are drawn, the last campaign of a typology may carry a
tenth of its money. So all its sums are moved by one factor (calibration to a known total, after
Deville and Särndal, 1992), round ones to round ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows

_UNIT: Final = 10_000
#: No sum is moved further than this, in parts of the unit.
_FACTORS: Final = (7_500, 13_000)
_CENTAVOS: Final = 100


def balance(
    frauds: Rows,
    companions: Rows,
    owners: Int64s,
    means: Mapping[int, int],
    passed_on: Mapping[int, int],
) -> None:
    """Moves the sums of the frauds, and the baits of the same campaigns, in place.

    Args:
        frauds: Rows of hop 1 and more.
        companions: What goes with them.
        owners: By campaign the place of its typology.
        means: By place of a typology what its victims pay in the mean, in centavos.
        passed_on: By place of a network what its mules pass on in the mean, at most.
    """
    by_victims = frauds["hop"] == 1
    owner = owners[frauds["campaign"]]
    least = np.full(len(owners), _UNIT, dtype=np.int64)
    for place, mean in means.items():
        mine = np.flatnonzero(by_victims & (owner == place))
        if len(mine) == 0:
            continue
        before = frauds["amount_centavos"][mine]
        factor = int(np.clip(mean * len(mine) * _UNIT // int(before.sum()), *_FACTORS))
        after = moved(before, factor)
        frauds["amount_centavos"][mine] = after
        np.minimum.at(least, frauds["campaign"][mine], after * _UNIT // before)
        baits = (companions["role"] == Role.REWARD) & (owners[companions["campaign"]] == place)
        companions["amount_centavos"][baits] = moved(companions["amount_centavos"][baits], factor)
    # Nobody passes on more than came: a campaign's mules follow the inflow that was moved least.
    less = frauds["amount_centavos"][~by_victims] * least[frauds["campaign"][~by_victims]]
    frauds["amount_centavos"][~by_victims] = np.maximum(less // _UNIT, 1)
    for place, mean in passed_on.items():
        mine = np.flatnonzero(~by_victims & (frauds["typology"] == place))
        if len(mine):
            amounts = frauds["amount_centavos"][mine]
            factor = min(max(mean * len(mine) * _UNIT // int(amounts.sum()), _FACTORS[0]), _UNIT)
            frauds["amount_centavos"][mine] = np.maximum(amounts * factor // _UNIT, 1)


def moved(amounts: Int64s, factor: int) -> Int64s:
    """The amounts times a factor in parts of 10,000, to the next that is as round.

    What has two digits before its noughts keeps two; other sums keep their centavos.
    """
    digits = np.zeros_like(amounts)
    for power in range(1, 17):
        digits += amounts >= 10**power
    grid = 10 ** np.maximum(digits - 1, 0)
    step = np.where(amounts % grid == 0, grid, _CENTAVOS)
    change = amounts * (factor - _UNIT)
    rounded = (change + step * _UNIT // 2) // (step * _UNIT) * step
    return np.where(amounts + rounded > 0, amounts + rounded, amounts)
