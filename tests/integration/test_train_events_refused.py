"""Tables of transfers to train on that are refused: empty columns and labels from the future."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
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


@pytest.mark.parametrize("cells", [None, ""])
def test_a_named_column_that_is_empty_in_every_row_is_refused_and_one_in_a_single_row_is_not(
    capsys, tmp_path, root, cells
):
    mapping = with_a_column(root, tmp_path, 'device = "phone"')
    column = pa.array([cells] * 200, pa.string())
    given = write(handbook(200).append_column("phone", column), tmp_path / "t.parquet")
    home = tmp_path / "home"
    said = train(capsys, given, mapping, "--home", home)
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True), said.err
    assert "the column phone holds nothing in any row" in said.err
    assert not list(home.glob("models/*"))
    assert "accepted" not in said.out
    # Sabotage: one cell is something, and so the table goes on to be too small to learn from.
    some = pa.array([cells] * 199 + ["abc"], pa.string())
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
