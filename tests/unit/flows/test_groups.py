"""Groups of rows: what plain Python tells of them, in the order of their keys."""

from __future__ import annotations

import random
from datetime import date

import pyarrow as pa
import pytest

from crivo.flows import groups
from crivo.flows.groups import grouped, order_of
from crivo.lake.measure import Statistic

SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("hour", pa.int64()),
        ("id", pa.binary()),
        ("name", pa.string()),
        ("number", pa.int64()),
        ("text", pa.string()),
        ("bytes", pa.binary()),
    ]
)
TOLD = {"number": Statistic.SUM, "text": Statistic.MAX, "bytes": Statistic.MIN}


def table(seed, count):
    """Rows in several chunks: few keys, ids that end in zeros, names of any length, many nulls."""
    chance = random.Random(seed)
    numbers = [None, None, -(2**63) if seed % 2 else -7, 0, 5, 2**40]
    made = [
        {
            "day": date(2026, 1, 1 + chance.randrange(2)),
            "hour": chance.randrange(-2, 3),
            "id": bytes([chance.randrange(3)] + [0] * 15),
            "name": chance.choice(["", "a", "ab", "b", "ba", "\u00e9", "\x00"]),
            "number": chance.choice(numbers),
            "text": chance.choice([None, None, "", "x", "xx", "y" * 40]),
            "bytes": chance.choice([None, b"", b"\x00", b"\xff", b"\xff\x00"]),
        }
        for _ in range(count)
    ]
    cut = count // 3
    pieces = [pa.Table.from_pylist(each, SCHEMA) for each in (made[:cut], made[cut:])]
    return pa.concat_tables(pieces)


def told_plainly(rows, keys, statistics):
    """The same by a dictionary."""
    found = {}
    for row in rows.to_pylist():
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    made = []
    for key in sorted(found):
        cells = dict(zip(keys, key, strict=True))
        for name, statistic in statistics.items():
            there = [row[name] for row in found[key] if row[name] is not None]
            if statistic is Statistic.SUM:
                cells[name] = (sum(there) + 2**63) % 2**64 - 2**63
            else:
                best = max if statistic is Statistic.MAX else min
                cells[name] = best(there, default=None)
        made.append(cells)
    return made


@pytest.mark.parametrize("keys", [("day", "id"), ("day", "name"), ("day", "hour"), ("id",)])
@pytest.mark.parametrize("count", [0, 1, 7, 60, 400])
@pytest.mark.parametrize("seed", [1, 2])
def test_groups_are_those_of_plain_python(keys, count, seed):
    rows = table(seed, count)
    numbers = [{**TOLD, "number": each} for each in (Statistic.SUM, Statistic.MIN, Statistic.MAX)]
    for told in (*numbers, {"text": Statistic.MIN, "bytes": Statistic.MAX}):
        assert grouped(rows, keys, told).to_pylist() == told_plainly(rows, keys, told)


def test_sabotage_a_row_that_is_missing_is_noticed():
    rows, told = table(1, 60), {"number": Statistic.SUM}
    lost = next(at for at, cell in enumerate(rows["number"].to_pylist()) if cell)
    less = pa.concat_tables([rows.slice(0, lost), rows.slice(lost + 1)])
    assert grouped(less, ["day"], told).to_pylist() != told_plainly(rows, ["day"], told)


@pytest.mark.parametrize("bits", [63, 8])
def test_equal_keys_keep_their_order_though_they_need_more_bits_than_there_are(bits, monkeypatch):
    monkeypatch.setattr(groups, "_BITS", bits)
    rows = table(3, 200)
    keys = ("day", "name", "id")
    order, begins = order_of(rows, keys)
    cells = [tuple(row[key] for key in keys) for row in rows.to_pylist()]
    expected = sorted(range(len(cells)), key=cells.__getitem__)
    assert order.tolist() == expected
    placed = [cells[at] for at in expected]
    first = [at for at in range(len(placed)) if at == 0 or placed[at] != placed[at - 1]]
    assert begins.tolist() == first
