"""A feature is made of what is named, and of nothing else: change all the rest, and it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest

from crivo.features.engine import Engine
from crivo.features.made_of import MadeOf, made_of
from crivo.features.plan import Plan
from crivo.features.registry import default_feature_set
from crivo.features.row import ABSENT, PURPOSE_CODES, RowKind
from crivo.features.spec import EventKind, Feature
from tests.parity.everything import everything, plan_of
from tests.parity.judging import PLAN, Rows, long_stream
from tests.parity.streams import START

SEED = 5
ROWS = 3_000
PACE = 20
IDS = ("payer", "payee", "device", "payee_key", "payee_person")
CODES = ("payer_ispb", "payee_ispb", "initiation", "purpose")
FACTS = (*IDS, *CODES, "amount", "time")
KINDS = [EventKind[kind.name] for kind in RowKind if kind is not RowKind.TRANSFER]

Make = Callable[[Feature], MadeOf]


@cache
def stream() -> Rows:
    """A busy month of transfers and reports, and of every other kind of event."""
    rows = long_stream(SEED, ROWS)
    for name in ("received_at", "occurred_at"):
        rows[name] = START + (rows[name] - START) // PACE
    dice = np.random.default_rng(SEED)
    for name, codes in (("initiation", 4), ("purpose", len(PURPOSE_CODES))):
        rows[name] = dice.integers(0, codes, ROWS)
    for name in ("initiation", "purpose"):
        rows[name][rows["kind"] != RowKind.TRANSFER] = ABSENT
    return rows


@cache
def many() -> Plan:
    """Some features of everything that can be declared."""
    return plan_of(tuple(Random(SEED).sample(everything(), 500)))


def with_another(fact: str) -> Rows:
    """The same events, which tell another fact."""
    rows = stream().copy()
    dice = np.random.default_rng(SEED)
    if fact == "time":
        for name in ("occurred_at", "received_at"):
            rows[name] = START + (rows[name] - START) * 3
    elif fact == "amount":
        there = rows["amount_centavos"] > 0
        rows["amount_centavos"][there] = dice.integers(1, 10**6, there.sum())
    elif fact in CODES:
        there = rows[fact] != ABSENT
        rows[fact][there] = dice.permutation(rows[fact][there])
    else:
        there = np.flatnonzero(rows[f"{fact}_0"] != 0)
        order = dice.permutation(there)
        for word in (f"{fact}_0", f"{fact}_1"):
            rows[word][there] = rows[word][order]
    return rows


def without(kind: EventKind) -> Rows:
    """The same events but those of a kind."""
    return stream()[stream()["kind"] != RowKind[kind.name]]


def vectors(plan: Plan, rows: Rows) -> tuple[Any, Any]:
    return Engine(plan).vectors(rows, rows["kind"] == RowKind.TRANSFER)


def depend_unsaid(plan: Plan, changed: Rows, is_said: Callable[[Feature], bool]) -> list[str]:
    """The features that changed although they are not said to be made of what did.

    A vector that is read at another instant than its own, or of a window too full, is left out.
    """
    (found, flags), (again, others) = vectors(plan, stream()), vectors(plan, changed)
    whole = (flags | others) == 0
    assert whole.sum() > 1_000, "enough to look at"
    features = plan.feature_set.features
    return [
        feature.name
        for place, feature in enumerate(features)
        if not is_said(feature)
        and not np.array_equal(found[whole, place], again[whole, place], equal_nan=True)
    ]


def faults(
    plan: Plan, make: Make, facts: Iterable[str] = FACTS, kinds: Iterable[EventKind] = KINDS
) -> dict[str, list[str]]:
    """By fact and kind of event: who depends on it, and is not said to."""
    found = {}
    for fact in facts:
        changed = with_another(fact)
        found[fact] = depend_unsaid(plan, changed, lambda f, fact=fact: fact in make(f).transfer)
    for kind in kinds:
        found[kind] = depend_unsaid(plan, without(kind), lambda f, kind=kind: kind in make(f).told)
    return found


def test_no_served_feature_depends_on_an_amount_or_a_report_without_saying_so():
    assert faults(PLAN, made_of, ["amount"], [EventKind.REPORT]) == {"amount": [], "report": []}


@pytest.mark.slow
def test_no_served_feature_depends_on_what_it_is_not_said_to_be_made_of():
    assert faults(PLAN, made_of) == {name: [] for name in (*FACTS, *KINDS)}


@pytest.mark.slow
def test_no_feature_that_can_be_declared_does_either():
    assert faults(many(), made_of) == {name: [] for name in (*FACTS, *KINDS)}


@pytest.mark.slow
def test_sabotage_whatever_is_left_unsaid_is_noticed():
    """Every fact and every kind of event that some served feature is made of can be told by it."""
    named = [made_of(feature) for feature in default_feature_set().features]
    used = set().union(*(made.transfer | made.told for made in named))
    nothing = MadeOf(frozenset(), frozenset())
    found = faults(PLAN, lambda _: nothing)
    assert used - {name for name, said in found.items() if said} == set()
