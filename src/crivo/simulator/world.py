"""Composes the world: frauds are planned for the whole of it, honest life is drawn day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from crivo.domain.errors import Code, Misconfigured
from crivo.simulator.blocks import Block, block_honest, honest_blocks_of_million
from crivo.simulator.casting import Casting
from crivo.simulator.daily_life import ordinary_day
from crivo.simulator.day_plan import Purse
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay, default_look_alikes
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import Town, census, settle
from crivo.simulator.reports import (
    contest_frauds,
    contest_honest,
    honest_claims_of_million,
)
from crivo.simulator.rhythm import Day, calendar
from crivo.simulator.rows import NONE, Rows, no_rows
from crivo.simulator.typology import Typology, default_typologies

#: Called with (transfers made, transfers in all) after each day.
Progress = Callable[[int, int], None]

#: Instants are whole milliseconds, as those of the rail.
_GRAIN: Final = 1000

#: A campaign that begins late may find no victim before the world ends; not a thousand in a row.
_EMPTY_CAMPAIGNS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class World:
    """A world that can be walked through day by day, as often as wanted, always with equal rows."""

    options: SimulationOptions
    typologies: tuple[Typology, ...]
    look_alikes: tuple[LookAlike, ...]
    town: Town
    days: tuple[Day, ...]
    frauds: Rows  # all frauds of the world, by time
    accounts: int  # every account number lies below

    @property
    def window_start(self) -> int:
        """The instant at which the past ends and the window begins."""
        return self.days[self.options.past_days].start

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[Day, Rows]]:
        """Each day with its transfers in time order: memory holds one day and the frauds."""
        seed = self.options.seed
        habits = [
            (look_alike.name, look_alike.prepare(self.town, Draws(seed, look_alike.name)))
            for look_alike in self.look_alikes
        ]
        made = 0
        purse = Purse()
        for day in self.days:
            rows = self._day(day, habits, purse)
            made += len(rows)
            yield day, rows
            if progress is not None:
                progress(made, self.options.transfers)

    @property
    def honest_claims_of_million(self) -> int:
        """How many of a million honest transfers are contested all the same."""
        claims = int((self.frauds["contested_at"] != NONE).sum())
        return honest_claims_of_million(claims, self.options.transfers - len(self.frauds))

    @property
    def honest_blocks_of_million(self) -> int:
        """How many of a million honest transfers the payee's institution freezes."""
        blocked = int((self.frauds["block"] != Block.NONE).sum())
        return honest_blocks_of_million(blocked, self.options.transfers - len(self.frauds))

    def _day(self, day: Day, habits: list[tuple[str, OfDay]], purse: Purse) -> Rows:
        seed = self.options.seed
        at = self.frauds["occurred_at"]
        frauds = self.frauds[np.searchsorted(at, day.start) : np.searchsorted(at, day.end)]
        room = day.transfers - len(frauds)
        parts = [of_day(day, Draws(seed, name, day.index)) for name, of_day in habits]
        seen = np.concatenate([no_rows(), *parts])
        seen = _within(seen, day)
        draws = Draws(seed, "day", day.index)
        if len(seen) > room // 2:
            # A day too small for all habits keeps as many as leave room for ordinary life.
            seen = seen[np.sort(draws.shuffled(np.arange(len(seen)))[: room // 2])]
        self.town.set_devices(draws, seen, day)
        taken = np.concatenate([seen, frauds])
        ordinary = ordinary_day(self.town, day, draws, room - len(seen), taken, purse)
        honest = np.concatenate([seen, ordinary])
        honest["occurred_at"] = honest["occurred_at"] // _GRAIN * _GRAIN
        contest_honest(Draws(seed, "claims", day.index), honest, self.honest_claims_of_million)
        block_honest(Draws(seed, "blocks", day.index), honest, self.honest_blocks_of_million)
        rows = np.concatenate([honest, frauds])
        return rows[np.argsort(rows["occurred_at"], kind="stable")]


def simulate(
    options: SimulationOptions,
    *,
    typologies: tuple[Typology, ...] | None = None,
    look_alikes: tuple[LookAlike, ...] | None = None,
) -> World:
    """The world of these options; by default with every typology and look-alike there is."""
    frauds_of = default_typologies() if typologies is None else typologies
    habits_of = default_look_alikes() if look_alikes is None else look_alikes
    days = _days(options)
    town = settle(options.seed, census(options.transfers_per_day, len(days)))
    casting = Casting(town, days)
    frauds: list[Rows] = []
    campaigns = 0
    for part in _parts(options, days):
        casting.turn_to(part.days)
        rows = _plan_frauds(casting, options, frauds_of, part)
        rows["campaign"] += campaigns
        campaigns = int(rows["campaign"].max(initial=campaigns - 1)) + 1
        frauds.append(rows)
    return World(
        options=options,
        typologies=frauds_of,
        look_alikes=habits_of,
        town=town,
        days=days,
        frauds=np.concatenate(frauds),
        accounts=casting.accounts,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Days that hold so many frauds exactly; `name` begins the names of their streams."""

    name: tuple[str, ...]
    days: tuple[Day, ...]
    frauds: int


def _parts(options: SimulationOptions, days: tuple[Day, ...]) -> Iterator[_Part]:
    """The past, where there is one, and the window: each has its own share of frauds."""
    past, window = days[: options.past_days], days[options.past_days :]
    if past:
        yield _Part(("past",), past, options.past_frauds)
    yield _Part((), window, options.window_frauds)


def _days(options: SimulationOptions) -> tuple[Day, ...]:
    first = options.start - dt.timedelta(options.past_days)
    past = calendar(first, options.past_days, options.past_transfers)
    window = calendar(options.start, options.days, options.window_transfers)
    return (*past, *(replace(day, index=day.index + options.past_days) for day in window))


def _plan_frauds(
    casting: Casting, options: SimulationOptions, typologies: tuple[Typology, ...], part: _Part
) -> Rows:
    """Campaigns of each typology until it has its share of the frauds, exactly, by time.

    The last campaign of a typology is cut short where it would go over: whoever was robbed first
    stays, as if it had been stopped. So small worlds and low prevalences get what was asked.
    """
    whole = sum(typology.share_per_mille for typology in typologies)
    campaigns: list[Rows] = []
    wanted = 0
    planned = 0
    for place, typology in enumerate(typologies):
        draws = Draws(options.seed, *part.name, "typology", typology.code)
        wanted += part.frauds * typology.share_per_mille
        empty = 0
        while planned < wanted // whole:
            rows = typology.recipe(casting, draws)
            empty = 0 if len(rows) else empty + 1
            if empty == _EMPTY_CAMPAIGNS_MAX:
                raise _empty_typology(typology)
            first = np.argsort(rows["occurred_at"], kind="stable")
            rows = rows[first[: wanted // whole - planned]]
            rows["typology"] = place
            rows["campaign"] = len(campaigns)
            campaigns.append(rows)
            planned += len(rows)
    frauds = np.concatenate([no_rows(), *campaigns])
    draws = Draws(options.seed, *part.name, "fraud devices")
    for day in casting.days:
        mine = (frauds["occurred_at"] >= day.start) & (frauds["occurred_at"] < day.end)
        of_day = frauds[mine]
        casting.town.set_devices(draws, of_day, day)
        frauds[mine] = of_day
    frauds["occurred_at"] = frauds["occurred_at"] // _GRAIN * _GRAIN
    contest_frauds(Draws(options.seed, *part.name, "reports"), frauds, typologies)
    return frauds[np.argsort(frauds["occurred_at"], kind="stable")]


def _empty_typology(typology: Typology) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"typology {typology.code} makes no transfers in this world",
        hint="Its recipe must keep within the days of the casting.",
        field=typology.code,
        expected="a campaign with transfers",
        found=f"{_EMPTY_CAMPAIGNS_MAX} empty campaigns in a row",
    )


def _within(rows: Rows, day: Day) -> Rows:
    return rows[(rows["occurred_at"] >= day.start) & (rows["occurred_at"] < day.end)]
