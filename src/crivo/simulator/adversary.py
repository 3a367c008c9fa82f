"""A fraudster who sees what becomes of its payments, and changes them within its means.

Each typology is one crew. It remembers for every way of acting (a level for each of its levers) how
much of the money that its recipe meant came through, and how its payments ended: approved, asked
for a proof, held, refused, or reported later. A campaign that begins takes the way that has paid
best, or that way with one lever moved; the lever is likelier one that helps against what was met.
An account that was reported before gives way to another, unless the typology lives by new ones
alone. Before its first refusal a crew changes nothing and draws nothing: against a bank that allows
everything it is the static one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np

from crivo.domain.choice import parse_choice
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR
from crivo.domain.money import CENTAVOS_MAX
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Bools, Draws, Int64s, cumulated, mixed
from crivo.simulator.facts import FactKind, Facts
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.levers import Lever
from crivo.simulator.people import FRAUD_CLASSES, Town
from crivo.simulator.planning import Plan
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

#: Level 0 is the recipe as it is. Higher ones: no victim is asked for more than so many centavos at
#: a time; the campaign begins at that hour; its pauses are so many times as long, as far as the
#: typology lasts.
_CAPS: Final = (CENTAVOS_MAX, 150_000, 70_000, 35_000, 18_000)
_HOURS: Final = (10, 13, 16)
_PACES: Final = (1, 2, 4, 8)
_LEVELS: Final = {
    Lever.AMOUNT: len(_CAPS),
    Lever.HOUR: 1 + len(_HOURS),
    Lever.PAYEE_AGE: 3,
    Lever.DEVICE: 2,
    Lever.PACE: len(_PACES),
}
#: How often a campaign tries something new, in thousandths, and how many payments make a way known.
_TRIED_PER_MILLE: Final = 350
_KNOWN_PAYMENTS: Final = 3


class Outcome(IntEnum):
    """How a payment ended, as a fraudster sees it."""

    APPROVED = 0
    STEPPED_UP = 1  # a proof was asked for, whether the victim gave it or not
    HELD = 2
    REFUSED = 3
    REPORTED = 4  # it came, and a claim about it was accepted later


_OF_ANSWER: Final = {
    Answer.ALLOW: Outcome.APPROVED,
    Answer.WARN: Outcome.APPROVED,
    Answer.STEP_UP: Outcome.STEPPED_UP,
    Answer.HOLD: Outcome.HELD,
    Answer.REJECT: Outcome.REFUSED,
}
#: Which outcomes each lever is thought to help against.
_HELPS_AGAINST: Final = {
    Lever.AMOUNT: (Outcome.STEPPED_UP, Outcome.HELD),
    Lever.HOUR: (Outcome.HELD,),
    Lever.PAYEE_AGE: (Outcome.HELD, Outcome.REFUSED, Outcome.REPORTED),
    Lever.DEVICE: (Outcome.STEPPED_UP, Outcome.HELD),
    Lever.PACE: (Outcome.HELD, Outcome.REPORTED),
}
_OUTCOMES: Final = np.asarray([_OF_ANSWER[answer] for answer in Answer], dtype=np.int64)

#: A way of acting: the level of each lever that a crew has, in the order of its means.
Way = tuple[int, ...]


class Mode(StrEnum):
    """How fraudsters take a refusal."""

    STATIC = "static"
    ADAPTIVE = "adaptive"

    @property
    def adapts(self) -> bool:
        """Whether refusals change what they do."""
        return self is Mode.ADAPTIVE


def parse_mode(text: str) -> Mode:
    """The mode of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_choice(Mode, text, field="adversary")


@dataclass(slots=True)
class _Yield:
    """Of one way: payments made, centavos the recipe meant, and those that came through."""

    payments: int = 0
    meant: int = 0
    came: int = 0


