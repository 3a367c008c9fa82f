"""How deep stolen money is layered, and by which way it leaves: hops and exits beside the priors.

Betting houses, crypto assets and purchases are all shops of the town: their parts cannot be told.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from crivo.simulator import laundering
from crivo.simulator.cash import WITHDRAWAL
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows
from tests.laws.mules import EVASIVE_MOST, after_one_payment
from tests.unit.simulator.worlds import medium_world

pytestmark = pytest.mark.slow

Shares = dict[int, float] | dict[str, float]

#: So much that of no layer a part is too little to be handed on.
STOLEN = 50_000_000_00
#: The priors: by how many accounts money goes, four standing for more, and how it leaves the last.
LAYERS = {1: 0.35, 2: 0.35, 3: 0.18, 4: 0.12}
EXITS = {"shop": 0.50, "own account": 0.20, "cash": 0.15, "no transfer": 0.15}
#: More than three standard errors of the greatest of these shares.
WITHIN = 0.05


def moved_on() -> list[Rows]:
    return [left for _, left in after_one_payment(4, STOLEN)]


@cache
def networks() -> list[Rows]:
    return moved_on()


def layers(left: Rows) -> int:
    """How many accounts the money went through, the first one included."""
    return int(left["hop"][left["role"] == Role.MULE].max(initial=1))


def evades(left: Rows) -> bool:
    """Whether all that mules hand on is below what banks trace."""
    return bool((left["amount_centavos"][left["role"] == Role.MULE] <= EVASIVE_MOST).all())


def way_out(left: Rows) -> str:
    """By which way the money leaves the last account."""
    size = medium_world().town.census
    exits = left[left["role"] == Role.EXIT]
    if len(exits) == 0:
        return "no transfer"
    if (exits["purpose"] == WITHDRAWAL).all():
        return "cash"
    is_shop = size.first_business <= int(exits["payee"][0]) < size.first_government
    return "shop" if is_shop else "own account"


def shares_of_layers(some: list[Rows]) -> dict[int, float]:
    """Of networks whose exit is seen. Of those that hand on, the ones that evade tracing are left
    out: they have too little for a third layer.
    """
    seen = [left for left in some if way_out(left) != "no transfer"]
    one = sum(layers(left) == 1 for left in seen) / len(seen)
    deeper = [min(layers(left), 4) for left in seen if layers(left) > 1 and not evades(left)]
    counts = Counter(deeper)
    return {1: one, **{n: (1 - one) * counts[n] / len(deeper) for n in (2, 3, 4)}}


def shares_of_exits(some: list[Rows]) -> dict[str, float]:
    """Of networks that handed on what is traced, and so kept it in no account."""
    ways = Counter(way_out(left) for left in some if layers(left) > 1 and not evades(left))
    return {way: ways[way] / ways.total() for way in EXITS}


def is_near(found: Shares, priors: Shares) -> bool:
    pairs = zip(found.values(), priors.values(), strict=True)
    return all(abs(share - prior) < WITHIN for share, prior in pairs)


def test_money_goes_through_as_many_accounts_as_the_priors_say():
    assert is_near(shares_of_layers(networks()), LAYERS), shares_of_layers(networks())


@pytest.mark.parametrize("depths", [(5, 5, 5, 5, 80), (35, 35, 28, 1, 1)])
def test_sabotage_deeper_or_flatter_networks_are_noticed(
    monkeypatch: pytest.MonkeyPatch, depths: tuple[int, ...]
):
    monkeypatch.setattr(laundering, "_DEPTHS", depths)
    assert not is_near(shares_of_layers(moved_on()), LAYERS)


def test_money_leaves_by_the_ways_of_the_priors():
    assert is_near(shares_of_exits(networks()), EXITS), shares_of_exits(networks())


@pytest.mark.parametrize("exits", [(3, 3, 3, 76, 15), (35, 15, 35, 0, 15)])
def test_sabotage_other_ways_out_are_noticed(
    monkeypatch: pytest.MonkeyPatch, exits: tuple[int, ...]
):
    monkeypatch.setattr(laundering, "_EXITS", exits)
    assert not is_near(shares_of_exits(moved_on()), EXITS)
