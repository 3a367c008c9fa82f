"""Oracle and kernel both find what a person finds of events beside transfers, through the log."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.features.engine import Engine
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.event_of import event_of
from crivo.flows.fold import fold_rows
from tests.golden import contested, told
from tests.golden.told import Case, paid
from tests.golden.windows import T

FEATURES = default_feature_set()
PLAN = compile_plan(FEATURES)
CASES = (*told.CASES, *contested.CASES)


def rows_of(events):
    """The events as they lie in a log, folded."""
    stored = []
    for seq, (value, received_at) in enumerate(events):
        event = event_of(
            value,
            occurred_at=value.occurred_at,
            received_at=received_at,
            source="test",
            stream=Stream.HISTORY if isinstance(value, Transfer) else None,
        )
        stored.append(StoredEvent(seq, 0, seq, event))
    return fold_rows(stored)


ASKED = rows_of(((paid(T), T),))


def by_kernel(case: Case):
    engine = Engine(PLAN)
    engine.fold(rows_of(case.before))
    vector, flags = engine.read(ASKED)
    assert flags == 0
    return dict(zip(PLAN.names, vector.tolist(), strict=True))


def by_oracle(case: Case):
    oracle = Oracle(FEATURES)
    for row in rows_as_mappings(rows_of(case.before)):
        oracle.fold(row)
    values = oracle.read(rows_as_mappings(ASKED)[0]).values
    return {
        name: float("nan") if value is None else value
        for name, value in zip(FEATURES.names, values, strict=True)
    }


ENGINES = [by_oracle, by_kernel]


def wrong(case: Case, engine) -> list[str]:
    values = engine(case)
    return [
        f"{name}: {values[name]}, by hand {wanted}"
        for name, wanted in case.found.items()
        if differs(values[name], wanted)
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_an_engine_finds_what_a_person_finds(case, engine):
    assert wrong(case, engine) == []


def test_every_feature_of_what_is_told_was_worked_out_by_hand():
    # `order.py` works exposures out, `operators.py` new pairs.
    derived = ("transfer", "report", "exposure", "new_pair")
    ours = {f.name for f in FEATURES.features if f.event.value not in derived}
    assert ours == {name for case in CASES for name in case.found}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES[1:], ids=[case.title for case in CASES[1:]])
def test_sabotage_what_is_not_told_is_noticed(case, engine):
    first = dataclasses.replace(case, before=case.before[-1:])
    assert wrong(first, engine)
