from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crivo.adapters.world_files.layout import Layout, WorldFormat, parse_format
from crivo.adapters.world_files.writer import MANIFEST, TableSet, write_world
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.simulator.columns import Columns
from crivo.simulator.options import SimulationOptions
from crivo.simulator.sampling import Sampling
from crivo.simulator.tables import TABLES
from crivo.simulator.world import World, simulate

TINY = SimulationOptions(seed=2, days=3, scale=Decimal("0.3"))


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(TINY)


def test_the_three_formats_hold_the_same(tmp_path: Path, world: World):
    for file_format in WorldFormat:
        write_world(tmp_path / file_format, world, layout=Layout(file_format))
    for name in TABLES:
        parquet = pq.read_table(tmp_path / "parquet" / f"{name}.parquet").to_pylist()
        lines = (tmp_path / "jsonl" / f"{name}.jsonl").read_text().splitlines()
        with (tmp_path / "csv" / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(parquet) == len(lines) == len(rows) > 0
        for typed, line, row in zip(parquet, lines, rows, strict=True):
            written = {key: _json_value(value) for key, value in typed.items()}
            assert json.loads(line) == written
            assert row == {key: _csv_value(value) for key, value in written.items()}


def _json_value(value: object) -> object:
    if hasattr(value, "astimezone"):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def _csv_value(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_parquet_is_typed(tmp_path: Path, world: World):
    write_world(tmp_path / "world", world)
    schema = pq.read_schema(tmp_path / "world" / "transfers.parquet")
    assert schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("reported_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("amount_centavos").type == pa.int64()
    assert schema.field("reported").type == pa.bool_()
    assert "is_fraud" not in schema.names


def test_the_manifest_says_what_the_world_is(tmp_path: Path, world: World):
    written = write_world(tmp_path / "world", world)
    manifest = json.loads((tmp_path / "world" / MANIFEST).read_text())
    assert manifest["options"] == {
        "seed": 2,
        "start": "2026-08-03",
        "days": 3,
        "past_days": 0,
        "scale": "0.3",
        "prevalence": "0.005",
        "difficulty": "standard",
        "adversary": "static",
        "policy": "allow",
    }
    assert manifest["rows"] == dict(written.rows)
    assert written.rows["transfers"] == written.rows["truth"] == 1500
    for name, digest in manifest["sha256"].items():
        content = (tmp_path / "world" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.parametrize("table_set", [TableSet.PLATFORM, TableSet.SEVEN])
def test_the_manifest_says_which_share_a_sample_keeps(
    tmp_path: Path, world: World, table_set: TableSet
):
    written = write_world(tmp_path / "part", world, table_set=table_set, sampling=Sampling(10))
    transfers = ("transfers", "transacoes_pix", "transacoes_historicas")
    kept = sum(written.rows.get(name, 0) for name in transfers)
    about = json.loads((tmp_path / "part" / MANIFEST).read_text())["sample"]
    whole = world.options.transfers
    assert about == {"kept": kept, "of": whole, "share": round(kept / whole, 4)}
    assert about["share"] > 0.1  # of each stratum at least one
    write_world(tmp_path / "whole", world, table_set=table_set)
    assert "sample" not in json.loads((tmp_path / "whole" / MANIFEST).read_text())


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path, world: World):
    (tmp_path / "notes.txt").write_text("mine")
    for replace in (False, True):
        with pytest.raises(Refused) as refusal:
            write_world(tmp_path, world, replace=replace)
        assert refusal.value.code is Code.FILE_UNWRITABLE
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_folder(tmp_path: Path, world: World):
    (tmp_path / "world").write_text("mine")
    with pytest.raises(Refused) as refusal:
        write_world(tmp_path / "world", world)
    assert refusal.value.code is Code.FILE_UNWRITABLE


def test_a_world_gives_way_to_another_only_when_asked(tmp_path: Path, world: World):
    write_world(tmp_path / "world", world)
    with pytest.raises(Refused):
        write_world(tmp_path / "world", world)
    write_world(tmp_path / "world", world, layout=Layout(WorldFormat.CSV), replace=True)
    assert sorted(path.name for path in (tmp_path / "world").iterdir()) == [
        "reports.csv",
        "transfers.csv",
        "truth.csv",
        MANIFEST,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_an_empty_folder_is_filled(tmp_path: Path, world: World):
    (tmp_path / "world").mkdir()
    write_world(tmp_path / "world", world)
    assert (tmp_path / "world" / MANIFEST).is_file()


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    def full(self: object, columns: Columns) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crivo.adapters.world_files.text.JsonLinesTable.write", full)
    with pytest.raises(Unavailable) as failure:
        write_world(tmp_path / "world", world, layout=Layout(WorldFormat.JSON_LINES))
    assert failure.value.code is Code.FILE_UNWRITABLE
    assert failure.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, world: World):
    def interrupt(made: int, in_all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_world(tmp_path / "world", world, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_format_is_one_of_three():
    assert parse_format("jsonl") is WorldFormat.JSON_LINES
    with pytest.raises(Refused) as refusal:
        parse_format("xlsx")
    assert refusal.value.code is Code.FIELD_VALUE