@dataclass(slots=True)
class Crew:
    """What one typology has learned."""

    means: tuple[Lever, ...]
    refused: int = 0
    yields: dict[Way, _Yield] = field(default_factory=dict)
    met: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    @property
    def recipe(self) -> Way:
        """The way that changes nothing."""
        return (0,) * len(self.means)

    def choice(self, draws: Draws) -> Way:
        """How a campaign that begins now acts."""
        best = self._best()
        if not self.means or (draws.one(0, 1000) >= _TRIED_PER_MILLE and best != self.recipe):
            return best
        place = int(draws.chosen(cumulated(self._reasons_to_move()), 1)[0])
        levels = _LEVELS[self.means[place]]
        step = draws.one(1, levels)
        return (*best[:place], (best[place] + step) % levels, *best[place + 1 :])

    def _reasons_to_move(self) -> tuple[int, ...]:
        """For each lever one, and one for each payment that ended in what it helps against."""
        return tuple(
            1 + sum(self.met[outcome] for outcome in _HELPS_AGAINST[lever]) for lever in self.means
        )

    def learn(self, way: Way, meant: Int64s, came: Int64s, outcomes: Int64s) -> None:
        """Notes how much of what was meant came through, payment by payment, and how each ended."""
        self.refused += int((came == 0).sum())
        self.meet(outcomes)
        found = self.yields.setdefault(way, _Yield())
        found.payments += len(meant)
        found.meant += int(meant.sum())
        found.came += int(came.sum())

    def meet(self, outcomes: Int64s) -> None:
        """Notes these outcomes, which are values of Outcome."""
        for outcome, count in enumerate(np.bincount(outcomes, minlength=len(Outcome)).tolist()):
            self.met[Outcome(outcome)] += count

    def _best(self) -> Way:
        """The way with the highest yield; of equal ones that of the lowest levels."""
        known = [way for way, found in self.yields.items() if found.payments >= _KNOWN_PAYMENTS]
        return max(
            known,
            key=lambda way: (
                self.yields[way].came * 1000 // max(self.yields[way].meant, 1),
                tuple(-level for level in way),
            ),
            default=self.recipe,
        )


class Fraudsters:
    """All crews of a world: they give each day's frauds, and are told what became of them."""

    def __init__(
        self, town: Town, seed: int, typologies: Sequence[Typology], plan: Plan, mode: Mode
    ) -> None:
        frauds = plan.frauds
        self._town = town
        self._seed = seed
        self._mode = mode
        self._crews = [Crew(typology.means) for typology in typologies]
        self._lasts = [typology.lasts_at_most for typology in typologies]
        self._ways: dict[int, Way] = {}
        self._rows = frauds.copy()
        self._facts = plan.facts.copy()
        self._meant = frauds["amount_centavos"].copy()
        self._places = np.zeros(0, dtype=np.int64)
        self._begins = _begins(self._rows, self._facts)
        self._begun = np.zeros(len(frauds), dtype=np.bool_)
        self._owners = _owners(self._rows)

    def of_day(self, start: int, marked: Int64s) -> Rows:
        """The frauds of the day that begins then, in time order.

        `marked` are the accounts about which claims have been accepted: their holders are told.
        """
        new = ~self._begun & (self._begins < start + DAY)
        self._begun |= new
        self._hear_of_claims(start)
        if self._mode.adapts:
            for campaign in np.unique(self._rows["campaign"][new]).tolist():
                self._adapt(campaign, start, marked)
        at = self._rows["occurred_at"]
        today = np.flatnonzero(self._begun & (at >= start) & (at < start + DAY))
        self._places = today[np.argsort(at[today], kind="stable")]
        return self._rows[self._places]

    def facts_of_day(self, start: int) -> Facts:
        """What campaigns do besides transfers on the day that was given last, by time."""
        at = self._facts["occurred_at"]
        today = np.flatnonzero((at >= start) & (at < start + DAY))
        return self._facts[today[np.argsort(at[today], kind="stable")]]

    def learn(self, passed: Bools, answers: Int64s) -> None:
        """Tells the crews what was answered to the payments of the day just given, and which came
        through. `answers` are values of Answer.
        """
        self._rows["stopped"][self._places] = ~passed
        frauds, meant = self._rows[self._places], self._meant[self._places]
        came = frauds["amount_centavos"] * passed
        by_victims = frauds["hop"] == 1
        for campaign in np.unique(frauds["campaign"][by_victims]).tolist():
            mine = by_victims & (frauds["campaign"] == campaign)
            crew = self._crews[self._owners[campaign]]
            way = self._ways.get(campaign, crew.recipe)
            crew.learn(way, meant[mine], came[mine], _OUTCOMES[answers[mine]])

    def _hear_of_claims(self, start: int) -> None:
        """Tells the crews of what victims paid and of which a claim was accepted the day before."""
        rows = self._rows
        settled = (rows["settled_at"] >= start - DAY) & (rows["settled_at"] < start)
        known = settled & rows["accepted"] & ~rows["stopped"] & (rows["hop"] == 1)
        for campaign, count in zip(
            *np.unique(rows["campaign"][known], return_counts=True), strict=True
        ):
            crew = self._crews[self._owners[int(campaign)]]
            crew.meet(np.full(int(count), Outcome.REPORTED, dtype=np.int64))

    def _adapt(self, campaign: int, start: int, marked: Int64s) -> None:
        owner = self._owners[campaign]
        crew = self._crews[owner]
        if crew.refused == 0:
            return
        way = crew.choice(Draws(self._seed, "adversary", campaign))
        self._ways[campaign] = way
        mine = self._rows["campaign"] == campaign
        ahead = (self._facts["campaign"] == campaign) & (self._facts["occurred_at"] >= start)
        levels = dict(zip(crew.means, way, strict=True))
        rows = changed(self._town, self._rows[mine], levels, self._lasts[owner])
        facts = changed_facts(
            self._town, self._facts[ahead], self._rows[mine], levels, self._lasts[owner]
        )
        if Lever.PAYEE_AGE in crew.means:
            _replace_reported(self._town, rows, facts, marked)
        self._rows[mine] = rows
        self._facts = np.concatenate([self._facts[~ahead], facts])


