"""Oracle and kernel both find what a person finds: the two may not be wrong together."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.instant import SECOND
from crivo.features.engine import BEHIND, LATE, Engine
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from tests.golden import operators, order, windows
from tests.golden.windows import TILE_7D, TILE_30D, Case, T, rows

FEATURES = default_feature_set()
PLAN = compile_plan(FEATURES)
CASES = (*windows.CASES, *operators.CASES, *order.CASES)


def by_kernel(case: Case):
    engine = Engine(PLAN)
    engine.fold(rows(case.before))
    vector, flags = engine.read(rows((case.asked,)))
    said = {name for name, bit in (("LATE", LATE), ("BEHIND", BEHIND)) if flags & bit}
    return dict(zip(PLAN.names, vector.tolist(), strict=True)), said


def by_oracle(case: Case):
    oracle = Oracle(FEATURES)
    for row in rows_as_mappings(rows(case.before)):
        oracle.fold(row)
    answer = oracle.read(rows_as_mappings(rows((case.asked,)))[0])
    said = {"LATE"} if answer.late else set()
    said |= {"BEHIND"} if answer.behind else set()
    values = [float("nan") if value is None else value for value in answer.values]
    return dict(zip(FEATURES.names, values, strict=True)), said


ENGINES = [by_oracle, by_kernel]


def wrong(case: Case, engine) -> list[str]:
    values, flags = engine(case)
    said = [
        f"{name}: {values[name]}, by hand {wanted}"
        for name, wanted in case.found.items()
        if differs(values[name], wanted)
    ]
    return said if flags == case.flags else [*said, f"flags {flags}, by hand {set(case.flags)}"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_an_engine_finds_what_a_person_finds(case, engine):
    assert wrong(case, engine) == []


def test_the_instant_asked_at_is_an_edge_of_both_tiles():
    assert T % TILE_7D == T % TILE_30D == 0
    assert T // TILE_7D == 377_700 and T // TILE_30D == 88_130


#: What the table holds a row for. What is not among it is held to the oracle alone.
BY_HAND = {"value", "count", "sum", "mean", "ratio", "per_transfer", "since_last", "since_first"}
ROLES = {"transfer", "payer", "payee", "pair"}


def test_every_plain_feature_was_worked_out_at_least_once():
    looked_at = {name for case in CASES for name in case.found}
    plain = [f for f in FEATURES.features if f.statistic in BY_HAND and f.entity in ROLES]
    plain = [f for f in plain if f.filter is None or f.filter.name in {"night", "accepted"}]
    plain = [f for f in plain if f.measure in {"transfer", "report", "amount"}]
    kinds = {(each.entity, each.measure, each.statistic) for each in plain}
    seen = {(f.entity, f.measure, f.statistic) for f in plain if f.name in looked_at}
    assert looked_at <= set(FEATURES.names)
    assert len(seen) >= 10
    assert kinds - seen == set()


def test_every_operator_over_transfers_was_worked_out_at_least_once():
    worked_out = {name for case in CASES for name in case.found}
    of_transfers = [f for f in FEATURES.features if f.event == "transfer"]
    seen = {f.statistic for f in of_transfers if f.name in worked_out}
    assert {f.statistic for f in of_transfers} - seen == set()


def _cheaper(case: Case) -> Case:
    first = case.before[0]
    return dataclasses.replace(
        case, before=(dataclasses.replace(first, reais=first.reais + 3), *case.before[1:])
    )


def _later(case: Case) -> Case:
    return dataclasses.replace(case, asked=dataclasses.replace(case.asked, at=T + SECOND))


def _without_the_last(case: Case) -> Case:
    return dataclasses.replace(case, before=case.before[:-1])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", [_cheaper, _later, _without_the_last])
def test_sabotage_another_past_gives_other_numbers(change, engine):
    assert wrong(change(CASES[1]), engine) != []
