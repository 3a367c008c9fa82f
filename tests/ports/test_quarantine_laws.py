"""The laws of `Quarantine`."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import QuarantinedRow
from tests.ports.disk import Disk
from tests.ports.logs import REFUSED


def row(number: int) -> QuarantinedRow:
    return QuarantinedRow(
        "table", number, Code.AMOUNT_RANGE, "value", "1 or more", "0", "", '{"value":"0"}', 5
    )


@pytest.fixture(params=["sqlite"])
def quarantine(tmp_path):
    opened = SqliteQuarantine(tmp_path / "quarantine.sqlite", REFUSED)
    yield opened
    opened.close()


def test_rows_come_back_in_order_and_are_counted_by_cause(quarantine):
    quarantine.put([row(2), replace(row(1), code=Code.TIME_INVALID), row(3)])
    assert [each.row_number for each in quarantine.rows(limit=10)] == [1, 2, 3]
    assert quarantine.rows(limit=1)[0].code is Code.TIME_INVALID
    assert quarantine.counts() == {Code.AMOUNT_RANGE: 2, Code.TIME_INVALID: 1}


def test_a_row_put_again_replaces_its_cause(quarantine):
    quarantine.put([row(1)])
    quarantine.put([replace(row(1), code=Code.TIME_INVALID)])
    assert quarantine.counts() == {Code.TIME_INVALID: 1}


def test_a_row_that_was_mended_waits_no_longer_and_stays_to_be_looked_at(quarantine):
    quarantine.put([replace(row(number), identity=f"id {number}") for number in (1, 2)])
    quarantine.put([row(3)])
    assert quarantine.waiting() == {"id 1", "id 2"}
    quarantine.mend(["id 2", "another"], at=9)
    assert quarantine.waiting() == {"id 1"}
    assert [each.row_number for each in quarantine.rows(limit=10)] == [1, 3]
    assert quarantine.counts() == {Code.AMOUNT_RANGE: 2}
    every = quarantine.rows(limit=10, settled=True)
    assert [each.mended_at for each in every] == [0, 9, 0]


def test_what_came_in_mended_waits_no_longer_wherever_it_is_refused_again(quarantine):
    quarantine.put([replace(row(number), identity=f"id {number}") for number in (1, 2)])
    quarantine.mend(["id 2"], at=9)
    quarantine.put([replace(row(2), identity="id 2")])
    quarantine.put([replace(row(7), source="longer table", identity="id 2")])
    assert quarantine.waiting() == {"id 1"}
    assert [each.mended_at for each in quarantine.rows(limit=10, settled=True)] == [9, 0, 9]
    quarantine.put([replace(row(2), identity="id 2 by another mapping")])
    assert quarantine.waiting() == {"id 1", "id 2 by another mapping"}


def test_a_row_that_was_dismissed_waits_again_only_for_another_cause(quarantine):
    quarantine.put([row(1), replace(row(2), identity="id 2")])
    for number in (1, 2):
        quarantine.dismiss("table", number, at=9, by="Ana")
    assert quarantine.rows(limit=10) == [] and quarantine.counts() == {}
    assert quarantine.waiting() == set()
    every = quarantine.rows(limit=10, settled=True)
    assert [(each.dismissed_at, each.dismissed_by) for each in every] == [(9, "Ana")] * 2
    quarantine.put([row(1), replace(row(2), identity="id 2", code=Code.TIME_INVALID)])
    assert quarantine.rows(limit=10) == [
        replace(row(2), identity="id 2", code=Code.TIME_INVALID),
    ]


def test_nobody_dismisses_what_was_settled_before(quarantine):
    quarantine.put([replace(row(1), identity="id 1"), row(2)])
    quarantine.mend(["id 1"], at=8)
    quarantine.dismiss("table", 2, at=9, by="Ana")
    for number in (1, 2):
        quarantine.dismiss("table", number, at=10, by="Rui")
    every = quarantine.rows(limit=10, settled=True)
    assert [(each.mended_at, each.dismissed_at) for each in every] == [(8, 0), (0, 9)]


def test_a_row_is_found_by_its_file_and_by_the_name_of_the_file(quarantine):
    files = ["a.csv@0123456789ab", "a.csv@ba9876543210", "b*.csv@0123456789ab"]
    quarantine.put([replace(row(1), source=source) for source in files])
    for source in files:
        assert [each.source for each in quarantine.find(source, 1)] == [source]
    assert [each.source for each in quarantine.find("a.csv", 1)] == files[:2]
    assert [each.source for each in quarantine.find("b*.csv", 1)] == files[2:]
    assert quarantine.find("b[a].csv", 1) == quarantine.find("?.csv", 1) == []
    assert quarantine.find("a.csv", 2) == []


def test_put_is_durable_before_it_returns(tmp_path):
    disk = Disk("quarantine")
    quarantine = SqliteQuarantine(tmp_path / "log.sqlite", REFUSED, vfs=disk.name)
    quarantine.put([row(1), row(2)])
    quarantine.dismiss("table", 1, at=9, by="Ana")
    survived = SqliteQuarantine(disk.cut_power(tmp_path / "cut"), REFUSED)
    dismissed = replace(row(1), dismissed_at=9, dismissed_by="Ana")
    assert survived.rows(limit=10, settled=True) == [dismissed, row(2)]
    survived.close()
    quarantine.close()


def test_a_disk_that_fails_keeps_none_of_the_rows(tmp_path):
    disk = Disk("quarantine-broken")
    quarantine = SqliteQuarantine(tmp_path / "log.sqlite", REFUSED, vfs=disk.name)
    quarantine.put([row(1)])
    disk.broken = apsw.FullError
    with pytest.raises(Unavailable) as caught:
        quarantine.put([row(2), row(3)])
    assert caught.value.code is Code.FILE_UNWRITABLE
    disk.broken = None
    quarantine.put([row(4)])
    assert [each.row_number for each in quarantine.rows(limit=10)] == [1, 4]
    quarantine.close()


def test_a_row_says_which_column_holds_its_field_also_in_an_older_file(tmp_path):
    path = tmp_path / "quarantine.sqlite"
    older = apsw.Connection(str(path))
    older.execute(
        "CREATE TABLE quarantine (source TEXT NOT NULL, row_number INTEGER NOT NULL, code TEXT NOT "
        "NULL, field TEXT NOT NULL, expected TEXT NOT NULL, found TEXT NOT NULL, hint TEXT NOT "
        "NULL, raw TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (source, row_number)) STRICT, "
        "WITHOUT ROWID"
    )
    older.execute(
        "INSERT INTO quarantine VALUES ('table', 1, 'AMOUNT_RANGE', 'value', '1 or more', '0', '', "
        "?, 5)",
        ('{"value":"0"}',),
    )
    older.close()
    for _ in range(2):
        opened = SqliteQuarantine(path, REFUSED)
        opened.put([replace(row(2), column="valor")])
        assert opened.rows(limit=10) == [row(1), replace(row(2), column="valor")]
        opened.close()
