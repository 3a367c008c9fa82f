"""Tables of three formats: the same rows, the same numbers, and hostile files."""

from __future__ import annotations

import csv
import json
import random
from datetime import datetime

import pyarrow as pa
import pyarrow.csv
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


def plain(count):
    """Rows of four cells, one a line."""
    return [f"{number},p{number},q{number},{number}.00" for number in range(1, count + 1)]


def read_lines(path, lines, header="id,payer,payee,amount"):
    path.write_bytes("\n".join([header, *lines, ""]).encode())
    return read_all(path, ["id", "amount"])


def numbers_of(table):
    """The numbers of the good rows, and of the malformed ones."""
    good = table.row_numbers(range(table.row_count))
    return good, [row.row_number for row in table.malformed]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("place", [0, 499, 998])
def test_a_stray_quote_costs_its_own_row(tmp_path, place, newline):
    lines = plain(999)
    lines[place] = lines[place].replace("q", '"q')
    path = tmp_path / "stray.csv"
    path.write_bytes(newline.join(["id,payer,payee,amount", *lines, ""]).encode())
    table, _ = read_all(path, ["id"])
    good, bad = numbers_of(table)
    assert bad == [place + 1]
    assert good == [number for number in range(1, 1_000) if number != place + 1]
    assert table.malformed[0].raw == lines[place]


@pytest.mark.parametrize("end", ['q900"', '"q900', 'q"900', '"q900"'])
def test_two_stray_quotes_do_not_swallow_the_rows_between_them(tmp_path, end):
    lines = plain(999)
    lines[0] = lines[0].replace("q1", '"q1')
    lines[899] = lines[899].replace("q900", end)
    table, cells = read_lines(tmp_path / "stray.csv", lines)
    good, bad = numbers_of(table)
    # Each line is a row or set apart; none of them became a part of another row's cell.
    assert sorted(good + bad) == list(range(1, 1_000))
    assert cells["id"] == [str(number) for number in good]
    assert cells["amount"] == [f"{number}.00" for number in good]
    assert 1 in bad
    assert all(row.raw == lines[row.row_number - 1] for row in table.malformed)


def test_two_stray_quotes_on_neighbouring_rows_merge_nothing(tmp_path):
    lines = plain(4)
    lines[1], lines[2] = '2,p2,"q2,2.00', '3,p3,q3",3.00'
    table, cells = read_lines(tmp_path / "stray.csv", lines)
    assert numbers_of(table) == ([1, 4], [2, 3])
    assert cells["id"] == ["1", "4"]


def test_breaks_inside_of_cells_are_kept(tmp_path):
    lines = ['1,"pay\n\nees, all\r\nof ""them""",q1,1.00', '"2\n",p,"a,b","2.00"', "3,p,q,3.00"]
    table, cells = read_lines(tmp_path / "breaks.csv", lines)
    assert numbers_of(table) == ([1, 2, 3], [])
    assert cells == {"id": ["1", "2\n", "3"], "amount": ["1.00", "2.00", "3.00"]}


def test_a_text_that_looks_like_rows_is_never_read_as_rows(tmp_path):
    """Whoever writes a text into an export of the bank's may not add transfers to it."""
    hostile = '1,p1,"hello\n666,thief,mule,9999.00\n667,thief,mule,9999.00\nbye",1.00'
    table, cells = read_lines(tmp_path / "hostile.csv", [hostile, "2,p,q,2.00"])
    assert cells["id"] == ["2"]
    assert numbers_of(table) == ([5], [1, 2, 3, 4])


def test_a_cell_of_more_lines_than_a_row_may_have_is_set_apart_line_by_line(tmp_path):
    long = '1,p1,"' + "text\n" * 200 + '",1.00'
    table, cells = read_lines(tmp_path / "long.csv", [long, "2,p,q,2.00"])
    assert cells["id"] == ["2"]
    assert len(table.malformed) == 201


def test_text_after_a_closing_quote_is_no_cell(tmp_path):
    table, cells = read_lines(tmp_path / "t.csv", ['1,"p"x,q,1.00', '2,p"x"y,q,2.00', "3,p,q,3.00"])
    assert cells["id"] == ["2", "3"]
    assert [(row.row_number, row.found) for row in table.malformed] == [
        (1, "text after a closing quote")
    ]


