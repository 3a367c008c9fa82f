"""Event streams as files: a folder a kind, a file a day, whole or not at all."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.writer import MANIFEST, TableSet, Written, write_world
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import parse_rfc3339
from crivo.simulator.events.viewpoint import Viewpoint, parse_viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.sampling import Sampling
from crivo.simulator.world import World, simulate

pytestmark = pytest.mark.slow

TINY = SimulationOptions(seed=2, days=3, scale=Decimal("0.3"))


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(TINY)


def written(
    folder: Path, world: World, file_format: WorldFormat = WorldFormat.JSON_LINES
) -> Written:
    layout = Layout(file_format, by_day=True)
    return write_world(folder, world, table_set=TableSet.EVENTS, layout=layout)


def lines(folder: Path, kind: str) -> list[dict[str, object]]:
    paths = sorted((folder / kind).glob("data=*/*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def test_each_kind_is_a_folder_and_its_files_one_after_the_other_are_in_time_order(
    tmp_path: Path, world: World
):
    found = written(tmp_path / "events", world)
    assert {path.name for path in found.folder.iterdir()} == {*found.rows, MANIFEST}
    for kind, count in found.rows.items():
        events = lines(found.folder, kind)
        assert len(events) == count > 0
        received = [parse_rfc3339(str(event["received_at"])) for event in events]
        assert received == sorted(received)


def test_the_manifest_says_who_looks_and_only_where_somebody_does(tmp_path: Path, world: World):
    found = written(tmp_path / "events", world)
    manifest = json.loads((found.folder / MANIFEST).read_text())
    assert manifest["rows"] == dict(found.rows)
    assert manifest["viewpoint"] == "payer_psp"
    write_world(tmp_path / "tables", world, table_set=TableSet.PLATFORM)
    assert "viewpoint" not in json.loads((tmp_path / "tables" / MANIFEST).read_text())


@pytest.mark.slow
def test_parquet_holds_the_same_and_is_read_as_partitioned_tables_are(tmp_path: Path, world: World):
    found = written(tmp_path / "lines", world)
    written(tmp_path / "parquet", world, WorldFormat.PARQUET)
    for kind, count in found.rows.items():
        table = ds.dataset(tmp_path / "parquet" / kind, partitioning="hive").to_table()
        assert table.num_rows == count
        assert "data" in table.column_names
    transfers = ds.dataset(tmp_path / "parquet" / "transfers", partitioning="hive").to_table()
    for column in ("end_to_end_id", "amount_centavos", "is_call_in_progress"):
        in_lines = [event[column] for event in lines(found.folder, "transfers")]
        assert transfers[column].to_pylist() == in_lines


def test_sabotage_a_walk_that_breaks_off_leaves_nothing(tmp_path: Path, world: World):
    def full(done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Unavailable) as failure:
        write_world(tmp_path / "events", world, table_set=TableSet.EVENTS, progress=full)
    assert failure.value.code is Code.FILE_UNWRITABLE
    assert list(tmp_path.iterdir()) == []


def test_event_streams_are_never_a_sample(tmp_path: Path, world: World):
    with pytest.raises(Refused) as refusal:
        write_world(
            tmp_path / "events", world, table_set=TableSet.EVENTS, sampling=Sampling(one_in=10)
        )
    assert refusal.value.context["field"] == "keep_one_in"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_viewpoint_is_refused():
    assert parse_viewpoint("rail") is Viewpoint.RAIL
    with pytest.raises(Refused) as refusal:
        parse_viewpoint("moon")
    assert refusal.value.context["field"] == "viewpoint"
