"""Plans the frauds of a whole world: campaigns until each typology has its share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from crivo.domain.errors import Code, Misconfigured
from crivo.simulator.balancing import balance
from crivo.simulator.campaign import Campaign, joined
from crivo.simulator.casting import Casting
from crivo.simulator.difficulty import SETTINGS, Difficulty, Setting
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.facts import Facts, no_facts
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.people import is_legal_person
from crivo.simulator.recoveries import recover
from crivo.simulator.reports import contest_frauds, settle_claims
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows
from crivo.simulator.signals import notice_frauds, notice_honest
from crivo.simulator.typology import Kind, OfDay, Typology

#: A campaign that begins late may find no victim before the world ends; not a thousand in a row.
_EMPTY_CAMPAIGNS_MAX: Final = 1000

_NO_LIMIT: Final = 1 << 40
#: Of so many campaigns one is chosen whose money is moved; in about so many payments.
_OWNERS: Final = 8
_PASSED_ON: Final = 6

#: Claims about honest purchases that are accepted all the same: one in ten.
_ABUSE_ACCEPTED_PER_MILLE: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What fraudsters will do. Tables are in time order.

    `companions` are transfers that go with a campaign and are no frauds: baits, rents, claims about
    honest purchases. `campaigns` holds for each campaign the place of its typology.
    """

    frauds: Rows
    companions: Rows
    facts: Facts
    campaigns: Int64s
    background: tuple[tuple[str, OfDay], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Days that hold so many frauds exactly; `name` begins the names of their streams."""

    name: tuple[str, ...]
    days: tuple[Day, ...]
    frauds: int


class _Ledger:
    """The campaigns planned so far."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.frauds: list[Rows] = []
        self.companions: list[Rows] = []
        self.facts: list[Facts] = []

    def number(self, place: int) -> int:
        """The number of a new campaign of that typology."""
        self.places.append(place)
        return len(self.places) - 1

    def taken(self) -> tuple[Rows, Rows]:
        """The frauds and companions since the last time this was asked."""
        rows = joined(*self.frauds), joined(*self.companions)
        self.frauds, self.companions = [], []
        return rows

    def add(self, casting: Casting, place: int, campaign: Campaign, room: int) -> int:
        """Takes a campaign in, of its frauds the first `room`; how many those were.

        What would have come after the last of them did not happen, as if it had been stopped.
        """
        rows = _happened(campaign.rows, casting.end)
        frauds, companions = rows[rows["hop"] > 0], rows[rows["hop"] == 0]
        facts = campaign.facts[campaign.facts["occurred_at"] < casting.end]
        facts["occurred_at"] = to_milliseconds(facts["occurred_at"])
        if len(frauds) > room:
            stopped = frauds["occurred_at"][room]
            frauds = frauds[:room]
            companions = companions[companions["occurred_at"] < stopped]
            facts = facts[facts["occurred_at"] < stopped]
        if len(frauds) + len(companions) + len(facts) == 0:
            return 0
        number = self.number(place)
        frauds["typology"] = place
        for part in (frauds, companions, facts):
            part["campaign"] = number
        self.frauds.append(frauds)
        self.companions.append(companions)
        self.facts.append(facts)
        return len(frauds)

    def attach(self, casting: Casting, place: int, owner: int, tail: Rows, room: int) -> int:
        """Adds rows of another typology to the campaign whose money they move."""
        tail = _happened(tail, casting.end)
        tail["campaign"] = self.frauds[owner]["campaign"][0]
        moved = tail[tail["hop"] > 0][:room]
        moved["typology"] = place
        self.frauds.append(moved)
        self.companions.append(tail[tail["hop"] == 0])
        return len(moved)


def plan_frauds(
    casting: Casting,
    seed: int,
    typologies: tuple[Typology, ...],
    parts: tuple[Part, ...],
    setting: Setting = SETTINGS[Difficulty.STANDARD],
) -> Plan:
    """The plan. Thefts and networks together make exactly each part's frauds, by their shares.

    The last campaign of a typology is cut short where it would go over. So small worlds and low
    prevalences get what was asked.
    """
    ledger = _Ledger()
    tables = []
    for part in parts:
        casting.turn_to(part.days)
        for place, room in _rooms(part.frauds, typologies):
            draws = Draws(seed, *part.name, "typology", typologies[place].code)
            casting.plays(typologies[place].reported_per_mille, typologies[place].traced_per_mille)
            taken = _attach(casting, draws, ledger, place, typologies[place], room)
            _fill(casting, draws, ledger, place, typologies[place], room - taken)
        for place, typology in enumerate(typologies):
            draws = Draws(seed, *part.name, "typology", typology.code)
            _beside(casting, draws, ledger, place, typology, part.frauds)
        frauds, companions = ledger.taken()
        means = {place: casting.mean(typology.code) for place, typology in enumerate(typologies)}
        known = {place: mean for place, mean in means.items() if mean is not None}
        networks = {
            place: typology.mean_passed_on
            for place, typology in enumerate(typologies)
            if typology.attach is not None
        }
        balance(frauds, companions, np.asarray(ledger.places, dtype=np.int64), known, networks)
        frauds["amount_centavos"] = setting.asked(frauds["amount_centavos"])
        tables.append(_finished(casting, seed, part, frauds, companions, typologies))
    casting.turn_to(tuple(day for part in parts for day in part.days))
    background = tuple(_backgrounds(casting, seed, ledger, typologies))
    return Plan(
        frauds=_by_time(joined(*(frauds for frauds, _ in tables))),
        companions=_by_time(joined(*(companions for _, companions in tables))),
        facts=_by_time(np.concatenate([no_facts(), *ledger.facts])),
        campaigns=np.asarray(ledger.places, dtype=np.int64),
        background=background,
    )


def _rooms(frauds: int, typologies: tuple[Typology, ...]) -> Iterator[tuple[int, int]]:
    """Place and number of frauds of those that steal; who attaches to others comes last."""
    stealing = [place for place, typology in enumerate(typologies) if typology.steals]
    stealing.sort(key=lambda place: typologies[place].attach is not None)
    whole = sum(typologies[place].share_per_mille for place in stealing)
    wanted = 0
    for place in stealing:
        before = wanted // whole
        wanted += frauds * typologies[place].share_per_mille
        yield place, wanted // whole - before


def _fill(
    casting: Casting, draws: Draws, ledger: _Ledger, place: int, typology: Typology, room: int
) -> None:
    """Campaigns until the room is full."""
    empty = 0
    while room > 0:
        added = ledger.add(casting, place, typology.recipe(casting, draws), room)
        room -= added
        if added:
            casting.settled(typology.code, ledger.frauds[-1])
        empty = 0 if added else empty + 1
        if empty == _EMPTY_CAMPAIGNS_MAX:
            raise _empty_typology(typology)


def _attach(
    casting: Casting, draws: Draws, ledger: _Ledger, place: int, typology: Typology, room: int
) -> int:
    """Lets a network move the money of others' campaigns, in random order; how much it did.

    Of some campaigns it takes the one whose money is nearest to what it lacks to its mean: the few
    richest would decide else what networks move.
    """
    if typology.attach is None:
        return 0
    taken = money = 0
    sums = [int(rows["amount_centavos"].sum()) for rows in ledger.frauds]
    owners = draws.shuffled(np.arange(len(sums), dtype=np.int64)).tolist()
    while taken < room and owners:
        lacking = max((taken + _PASSED_ON) * typology.mean_passed_on * 9 // 8 - money, 0)
        owner = min(owners[:_OWNERS], key=lambda one: abs(sums[one] - lacking))
        owners.remove(owner)
        frauds = ledger.frauds[owner]
        if len(frauds) == 0:
            continue
        tail = typology.attach(casting, draws, frauds)
        taken += ledger.attach(casting, place, owner, tail, room - taken)
        casting.settled(typology.code, ledger.frauds[-1])
        money += int(ledger.frauds[-1]["amount_centavos"].sum())
    return taken


def _beside(
    casting: Casting, draws: Draws, ledger: _Ledger, place: int, typology: Typology, frauds: int
) -> None:
    """What goes beside so many frauds, counted for 1,000 of them; a scenario happens once."""
    wanted = (frauds * typology.share_per_mille + 500) // 1000
    match typology.kind:
        case Kind.SCENARIO:
            ledger.add(casting, place, typology.recipe(casting, draws), _NO_LIMIT)
        case Kind.CASE | Kind.RECON:
            for _ in range(wanted):
                ledger.add(casting, place, typology.recipe(casting, draws), _NO_LIMIT)
        case Kind.ABUSE:
            while wanted > 0:
                campaign = typology.recipe(casting, draws)
                ledger.add(casting, place, Campaign(campaign.rows[:wanted]), 0)
                wanted -= max(1, len(campaign.rows))
        case Kind.BACKGROUND | Kind.THEFT | Kind.NETWORK:
            return


def _backgrounds(
    casting: Casting, seed: int, ledger: _Ledger, typologies: tuple[Typology, ...]
) -> Iterator[tuple[str, OfDay]]:
    for place, typology in enumerate(typologies):
        if typology.background is not None:
            draws = Draws(seed, "typology", typology.code)
            yield typology.code, typology.background(casting, draws, partial(ledger.number, place))


def _finished(
    casting: Casting,
    seed: int,
    part: Part,
    frauds: Rows,
    companions: Rows,
    typologies: tuple[Typology, ...],
) -> tuple[Rows, Rows]:
    """Both tables with devices, signals and claims: what all campaigns have in common."""
    draws = Draws(seed, *part.name, "fraud devices")
    for table in (frauds, companions):
        for day in part.days:
            mine = (table["occurred_at"] >= day.start) & (table["occurred_at"] < day.end)
            of_day = table[mine]
            chosen = of_day["device"].copy()
            usual = chosen == of_day["payer"] * DEVICE_SLOTS
            casting.town.set_devices(draws, of_day, day)
            of_day["device"] = np.where(usual, of_day["device"], chosen)
            notice_honest(draws, casting.town, day, of_day)
            table[mine] = of_day
    notice_frauds(Draws(seed, *part.name, "fraud signals"), frauds, typologies)
    legal = is_legal_person(casting.town, frauds["payee"])
    contest_frauds(Draws(seed, *part.name, "reports"), frauds, typologies, legal)
    claimed = np.flatnonzero(companions["contested_at"] != NONE)
    draws = Draws(seed, *part.name, "abuse")
    accepted = draws.quota(np.full(len(claimed), _ABUSE_ACCEPTED_PER_MILLE))
    settle_claims(draws, companions, claimed, accepted)
    recover(draws, companions)
    return frauds, companions


def _happened(rows: Rows, end: int) -> Rows:
    """A campaign's rows before that end, in time order, their instants in whole milliseconds."""
    rows = rows[rows["occurred_at"] < end]
    rows["occurred_at"] = to_milliseconds(rows["occurred_at"])
    claimed = rows["contested_at"] != NONE
    rows["contested_at"][claimed] = to_milliseconds(rows["contested_at"][claimed])
    return _by_time(rows)


def _by_time(table: Rows) -> Rows:
    return table[np.argsort(table["occurred_at"], kind="stable")]


def _empty_typology(typology: Typology) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"typology {typology.code} makes no transfers in this world",
        hint="Its recipe must keep within the days of the casting.",
        field=typology.code,
        expected="a campaign with transfers",
        found=f"{_EMPTY_CAMPAIGNS_MAX} empty campaigns in a row",
    )
