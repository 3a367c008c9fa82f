"""What each user may pay: limits by how a person lives, never below what the bank let through."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.simulator.columns import Column, Columns, Kind
from crivo.simulator.draws import Int64s
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.lettering import spread
from crivo.simulator.openings import set_up_after
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows
from crivo.simulator.seven.holders import Holders
from crivo.simulator.world import World

#: Limits are round: one of these times a power of ten, in reais.
_STEPS: Final = (10, 15, 20, 30, 50, 80)
_LADDER: Final = np.asarray(
    [step * 10**zeros for zeros in range(3, 13) for step in _STEPS], dtype=np.int64
)
#: A person's ordinary limit for one transfer and for a day, in centavos; companies have ten times.
_OF_TRANSFER: Final = 200_000
_OF_DAY_FACTOR: Final = 2
_COMPANY_FACTOR: Final = 10

_NOTHING: Final = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Spent:
    """What each payer's greatest transfer and greatest day reach on the ladder, as the days pass.

    A byte each is enough, since nothing but steps of the ladder is a limit.
    """

    def __init__(self, count: int) -> None:
        self._transfer = np.zeros(count, dtype=np.int8)
        self._day = np.zeros(count, dtype=np.int8)
        self._today = _NOTHING  # who paid since midnight, and how much

    def add(self, day: Day, users: Int64s, rows: Rows) -> None:
        """A Brasília day or the next shift of it: its transfers, and the users who paid them."""
        np.maximum.at(self._transfer, users, _step(rows["amount_centavos"]))
        before = self._today if day.shift else _NOTHING
        payers, place = np.unique(np.concatenate([before[0], users]), return_inverse=True)
        sums = np.zeros(len(payers), dtype=np.int64)
        np.add.at(sums, place, np.concatenate([before[1], rows["amount_centavos"]]))
        self._day[payers] = np.maximum(self._day[payers], _step(sums))
        self._today = payers, sums

    def transfer(self, users: Int64s) -> Int64s:
        """The least limits that allow each one's greatest transfer, in centavos."""
        return np.asarray(_LADDER[self._transfer[users]])

    def day(self, users: Int64s) -> Int64s:
        """The least limits that allow what each one paid on the greatest day, in centavos."""
        return np.asarray(_LADDER[self._day[users]])


def limit_columns(
    world: World, holders: Holders, spent: Spent, registered_at: Int64s, users: Int64s
) -> Columns:
    """`limites_transacoes` of these users, one row each.

    A limit is what the bank would give such a person, raised to the next step where more was paid.
    It was set some time between registration and the window.
    """
    draw = spread(users, holders.seed ^ 0x6C696D)
    level = 400 + draw % 1600
    persons = world.town.census.persons
    lived = world.town.person_levels[np.minimum(users, persons - 1)]
    level = np.where(users < persons, lived, level).astype(np.int64)
    usual = _OF_TRANSFER * level // 1000 * np.where(holders.is_company(users), _COMPANY_FACTOR, 1)
    by_transfer = np.maximum(_LADDER[_step(usual)], spent.transfer(users))
    by_day = np.maximum(_LADDER[_step(by_transfer * _OF_DAY_FACTOR)], spent.day(users))
    since = registered_at + set_up_after(users, holders.seed ^ 0x6C696D69)
    span = np.maximum(world.window_start - since, 0)
    at = np.asarray(since + span // 1000 * (draw // 1600 % 1000), dtype=np.int64)
    return (
        Column("id_usuario", Kind.TEXT, holders.ids(users)),
        Column("limite_diario", Kind.MONEY, by_day),
        Column("limite_por_transacao", Kind.MONEY, by_transfer),
        Column("data_atualizacao", Kind.INSTANT, to_milliseconds(at)),
    )


def _step(centavos: Int64s) -> npt.NDArray[np.int8]:
    """The place of the least step of the ladder that is not below each amount."""
    return np.searchsorted(_LADDER, centavos, side="left").astype(np.int8)
