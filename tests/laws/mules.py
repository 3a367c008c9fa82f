"""What mules do with one payment of stolen money: the sample that laws about them look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator import laundering
from crivo.simulator.campaign import payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.rows import Rows
from tests.unit.simulator.worlds import medium_world

MULES = 3_000
#: No part of a large sum is as small as those of networks that evade tracing.
EVASIVE_MOST = 199_00


def after_one_payment(seed: int, stolen: int) -> Iterator[tuple[int, Rows]]:
    """Mules that a victim paid so many centavos, and all transfers that come of it."""
    world = medium_world()
    casting, draws = Casting(world.town, world.days), Draws(seed, "mules")
    for _ in range(MULES):
        at = np.asarray([casting.begin(draws)], dtype=np.int64)
        mule = casting.opened_account()
        amounts = np.asarray([stolen], dtype=np.int64)
        inflow = payments(draws, at, amounts, 1, mule, {Initiation.DICT: 1})
        yield mule, laundering.move_on(casting, draws, inflow)
