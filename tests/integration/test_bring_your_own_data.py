"""Tables of public layouts become models that serve, and what is wrong with a table is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, HOUR, parse_rfc3339
from crivo.flows.mapping import parse_mapping
from crivo.flows.ports import QuarantinedRow
from crivo.flows.promote import load_champion
from crivo.flows.training_rows import dataset_of_table
from crivo.model.artifact import ArtifactKind
from tests.integration.commands import Said, crivo
from tests.lookalikes import LAYOUTS, ulb, write

pytestmark = pytest.mark.slow


def quiet(*_: object) -> None:
    """A progress that says nothing."""


def mapping_of(root: Path, layout: str) -> Path:
    return root / "mappings" / f"{layout}.toml"


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["handbook", "paysim"])
def test_a_table_of_events_trains_a_model_that_serves(capsys, tmp_path, root, layout):
    table = write(LAYOUTS[layout](9_000), tmp_path / f"{layout}.csv")
    home = ("--home", tmp_path / "home")
    said = crivo(capsys, "ingest", table, "--mapping", mapping_of(root, layout), *home)
    assert said.code == 0, said.err
    said = crivo(
        capsys, "train", *home, "--resampling", "under", "--calibrator", "beta", "--json",
        "--allow-leak", "the test",
    )  # fmt: skip
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["became_champion"]
    by_model = {row["model"]: row for row in made["metrics"]}
    assert by_model["lightgbm"]["average_precision"] > 0.1
    champion = load_champion(tmp_path / "home" / "models")
    assert champion.kind is ArtifactKind.EVENTS
    options = champion.metadata["options"]
    assert (options["booster"]["resampling"], options["calibrator"]) == ("under", "beta")
    card = (tmp_path / "home" / "cards" / f"{champion.hash}.md").read_text()
    assert "resampling: under" in card
    assert "calibrator: beta" in card
    # The policy can adopt what is proposed: four entries from the day that was asked about.
    assert made["policy"].count("[[entry]]") == 4


@pytest.mark.slow
def test_a_table_of_rows_trains_a_model_that_answers(capsys, tmp_path, root):
    said = train(capsys, tmp_path, root, ulb(12_000))
    assert said.code == 0, said.err
    made = json.loads(said.out)
    by_model = {row["model"]: row for row in made["metrics"]}
    assert by_model["lightgbm"]["average_precision"] > 0.1
    assert made["policy"] is None  # what scores rows decides no transfer
    assert 0 < by_model["lightgbm"]["money_recalled_at_capacity"] <= 1
    assert made["proposal"]["per_day"]["judged"]["saved_centavos"] > 0
    signs = {each["sign"]: each for each in made["leak"]}
    assert set(signs) == {
        "model_average_precision", "feature_average_precision", "random_minus_temporal"
    }  # fmt: skip
    champion = load_champion(tmp_path / "home" / "models")
    assert champion.kind is ArtifactKind.ROWS
    assert len(champion.input_names) == 29


def test_the_hours_of_a_table_without_dates_count_from_the_day_that_is_made_up(root):
    mapping = parse_mapping(mapping_of(root, "paysim").read_text(), name="paysim.toml")
    assert mapping.time.unit is not None
    assert mapping.time.unit.microseconds == HOUR
    assert mapping.epoch == parse_rfc3339("2017-01-01T00:00:00Z")


def train(capsys, tmp_path: Path, root: Path, table: pa.Table, *options: str) -> Said:
    path = write(table, tmp_path / "rows.parquet")
    home = tmp_path / "home"
    given = ["--data", path, "--mapping", mapping_of(root, "ulb"), "--home", home]
    return crivo(capsys, "train", *given, "--json", *options)


def with_column(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


SMALL = ulb(2_000)
BAD = {
    "a column is missing": (SMALL.drop_columns(["V7"]), "FIELD_MISSING", "V7"),
    "a column is all null": (
        with_column(SMALL, "V7", pa.nulls(2_000, pa.float64())),
        "FIELD_MISSING",
        "V7",
    ),
    "a column is nobody's": (
        SMALL.append_column("Answer", SMALL["Class"]),
        "FIELD_UNKNOWN",
        "Answer",
    ),
    "no row is a fraud": (
        with_column(SMALL, "Class", np.zeros(2_000, np.int64)),
        "DATA_TOO_SMALL",
        "positives to train",
    ),
    "every row is a fraud": (
        with_column(SMALL, "Class", np.ones(2_000, np.int64)),
        "DATA_TOO_SMALL",
        "no fraud",
    ),
    "all rows lie at one instant": (
        with_column(SMALL, "Time", np.full(2_000, 7.0)),
        "DATA_TOO_SMALL",
        "all rows lie at one instant",
    ),
    "times lie in the future": (
        with_column(SMALL, "Time", np.linspace(0, 1e9, 2_000)),
        "TIME_RANGE",
        "into the future",
    ),
}


@pytest.mark.parametrize("fault", list(BAD))
def test_a_table_that_cannot_teach_is_refused_and_nothing_is_registered(
    capsys, tmp_path, root, fault
):
    table, code, words = BAD[fault]
    said = train(capsys, tmp_path, root, table)
    assert said.code in {1, 2}
    assert code in said.err
    assert words in said.err
    # Nor a home folder: no row of it waits for anybody.
    assert not (tmp_path / "home").exists()


def test_where_every_row_is_refused_the_causes_are_said_and_the_rows_lie_in_quarantine(
    capsys, tmp_path, root
):
    table = with_column(SMALL, "Class", ["maybe"] * 2_000)
    said = train(capsys, tmp_path, root, table)
    assert said.code == 2
    assert "FIELD_VALUE" in said.err
    assert "the label Class cannot be read in too many rows" in said.err
    assert '2,000 others in the first 2,000 rows: "maybe"' in said.err
    assert "longer history" not in said.err
    listed = crivo(
        capsys, "quarantine", "list", "--limit", "3", "--json", "--home", tmp_path / "home"
    )
    found = json.loads(listed.out)
    assert found["counts"] == {"FIELD_VALUE": 2_000}
    assert [row["row_number"] for row in found["rows"]] == [1, 2, 3]
    assert {(row["field"], row["found"]) for row in found["rows"]} == {("Class", '"maybe"')}


@pytest.mark.parametrize("written", ["as numbers", "as texts"])
@pytest.mark.parametrize("odd", [20, 21])
def test_an_input_that_is_infinite_beyond_a_slip_is_refused_by_its_name(
    capsys, tmp_path, root, odd, written
):
    """A hundredth of the rows may hold what is no finite number; they are counted."""
    values = SMALL["V7"].to_numpy().copy()
    values[:odd] = [np.inf, -np.inf] * (odd // 2) + [1e101] * (odd % 2)
    column = values if written == "as numbers" else [str(each) for each in values]
    table = with_column(SMALL, "V7", column)
    path = write(table, tmp_path / "rows.parquet")
    mapping = parse_mapping(mapping_of(root, "ulb").read_text(), name="ulb.toml")
    kept: list[QuarantinedRow] = []
    if odd == 20:
        found = dataset_of_table(FileReader(path), mapping, progress=quiet, keep=kept.extend)
        assert len(found) == 2_000 - odd
        assert found.left_out["FIELD_TYPE"] == odd
        assert np.isfinite(found.vectors).all()
    else:
        with pytest.raises(Refused) as refusal:
            dataset_of_table(FileReader(path), mapping, progress=quiet, keep=kept.extend)
        said = refusal.value
        assert (said.code, said.context["field"]) == (Code.FIELD_TYPE, "V7")
        assert "21 others in the first 2,000 rows" in said.context["found"]
    assert [row.row_number for row in kept] == list(range(1, odd + 1))


def test_where_every_row_of_a_few_is_refused_the_causes_are_said(capsys, tmp_path, root):
    table = with_column(SMALL.slice(0, 10), "Class", ["maybe"] * 10)
    said = train(capsys, tmp_path, root, table)
    assert said.code == 2
    assert "DATA_TOO_SMALL" in said.err
    assert "10 FIELD_VALUE" in said.err
    assert "longer history" not in said.err


#: What stands in so many of a column's cells, the code and what is said of it.
UNREADABLE = {
    "a negative weight": ("weight", [-1.0] * 21, Code.FIELD_VALUE, "-1.0"),
    "no weight": ("weight", [None] * 21, Code.FIELD_VALUE, "nothing"),
    "a time that is none": ("Time", ["noon"] * 21, Code.TIME_INVALID, '"noon"'),
    "an amount below 0": ("Amount", [-3.0] * 21, Code.AMOUNT_INVALID, "-3.0"),
    "nobody": ("V1", [None] * 21, Code.FIELD_MISSING, "nothing"),
    "a label of another table": ("Class", ["2"] * 21, Code.FIELD_VALUE, '"2"'),
}


@pytest.mark.parametrize("fault", list(UNREADABLE))
@pytest.mark.parametrize("is_beyond", [False, True])
def test_a_column_that_cannot_be_read_beyond_a_slip_is_refused_with_what_it_holds(
    tmp_path, root, fault, is_beyond
):
    column, cells, code, found = UNREADABLE[fault]
    cells = cells if is_beyond else cells[:10]
    text = mapping_of(root, "ulb").read_text()
    if fault == "nobody":
        text = text.replace("V1..V28", "V2..V28") + '\n[entity]\ncolumn = "V1"\n'
    mapping = parse_mapping(text, name="ulb.toml")
    values = SMALL[column].to_pylist()
    if isinstance(cells[0], str):
        values = [str(each) for each in values]
    elif fault == "nobody":
        values = [str(number % 7) for number in range(2_000)]
    # The last rows: a table is judged by all that it holds.
    values[-len(cells) :] = cells
    reader = FileReader(write(with_column(SMALL, column, values), tmp_path / "rows.parquet"))
    kept: list[QuarantinedRow] = []
    if not is_beyond:
        read = dataset_of_table(reader, mapping, progress=quiet, keep=kept.extend)
        assert len(read) == 2_000 - 10
        assert len(kept) == read.left_out[code] == 10
        return
    with pytest.raises(Refused) as refusal:
        dataset_of_table(reader, mapping, progress=quiet, keep=kept.extend)
    said = refusal.value
    assert (said.code, said.context["field"]) == (code, column)
    assert said.context["found"] == f"21 others in the first 2,000 rows: {found}"
    assert said.hint
    assert len(kept) == 21


def test_labels_that_hide_most_frauds_are_refused_where_they_are_few_among_all_rows(tmp_path, root):
    """Three of four frauds are called 2, which is neither fraud nor none: far below a hundredth."""
    table = ulb(12_000)
    labels = table["Class"].to_numpy().astype(np.int64)
    frauds = np.flatnonzero(labels)[:48]
    labels[:] = 0
    labels[frauds[:12]], labels[frauds[12:]] = 1, 2
    assert len(frauds) == 48 < 12_000 // 100
    mapping = parse_mapping(mapping_of(root, "ulb").read_text(), name="ulb.toml")
    path = write(with_column(table, "Class", labels), tmp_path / "rows.parquet")
    with pytest.raises(Refused) as refusal:
        dataset_of_table(FileReader(path), mapping, progress=quiet)
    said = refusal.value
    assert (said.code, said.context["field"]) == (Code.FIELD_VALUE, "Class")
    assert said.context["found"] == "36 others in the first 12,000 rows: 2"
    assert "10 rows beside 12 that are called fraud" in said.context["expected"]


def test_amounts_of_few_digits_are_rounded_to_the_centavo(tmp_path, root):
    table = ulb(200)
    given = table["Amount"].to_numpy()
    coarse = given.astype(np.float32).astype(np.float64)
    assert (np.abs(coarse - given) > 1e-7).any()
    path = write(with_column(table, "Amount", coarse), tmp_path / "rows.parquet")
    mapping = parse_mapping(mapping_of(root, "ulb").read_text(), name="ulb.toml")
    found = dataset_of_table(FileReader(path), mapping, progress=quiet)
    assert sorted(found.amounts) == sorted(np.rint(given * 100).astype(np.int64))


@pytest.mark.parametrize(
    ("option", "allowed"), [("--resampling", "smote"), ("--calibrator", "isotonic")]
)
def test_a_word_that_is_no_option_is_refused_with_those_that_are(
    capsys, tmp_path, root, option, allowed
):
    said = train(capsys, tmp_path, root, SMALL, option, "magic")
    assert said.code == 2
    assert allowed in said.err


def test_columns_that_the_mapping_ignores_are_not_read(tmp_path, root):
    text = mapping_of(root, "ulb").read_text()
    mapping = parse_mapping(text.replace('"time_exact"]', '"Answer", "N1..N2"]'), name="ulb.toml")
    extra = SMALL.append_column("Answer", SMALL["Class"]).append_column("N2", SMALL["V1"])
    found = [
        dataset_of_table(FileReader(write(table, tmp_path / name)), mapping, progress=quiet)
        for table, name in ((SMALL, "a.parquet"), (extra, "b.parquet"))
    ]
    assert found[0].hash == found[1].hash


def test_a_label_that_is_not_known_yet_teaches_nothing(tmp_path, root):
    text = mapping_of(root, "ulb").read_text()
    late = text.replace("positive = 1", "positive = 1\nknown_after_days = 1")
    mapping = parse_mapping(late, name="ulb.toml")
    reader = FileReader(write(SMALL, tmp_path / "rows.parquet"))
    whole = dataset_of_table(reader, mapping, progress=quiet)
    now = int(whole.occurred_at[-1])
    found = dataset_of_table(reader, mapping, progress=quiet, now=now)
    assert len(found) == (whole.occurred_at + DAY <= now).sum() > 500
    assert found.left_out["immature"] == len(whole) - len(found)
    assert found.labels_as_of <= now


@pytest.mark.slow
def test_a_model_of_which_one_byte_is_another_is_refused_and_the_champion_stays(
    capsys, tmp_path, root
):
    said = train(capsys, tmp_path, root, ulb(4_000))
    assert said.code == 0, said.err
    home = tmp_path / "home"
    champion = (home / "models" / "champion.json").read_bytes()
    model = json.loads(said.out)["model"]
    file = home / "models" / model / "threshold.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    said = crivo(capsys, "models", "promote", model, "--approved-by", "Ana", "--home", home)
    assert (said.code, Code.ARTIFACT_INVALID in said.err) == (2, True)
    assert (home / "models" / "champion.json").read_bytes() == champion
