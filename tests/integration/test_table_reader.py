"""Tables of three formats: the same rows, the same numbers, and hostile files."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet
import pytest

from crivo.adapters.files import reader as reader_module
from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Code, Refused

ROWS = [
    {"id": "a", "amount": "10.50", "note": "=1+1"},
    {"id": "b", "amount": "0.01", "note": 'say "hi", twice\nthen go'},
    {"id": "ç", "amount": "", "note": "@SUM(A1)"},
]
BOM = b"\xef\xbb\xbf"


def write(path, rows):
    """The rows as a file of the path's format."""
    match path.suffix:
        case ".csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".parquet":
            pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def text(cell):
    return cell.decode() if isinstance(cell, bytes) else cell


def read_all(path, columns):
    table = FileReader(path).read(columns)
    rows = range(table.row_count)
    cells = {name: [text(cell) for cell in table.cells(name, rows)] for name in columns}
    return table, cells


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_cells(tmp_path, ending):
    path = write(tmp_path / f"table{ending}", ROWS)
    table, cells = read_all(path, ["amount", "note"])
    assert cells == {name: [row[name] for row in ROWS] for name in ("amount", "note")}
    assert (table.row_count, list(table.malformed)) == (3, [])
    assert table.row_numbers([0, 2]) == [1, 3]
    assert [text(cell) for cell in table.cells("note", [2, 0])] == ["@SUM(A1)", "=1+1"]
    assert FileReader(path).columns() == ("id", "amount", "note")
    assert len(table.sha256) == 64


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", BOM])
def test_ragged_rows_of_csv_are_set_apart_under_their_numbers(tmp_path, newline, start):
    lines = [b"id,amount", b"a,1", b"b", b"", b"c,3", b"d,4,5", b"e,6"]
    path = tmp_path / "ragged.csv"
    path.write_bytes(start + newline.join(lines))
    table, cells = read_all(path, ["id"])
    assert cells == {"id": ["a", "c", "e"]}
    assert table.row_numbers(range(3)) == [1, 3, 5]
    assert [(row.row_number, row.found, row.raw) for row in table.malformed] == [
        (2, "1 cells", "b"),
        (4, "3 cells", "d,4,5"),
    ]


def test_bytes_that_are_no_utf8_cost_only_their_cells(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(BOM + "id,valor_é\na,1\n\xff\xfe,2\nragged,\xff,\xff\né,3\n".encode("latin-1")
                     .replace(b"\xe9", "é".encode()))  # fmt: skip
    table = FileReader(path).read(["id", "valor_é"])
    assert table.cells("id", range(3)) == [b"a", b"\xff\xfe", "é".encode()]
    assert table.cells("valor_é", range(3)) == [b"1", b"2", b"3"]
    assert [row.row_number for row in table.malformed] == [3]


def test_lines_that_are_no_objects_are_set_apart(tmp_path):
    path = tmp_path / "bad.jsonl"
    lines = [b'{"id":"a"}', b"", b"[1]", b'{"id":', b'{"id":"\xff"}', b'{"id":NaN}', b'{"other":1}']
    path.write_bytes(BOM + b"\n".join(lines))
    table, cells = read_all(path, ["id"])
    assert cells == {"id": ["a", None]}
    assert table.row_numbers(range(2)) == [1, 6]
    assert [row.row_number for row in table.malformed] == [2, 3, 4, 5]


def test_a_deeply_nested_line_is_one_malformed_row(tmp_path):
    path = tmp_path / "deep.jsonl"
    path.write_bytes(b'{"id":"a"}\n' + b"[" * 200_000 + b"\n")
    table, _ = read_all(path, ["id"])
    assert [row.row_number for row in table.malformed] == [2]
    assert len(table.malformed[0].raw) <= 2_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("empty.jsonl", b""),
        ("empty.parquet", b""),
        ("junk.parquet", b"PAR1 and then nothing of the kind PAR1"),
        ("junk.jsonl", b"\x00\x01\x02\n"),
        ("header.csv", b"\xff\xfe,b\n1,2\n"),
        ("twice.csv", b"id,id\n1,2\n"),
        ("table.xlsx", b"PK"),
        ("endless.csv", b"id,amount\n" + b"x" * 40_000_000 + b",1\n"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        FileReader(path).read(["id"])
    assert caught.value.code is Code.FILE_UNREADABLE
    assert len(str(caught.value)) < 1_000


def test_a_truncated_parquet_file_is_refused(tmp_path):
    path = write(tmp_path / "t.parquet", ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refused):
        FileReader(path).read(["id"])
    with pytest.raises(Refused):
        FileReader(tmp_path / "nothing.parquet")


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path / "t.csv", ROWS)
    with pytest.raises(Refused) as caught:
        FileReader(path).read(["id", "valor"])
    assert caught.value.code is Code.FIELD_MISSING
    assert caught.value.context["field"] == "valor"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_table_above_the_ceiling_is_refused(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(reader_module, "IMPORT_ROWS_MAX", 2)
    with pytest.raises(Refused) as caught:
        FileReader(write(tmp_path / f"t{ending}", ROWS)).read(["id"])
    assert caught.value.code is Code.IMPORT_TOO_LARGE


def test_a_cell_of_a_megabyte_is_a_cell(tmp_path):
    path = tmp_path / "big.csv"
    path.write_bytes(b"id,amount\n" + b"x" * 1_000_000 + b",1\n")
    table, _ = read_all(path, ["id"])
    assert len(table.cells("id", [0])[0]) == 1_000_000


def test_types_of_parquet_come_as_cells_of_one_kind(tmp_path):
    columns = {
        "time": pa.array([datetime(2018, 8, 8, 12), None], pa.timestamp("ns")),
        "category": pa.array(["x", "y"]).dictionary_encode(),
        "large": pa.array(["x", None], pa.large_string()),
    }
    path = tmp_path / "types.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    table = FileReader(path).read(list(columns))
    assert table.cells("time", [0, 1]) == [datetime(2018, 8, 8, 12), None]
    assert table.cells("category", [0, 1]) == [b"x", b"y"]
    assert table.cells("large", [0, 1]) == [b"x", None]
