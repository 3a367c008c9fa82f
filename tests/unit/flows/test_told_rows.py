"""Whatever stands in the cells of a row that tells an event: an event comes of it, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.bootstrap.offline import read_mapping
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.domain.list_entry import ListAction, ListedEntity, ListKind, ListSide
from crivo.flows.telling import TellingService
from crivo.flows.told_rows import ToldReader
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.decision.worlds import world

MAPPING = read_mapping(Path(__file__).parents[3] / "mappings" / "simulated-events.toml")
TIME = "2026-08-03T12:00:00Z"
RECEIVED = MAPPING.time.received or MAPPING.time.column
HOSTILE = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["9" * 5_000, "-" + "9" * 5_000, "٣", "1e400", "\ud800", b"\xff", "0x1", ""]),
)


class OneRow:
    """A table of one row, each of whose cells is drawn; but for when it was received."""

    row_count = 1

    def __init__(self, draw, time: str) -> None:
        self._draw, self._time = draw, time
        self._drawn: dict[str, object] = {}

    def cells(self, column: str, rows: Sequence[int]) -> list[object]:
        if column not in self._drawn:
            self._drawn[column] = TIME if column == self._time else self._draw(HOSTILE)
        return [self._drawn[column] for _ in rows]


class Rows:
    """A table of the rows given, of texts."""

    def __init__(self, rows: Sequence[dict[str, bytes]]) -> None:
        self._rows, self.row_count = rows, len(rows)

    def cells(self, column: str, rows: Sequence[int]) -> list[object]:
        return [self._rows[row][column] for row in rows]


class LongWay:
    """Leaves every row to be judged."""

    def values(self, columns: object, facts: object, count: int) -> list[None]:
        return [None] * count


def reader_of(table, told, find=lambda _id: None) -> ToldReader:
    return ToldReader(table, told, MAPPING, Pseudonymiser(b"k" * 32), find)


def same(reader: ToldReader, rows: Sequence[int]) -> list[Event | Refused]:
    """What the reader makes of the rows, which is what it makes of them the long way."""
    found = list(reader.parse(rows))
    reader._plain = LongWay()
    judged = list(reader.parse(rows))
    assert [_shown(each) for each in found] == [_shown(each) for each in judged]
    return found


def _shown(found: Event | Refused) -> object:
    return found if isinstance(found, Event) else (found.code, str(found), found.context)


@pytest.mark.slow
@pytest.mark.parametrize("told", MAPPING.told, ids=range(len(MAPPING.told)))
@given(data=st.data())
def test_hostile_cells_are_told_of_and_stop_nothing(told, data):
    reader = reader_of(OneRow(data.draw, RECEIVED), told)
    (found,) = same(reader, [0])
    assert isinstance(found, Event | Refused)


LOGIN = next(told for told in MAPPING.told if told.schema == "login.v1")
GOOD = {
    "login_id": b"L1",
    "occurred_at": TIME.encode(),
    "received_at": TIME.encode(),
    "account": b"a-1",
    "device": b"",
    "action": b"LOGIN",
    "method": b"PIN",
    "result": b"FAILED",
}
#: A cell that is wrong, or looks like it.
CELLS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"", b"LOGIN", b"true", b"1", b" ", b"\xff", b"2026-08-03T12:00:00Z", b"x" * 99]
    ),
)


@given(data=st.data())
def test_a_spoilt_cell_costs_its_row_alone_and_both_ways_say_the_same(data):
    column, cell = data.draw(st.sampled_from(sorted(GOOD))), data.draw(CELLS)
    rows = [GOOD, {**GOOD, column: cell}, {**GOOD, "login_id": b"L2"}]
    found = same(reader_of(Rows(rows), LOGIN), [0, 1, 2])
    assert isinstance(found[0], Event)
    assert isinstance(found[2], Event)


def test_a_plain_row_is_not_judged(monkeypatch):
    reader = reader_of(Rows([GOOD]), LOGIN)
    monkeypatch.setattr(ToldReader, "_judged", lambda self, cells: pytest.fail("judged"))
    (found,) = reader.parse([0])
    assert isinstance(found, Event)


def test_sabotage_a_word_that_is_read_as_another_is_noticed():
    reader = reader_of(Rows([GOOD]), LOGIN)
    (found,) = reader.parse([0])
    rows = Rows([{**GOOD, "result": b"LOCKED"}])
    (other,) = reader_of(rows, LOGIN).parse([0])
    assert _shown(found) != _shown(other)


LISTED = next(told for told in MAPPING.told if told.schema == "list_entry.v1")
ENTRY = {
    "entry_id": b"e-1",
    "occurred_at": TIME.encode(),
    "received_at": TIME.encode(),
    "entity_id": b"somebody",
    "expires_at": b"",
}


def check_an_import_takes_what_the_door_takes(played):
    telling = TellingService(played.service, Pseudonymiser(b"k" * 32))
    names = product(ListedEntity, ListKind, ListSide, ListAction)
    for number, (entity, kind, side, action) in enumerate(names):
        words = {"entity": entity, "list": kind, "side": side, "action": action}
        row = {**ENTRY, **{name: each.value.encode() for name, each in words.items()}}
        row["entry_id"] = b"e-%d" % number
        (found,) = same(reader_of(Rows([row]), LISTED), [0])
        document = {
            field: row[column].decode() for field, column in LISTED.fields.items() if row[column]
        }
        refused = None
        try:
            telling.tell("list_entry.v1", document).result(60)
        except Refused as error:
            refused = (error.code, "side")
        said = (found.code, found.context["field"]) if isinstance(found, Refused) else None
        assert said == refused, (entity, side, action)


def test_an_import_takes_the_list_entries_that_the_door_takes_and_no_other(tmp_path):
    with world(tmp_path) as played:
        check_an_import_takes_what_the_door_takes(played)


def test_sabotage_an_import_of_entries_that_no_transfer_can_meet_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("crivo.flows.told_rows.check_can_hold", lambda _: None)
    with world(tmp_path) as played, pytest.raises(AssertionError):
        check_an_import_takes_what_the_door_takes(played)


def test_an_id_that_cannot_be_shown_is_refused_in_an_import_too():
    (found,) = same(reader_of(Rows([{**GOOD, "login_id": b"L\x001"}]), LOGIN), [0])
    assert isinstance(found, Refused)
    assert (found.code, found.context["field"]) == (Code.FIELD_VALUE, "login_id")


@pytest.mark.parametrize("column", ["account", "device"])
def test_an_account_or_device_that_cannot_be_shown_is_refused_in_an_import_too(column):
    rows = [{**GOOD, column: "1\u202e2".encode()}]
    (found,) = same(reader_of(Rows(rows), LOGIN), [0])
    assert isinstance(found, Refused)
    assert (found.code, found.context["field"]) == (Code.ID_INVALID, f"{column}_id")
