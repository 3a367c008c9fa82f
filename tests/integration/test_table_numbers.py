"""Numbers of a table all at once are the numbers of its cells one by one."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from crivo.adapters.files import reader as reader_module
from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Refused
from crivo.flows.cells import CELL_CHARACTERS_MAX, parse_number

PLAIN = ["0", "-1.5", "", "1e-300", "nan", "0.1", "12345678901234567890", "-0.0", ".5", "7."]
ODD = ["1_000", " ", "inf", "-Infinity", "1e400", "١٢", "0x10", "12 %", "true", "1,5", "é"]
ODD += ["1." + "0" * CELL_CHARACTERS_MAX]
SPELT = ["+1.5", " 2.5", "2.5 ", "1e5", "1E+05"]


def table_of(path, texts):
    """One column of a CSV; a cell with a comma in it is quoted."""
    lines = [f'"{text}"' if "," in text else text for text in texts]
    path.write_text("x,y\n" + "".join(f"{line},1\n" for line in lines), encoding="utf-8")
    return FileReader(path).read(["x"])


def one_by_one(table, rows):
    """What each cell says; None for one that is refused."""
    found = []
    for cell in table.cells("x", rows):
        try:
            found.append(parse_number(cell, field="x"))
        except Refused:
            found.append(None)
    return found


def same(one, other):
    return (math.isnan(one) and math.isnan(other)) or (one, str(one)) == (other, str(other))


@pytest.mark.parametrize("seed", range(20))
def test_texts_read_at_once_are_what_each_of_them_says(tmp_path, seed):
    dice = random.Random(seed)
    drawn = [repr(dice.lognormvariate(0, 40) * dice.choice([-1, 1])) for _ in range(30)]
    texts = dice.sample(PLAIN + SPELT + drawn, 20)
    table = table_of(tmp_path / "table.csv", texts)
    rows = range(3, 17)
    found, each = table.numbers("x", rows), one_by_one(table, rows)
    assert None not in each
    if found is not None:
        assert all(same(a, b) for a, b in zip(found.tolist(), each, strict=True))
    assert table_of(tmp_path / "plain.csv", PLAIN).numbers("x", range(len(PLAIN))) is not None


@pytest.mark.parametrize("odd", ODD)
def test_a_text_that_is_refused_is_never_read_as_a_number_at_once(tmp_path, odd):
    table = table_of(tmp_path / "table.csv", ["1", odd, "2"])
    rows = range(3)
    assert one_by_one(table, rows)[1] is None
    found = table.numbers("x", rows)
    # Either nothing is said at once, or what is beyond any number's bound.
    assert found is None or np.isinf(found[1])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.float64(), [1.5, None, math.nan, -1e300, math.inf]),
        (pa.float32(), [0.1, None, 3.4e38]),
        (pa.int64(), [1, None, 2**62 + 1, -5]),
        (pa.int8(), [1, None, -128]),
        (pa.uint64(), [2**64 - 1, None, 0]),
        (pa.bool_(), [True, None]),
        (pa.string(), ["1", None, "0.25"]),
        (pa.decimal128(9, 2), [Decimal("1.25"), None]),
    ],
)
def test_columns_of_parquet_at_once_are_their_cells(tmp_path, kind, values):
    table = pa.table({"x": pa.array(values, kind)})
    pyarrow.parquet.write_table(table, tmp_path / "table.parquet")
    table = FileReader(tmp_path / "table.parquet").read(["x"])
    rows = range(table.row_count)
    found, each = table.numbers("x", rows), one_by_one(table, rows)
    if pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        assert found is None
        return
    for one, other in zip(found.tolist(), each, strict=True):
        assert np.isinf(one) or abs(one) > 1e100 if other is None else same(one, other)


def test_objects_of_json_lines_are_read_one_by_one(tmp_path):
    (tmp_path / "table.jsonl").write_text('{"x": 1}\n{"x": 2.5}\n')
    table = FileReader(tmp_path / "table.jsonl").read(["x"])
    assert table.numbers("x", range(2)) is None
    assert one_by_one(table, range(2)) == [1.0, 2.5]


def test_sabotage_texts_that_lose_a_digit_are_noticed(tmp_path, monkeypatch):
    table = table_of(tmp_path / "table.csv", PLAIN)
    real = reader_module._text_numbers
    monkeypatch.setattr(
        reader_module,
        "_text_numbers",
        lambda cells: real(cells).cast(pa.float32(), safe=False).cast(pa.float64()),
    )
    rows = range(len(PLAIN))
    pairs = zip(table.numbers("x", rows).tolist(), one_by_one(table, rows), strict=True)
    assert not all(same(a, b) for a, b in pairs)
