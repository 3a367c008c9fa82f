"""Tables and streams of transfers to train on that are refused before anything is imported."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crivo.bootstrap.offline import log_reader
from crivo.domain.errors import Code
from crivo.flows.promote import load_champion
from tests.e2e.homes import settings_of
from tests.integration.commands import crivo
from tests.integration.test_train_events import mapping_of, train
from tests.lookalikes import handbook, write


def with_a_column(root: Path, tmp_path: Path, line: str, *, known_at: str = "") -> Path:
    """The Handbook's mapping with one line more of [transfer], or labels known by a column."""
    text = mapping_of(root, "handbook").read_text()
    text = text.replace("[transfer]\n", f"[transfer]\n{line}\n")
    if known_at:
        text = text.replace("known_after_days = 7", f'known_at = "{known_at}"')
    path = tmp_path / "described.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("cells", [None, "", "   ", float("nan")])
def test_a_named_column_that_is_empty_in_every_row_is_refused_and_one_in_a_single_row_is_not(
    capsys, tmp_path, root, cells
):
    mapping = with_a_column(root, tmp_path, 'device = "phone"')
    kind = pa.float64() if isinstance(cells, float) else pa.string()
    column = pa.array([cells] * 200, kind)
    given = write(handbook(200).append_column("phone", column), tmp_path / "t.parquet")
    home = tmp_path / "home"
    said = train(capsys, given, mapping, "--home", home)
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True), said.err
    assert "the column phone holds nothing in any row" in said.err
    assert not list(home.glob("models/*"))
    assert "accepted" not in said.out
    # Sabotage: one cell is something, and so the table goes on to be too small to learn from.
    some = pa.array([cells] * 199 + [5.0 if isinstance(cells, float) else "abc"], kind)
    given = write(handbook(200).append_column("phone", some), tmp_path / "t.parquet")
    said = train(capsys, given, mapping, "--home", tmp_path / "other")
    assert "holds nothing" not in said.err


def known_later(rows: int, later: int, *, days: int = 24) -> tuple[pa.Table, int]:
    """A table whose frauds are known a day after, but for so many in 2099; and its frauds."""
    table = handbook(rows, days=days)
    fraud = np.array(table["TX_FRAUD"]) == 1
    known = [str(each) for each in np.array(table["TX_DATETIME"]) + np.timedelta64(1, "D")]
    for place in np.flatnonzero(fraud)[:later]:
        known[place] = "2099-01-01T00:00:00"
    return table.append_column("told_at", pa.array(known)), int(fraud.sum())


def test_labels_of_a_table_of_transfers_that_lie_in_the_future_are_refused_before_it_is_imported(
    capsys, tmp_path, root
):
    mapping = with_a_column(root, tmp_path, "", known_at="told_at")
    table, frauds = known_later(500, 11)
    assert frauds < 1_000
    home = tmp_path / "home"
    said = train(capsys, write(table, tmp_path / "t.parquet"), mapping, "--home", home)
    err = " ".join(said.err.split())
    assert (said.code, Code.TIME_RANGE in err) == (2, True), said.err
    assert f"11 of {frauds} frauds are said to be known later" in err
    assert "field: told_at" in err
    assert "the furthest 2099-01-01" in err
    assert "but for 10 frauds" in err
    assert not list(home.glob("models/*"))
    log = log_reader(settings_of(home))
    assert log.end() == 0
    log.close()
    # An import takes the transfers as ever, and says what it left out.
    said = crivo(capsys, "ingest", tmp_path / "t.parquet", "--mapping", mapping, "--home", home)
    assert said.code == 0, said.err
    assert "11, known later than" in " ".join(said.out.split())


@pytest.mark.slow
def test_a_few_labels_that_lie_in_the_future_are_counted_among_what_was_left_out(
    capsys, tmp_path, root
):
    mapping = with_a_column(root, tmp_path, "", known_at="told_at")
    table, _ = known_later(6_000, 10, days=60)
    home = tmp_path / "home"
    said = train(capsys, write(table, tmp_path / "t.parquet"), mapping, "--home", home)
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["left_out"]["labels_later"] == made["ingested"]["reports_later"] == 10
    champion = load_champion(home / "models")
    assert champion.metadata["data"]["left_out"]["labels_later"] == 10


def frauds_without(rows: int, spoilt: int, column: str, *, days: int = 24) -> tuple[pa.Table, int]:
    """A table of which so many frauds cannot be read for what a column holds; and its frauds."""
    table = handbook(rows, days=days)
    fraud = np.flatnonzero(np.array(table["TX_FRAUD"]) == 1)
    at = np.array(table["TX_DATETIME"])
    known = [str(each) for each in at + np.timedelta64(1, "D")]
    cells = {"told_at": known, "TX_FRAUD": [str(each) for each in table["TX_FRAUD"].to_pylist()]}
    for place in fraud[:spoilt]:
        before = str(at[place] - np.timedelta64(1, "h"))
        cells[column][place] = {"told_at": before, "TX_FRAUD": "2"}[column]
    table = table.append_column("told_at", pa.array(known))
    place = table.column_names.index("TX_FRAUD")
    return table.set_column(place, "TX_FRAUD", pa.array(cells["TX_FRAUD"])), len(fraud)


