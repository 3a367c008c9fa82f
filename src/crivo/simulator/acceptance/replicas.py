"""Makes parts of a world again with other seeds: how much they differ is the error of the figure.

What is drawn by quota differs less from seed to seed than independent draws would, and no formula
of independent draws says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_UP, Decimal
from typing import Final

import numpy as np

from crivo.simulator.acceptance.accepted import RETURNED_IN_PART, VALUE, Sums, claims_of
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import DayVariances, Tally, TownVariances
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.options import SCALE, SimulationOptions
from crivo.simulator.people import is_legal_person
from crivo.simulator.recoveries import recover
from crivo.simulator.rows import Rows
from crivo.simulator.typology import Typology
from crivo.simulator.world import World, simulate

#: So many plans tell a spread to a ninth of it, or to a sixth where tails are heavy.
REPLICAS: Final = 40
#: Frauds are planned again in a town as large as the world's, since in other ones their sums vary
#: by other amounts; but at most so many of them: a part of a larger plan varies as the part of
#: independent draws would, which is more than quotas do.
_FRAUDS_MAX: Final = 2_000
#: Days are made again in a town of at most this size, in so many towns. The smaller the town, the
#: more its largest payers and payees weigh, and the more days: from a week to a month.
_TOWN_SCALE_MAX: Final = Decimal(20)
#: So many towns tell an error to a sixth of it. Worlds larger than the largest town have to decide
#: everything, so that more are made of them: to a tenth.
_TOWNS: Final = 16
_TOWNS_OF_LARGE: Final = 48
_DAYS: Final = (7, 30)
_DAYS_OF_SCALE: Final = 70
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


def endings_covariance(world: World) -> Sums | None:
    """The covariance of the sums by how claims end, for the value that the world has: its accepted
    frauds are drawn with replacement, and end anew. None of a world with too few of them.

    One amount may outweigh every quota. Most other worlds lack one so large, and so do a third of
    these samples.
    """
    frauds = world.frauds[world.frauds["accepted"]]
    if len(frauds) < 2:
        return None
    legal = is_legal_person(world.town, frauds["payee"])
    value = float(frauds["amount_centavos"].sum())
    sums = np.stack([_ended(world, frauds, legal, number) for number in range(REPLICAS)])
    sums[:, :RETURNED_IN_PART] = 0.0
    part = min(len(frauds), _FRAUDS_MAX) / len(frauds)
    return np.asarray(np.cov(sums * value, rowvar=False) * part)


def _ended(world: World, frauds: Rows, legal: Bools, number: int) -> Sums:
    """The sums of a sample of the frauds whose claims end anew, in parts of its value."""
    draws = Draws(world.options.seed, "endings", number)
    chosen = draws.below(len(frauds), min(len(frauds), _FRAUDS_MAX))
    sample = frauds[chosen]
    recover(draws, sample)
    sums = claims_of(sample, legal[chosen]).sum(axis=0)
    return np.asarray(sums / sums[VALUE])


@dataclass(frozen=True, slots=True)
class _Other:
    """A town of another seed: [day, nature] its transfers and centavos, and its shares."""

    counts: Sums
    money: Sums
    shares: tuple[float, float, float]


def variances(world: World) -> tuple[DayVariances, TownVariances]:
    """How days and towns differ over seeds.

    A day of n transfers varies by an n-th of what is said of one. In shares of count a larger town
    differs less than the largest made again here; how much less, nobody says, since payees follow a
    power law. In shares of value large payments decide: weeks of one town differ as much as weeks
    of different ones (24 towns of scale 20: 1.73 points, and four weeks together 0.77), so that
    their variance falls with the number of transfers.
    """
    smaller = _smaller(world.options)
    towns = _TOWNS if world.options.scale <= _TOWN_SCALE_MAX else _TOWNS_OF_LARGE
    others = [_other(smaller, number) for number in range(towns)]
    counts = np.stack([other.counts for other in others])
    money = np.stack([other.money for other in others])
    weekdays = np.asarray([day.date.weekday() for day in simulate(smaller).days])
    shares = np.var([other.shares for other in others], axis=0, ddof=1)
    of_small, of_on_us, of_on_us_value = shares.tolist()
    of_on_us_value *= smaller.transfers / world.options.transfers
    return (
        DayVariances(_of_values(counts, money, weekdays), _of_tickets(counts, money)),
        TownVariances(of_small, of_on_us, of_on_us_value),
    )


def _other(options: SimulationOptions, number: int) -> _Other:
    """Of its honest transfers: by day and nature, the small ones, those inside one institution."""
    world = simulate(_reseeded(options, number))
    tally = Tally()
    counts, money = [], []
    before = tally.natures.counts.copy(), tally.natures.centavos.copy()
    for day, rows in world.rows():
        tally.add(day.date, rows, sides(world.town, rows))
        if not day.is_last_shift:
            continue
        after = tally.natures.counts.copy(), tally.natures.centavos.copy()
        counts.append((after[0] - before[0]).astype(np.float64))
        money.append((after[1] - before[1]).astype(np.float64))
        before = after
    small, on_us = tally.small.share(1)[0], tally.on_us.share(1)[0]
    shares = small, on_us, tally.on_us.value_share(1)[0]
    return _Other(np.stack(counts), np.stack(money), shares)


def _of_values(counts: Sums, money: Sums, weekdays: Int64s) -> Sums:
    """By weekday, of the logarithm of a day's value: factors are fitted to logarithms."""
    values, transfers = money.sum(axis=2), counts.sum(axis=2).mean(axis=0)
    of_days = np.var(np.log(values), axis=0, ddof=1) * transfers
    by_weekday = [of_days[weekdays == each] for each in range(7)]
    # A world of a few days lacks some; then nothing is fitted, and none of these is used.
    return np.asarray([found.mean() if len(found) else np.nan for found in by_weekday])


def _of_tickets(counts: Sums, money: Sums) -> Sums:
    """From what each town's days leave together of the mean ticket that all towns have.

    Together, since what a day moves too much the next ones move less.
    """
    counts, money = counts.sum(axis=1), money.sum(axis=1)
    tickets = money.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    left = ((money - tickets * counts) ** 2).sum(axis=0)
    whole = len(counts) / (len(counts) - 1)
    return np.asarray(left * whole / np.maximum(counts.sum(axis=0), 1))


def _reseeded(options: SimulationOptions, number: int) -> SimulationOptions:
    return replace(options, seed=Draws(options.seed, "replica", number).one(0, 2**32))


def _sums(options: SimulationOptions, typologies: tuple[Typology, ...], number: int) -> Sums:
    other = simulate(_reseeded(options, number), typologies=typologies)
    legal = is_legal_person(other.town, other.frauds["payee"])
    return np.asarray(claims_of(other.frauds, legal).sum(axis=0))


def _smaller(options: SimulationOptions) -> SimulationOptions:
    """A town of at most the size that days are made again in, over fewer days."""
    scale = max(min(options.scale, _TOWN_SCALE_MAX), SCALE[0])
    least, most = _DAYS
    days = min(max(int(_DAYS_OF_SCALE / scale), least), most)
    return replace(options, scale=scale, days=min(options.days, days), past_days=0)


def _with_fewer_frauds(options: SimulationOptions) -> SimulationOptions:
    """As many frauds, or as many as are enough, in as large a town over the same days."""
    frauds = min(options.frauds_wanted, _FRAUDS_MAX)
    share = (Decimal(frauds) / options.transfers).quantize(_PREVALENCE_DIGITS, ROUND_UP)
    return replace(options, prevalence=share)
