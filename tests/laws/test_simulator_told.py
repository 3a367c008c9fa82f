"""What a world tells in its first days: the names are its own, and each rule can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.simulator.acceptance import told as listening
from crivo.simulator.acceptance.finding import Verdict, default_checks
from crivo.simulator.acceptance.rules import Rule, Rules
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.acceptance.told import Told
from crivo.simulator.acceptance.walk import walk
from crivo.simulator.columns import Column, Piece
from crivo.simulator.events.streams import EventStreams, events
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import World, simulate

pytestmark = pytest.mark.slow

DAYS = 6
#: The rules that events may break, and the check that looks at each.
CHECK_OF = {
    Rule.END_TO_END_IDS: 16,
    Rule.RETURN_IDS: 16,
    Rule.KEYS: 16,
    Rule.TAX_IDS: 16,
    Rule.CODE_IDS: 16,
    Rule.INSTITUTIONS: 16,
    Rule.TYPED_UNASKED: 6,
    Rule.INSIDE_UNASKED: 7,
    Rule.INPUTS_IN_TIME: 17,
    Rule.OUTCOMES_IN_TIME: 17,
    Rule.NEW_DEVICE_CAP: 18,
    Rule.NEW_DEVICE_DAY: 18,
}

Values = dict[str, Column]
Bend = Callable[[Values], None]


@cache
def world() -> World:
    return simulate(SimulationOptions(seed=4, days=DAYS, scale=Decimal(1)))


@cache
def pieces() -> tuple[tuple[Piece, ...], ...]:
    """What is received on each day, and after the last."""
    streams = EventStreams(world(), Viewpoint.PAYER_PSP)
    days = [tuple(streams.of_day(day, rows)) for day, rows in world().rows()]
    return (*days, tuple(streams.rest()))


def heard(table: str = "", bend: Bend | None = None) -> Rules:
    """The rules after all days, those of one table bent."""
    rules = Rules()
    told = Told(rules)
    for day in pieces():
        told.hear([bent(piece, bend) if bend and piece.table == table else piece for piece in day])
    return rules


def bent(piece: Piece, bend: Bend) -> Piece:
    columns = {
        column.name: replace(
            column,
            values=column.values.copy(),
            missing=None if column.missing is None else column.missing.copy(),
        )
        for column in piece.columns
    }
    bend(columns)
    return replace(piece, columns=tuple(columns.values()))


def broken(rules: Rules) -> set[Rule]:
    return {rule for rule, looks in rules.looks.items() if looks.broken}


def given(column: Column) -> np.ndarray:
    everywhere = np.ones(len(column.values), dtype=np.bool_)
    return everywhere if column.missing is None else ~column.missing


def _written(name: str, value: bytes) -> Bend:
    """Writes that value wherever the column holds one."""

    def bend(columns: Values) -> None:
        column = columns[name]
        column.values[given(column)] = value

    return bend


def _changed_digit(columns: Values) -> None:
    column = columns["payee_tax_id"]
    digits = [name[:-1] + bytes([48 + (name[-1] - 47) % 10]) for name in column.values.tolist()]
    columns["payee_tax_id"] = replace(column, values=np.asarray(digits))


def _typed_with_a_key(columns: Values) -> None:
    column = columns["payee_key"]
    column.values[~given(column)] = b"+5500900000000"
    column.missing[:] = False


def _typed_with_an_answer(columns: Values) -> None:
    inside = columns["is_same_psp"].values.astype(np.bool_)
    typed = np.flatnonzero((columns["initiation"].values == b"MANU") & ~inside)
    columns["dict_account_opened_at"].missing[typed[:1]] = False


def _inside_with_an_answer(columns: Values) -> None:
    by_hand = columns["initiation"].values == b"MANU"
    inside = np.flatnonzero(columns["is_same_psp"].values.astype(np.bool_) & ~by_hand)
    columns["dict_account_opened_at"].missing[inside[:1]] = False


def _looked_up_inside(columns: Values) -> None:
    transfers = next(piece for piece in pieces()[0] if piece.table == "transfers")
    of = {column.name: column.values for column in transfers.columns}
    columns["end_to_end_id"].values[given(columns["end_to_end_id"])] = of["end_to_end_id"][
        of["is_same_psp"].astype(np.bool_)
    ][0]
    columns["received_at"].values[:] = 0


def _statistics_of_tomorrow(columns: Values) -> None:
    columns["dict_markers_watermark"].values[:] += 86_400_000_000 * 30


def _asked_afterwards(columns: Values) -> None:
    columns["received_at"].values[:] += 86_400_000_000


def _told_before(columns: Values) -> None:
    columns["received_at"].values[:] = 0


def _a_large_sum_from_a_new_device(columns: Values) -> None:
    columns["amount_centavos"].values[_new(columns)[:1]] = 200_01


def _many_sums_from_a_new_device(columns: Values) -> None:
    new = _new(columns)
    columns["amount_centavos"].values[new] = 200_00
    columns["payer_account"].values[new] = b"SIM00001-0001-0000000001"


def _new(columns: Values) -> np.ndarray:
    """Places whose device is not registered: the first six with one, where too few are."""
    registered, amounts = columns["is_device_registered"], columns["amount_centavos"].values
    places = np.flatnonzero(given(registered) & (columns["initiation"].values != b"AUTO"))
    small = places[amounts[places] <= 200_00][:6]
    registered.values[small] = False
    return small


BENDS: list[tuple[str, Bend, Rule]] = [
    ("transfers", _written("end_to_end_id", b"D" * 32), Rule.END_TO_END_IDS),
    ("settlements", _written("return_id", b"E" * 32), Rule.RETURN_IDS),
    ("transfers", _written("payee_key", b"nobody"), Rule.KEYS),
    ("transfers", _changed_digit, Rule.TAX_IDS),
    ("transfers", _written("txid", b"!"), Rule.CODE_IDS),
    ("transfers", _written("payee_ispb", b"sim00001"), Rule.INSTITUTIONS),
    ("transfers", _typed_with_a_key, Rule.TYPED_UNASKED),
    ("transfers", _typed_with_an_answer, Rule.TYPED_UNASKED),
    ("transfers", _inside_with_an_answer, Rule.INSIDE_UNASKED),
    ("dict_look_ups", _looked_up_inside, Rule.INSIDE_UNASKED),
    ("transfers", _statistics_of_tomorrow, Rule.INPUTS_IN_TIME),
    ("dict_look_ups", _asked_afterwards, Rule.INPUTS_IN_TIME),
    ("settlements", _told_before, Rule.OUTCOMES_IN_TIME),
    ("transfers", _a_large_sum_from_a_new_device, Rule.NEW_DEVICE_CAP),
    ("transfers", _many_sums_from_a_new_device, Rule.NEW_DEVICE_DAY),
]


def test_a_world_breaks_no_rule_and_every_rule_of_its_events_is_looked_at():
    rules = heard()
    assert broken(rules) == set()
    assert [rule for rule in CHECK_OF if rules.looks[rule].seen == 0] == []


@pytest.mark.parametrize(("table", "bend", "rule"), BENDS)
def test_sabotage_a_bent_event_breaks_exactly_its_rule_and_its_check(
    table: str, bend: Bend, rule: Rule
):
    rules = heard(table, bend)
    assert broken(rules) == {rule}
    check = next(check for check in default_checks() if check.number == CHECK_OF[rule])
    found = check.look(Tally(rules=rules))
    assert [one.part for one in found if one.verdict is Verdict.FAILS] == [str(rule)]


def test_every_rule_that_events_may_break_is_bent():
    assert {rule for _, _, rule in BENDS} == set(CHECK_OF)


@cache
def written() -> frozenset[str]:
    """Every text that the tables of the world hold."""
    of_all = (*platform_tables(world()), *events(world(), Viewpoint.PAYER_PSP))
    return frozenset(
        name.decode()
        for piece in (*of_all, *seven_tables(world()))
        for column in piece.columns
        if column.values.dtype.kind == "S"
        for name in np.unique(column.values).tolist()
    )


def foreign(monkeypatch: pytest.MonkeyPatch, rule: Rule) -> int:
    """How many of the names that the report parses the world has not written; none may be none."""
    parsed: list[str] = []
    monkeypatch.setitem(listening.PARSERS, rule, parsed.append)
    walk(world())
    assert parsed
    return len(set(parsed) - written())


@pytest.mark.slow
@pytest.mark.parametrize("rule", listening.PARSERS)
def test_the_names_that_are_parsed_are_those_that_the_world_wrote(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
):
    assert foreign(monkeypatch, rule) == 0


@pytest.mark.slow
def test_sabotage_ids_that_are_drawn_anew_are_not_the_worlds(monkeypatch: pytest.MonkeyPatch):
    from crivo.simulator.acceptance import walk as walking

    ids = walking.end_to_end_ids
    monkeypatch.setattr(
        walking,
        "end_to_end_ids",
        lambda draws, at, banks: ids(walking.Draws(1, "others"), at, banks),
    )
    assert foreign(monkeypatch, Rule.END_TO_END_IDS) > 0
