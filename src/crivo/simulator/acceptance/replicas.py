"""Makes parts of a world again with other seeds: how much they differ is the error of the figure.

What is drawn by quota differs less from seed to seed than independent draws would, and no formula
of independent draws says by how much.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_UP, Decimal
from typing import Final

import numpy as np

from crivo.simulator.acceptance.accepted import Sums, claims_of
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import DayVariances, Tally, TownVariances
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.natures import NATURES
from crivo.simulator.options import SCALE, SimulationOptions
from crivo.simulator.people import is_legal_person, natures
from crivo.simulator.rows import NONE
from crivo.simulator.typology import Typology
from crivo.simulator.world import World, simulate

#: So many plans tell a spread to a ninth of it, or to a sixth where tails are heavy.
REPLICAS: Final = 40
#: Frauds are planned again in a town as large as the world's, since in other ones their sums vary
#: by other amounts; but at most so many of them: a part of a larger plan varies as the part of
#: independent draws would, which is more than quotas do.
_FRAUDS_MAX: Final = 2_000
#: Days are made again in a town of at most this size, and so often.
_DAYS_SCALE_MAX: Final = Decimal(20)
_DAYS_REPLICAS: Final = 6
_DAYS_MAX: Final = 14
#: And towns so often: their large payees do not change from day to day.
_TOWNS_REPLICAS: Final = 12
_TOWNS_DAYS_MAX: Final = 7
_PREVALENCE_DIGITS: Final = Decimal("0.00000001")


def frauds_covariance(world: World) -> Sums | None:
    """The covariance over seeds of the sums of the accepted frauds; None of a world without any."""
    options = world.options
    if options.frauds_wanted == 0:
        return None
    fewer = _with_fewer_frauds(options)
    sums = [_sums(fewer, world.typologies, number) for number in range(REPLICAS)]
    part = options.frauds_wanted / max(fewer.frauds_wanted, 1)
    return np.asarray(np.cov(np.stack(sums), rowvar=False) * part)


def day_variances(world: World) -> DayVariances:
    """How days differ over seeds; a day of n transfers varies by an n-th of what is said here."""
    smaller = _smaller(world.options, _DAYS_MAX)
    of_replicas = [_days(smaller, number) for number in range(_DAYS_REPLICAS)]
    counts = np.stack([counts for counts, _ in of_replicas])
    money = np.stack([money for _, money in of_replicas])
    weekdays = np.asarray([day.date.weekday() for day in simulate(smaller).days])
    return DayVariances(_of_values(counts, money, weekdays), _of_tickets(counts, money))


def town_variances(world: World) -> TownVariances:
    """How towns differ over seeds; a larger town differs less than the largest made again here."""
    smaller = _smaller(world.options, _TOWNS_DAYS_MAX)
    shares = [_shares(smaller, number) for number in range(_TOWNS_REPLICAS)]
    of_small, of_on_us = np.var(shares, axis=0, ddof=1).tolist()
    return TownVariances(of_small, of_on_us)


def _shares(options: SimulationOptions, number: int) -> tuple[float, float]:
    """Of honest transfers: the share of small ones, and of those inside one institution."""
    world = simulate(_reseeded(options, number))
    tally = Tally()
    for day, rows in world.rows():
        tally.add(day.date, rows, sides(world.town, rows))
    return tally.small.share(1)[0], tally.on_us.share(1)[0]


def _of_values(counts: Sums, money: Sums, weekdays: Int64s) -> Sums:
    values, transfers = money.sum(axis=2), counts.sum(axis=2).mean(axis=0)
    relative = np.var(values, axis=0, ddof=1) / values.mean(axis=0) ** 2 * transfers
    return np.asarray([relative[weekdays == each].mean() for each in range(7)])


def _of_tickets(counts: Sums, money: Sums) -> Sums:
    """From what a date's days leave of the mean ticket that they have together."""
    tickets = money.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    left = ((money - tickets * counts) ** 2).sum(axis=(0, 1))
    whole = len(counts) / (len(counts) - 1)
    return np.asarray(left * whole / np.maximum(counts.sum(axis=(0, 1)), 1))


def _days(options: SimulationOptions, number: int) -> tuple[Sums, Sums]:
    """[day, nature]: how many transfers, and how many centavos."""
    world = simulate(_reseeded(options, number))
    counts, money = [], []
    for _, day in world.rows():
        rows = day[day["typology"] == NONE]
        of, amounts = natures(world.town, rows), rows["amount_centavos"].astype(np.float64)
        counts.append(np.bincount(of, minlength=len(NATURES)).astype(np.float64))
        money.append(np.bincount(of, amounts, minlength=len(NATURES)))
    return np.stack(counts), np.stack(money)


def _reseeded(options: SimulationOptions, number: int) -> SimulationOptions:
    return replace(options, seed=Draws(options.seed, "replica", number).one(0, 2**32))


def _sums(options: SimulationOptions, typologies: tuple[Typology, ...], number: int) -> Sums:
    other = simulate(_reseeded(options, number), typologies=typologies)
    legal = is_legal_person(other.town, other.frauds["payee"])
    return np.asarray(claims_of(other.frauds, legal).sum(axis=0))


def _smaller(options: SimulationOptions, days: int) -> SimulationOptions:
    """A town of at most the size that days are made again in, over so many days at most."""
    scale = max(min(options.scale, _DAYS_SCALE_MAX), SCALE[0])
    return replace(options, scale=scale, days=min(options.days, days), past_days=0)


def _with_fewer_frauds(options: SimulationOptions) -> SimulationOptions:
    """As many frauds, or as many as are enough, in as large a town over the same days."""
    frauds = min(options.frauds_wanted, _FRAUDS_MAX)
    share = (Decimal(frauds) / options.transfers).quantize(_PREVALENCE_DIGITS, ROUND_UP)
    return replace(options, prevalence=share)