def changed(town: Town, rows: Rows, levels: dict[Lever, int], lasts_at_most: int | None) -> Rows:
    """A campaign's rows with each lever at its level; claims keep their delays."""
    rows = rows.copy()
    before = rows["occurred_at"].copy()
    _cap(rows, _CAPS[levels.get(Lever.AMOUNT, 0)])
    rows["occurred_at"] = _moved(before, rows, levels, lasts_at_most)
    if levels.get(Lever.DEVICE, 0):
        stolen = rows["hop"] == 1
        rows["device"][stolen] = rows["payer"][stolen] * DEVICE_SLOTS
        rows["signals"][stolen] &= ~int(Signal.NEW_DEVICE)
    if age := levels.get(Lever.PAYEE_AGE, 0):
        for side in ("payer", "payee"):
            rows[side] = _older(town, rows[side], int(rows["campaign"][0]), age)
        itself = rows["payer"] == rows["payee"]
        rows["payee"][itself] = (rows["payer"][itself] + 1) % town.census.persons
    for column in ("contested_at", "settled_at", "block_ended_at"):
        ends = rows[column] != NONE
        rows[column][ends] += (rows["occurred_at"] - before)[ends]
    return rows


def changed_facts(
    town: Town, facts: Facts, rows: Rows, levels: dict[Lever, int], lasts_at_most: int | None
) -> Facts:
    """What goes with a campaign, moved as its payments (`rows`, as planned) are.

    Who acts from the victim's own device adds none.
    """
    if levels.get(Lever.DEVICE, 0):
        facts = facts[facts["kind"] != FactKind.DEVICE_ADDED]
    facts = facts.copy()
    facts["occurred_at"] = _moved(facts["occurred_at"], rows, levels, lasts_at_most)
    if (age := levels.get(Lever.PAYEE_AGE, 0)) and len(facts):
        for side in ("account", "other"):
            facts[side] = _older(town, facts[side], int(facts["campaign"][0]), age)
    return facts


