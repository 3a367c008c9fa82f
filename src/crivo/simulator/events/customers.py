"""What the payer's institution knows of its customer, and of whom the customer has saved.

An income is as high as what its owner pays at a time: bands in minimum wages, an assumption. Of
accounts outside the town, which mules and newcomers hold, both follow from the account's number, in
the proportions of the town.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from crivo.simulator.ages import PEOPLE, Age
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s, cumulated
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field, Values
from crivo.simulator.events.places import CODES, home_cities
from crivo.simulator.events.sorted_pairs import paired
from crivo.simulator.events.viewpoint import PAYEE, PAYER
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.people import Town, is_legal_person

AGES: Final = tuple(Age.__members__)
INCOMES: Final = ("TO_1_WAGE", "TO_2_WAGES", "TO_5_WAGES", "TO_10_WAGES", "ABOVE_10_WAGES")
#: Where a level of amounts, in thousandths of the mean, passes into the next band; and where a
#: person in a thousand does.
_LEVEL_STEPS: Final = (550, 850, 1500, 2400)
_PERSON_STEPS: Final = (190, 430, 780, 940)

#: Thousandths of habitual payees, and of all others, that are saved in the payer's list.
_SAVED_HABITS: Final = 720
_SAVED_OTHERS: Final = 60

FIELDS: Final = (
    Field("payer_age_band", Kind.WORD, PAYER, "years; null for companies", nullable=True),
    Field(
        "payer_income_band", Kind.WORD, PAYER, "minimum wages; null for companies", nullable=True
    ),
    Field("payer_municipality", Kind.WORD, PAYER, "code of where the customer lives"),
    Field("payee_municipality", Kind.WORD, PAYEE, "code of where the own customer lives"),
    Field("is_payee_saved", Kind.FLAG, PAYER, "the payee is in the payer's list of contacts"),
    Field(
        "is_contact_owner_changed",
        Kind.FLAG,
        PAYER,
        "the key of a saved contact came to its owner since; null without an answer",
        nullable=True,
    ),
)


def values(facts: DayFacts, answers: Drawn) -> Drawn:
    """The facts of the day's customers; `answers` are the directory's, one entry a transfer."""
    accounts, seed = facts.accounts, facts.seed
    payers, payees = facts.rows["payer"], facts.rows["payee"]
    persons, others = accounts.persons(payers), accounts.persons(payees)
    companies = is_legal_person(accounts.town, payers)
    saved = _saved(accounts.town, payers, payees, seed)
    owned_since, unknown = _answer(answers, "dict_key_owned_since")
    created_at, _ = _answer(answers, "dict_key_created_at")
    lived = np.maximum(facts.accounts.start - created_at, 0) // MILLISECOND
    share = spread(paired(payers, payees), seed ^ 0x736176, 1000)
    saved_at = created_at + lived * share // 1000 * MILLISECOND
    return {
        "payer_age_band": (words(AGES)[age_bands(accounts.town, persons)], companies),
        "payer_income_band": (words(INCOMES)[income_bands(accounts.town, persons)], companies),
        "payer_municipality": words(CODES)[home_cities(persons, seed)],
        "payee_municipality": words(CODES)[home_cities(others, seed)],
        "is_payee_saved": saved,
        "is_contact_owner_changed": (saved & (owned_since > saved_at), unknown),
    }


def is_older(town: Town, persons: Int64s) -> Bools:
    """Who of these persons is sixty or more."""
    return np.asarray(age_bands(town, persons) == Age.FROM_60)


def age_bands(town: Town, persons: Int64s) -> Int64s:
    """The age of each person, as a place in AGES."""
    at_home = persons < town.census.persons
    drawn = spread(persons, town.seed ^ 0x79656172, sum(PEOPLE))
    of_others = np.searchsorted(cumulated(PEOPLE), drawn, side="right")
    return np.where(at_home, town.ages[np.where(at_home, persons, 0)], of_others).astype(np.int64)


def income_bands(town: Town, persons: Int64s) -> Int64s:
    """The income of each person, as a place in INCOMES."""
    at_home = persons < town.census.persons
    levels = town.person_levels[np.where(at_home, persons, 0)]
    drawn = spread(persons, town.seed ^ 0x696E63, 1000)
    return np.where(
        at_home,
        np.searchsorted(_LEVEL_STEPS, levels, side="right"),
        np.searchsorted(_PERSON_STEPS, drawn, side="right"),
    ).astype(np.int64)


def _saved(town: Town, payers: Int64s, payees: Int64s, seed: int) -> Bools:
    """Which pairs are saved: most of a person's habits, few of the others, always the same."""
    at_home = payers < town.census.persons
    habits = town.habits[np.where(at_home, payers, 0)]
    habitual = at_home & (habits == payees[:, None]).any(axis=1)
    odds = np.where(habitual, _SAVED_HABITS, _SAVED_OTHERS)
    return spread(paired(payers, payees), seed ^ 0x636F6E, 1000) < odds


def _answer(answers: Drawn, name: str) -> tuple[Int64s, Bools]:
    found, unknown = cast("tuple[Values, Bools]", answers[name])
    return np.asarray(found, dtype=np.int64), unknown
