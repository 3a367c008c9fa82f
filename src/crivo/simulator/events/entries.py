"""What the directory answers about a key: its entry and the statistics, null where none was given.

Source: DICT API 2.12 (Entry, Statistics).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from crivo.domain.claim import ClaimType
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.accounts import ACCOUNT_TYPES, PERSON_TYPES
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field, Values
from crivo.simulator.events.viewpoint import Seen
from crivo.simulator.events.windows import WINDOWS
from crivo.simulator.key_claims import TYPES
from crivo.simulator.people import is_legal_person
from crivo.simulator.rows import NONE

_MARKERS: Final = (
    ("application_frauds", "markers for false identity"),
    ("mule_accounts", "markers as a lent account"),
    ("scammer_accounts", "markers as a fraudster's own account"),
    ("other_frauds", "other markers"),
    ("fraud_reais", "whole reais of accepted frauds, false identity left out"),
    ("fraud_reporters", "distinct institutions whose reports were accepted"),
)

#: Statistics of the person, unless they say otherwise: name, kind, meaning.
STATISTICS: Final = (
    ("settlements_d90", Kind.INTEGER, "transfers received in 90 days"),
    ("settlements_m12", Kind.INTEGER, "the same in twelve full months"),
    ("settlements_m60", Kind.INTEGER, "the same in sixty full months, since November 2023"),
    ("key_settlements_d90", Kind.INTEGER, "transfers that the key's account received in 90 days"),
    ("settlements_watermark", Kind.INSTANT, "settlements are counted until then; 1970: no data"),
    *(
        (f"{name}_{window}", Kind.INTEGER, f"{meaning}, {window}")
        for name, meaning in _MARKERS
        for window in WINDOWS
    ),
    ("markers_watermark", Kind.INSTANT, "markers are counted until then; 1970: no data"),
    ("open_reports", Kind.INTEGER, "reports that are not decided yet"),
    ("open_reporters", Kind.INTEGER, "distinct institutions behind those"),
    *(
        (f"rejected_reports_{window}", Kind.INTEGER, f"reports that were rejected, {window}")
        for window in WINDOWS
    ),
    ("reports_watermark", Kind.INSTANT, "reports are counted until then; 1970: no data"),
)

_ENTRY: Final = (
    ("account_opened_at", Kind.INSTANT, "when the payee's account was opened"),
    ("account_type", Kind.WORD, "code of the payee's account type"),
    ("person_type", Kind.WORD, "natural or legal person"),
    ("key_created_at", Kind.INSTANT, "when the key was registered"),
    ("key_owned_since", Kind.INSTANT, "since when this person has the key; later after a claim"),
    ("claim_opened_at", Kind.INSTANT, "when the claim on the key that is open was opened"),
    ("registered_accounts", Kind.INTEGER, "accounts of the person that hold keys"),
    ("distinct_accounts", Kind.INTEGER, "accounts that the key was at"),
)


def entry_fields(seen_by: Seen) -> tuple[Field, ...]:
    """The fields of an answer, `dict_` in front."""
    return tuple(
        Field(f"dict_{name}", kind, seen_by, meaning, nullable=True)
        for name, kind, meaning in (*_ENTRY, *STATISTICS)
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """The keys that were asked for, one entry a look-up: who had each first, and who claimed it."""

    by_code: Bools  # whether a code was read
    owners: Int64s
    claims: Int64s  # places among the world's claims, or NONE


def answered(facts: DayFacts) -> Answered:
    """The keys that the day's look-ups name."""
    asked = facts.look_ups
    idle = asked.rows == NONE
    rows = np.where(idle, 0, asked.rows)
    by_code = np.where(idle, False, facts.by_code[rows]) if len(facts.rows) else idle
    return Answered(by_code, *facts.key_claims.owners(asked.payees, by_code, asked.at))


def entry_values(facts: DayFacts, keys: Answered) -> Drawn:
    """The fields of the answers to the day's look-ups, all of them missing where none was found."""
    accounts, payees, missing = facts.accounts, facts.look_ups.payees, ~facts.look_ups.told
    claimed_at = facts.key_claims.open_since(payees, keys.by_code, facts.look_ups.at)
    opened_at = accounts.opened_at(payees)
    created_at, owned_since, moves = _key_history(facts, keys)
    found: dict[str, Values] = {
        "account_opened_at": opened_at,
        "account_type": words(ACCOUNT_TYPES)[accounts.types(payees)],
        "person_type": words(PERSON_TYPES)[is_legal_person(accounts.town, payees).astype(np.int64)],
        "key_created_at": created_at,
        "key_owned_since": owned_since,
        "registered_accounts": 1 + (accounts.siblings(payees) != NONE).astype(np.int64),
        "distinct_accounts": 1 + moves,
        **facts.statistics,
    }
    unclaimed = missing | (claimed_at == NONE)
    return {
        "dict_claim_opened_at": (claimed_at, unclaimed),
        **{f"dict_{name}": (values, missing) for name, values in found.items()},
    }


def _key_history(facts: DayFacts, keys: Answered) -> tuple[Int64s, Int64s, Int64s]:
    """When each key was registered, since when its owner has it, and how often it moved.

    A key that was carried to another bank keeps its owner and its dates.
    """
    accounts, claims = facts.accounts, facts.key_claims
    created_at = accounts.key_created_at(keys.owners, accounts.opened_at(keys.owners))
    owned_since = accounts.key_owned_since(keys.owners, created_at)
    moves = (owned_since > created_at).astype(np.int64)
    moved = np.flatnonzero(keys.claims != NONE)
    claim = keys.claims[moved]
    moves[moved] += 1
    is_sold = claims.types[claim] == TYPES.index(ClaimType.OWNERSHIP)
    owned_since[moved] = np.where(is_sold, claims.moved_at[claim], owned_since[moved])
    return created_at, owned_since, moves


def of_rows(drawn: Drawn, places: Int64s) -> Drawn:
    """The answers at these places, missing also where a place is NONE: none was asked for."""
    found: dict[str, tuple[Values, Bools]] = {}
    for name, values in drawn.items():
        assert isinstance(values, tuple)
        array, missing = values
        if len(array):
            found[name] = (array[places], (places == NONE) | missing[places])
        else:
            nothing = cast("Values", np.zeros(len(places), dtype=array.dtype))
            found[name] = (nothing, places == NONE)
    return found