def _moved(at: Int64s, rows: Rows, levels: dict[Lever, int], lasts_at_most: int | None) -> Int64s:
    """When that happens now: pauses after the first payment are longer, and all begins at another
    hour. The victims' last payment comes no later than the typology lasts.
    """
    first = int(rows["occurred_at"].min())
    span = int(rows["occurred_at"][rows["hop"] == 1].max(initial=first)) - first
    pace = _PACES[levels.get(Lever.PACE, 0)]
    if lasts_at_most is not None and span * pace > lasts_at_most:
        # In thousandths, so that the product stays below 2^63.
        stretched = (at - first) * max(lasts_at_most * 1000 // span, 1000) // 1000
    else:
        stretched = (at - first) * pace
    moved = np.where(at > first, first + to_milliseconds(stretched), at)
    if hour := levels.get(Lever.HOUR, 0):
        midnight = (first + BRASILIA_OFFSET) // DAY * DAY - BRASILIA_OFFSET
        # Whole hours later: what lies on the stroke of the hour would show.
        moved += max(midnight + _HOURS[hour - 1] * HOUR - first // HOUR * HOUR, 0)
    return moved


def _cap(rows: Rows, cap: int) -> None:
    """Victims pay at most the cap at a time, and mules pass on in proportion."""
    stolen = rows["hop"] == 1
    before = int(rows["amount_centavos"][stolen].sum())
    rows["amount_centavos"][stolen] = np.minimum(rows["amount_centavos"][stolen], cap)
    left = int(rows["amount_centavos"][stolen].sum()) * 1000 // before
    passed_on = np.maximum(rows["amount_centavos"][~stolen] * left // 1000, 1)
    rows["amount_centavos"][~stolen] = passed_on


def _replace_reported(town: Town, rows: Rows, facts: Facts, marked: Int64s) -> None:
    """Puts others in the place of a campaign's accounts that were reported: they are of no use any
    more. Victims go on paying from theirs, and shops, where money is spent, are nobody's mule.
    """
    moves_on = rows["hop"] > 1
    for account, other in _others(town, rows, marked).items():
        rows["payee"][rows["payee"] == account] = other
        rows["payer"][moves_on & (rows["payer"] == account)] = other
        facts["other"][facts["other"] == account] = other


def _others(town: Town, rows: Rows, marked: Int64s) -> dict[int, int]:
    """For each account that receives in a campaign and is marked one of nobody in it, unmarked."""
    size = town.census
    receive = np.unique(rows["payee"])
    is_shop = (receive >= size.first_business) & (receive < size.first_outsider)
    taken = {*marked.tolist(), *rows["payer"].tolist(), *receive.tolist()}
    others: dict[int, int] = {}
    for account in receive[np.isin(receive, marked) & ~is_shop].tolist():
        offered = _offered(town, account, int(rows["campaign"][0]))
        others[account] = next(one for one in offered if one not in taken)
        taken.add(others[account])
    return others


def _offered(town: Town, account: int, campaign: int) -> Iterator[int]:
    """What there is in its place: an older one of its kind if it was opened for fraud, else what
    one person of the town after the other lends.
    """
    alone = np.asarray([account], dtype=np.int64)
    if account >= town.census.first_fraud:
        yield int(_bought(town, alone)[0])
    first = int(_lent(town, alone, campaign)[0])
    for step in range(town.census.persons):
        yield (first + step) % town.census.persons


def _older(town: Town, accounts: Int64s, campaign: int, age: int) -> Int64s:
    """Level 1: a bought account of the same kind; level 2: one that a person of the town lends."""
    other = _bought(town, accounts) if age == 1 else _lent(town, accounts, campaign)
    return np.where(accounts >= town.census.first_fraud, other, accounts)


def _bought(town: Town, accounts: Int64s) -> Int64s:
    """In place of each account that was opened for fraud an old one of its kind."""
    place = (accounts - town.census.first_fraud) % FRAUD_CLASSES
    return np.asarray(accounts - place + place % 2 + 2, dtype=np.int64)


def _lent(town: Town, accounts: Int64s, campaign: int) -> Int64s:
    """In place of each account that of a person of the town, another one in each campaign."""
    spread = (mixed(accounts, campaign) >> np.uint64(32)).astype(np.int64)
    return np.asarray(spread % town.census.persons, dtype=np.int64)


def _begins(rows: Rows, facts: Facts) -> Int64s:
    """For each row the first instant of its campaign, at which something is paid or prepared."""
    end = 1 + max(int(table["campaign"].max(initial=-1)) for table in (rows, facts))
    begins = np.full(end, np.iinfo(np.int64).max)
    for table in (rows, facts):
        np.minimum.at(begins, table["campaign"], table["occurred_at"])
    return begins[rows["campaign"]]


def _owners(rows: Rows) -> dict[int, int]:
    """For each campaign the typology of its victims' payments."""
    stolen = rows[rows["hop"] == 1]
    return dict(zip(stolen["campaign"].tolist(), stolen["typology"].tolist(), strict=True))
