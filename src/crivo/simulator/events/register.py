"""Who holds the accounts of a world: names and tax ids, the same as in the table of users."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.lettering import Names, spread
from crivo.simulator.seven.holders import identify
from crivo.simulator.seven.names import holder_names, trade_names
from crivo.simulator.world import World

#: Thousandths of companies that have told their institution the name over their door (assumed).
_TRADING_PER_MILLE: Final = 700


class Register:
    """The name and tax id of each account's holder, made where they are asked for."""

    def __init__(self, world: World) -> None:
        self._holders: Final = identify(world)

    def tax_ids(self, accounts: Int64s) -> Names:
        """CPF or CNPJ of each account's holder."""
        return self._holders.tax_ids(self._holders.of(accounts))

    def names(self, accounts: Int64s) -> Names:
        """The name of each account's holder."""
        owners = self._holders.of(accounts)
        return holder_names(self._holders.seed, owners, self._holders.is_company(owners))

    def trade_names(self, accounts: Int64s) -> tuple[Names, Bools]:
        """The name under which each account's holder trades, and who has none: all persons."""
        owners, seed = self._holders.of(accounts), self._holders.seed
        trades = self._holders.is_company(owners)
        trades &= spread(owners, seed ^ 0x747264) % 1000 < _TRADING_PER_MILLE
        found = trade_names(seed, owners[trades])
        names = np.zeros(len(accounts), dtype=found.dtype)
        names[trades] = found
        return names, ~trades
