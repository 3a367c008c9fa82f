"""Composes the world: frauds are planned for the whole of it, honest life is drawn day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from crivo.simulator.blocks import Block, block_honest, honest_blocks_of_million
from crivo.simulator.cash import hand_out
from crivo.simulator.casting import Casting
from crivo.simulator.daily_life import OrdinaryDay
from crivo.simulator.day_plan import Purse
from crivo.simulator.difficulty import SETTINGS
from crivo.simulator.draws import Draws
from crivo.simulator.facts import Facts
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.key_claims import KeyClaims, claim_keys
from crivo.simulator.lookalike import LookAlike, OfDay, default_look_alikes
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import Town, census, settle
from crivo.simulator.planning import Part, Plan, plan_frauds
from crivo.simulator.played import Played
from crivo.simulator.reports import contest_honest, honest_claims_of_million
from crivo.simulator.rhythm import Day, calendar
from crivo.simulator.rows import NONE, Rows, no_rows
from crivo.simulator.signals import notice_honest
from crivo.simulator.typology import Typology, default_typologies

#: Called with (transfers made, transfers in all) after each day.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class World:
    """A world that can be walked through day by day, as often as wanted, always with equal rows."""

    options: SimulationOptions
    typologies: tuple[Typology, ...]
    look_alikes: tuple[LookAlike, ...]
    town: Town
    days: tuple[Day, ...]
    plan: Plan
    accounts: int  # every account number lies below
    key_claims: KeyClaims
    played: Played | None = None  # how it went against a policy; else as planned

    @property
    def window_start(self) -> int:
        """The instant at which the past ends and the window begins."""
        return self.days[self.options.past_days].start

    @property
    def frauds(self) -> Rows:
        """All frauds of the world, by time."""
        return self.plan.frauds if self.played is None else self.played.frauds

    @property
    def facts(self) -> Facts:
        """What campaigns do besides transfers, by time."""
        return self.plan.facts if self.played is None else self.played.facts

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[Day, Rows]]:
        """Each shift with its transfers in time order: memory holds one shift and the frauds.

        A day that holds no more than a shift may is one.
        """
        seed = self.options.seed
        habits = [
            (look_alike.name, look_alike.prepare(self.town, Draws(seed, look_alike.name)))
            for look_alike in self.look_alikes
        ]
        habits += self.plan.background
        made = 0
        purse = Purse()
        for day in self.days:
            honest = 0
            for shift, planned in self._day(day, habits, purse):
                rows = planned
                if self.played is not None:
                    rows = self.played.of_shift(shift, planned, honest)
                honest += int((planned["typology"] == NONE).sum())
                made += len(rows)
                yield shift, rows
                if progress is not None:
                    progress(made, self.options.transfers)

    def whole_days(self) -> Iterator[tuple[Day, Rows]]:
        """Each day with all its transfers, for who must see a day at once: memory holds that."""
        parts: list[Rows] = []
        for shift, rows in self.rows():
            parts.append(rows)
            if shift.is_last_shift:
                yield self.days[shift.index], np.concatenate(parts)
                parts = []

    @property
    def honest_claims_of_million(self) -> int:
        """How many of a million honest transfers are contested all the same."""
        frauds = self.plan.frauds
        claims = int((frauds["contested_at"] != NONE).sum())
        return honest_claims_of_million(claims, self.options.transfers - len(frauds))

    @property
    def honest_blocks_of_million(self) -> int:
        """How many of a million honest transfers the payee's institution freezes."""
        frauds = self.plan.frauds
        blocked = int((frauds["block"] != Block.NONE).sum())
        return honest_blocks_of_million(blocked, self.options.transfers - len(frauds))

    def _day(
        self, day: Day, habits: list[tuple[str, OfDay]], purse: Purse
    ) -> Iterator[tuple[Day, Rows]]:
        frauds, companions = of_day(self.plan.frauds, day), of_day(self.plan.companions, day)
        planned = np.concatenate([companions, frauds])
        draws = Draws(self.options.seed, "day", day.index)
        seen = self._seen(day, habits, draws, day.transfers - len(planned))
        room = day.transfers - len(planned) - len(seen)
        taken = np.concatenate([seen, planned])
        ordinary = OrdinaryDay(self.town, day, draws, room, taken, purse)
        del taken
        for shift in ordinary.shifts:
            # What honest life needs on the way is gone before the shift is put together.
            honest = self._honest(shift, _within(seen, shift), ordinary.of(shift))
            rows = np.concatenate([honest, _within(planned, shift)])
            del honest
            yield shift, rows[np.argsort(rows["occurred_at"], kind="stable")]

    def _seen(self, day: Day, habits: list[tuple[str, OfDay]], draws: Draws, room: int) -> Rows:
        """What habits pay on a day, unsorted: they come before ordinary life."""
        parts = [habit(day, Draws(self.options.seed, name, day.index)) for name, habit in habits]
        seen = np.concatenate([no_rows(), *parts])
        seen = _within(seen, day)
        if len(seen) > room // 2:
            # A day too small for all habits keeps as many as leave room for ordinary life.
            seen = seen[np.sort(draws.shuffled(np.arange(len(seen)))[: room // 2])]
        self.town.set_devices(draws, seen, day)
        return seen

    def _honest(self, shift: Day, seen: Rows, ordinary: Rows) -> Rows:
        """What lives beside a shift's planned rows, unsorted, with what happens to it."""
        seed = self.options.seed
        honest = np.concatenate([seen, ordinary])
        honest["occurred_at"] = to_milliseconds(honest["occurred_at"])
        notice_honest(Draws(seed, "signals", *shift.stream), self.town, shift, honest)
        draws, claims = Draws(seed, "claims", *shift.stream), self.honest_claims_of_million
        contest_honest(draws, honest, self.town.census.persons, claims)
        blocks = Draws(seed, "blocks", *shift.stream)
        block_honest(blocks, honest, self.honest_blocks_of_million)
        hand_out(Draws(seed, "cash", *shift.stream), self.town, honest)
        return honest


def simulate(
    options: SimulationOptions,
    *,
    typologies: tuple[Typology, ...] | None = None,
    look_alikes: tuple[LookAlike, ...] | None = None,
) -> World:
    """The world of these options; by default with every typology and look-alike there is."""
    frauds_of = default_typologies() if typologies is None else typologies
    setting = SETTINGS[options.difficulty]
    usual = default_look_alikes() if setting.has_look_alikes else ()
    habits_of = usual if look_alikes is None else look_alikes
    days = _days(options)
    town = settle(options.seed, census(options.transfers_per_day, len(days)))
    casting = Casting(town, days)
    plan = plan_frauds(casting, options.seed, frauds_of, _parts(options, days), setting)
    return World(
        options=options,
        typologies=frauds_of,
        look_alikes=habits_of,
        town=town,
        days=days,
        plan=plan,
        accounts=casting.accounts,
        key_claims=claim_keys(town, options.seed, days, plan.frauds),
    )


def _parts(options: SimulationOptions, days: tuple[Day, ...]) -> tuple[Part, ...]:
    """The past, where there is one, and the window: each has its own share of frauds."""
    past, window = days[: options.past_days], days[options.past_days :]
    parts = [Part(("past",), past, options.past_frauds)] if past else []
    return (*parts, Part((), window, options.window_frauds))


def _days(options: SimulationOptions) -> tuple[Day, ...]:
    first = options.start - dt.timedelta(options.past_days)
    past = calendar(first, options.past_days, options.past_transfers)
    window = calendar(options.start, options.days, options.window_transfers)
    return (*past, *(replace(day, index=day.index + options.past_days) for day in window))


def of_day(rows: Rows, day: Day) -> Rows:
    """Those of a table in time order that fall into the day."""
    at = rows["occurred_at"]
    return rows[np.searchsorted(at, day.start) : np.searchsorted(at, day.end)]


def _within(rows: Rows, day: Day) -> Rows:
    return rows[(rows["occurred_at"] >= day.start) & (rows["occurred_at"] < day.end)]