def test_ragged_rows_keep_their_numbers_among_rows_with_stray_quotes(tmp_path):
    lines = ['1,"p,q,1.00', "2,p,q,2.00", "3,p", '4,"p\nx",q,4.00', "", '5,p,"q,5.00', "6,p,q,1,2"]
    table, cells = read_lines(tmp_path / "t.csv", lines)
    assert cells["id"] == ["2", "4"]
    assert numbers_of(table) == ([2, 4], [1, 3, 5, 6])


def test_quotes_in_disorder_are_refused_in_time_that_grows_with_the_file(tmp_path):
    path = tmp_path / "disorder.csv"
    path.write_bytes(b"a,b,c\n" + b'x","y\n' * 100_000)
    with pytest.raises(Refused) as caught:
        FileReader(path).read(["a"])
    assert caught.value.code is Code.FILE_UNREADABLE


@pytest.mark.parametrize("seed", range(30))
def test_any_table_that_is_written_is_read_and_no_line_of_a_damaged_one_is_lost(tmp_path, seed):
    chance = random.Random(seed)
    texts = ["", "a", "b c", 'say "x"', "two\nlines", "a,b", '"', "é", "\n"]
    rows = [
        {"id": str(number), "note": chance.choice(texts), "more": chance.choice(texts), "z": "z"}
        for number in range(60)
    ]
    path = write(tmp_path / "t.csv", rows)
    table, cells = read_all(path, ["id", "note", "more"])
    assert [text or "" for text in cells["note"]] == [row["note"] for row in rows]
    assert not table.malformed
    # One quote more, anywhere: each row is read as it was, or is shown to people.
    content = path.read_bytes()
    place = chance.randrange(content.index(b"\n") + 1, len(content))
    path.write_bytes(content[:place] + b'"' + content[place:])
    table, cells = read_all(path, ["id", "note", "z"])
    cells["id"] = [name.replace('"', "") for name in cells["id"]]
    shown = [row.raw for row in table.malformed]
    for row in rows:
        if row["id"] not in cells["id"]:
            # A row of several lines may be shown without its first, in rows of the neighbourhood.
            is_long = "\n" in row["note"] + row["more"]
            starts = [raw.replace('"', "").startswith(row["id"] + ",") for raw in shown]
            assert any(starts) or (is_long and shown), row
    changed = sum(
        cells["note"][cells["id"].index(row["id"])] != row["note"]
        for row in rows
        if row["id"] in cells["id"]
    )
    assert changed <= 1
    assert all(cell.strip('"').startswith("z") for cell in cells["z"])


def test_sabotage_a_parser_that_loses_a_row_is_noticed(tmp_path, monkeypatch):
    whole = pyarrow.csv.read_csv
    monkeypatch.setattr(pyarrow.csv, "read_csv", lambda *a, **k: whole(*a, **k).slice(1))
    with pytest.raises(Refused, match="3 rows were counted, and 2 were read"):
        read_lines(tmp_path / "t.csv", plain(3))


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


@pytest.mark.parametrize(
    ("line", "expected", "found"),
    [
        ('{"a": [1], "b": "x"}', "one value in a", "an array"),
        ('{"a": "x", "b": {"c": 1}}', "one value in b", "an object"),
        ("[1]", "a JSON object", "an array"),
        ("null", "a JSON object", "null"),
    ],
)
def test_a_json_value_that_is_no_cell_is_named_and_not_taken_for_nothing(
    tmp_path, line, expected, found
):
    path = tmp_path / "nested.jsonl"
    path.write_text('{"a": "1", "b": "2"}\n' + line + '\n{"a": null, "b": true, "c": [1]}\n')
    table = FileReader(path).read(["a", "b"])
    (malformed,) = table.malformed
    assert (malformed.row_number, malformed.expected, malformed.found) == (2, expected, found)
    assert table.cells("a", [0, 1]) == ["1", None]
    assert table.cells("b", [0, 1]) == ["2", True]
