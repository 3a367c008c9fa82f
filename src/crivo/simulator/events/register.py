"""Who holds the accounts of a world: names and tax ids, the same as in the table of users."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.lettering import Names
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.names import holder_names
from crivo.simulator.world import World


class Register:
    """The name and tax id of every account's holder, made once: there are fewer than transfers."""

    def __init__(self, world: World) -> None:
        holders = hold(world)
        owners = holders.of(np.arange(world.accounts, dtype=np.int64))
        self.tax_ids: Final[Names] = holders.tax_ids(owners)
        self.names: Final[Names] = holder_names(holders.seed, owners, holders.is_company[owners])
