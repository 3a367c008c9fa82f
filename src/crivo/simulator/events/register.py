"""Who holds the accounts of a world: names and tax ids, the same as in the table of users."""

from __future__ import annotations

from typing import Final

from crivo.simulator.draws import Int64s
from crivo.simulator.lettering import Names
from crivo.simulator.seven.holders import identify
from crivo.simulator.seven.names import holder_names
from crivo.simulator.world import World


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
