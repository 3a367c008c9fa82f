"""`crivo train --data` with a mapping of events: from a table to a model that serves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.bootstrap.offline import log_reader, read_mapping, read_table
from crivo.bootstrap.service import build_service, serving_plan
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, format_rfc3339, parse_rfc3339
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.flows.promote import load_champion
from crivo.flows.row_weights import weighed, weights_of_table
from crivo.flows.training_rows import dataset_of_log
from crivo.model.artifact import ArtifactKind
from crivo.model.judged import load_judged
from tests.e2e.homes import KEY, settings_of
from tests.integration.calling import called
from tests.integration.commands import Said, crivo
from tests.lookalikes import LAYOUTS, handbook, write
from tests.unit.adapters.http.bodies import GOOD

WEIGHT = '\n[weight]\ncolumn = "stands_for"\n'


def mapping_of(root: Path, layout: str) -> Path:
    return root / "mappings" / f"{layout}.toml"


def train(capsys, table: Path, mapping: Path, *options: object) -> Said:
    given = ("--data", table, "--mapping", mapping, "--allow-leak", "the test", "--json")
    return crivo(capsys, "train", *given, *options)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "days"), [("handbook", 7), ("paysim", 1)])
def test_one_command_takes_a_table_of_events_to_a_model_that_serves(
    capsys, monkeypatch, tmp_path, root, layout, days
):
    monkeypatch.setenv("CRIVO_LOG__CLOCK", "replay")
    monkeypatch.setenv("CRIVO_HOME", str(tmp_path / "crivo"))
    table = write(LAYOUTS[layout](6_000), tmp_path / f"{layout}.csv")
    said = train(capsys, table, mapping_of(root, layout))
    assert said.code == 0, said.err
    made = json.loads(said.out)
    # A folder of its own, named after the table's source; the default home is left alone.
    home = tmp_path / f"crivo-{layout}"
    assert made["home"] == str(home)
    assert not (tmp_path / "crivo").exists()
    taken = made["ingested"]
    assert taken["received"] == 6_000 == taken["accepted"] + taken["quarantined"]
    champion = load_champion(home / "models")
    assert champion.kind is ArtifactKind.EVENTS
    assert champion.metadata["data"]["label_delay"] == days * DAY
    settings = settings_of(home)
    log = log_reader(settings)
    assert champion.metadata["data"]["log_cut"] == log.end()
    log.close()
    instant = champion.metadata["data"]["labels_as_of"] + DAY
    minute = format_rfc3339(instant)[:16].replace("-", "").replace("T", "").replace(":", "")
    body = {
        **GOOD,
        "end_to_end_id": f"E12345678{minute}abcDEF12345",
        "occurred_at": format_rfc3339(instant),
    }
    with called(build_service(settings)) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        answer = caller.post("/v1/decisions", json=body).json()
        assert caller.get("/v1/model").json()["hash"] == champion.hash
    assert 0 < answer["score"] < 10**9


def test_columns_of_a_table_that_its_mapping_does_not_name_are_said_when_it_is_imported(
    capsys, tmp_path, root
):
    table = handbook(100)
    named = write(table, tmp_path / "named.parquet")
    more = table.append_column("risk_of_bureau", pa.array([0.5] * 100))
    more = more.append_column("remark", pa.array(["x"] * 100))
    unnamed = write(more, tmp_path / "unnamed.parquet")
    mapping = mapping_of(root, "handbook")
    for path, known in ((named, True), (unnamed, False)):
        home = tmp_path / f"of-{path.stem}"
        said = crivo(capsys, "ingest", path, "--mapping", mapping, "--home", home, "--json")
        assert said.code == 0, said.err
        assert ("risk_of_bureau, remark" in said.err) is not known
        columns = json.loads(said.out)["unnamed_columns"]
        # The Handbook's tables have columns of their own that say how a fraud was made.
        assert ({"risk_of_bureau", "remark"} <= set(columns)) is not known
        assert not {"TX_AMOUNT", "TX_DATETIME", "TX_FRAUD"} & set(columns)


@pytest.mark.slow
def test_a_training_says_which_columns_of_its_table_it_left_out(capsys, tmp_path, root):
    table = handbook(4_000).append_column("risk_of_bureau", pa.array([0.5] * 4_000))
    path, mapping = write(table, tmp_path / "t.parquet"), mapping_of(root, "handbook")
    words = ("train", "--data", path, "--mapping", mapping, "--home", tmp_path / "home")
    said = crivo(capsys, *words)
    assert said.code == 0, said.err
    assert "nothing learns from" in said.err
    assert "On the last rows by time, which no model saw" in said.out
    (line,) = [line for line in said.out.splitlines() if "columns left out" in line]
    assert "risk_of_bureau" in line
    assert "TX_AMOUNT" not in line


@pytest.mark.slow
def test_the_command_once_more_adds_nothing_and_finds_the_same_model(capsys, tmp_path, root):
    table = write(handbook(4_000), tmp_path / "handbook.parquet")
    home = ("--home", tmp_path / "home")
    found = [
        json.loads(train(capsys, table, mapping_of(root, "handbook"), *home).out) for _ in range(2)
    ]
    assert found[0]["model"] == found[1]["model"]
    assert (found[0]["ingested"]["accepted"], found[1]["ingested"]["duplicate"]) == (4_000, 4_000)
    assert not found[1]["became_champion"]


def test_a_table_of_events_without_labels_is_refused_before_a_log_is_made(capsys, tmp_path, root):
    text = mapping_of(root, "handbook").read_text()
    mapping = tmp_path / "m.toml"
    mapping.write_text(text[: text.index("# The book's protocol")])
    table = write(handbook(100), tmp_path / "handbook.csv")
    said = train(capsys, table, mapping, "--home", tmp_path / "home")
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True)
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_a_table_of_events_with_one_class_is_refused_and_nothing_is_registered(
    capsys, tmp_path, root
):
    table = handbook(2_000)
    place = table.column_names.index("TX_FRAUD")
    none = table.set_column(place, "TX_FRAUD", pa.array(np.zeros(2_000, np.int64)))
    home = tmp_path / "home"
    said = train(
        capsys, write(none, tmp_path / "h.csv"), mapping_of(root, "handbook"), "--home", home
    )
    assert said.code in {1, 2}
    assert Code.DATA_TOO_SMALL in said.err
    assert not list(home.glob("models/*"))
    assert not list(home.glob("mlflow/*"))


@pytest.mark.slow
@pytest.mark.parametrize("column", ["TX_AMOUNT", "CUSTOMER_ID", "TX_DATETIME"])
def test_a_table_of_events_with_a_column_of_nulls_says_that_no_row_could_be_read(
    capsys, tmp_path, root, column
):
    table = handbook(200)
    place = table.column_names.index(column)
    nulls = pa.array([None] * 200, table[column].type)
    given = write(table.set_column(place, column, nulls), tmp_path / "h.parquet")
    home = tmp_path / "home"
    said = train(capsys, given, mapping_of(root, "handbook"), "--home", home)
    assert (said.code, Code.DATA_TOO_SMALL in said.err) == (2, True)
    assert "none of the 200 rows of the table could be read" in said.err
    told = " ".join(said.err.split())
    assert f"200 {Code.FIELD_MISSING}" in told
    assert f"`crivo quarantine list --home {home}` shows the rows" in told
    assert not list(home.glob("models/*"))
    assert not list(home.glob("mlflow/*"))


@pytest.mark.slow
def test_a_column_that_gives_the_label_away_is_named_and_nothing_is_registered(
    capsys, tmp_path, root
):
    table = handbook(4_000)
    fraud = np.array(table["TX_FRAUD"]) == 1
    # A sum that nobody else pays: written after the fact.
    amounts = np.where(fraud, 777_777.0, np.array(table["TX_AMOUNT"]))
    place = table.column_names.index("TX_AMOUNT")
    given = write(table.set_column(place, "TX_AMOUNT", pa.array(amounts)), tmp_path / "h.parquet")
    home = tmp_path / "home"
    options = ("--data", given, "--mapping", mapping_of(root, "handbook"), "--home", home)
    said = crivo(capsys, "train", *options, "--json")
    assert (said.code, Code.LEAK_SUSPECTED in said.err) == (1, True)
    # Whichever feature is most telling, it is made of that column.
    columns = said.err.split(", made of ")[1].split(":")[0].split()
    assert "TX_AMOUNT," in columns or "TX_AMOUNT" in columns
    assert not list(home.glob("models/*"))
    assert not list(home.glob("mlflow/*"))


def sampled(rows: int) -> pa.Table:
    """A table of which three rows in four stand for themselves and the others for two and a half.

    One row has no weight, and one a weight that is none.
    """
    stands_for = np.where(np.arange(rows) % 4 == 0, 2.5, 1.0)
    stands_for[1], stands_for[2] = np.nan, -1.0
    return handbook(rows).append_column("stands_for", pa.array(stands_for))


def weighted_mapping(tmp_path: Path, root: Path) -> Path:
    path = tmp_path / "weighted.toml"
    path.write_text(mapping_of(root, "handbook").read_text() + WEIGHT)
    return path


@pytest.mark.slow
def test_the_weights_of_a_table_of_events_reach_training_and_every_figure(capsys, tmp_path, root):
    table = write(sampled(4_000), tmp_path / "sampled.parquet")
    mapping = weighted_mapping(tmp_path, root)
    found = {}
    for name, described in (("weighed", mapping), ("plain", mapping_of(root, "handbook"))):
        home = tmp_path / name
        said = train(capsys, table, described, "--home", home)
        assert said.code == 0, said.err
        artifact = load_champion(home / "models")
        found[name] = artifact, load_judged(home / "judged", artifact.metadata["judged"])
    weighed_model, judged = found["weighed"]
    assert weighed_model.metadata["data"]["left_out"]["unweighed"] == 2
    assert set(np.unique(judged.weights)) == {1.0, 2.5}
    plain_model, plain = found["plain"]
    assert set(np.unique(plain.weights)) == {1.0}
    assert weighed_model.forest.value.sum() != plain_model.forest.value.sum()
    metrics = [model.metadata["metrics"] for model in (weighed_model, plain_model)]
    assert metrics[0]["logistic"] != metrics[1]["logistic"]


@pytest.mark.slow
def test_each_row_of_the_log_has_the_weight_of_its_own_row_in_the_table(capsys, tmp_path, root):
    table = write(sampled(1_000), tmp_path / "sampled.parquet")
    plain, home = mapping_of(root, "handbook"), tmp_path / "home"
    said = crivo(capsys, "ingest", table, "--mapping", plain, "--home", home)
    assert said.code == 0, said.err
    mapping = read_mapping(weighted_mapping(tmp_path, root))
    found = weights_of_table(read_table(table, mapping), mapping)
    assert found is not None
    log = log_reader(settings_of(home))
    try:
        made = dataset_of_log(
            log,
            serving_plan(),
            labels_as_of=parse_rfc3339("2018-06-01T00:00:00Z"),
            label_delay=7 * DAY,
            progress=lambda *_: None,
        )
    finally:
        log.close()
    counted = weighed(made, found)
    # The log is in the order of the table, whose amounts tell which row is which.
    amounts = FileReader(table).read(mapping.columns()).cells("TX_AMOUNT", range(1_000))
    centavos = np.rint(np.array(amounts, np.float64) * 100).astype(np.int64)
    kept = np.delete(np.arange(1_000), [1, 2])
    np.testing.assert_array_equal(counted.amounts, centavos[kept])
    np.testing.assert_array_equal(counted.weights, np.where(kept % 4 == 0, 2.5, 1.0))
    assert counted.left_out["unweighed"] == 2
    # Sabotage: weights of other rows are other weights.
    moved = weighed(made, type(found)(found.ids, np.roll(found.weights, 1)))
    assert (moved.weights != counted.weights).any()


@pytest.mark.parametrize("spoilt", [np.nan, -1.0])
def test_weights_that_cannot_be_read_in_many_rows_are_refused_before_a_log_is_made(
    capsys, tmp_path, root, spoilt
):
    mapping = weighted_mapping(tmp_path, root)
    stands_for = np.ones(2_000)
    stands_for[100:121] = spoilt  # one more than a hundredth
    table = handbook(2_000).append_column("stands_for", pa.array(stands_for))
    home = tmp_path / "home"
    path = write(table, tmp_path / "t.parquet")
    said = train(capsys, path, mapping, "--home", home)
    assert said.code == 2, said.err
    assert "the weight stands_for cannot be read in too many rows" in said.err
    assert "20 of 2,000 rows" in " ".join(said.err.split())
    assert "quarantine" not in said.err
    assert not home.exists()
    # A hundredth of the rows is a slip still.
    stands_for[100] = 1.0
    less = write(table.set_column(table.num_columns - 1, "stands_for", pa.array(stands_for)), path)
    described = read_mapping(mapping)
    found = weights_of_table(read_table(less, described), described)
    assert found is not None
    assert len(found.weights) == 1_980


def test_a_weight_is_refused_where_it_cannot_act(capsys, tmp_path, root):
    table = write(sampled(100), tmp_path / "sampled.parquet")
    mapping, home = weighted_mapping(tmp_path, root), tmp_path / "home"
    for command in (("ingest", table), ("demo", "--ci", "--data", table)):
        said = crivo(capsys, *command, "--mapping", mapping, "--home", home)
        assert (said.code, Code.MAPPING_INVALID in said.err) == (2, True)
        assert "weight" in said.err
        assert not home.exists()


def test_a_folder_of_streams_names_no_weight(root):
    text = (root / "mappings" / "simulated-events.toml").read_text()
    assert isinstance(parse_mapping(text, name="m.toml"), Mapping)
    with pytest.raises(Misconfigured) as caught:
        parse_mapping(text + WEIGHT, name="m.toml")
    assert caught.value.context["field"] == "weight"


@pytest.mark.slow
def test_a_folder_of_streams_tells_its_labels_itself(capsys, tmp_path, root):
    world, home = tmp_path / "world", tmp_path / "home"
    mapping = root / "mappings" / "simulated-events.toml"
    said = crivo(
        capsys, "simulate", "--tables", "events", "--days", "2", "--past-days", "0", "--scale",
        "0.3", "--start", "2026-06-01", "--out", world,
    )  # fmt: skip
    assert said.code == 0, said.err
    said = train(capsys, world, mapping, "--home", home)
    # Two days are too few to learn from; what they told is in the log all the same.
    assert (said.code, Code.DATA_TOO_SMALL in said.err) == (2, True), said.err
    log = log_reader(settings_of(home))
    assert log.end() > 1_000
    log.close()
    text = mapping.read_text()
    silent = tmp_path / "silent.toml"
    silent.write_text(text[: text.index("# Claims and what came of them")])
    said = train(capsys, world, silent, "--home", tmp_path / "other")
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True), said.err
    assert not (tmp_path / "other").exists()


def test_a_file_is_no_folder_of_streams(capsys, tmp_path, root):
    table = write(handbook(100), tmp_path / "handbook.csv")
    mapping = root / "mappings" / "simulated-events.toml"
    said = train(capsys, table, mapping, "--home", tmp_path / "home")
    assert (said.code, Code.FIELD_VALUE in said.err) == (2, True)
    assert not (tmp_path / "home").exists()


def test_plain_rows_have_no_reports_that_could_be_late(capsys, tmp_path, root):
    table = write(LAYOUTS["ulb"](100), tmp_path / "rows.csv")
    said = train(
        capsys, table, mapping_of(root, "ulb"), "--home", tmp_path / "home",
        "--labels-as-of", "2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert (said.code, Code.FIELD_VALUE in said.err) == (2, True)
    assert "--labels-as-of" in said.err
