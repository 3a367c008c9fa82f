"""Compressed and partitioned tables hold what plain ones hold, and Parquet encodes what it can."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crivo.adapters.world_files.files import TableFiles
from crivo.adapters.world_files.layout import (
    Compression,
    Layout,
    WorldFormat,
    parse_compression,
)
from crivo.adapters.world_files.writer import TableSet, parse_table_set, write_world
from crivo.domain.errors import Code, Refused
from crivo.simulator.options import SimulationOptions
from crivo.simulator.seven.tables import SEVEN_TABLES
from crivo.simulator.world import World, simulate

pytestmark = pytest.mark.slow

DAYS = 3
TINY = SimulationOptions(seed=2, days=DAYS, past_days=2, scale=Decimal("0.3"))
CSV = Layout(WorldFormat.CSV)
BY_DAY = ("transacoes_pix", "log_autenticacao")


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(TINY)


@pytest.fixture(scope="module")
def plain(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("plain") / "world"
    write_world(folder, world, table_set=TableSet.SEVEN, layout=CSV)
    return {path.stem: path.read_bytes() for path in folder.glob("*.csv")}


def unpacked(path: Path) -> bytes:
    """The text of a file, by its ending."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return pa.input_stream(str(path), compression="zstd").read()
    return path.read_bytes()


def rows(text: bytes) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(text.decode()))


@pytest.mark.slow
@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_compressed_text_is_the_same_text(
    tmp_path: Path, world: World, plain: dict[str, bytes], compression: Compression
):
    layout = Layout(WorldFormat.CSV, compression)
    write_world(tmp_path / "world", world, table_set=TableSet.SEVEN, layout=layout)
    found = {path.name.split(".")[0]: path for path in (tmp_path / "world").glob("*.csv.*")}
    assert {name: unpacked(path) for name, path in found.items()} == plain
    assert all(path.stat().st_size < len(plain[name]) for name, path in found.items())


def test_a_file_a_day_holds_the_rows_of_that_brasilia_day(
    tmp_path: Path, world: World, plain: dict[str, bytes]
):
    layout = Layout(WorldFormat.CSV, by_day=True)
    write_world(tmp_path / "world", world, table_set=TableSet.SEVEN, layout=layout)
    for name in BY_DAY:
        folders = sorted((tmp_path / "world" / name).iterdir())
        dates = [f"data={day.date.isoformat()}" for day in world.days[TINY.past_days :]]
        assert [folder.name for folder in folders] == dates
        parts = [(folder / f"{name}.csv").read_bytes() for folder in folders]
        assert [row for part in parts for row in rows(part)] == list(rows(plain[name]))
    assert (tmp_path / "world" / "usuarios.csv").read_bytes() == plain["usuarios"]


def test_parquet_is_typed_and_encodes_words_as_dictionaries_and_instants_as_deltas(
    tmp_path: Path, world: World, plain: dict[str, bytes]
):
    write_world(tmp_path / "world", world, table_set=TableSet.SEVEN)
    assert {path.stem for path in (tmp_path / "world").glob("*.parquet")} == set(SEVEN_TABLES)
    file = pq.ParquetFile(tmp_path / "world" / "transacoes_pix.parquet")
    types = {field.name: field.type for field in file.schema_arrow}
    assert types["valor"] == pa.decimal128(18, 2)
    assert types["timestamp"] == pa.timestamp("us", tz="UTC")
    group = file.metadata.row_group(0)
    encodings = {
        group.column(place).path_in_schema: group.column(place).encodings
        for place in range(group.num_columns)
    }
    assert "RLE_DICTIONARY" in encodings["tipo_transacao"]
    assert "RLE_DICTIONARY" not in encodings["id_transacao"]
    assert "DELTA_BINARY_PACKED" in encodings["timestamp"]
    amounts = [str(value) for value in file.read(["valor"])["valor"].to_pylist()]
    assert amounts == [row["valor"] for row in rows(plain["transacoes_pix"])]


@pytest.mark.parametrize("compression", list(Compression))
def test_parquet_is_compressed_as_asked(tmp_path: Path, world: World, compression: Compression):
    layout = Layout(WorldFormat.PARQUET, compression)
    write_world(tmp_path / "world", world, layout=layout)
    group = pq.ParquetFile(tmp_path / "world" / "transfers.parquet").metadata.row_group(0)
    written = {Compression.NONE: "UNCOMPRESSED"}.get(compression, compression.upper())
    assert group.column(0).compression == written


def test_equal_worlds_are_equal_gzip_files(tmp_path: Path, world: World):
    layout = Layout(WorldFormat.JSON_LINES, Compression.GZIP)
    first = write_world(tmp_path / "one", world, layout=layout)
    second = write_world(tmp_path / "two", world, layout=layout)
    assert first.sha256 == second.sha256


def test_text_is_not_compressed_in_ways_that_few_can_read():
    with pytest.raises(Refused) as refusal:
        Layout(WorldFormat.CSV, Compression.SNAPPY)
    assert refusal.value.code is Code.FIELD_VALUE


@pytest.mark.parametrize("parse", [parse_compression, parse_table_set])
def test_another_word_is_refused(parse):
    with pytest.raises(Refused) as refusal:
        parse("lzma2")
    assert refusal.value.code is Code.FIELD_VALUE


def test_every_open_file_is_closed_even_where_one_cannot_be(tmp_path: Path):
    class Broken:
        def write(self, columns: object) -> None: ...

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    class Whole:
        closed = False

        def write(self, columns: object) -> None: ...

        def close(self) -> None:
            Whole.closed = True

    files = TableFiles(tmp_path, CSV)
    files._open = {"a": (None, Whole()), "b": (None, Broken())}
    with pytest.raises(OSError, match="No space"):
        files.close()
    assert Whole.closed
