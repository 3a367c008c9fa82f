"""The laws of the event streams, for each kind that lies in its folder and from each viewpoint."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.simulator.columns import Column, Kind, Piece
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier, default_kinds
from crivo.simulator.events.viewpoint import ALL, PAYER, Viewpoint
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.rows import Rows
from tests.unit.simulator.event_worlds import (
    dense_rows,
    dense_shifts,
    dense_world,
    fullest,
    gathered,
    kinds_by_name,
    offences,
    pieces_of,
)

pytestmark = pytest.mark.slow

KINDS = kinds_by_name()

#: What nobody may learn from any stream: the truth, and the name that pacs.008 leaves out.
FORBIDDEN = ("typology", "campaign", "hop", "role", "is_fraud", "truth", "payee_name")

#: Days of the dense world that lie before the instant at which its future is changed.
KNOWN_DAYS = 7


def by_kind(pieces: list[Piece]) -> dict[str, list[Piece]]:
    ordered = sorted(pieces, key=lambda piece: piece.table)
    return {name: list(group) for name, group in groupby(ordered, key=lambda piece: piece.table)}


def test_there_are_kinds_and_their_names_are_their_own():
    assert len(default_kinds()) >= 9
    assert len(KINDS) == len(default_kinds())


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_keeps_the_laws(name: str):
    kind = KINDS[name]
    viewpoint = fullest(kind)
    pieces = by_kind(list(pieces_of(viewpoint, kinds=(kind,))))[name]
    assert list(offences(kind, pieces)) == []


@pytest.mark.parametrize("viewpoint", Viewpoint)
def test_a_viewpoint_sees_what_is_declared_for_it_and_nothing_else(viewpoint: Viewpoint):
    found = gathered(viewpoint)
    expected = {kind.name for kind in default_kinds() if viewpoint in kind.seen_by}
    assert set(found) == expected
    for name, columns in found.items():
        declared = [field.name for field in KINDS[name].fields if viewpoint in field.seen_by]
        assert [column.name for column in columns] == declared


@pytest.mark.parametrize("kind", default_kinds(), ids=lambda kind: kind.name)
def test_no_stream_tells_the_truth_or_the_payees_name(kind: EventKind):
    assert [field.name for field in kind.fields if field.name in FORBIDDEN] == []


def test_a_payees_institution_and_the_rail_do_not_see_the_payers_customer():
    for viewpoint in (Viewpoint.PAYEE_PSP, Viewpoint.RAIL):
        seen = {column.name for column in gathered(viewpoint)["transfers"]}
        hidden = {field.name for field in KINDS["transfers"].fields if field.seen_by == PAYER}
        assert hidden
        assert seen.isdisjoint(hidden)
        assert not any(name.startswith("dict_") for name in seen)
        assert [name for name in seen if name.endswith("name")] == ["payer_name"]
    assert "payee_account_opened_at" not in {
        column.name for column in gathered(Viewpoint.PAYER_PSP)["transfers"]
    }


def test_the_rail_sees_only_what_passes_between_institutions():
    by_name = {column.name: column.values for column in gathered(Viewpoint.RAIL)["transfers"]}
    assert (by_name["payer_ispb"] != by_name["payee_ispb"]).all()
    everything = len(gathered(Viewpoint.PAYER_PSP)["transfers"][0].values)
    assert len(by_name["payer_ispb"]) < everything


def known_rows() -> tuple[Rows, ...]:
    """The transfers of the known days, by shift."""
    shifts = zip(dense_shifts(), dense_rows(), strict=True)
    return tuple(rows for shift, rows in shifts if shift.index < KNOWN_DAYS)


def another_future() -> tuple[Rows, ...]:
    """The known days again, with everything changed that becomes known after them."""
    end = dense_world().days[KNOWN_DAYS - 1].end
    changed = []
    for rows in known_rows():
        twin = rows.copy()
        undecided = twin["settled_at"] >= end
        unclaimed = twin["contested_at"] >= end
        twin["accepted"][undecided] ^= True
        twin["settled_at"][undecided] += 3_600_000_000
        twin["contested_at"][unclaimed] += 1_800_000_000
        twin["block_ended_at"][twin["block_ended_at"] >= end] += 60_000_000
        changed.append(twin)
    return tuple(changed)


def differences(kinds: tuple[EventKind, ...] | None, viewpoint: Viewpoint) -> set[str]:
    """The kinds whose events of the known days depend on what is known only later."""
    first = list(pieces_of(viewpoint, days=KNOWN_DAYS, kinds=kinds))
    second = list(pieces_of(viewpoint, days=KNOWN_DAYS, kinds=kinds, rows=another_future()))
    assert [(piece.table, piece.day) for piece in first] == [
        (piece.table, piece.day) for piece in second
    ]
    found = set()
    for one, other in zip(first, second, strict=True):
        for left, right in zip(one.columns, other.columns, strict=True):
            same_masks = (left.missing is None and right.missing is None) or np.array_equal(
                left.missing, right.missing
            )
            if not (np.array_equal(left.values, right.values) and same_masks):
                found.add(one.table)
    return found


def test_the_changed_future_is_really_another_one():
    before, after = known_rows(), another_future()
    changed = sum(
        int((one["accepted"] != two["accepted"]).sum())
        for one, two in zip(before, after, strict=True)
    )
    assert changed > 20


@pytest.mark.parametrize("viewpoint", Viewpoint)
def test_no_event_depends_on_what_becomes_known_later(viewpoint: Viewpoint):
    assert differences(None, viewpoint) == set()


def _with_field(name: str, field: str, values: object) -> EventKind:
    """A kind with one more field, drawn by `values`."""
    kind = KINDS[name]

    def draw(facts: DayFacts) -> Drawn:
        return {**kind.draw(facts), field: values(facts)}  # type: ignore[operator]

    more = Field(field, Kind.FLAG, PAYER, "something that it should not say")
    return replace(kind, fields=(*kind.fields, more), draw=draw)


def test_sabotage_a_transfer_that_knows_its_label_is_noticed():
    leak = _with_field("transfers", "will_be_accepted", lambda facts: facts.rows["accepted"])
    assert differences((leak,), Viewpoint.PAYER_PSP) == {"transfers"}


def _shifted(name: str, field: str, by: int) -> EventKind:
    kind = KINDS[name]

    def draw(facts: DayFacts) -> Drawn:
        drawn = dict(kind.draw(facts))
        drawn[field] = drawn[field] + by  # type: ignore[operator]
        return drawn

    return replace(kind, draw=draw)


@pytest.mark.parametrize(
    ("crooked", "offence"),
    [
        (_shifted("settlements", "occurred_at", 10**9), "is known before it happens"),
        (
            replace(KINDS["settlements"], tier=Tier.DECISION),
            "is known at another time than its tier says",
        ),
        (
            replace(KINDS["dict_look_ups"], tier=Tier.LATER),
            "is known at another time than its tier says",
        ),
        (replace(KINDS["limits"], source=""), "says too little about itself"),
    ],
)
def test_sabotage_a_crooked_kind_breaks_its_law(crooked: EventKind, offence: str):
    pieces = [
        piece
        for piece in pieces_of(fullest(crooked), kinds=(crooked,))
        if piece.table == crooked.name
    ]
    assert offence in set(offences(crooked, pieces))


def test_sabotage_a_piece_out_of_order_is_noticed():
    kind = KINDS["transfers"]
    pieces = list(pieces_of(Viewpoint.PAYER_PSP, kinds=(kind,)))
    assert "is not in time order" in set(offences(kind, pieces[::-1]))


def test_sabotage_a_field_that_is_not_declared_is_refused():
    undeclared = _with_field("limits", "more", lambda facts: facts.limits.persons)
    undeclared = replace(undeclared, fields=KINDS["limits"].fields)
    with pytest.raises(Misconfigured) as refusal:
        list(pieces_of(Viewpoint.PAYER_PSP, days=1, kinds=(undeclared,)))
    assert refusal.value.code is Code.DEFINITION_INVALID


def test_sabotage_a_field_shown_to_all_is_seen_by_all():
    kind = KINDS["transfers"]
    shown = replace(
        kind,
        fields=tuple(
            replace(field, seen_by=ALL) if field.name == "device" else field
            for field in kind.fields
        ),
    )
    pieces = pieces_of(Viewpoint.RAIL, days=1, kinds=(shown,))
    assert "device" in {column.name for column in next(pieces).columns}


def test_labels_are_apart_from_what_is_decided_on():
    for kind in default_kinds():
        if kind.tier is Tier.DECISION:
            names = {field.name for field in kind.fields}
            assert names.isdisjoint({"report_id", "fraud_type", "situation", "reported"})


def finer_than_a_millisecond(pieces: list[Piece]) -> set[str]:
    """The fields of instants that hold one which is no whole millisecond, as `kind.field`."""
    return {
        f"{piece.table}.{column.name}"
        for piece in pieces
        for column in piece.columns
        if column.kind is Kind.INSTANT and (column.values[given(column)] % MILLISECOND != 0).any()
    }


def given(column: Column) -> np.ndarray:
    """Where the column is not null."""
    return np.ones(len(column.values), bool) if column.missing is None else ~column.missing


@pytest.mark.parametrize("viewpoint", Viewpoint)
def test_every_instant_is_a_whole_millisecond_as_the_rails_are(viewpoint: Viewpoint):
    assert finer_than_a_millisecond(list(pieces_of(viewpoint))) == set()


@pytest.mark.parametrize("name", KINDS)
def test_sabotage_an_instant_a_microsecond_off_is_noticed(name: str):
    kind = _shifted(name, "received_at", 1)
    pieces = list(pieces_of(fullest(kind), kinds=(kind,)))
    assert f"{name}.received_at" in finer_than_a_millisecond(pieces)
