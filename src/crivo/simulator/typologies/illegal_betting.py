"""T15, bets ilegais: many small stakes in the evening to an account that is soon another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows, no_rows
from crivo.simulator.typology import Kind, OfDay, Typology

_PER_MILLE_OF_TRANSFERS: Final = 4
_WEEKEND_PERCENT: Final = 160
#: A house for so many persons, each with a row of accounts.
_PERSONS_A_HOUSE: Final = 2500
_LIFE_DAYS: Final = (1, 8)
_PLAYERS_PER_MILLE: Final = 60
_STAKE: Final = (4500, 45)
_STAKES: Final = (2000, 10_000)
_MIX: Final = {Initiation.QRDN: 880, Initiation.DICT: 120}


def _background(casting: Casting, draws: Draws, number: Callable[[], int]) -> OfDay:
    size = casting.town.census
    houses = max(1, size.persons // _PERSONS_A_HOUSE)
    players = np.flatnonzero(draws.chance(_PLAYERS_PER_MILLE, size.persons)).astype(np.int64)
    hubs = np.asarray([_hubs(casting, draws) for _ in range(houses)], dtype=np.int64)
    campaigns = np.asarray([number() for _ in range(houses)], dtype=np.int64)

    def of_day(day: Day, draws: Draws) -> Rows:
        count = day.transfers * _PER_MILLE_OF_TRANSFERS // 1000
        count = count * _WEEKEND_PERCENT // 100 if day.is_weekend else count
        if len(players) == 0 or count == 0:
            return no_rows()
        house = draws.below(houses, count)
        who = players[draws.below(len(players), count)]
        occurred_at = instants(draws, count, day.start, (17, 24))
        stakes = np.clip(drawn(draws, lognormal(*_STAKE), count), *_STAKES)
        stakes = np.maximum(rounded(draws, stakes, 800), _STAKES[0])
        hub = hubs[house, day.index]
        rows = payments(draws, occurred_at, stakes, who, hub, _MIX, hop=0, role=Role.HUB)
        rows["campaign"] = campaigns[house]
        return rows

    return of_day


def _hubs(casting: Casting, draws: Draws) -> list[int]:
    """One house's account on each day of the world: a new company every one to seven days."""
    hubs: list[int] = []
    while len(hubs) < len(casting.days):
        hubs += [casting.opened_account(company=True)] * draws.one(*_LIFE_DAYS)
    return hubs[: len(casting.days)]


def _recipe(_casting: Casting, _draws: Draws) -> Campaign:
    """Nobody is robbed: all of it is background."""
    return Campaign()


TYPOLOGY: Final = Typology(
    code="T15",
    name="illegal_betting",
    name_pt="Bets ilegais com contas e chaves rotativas",
    meaning="Players stake small sums with a house whose account is replaced every few days.",
    source="Stakes, hours and rotation are assumed; licensed houses receive R$ 80 in the mean.",
    signals=(
        "many payers, each of small sums, in the evening and on weekends",
        "payee is a company some days old",
        "the same payers go to the next account",
    ),
    situation="",
    fraud_type="OTHER",
    share_per_mille=_PER_MILLE_OF_TRANSFERS,
    reported_per_mille=0,
    recipe=_recipe,
    kind=Kind.BACKGROUND,
    background=_background,
)