@pytest.mark.parametrize("column", ["told_at", "TX_FRAUD"])
def test_frauds_that_cannot_be_read_are_refused_before_a_table_is_imported_beyond_a_few(
    capsys, tmp_path, root, column
):
    mapping = with_a_column(root, tmp_path, "", known_at="told_at")
    table, frauds = frauds_without(500, 11, column)
    assert 22 < frauds < 1_000
    home = tmp_path / "home"
    said = train(capsys, write(table, tmp_path / "t.parquet"), mapping, "--home", home)
    err = " ".join(said.err.split())
    assert (said.code, Code.FIELD_VALUE in err) == (2, True), said.err
    assert f"for {column} " in err or f"label {column} " in err
    assert "but for 10 " in err
    assert "11 of the" in err or "11 others" in err
    assert not list(home.glob("models/*"))
    log = log_reader(settings_of(home))
    assert log.end() == 0
    log.close()
    # Sabotage: ten may be slips. The table goes on to be too small, and they are named.
    table, _ = frauds_without(500, 10, column)
    said = train(capsys, write(table, tmp_path / "t.parquet"), mapping, "--home", home)
    err = " ".join(said.err.split())
    assert Code.DATA_TOO_SMALL in err, said.err
    assert f"10 {Code.FIELD_VALUE}" in err


def test_labels_far_behind_the_last_row_are_refused_in_a_log_with_a_replay_clock_too(
    capsys, monkeypatch, tmp_path, root
):
    monkeypatch.setenv("CRIVO_LOG__CLOCK", "replay")
    mapping = with_a_column(root, tmp_path, "", known_at="told_at")
    for later, is_refused in ((11, True), (10, False)):
        table, frauds = known_later(500, later)
        home = tmp_path / f"home-{later}"
        said = train(capsys, write(table, tmp_path / "t.parquet"), mapping, "--home", home)
        err = " ".join(said.err.split())
        assert (Code.TIME_RANGE in err) is is_refused, said.err
        assert (f"11 of {frauds} frauds are said to be known later than the last row" in err) is (
            is_refused
        )
        log = log_reader(settings_of(home))
        assert (log.end() == 0) is is_refused
        log.close()


def streams(capsys, folder: Path, *, start: str = "2026-06-01") -> Path:
    said = crivo(
        capsys, "simulate", "--tables", "events", "--days", "2", "--past-days", "0", "--scale",
        "0.3", "--format", "parquet", "--start", start, "--out", folder,
    )  # fmt: skip
    assert said.code == 0, said.err
    return folder


@pytest.mark.slow
def test_a_column_of_streams_that_is_empty_on_every_day_is_refused_before_they_are_imported(
    capsys, tmp_path, root
):
    world, home = streams(capsys, tmp_path / "world"), tmp_path / "home"
    files = sorted(world.glob("transfers/*/*.parquet"))
    assert len(files) == 2
    mapping = root / "mappings" / "simulated-events.toml"
    # The last day is emptied first: what the first day tells is enough.
    for emptied, is_refused in ((files[-1], False), (files[0], True)):
        table = pq.read_table(emptied)
        place = table.column_names.index("device")
        write(table.set_column(place, "device", pa.array([" "] * len(table))), emptied)
        said = train(capsys, world, mapping, "--home", home)
        assert (Code.FIELD_MISSING in said.err) is is_refused, said.err
        assert ("the column device holds nothing in any row" in said.err) is is_refused
        home = tmp_path / "other"
    log = log_reader(settings_of(home))
    assert log.end() == 0
    log.close()


@pytest.mark.slow
def test_streams_that_reach_beyond_the_clock_are_refused_before_their_first_day_is_imported(
    capsys, tmp_path, root
):
    today = datetime.now(UTC).date()
    world = streams(capsys, tmp_path / "world", start=str(today - timedelta(days=1)))
    mapping = root / "mappings" / "simulated-events.toml"
    said = train(capsys, world, mapping, "--home", tmp_path / "home")
    assert (said.code, Code.LOG_ORDER in said.err) == (2, True), said.err
    err = " ".join(said.err.split())
    assert "`crivo ingest --until`" in err
    assert "`crivo train` without --data" in err
    log = log_reader(settings_of(tmp_path / "home"))
    assert log.end() == 0
    log.close()
