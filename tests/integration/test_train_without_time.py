"""Rows without a time train a model that serves, and nothing says that time was kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import Names, compare_models, promote_model
from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code, Unfit
from crivo.flows.mapping import parse_mapping
from crivo.flows.promote import load_champion
from crivo.flows.training_rows import dataset_of_table
from crivo.governance.gates import Gate, Verdict
from crivo.model.artifact import load_artifact
from crivo.model.judged import load_judged
from crivo.model.leak import Sign
from tests.e2e.homes import KEY, settings_of
from tests.integration.calling import called
from tests.integration.commands import Said, crivo

MAPPING = """
source = "timeless"
kind = "rows"
[features]
columns = ["V1..V3"]
[amount]
column = "amount"
[label]
column = "fraud"
"""
IN_ORDER = MAPPING.replace('kind = "rows"', 'kind = "rows"\norder = "file"')
ROWS = 6_000


def write_rows(path: Path, *, seed: int = 11) -> Path:
    """Rows of which fraud is told by two inputs together; V3 is the row's number."""
    generator = np.random.default_rng(seed)
    inputs = np.round(generator.normal(size=(ROWS, 2)), 6)
    fraud = generator.random(ROWS) < np.where(inputs[:, 0] * inputs[:, 1] > 1.2, 0.5, 0.005)
    lines = ["V1,V2,V3,amount,fraud"]
    lines += [
        f"{one},{two},{place},{10 + place % 90},{int(is_fraud)}"
        for place, ((one, two), is_fraud) in enumerate(
            zip(inputs.tolist(), fraud.tolist(), strict=True)
        )
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def train(capsys, folder: Path, mapping: str, *options: object, seed: int = 11) -> Said:
    table = write_rows(folder / f"rows-{seed}.csv", seed=seed)
    described = folder / "mapping.toml"
    described.write_text(mapping)
    words = ("train", "--data", table, "--mapping", described, "--home", folder / "home")
    return crivo(capsys, *words, *options)


def test_without_a_time_the_rows_are_dealt_and_with_an_order_they_stay_as_they_are(tmp_path):
    table = write_rows(tmp_path / "rows.csv")
    drawn, in_order = (
        dataset_of_table(FileReader(table), parse_mapping(text, name="m"), progress=lambda *_: None)
        for text in (MAPPING, IN_ORDER)
    )
    np.testing.assert_array_equal(in_order.vectors[:, 2], np.arange(ROWS))
    assert not np.array_equal(drawn.vectors[:, 2], np.arange(ROWS))
    np.testing.assert_array_equal(np.sort(drawn.vectors[:, 2]), np.arange(ROWS))
    assert drawn.labels().sum() == in_order.labels().sum() > 100


@pytest.mark.slow
def test_a_model_of_rows_without_a_time_serves_and_says_that_no_split_by_time_was_possible(
    capsys, tmp_path
):
    said = train(capsys, tmp_path, MAPPING, "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["split"]["order"] == "drawn"
    assert made["proposal"] is None
    (gap,) = [each for each in made["leak"] if each["sign"] == Sign.GAP]
    assert gap["found"] is None
    assert gap["undecidable"].startswith("not known, as the rows have no time")
    settings = settings_of(tmp_path / "home")
    champion = load_champion(Paths(settings.home).models)
    card = (Paths(settings.home).cards / f"{champion.hash}.md").read_text()
    assert "* order: drawn, frauds and others alike: no split by time was possible" in card
    assert "undecided, accepted by gates.toml (leak.undecided.passes)" in card
    assert "1970-01-01" not in card
    assert "| month " not in card
    err = " ".join(said.err.split())
    assert "The gate leak is undecided" in err
    assert "has no figure, required not above 0.1. Not known, as the rows have no time" in err
    assert "too few" not in err.split("The gate leak is undecided")[1].split("let pass by")[0]
    with called(build_service(settings)) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        answer = caller.post("/predict", json={"V1": 3.0, "V2": 1.0, "V3": 7.0})
        assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_people_are_told_how_rows_without_a_time_were_split(capsys, tmp_path):
    said = train(capsys, tmp_path, MAPPING)
    assert said.code == 0, said.err
    text = " ".join((said.out + said.err).split())
    assert "On rows that were drawn, which no model saw" in text
    assert "no split by time was possible" in text
    assert "1970-01-01" not in text


@pytest.mark.slow
def test_trainings_of_one_table_are_judged_by_the_same_rows_whatever_their_seed(capsys, tmp_path):
    found = [json.loads(train(capsys, tmp_path, MAPPING, "--json", "--seed", seed).out)
             for seed in (1, 2)]  # fmt: skip
    settings = settings_of(tmp_path / "home")
    models = [load_artifact(Paths(settings.home).models / each["model"]) for each in found]
    assert models[0].hash != models[1].hash
    assert models[0].metadata["judged"] == models[1].metadata["judged"]
    # So the gate can compare them; a table of other rows deals anew.
    names = Names(approved_by="Ana")
    other = json.loads(train(capsys, tmp_path, MAPPING, "--json", seed=12).out)["model"]
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, other, names=names)
    assert refusal.value.context["gate"] == Gate.CHAMPION
    assert "rows that may have taught it" in refusal.value.message
    judgements = promote_model(
        settings, other, names=replace(names, unlike_accepted_by="Rui")
    ).judgements
    (against,) = [each for each in judgements if each.gate is Gate.CHAMPION]
    assert (against.verdict, against.accepted_by) == (Verdict.FAILS, "Rui")


@pytest.mark.slow
def test_rows_whose_order_stands_for_time_are_judged_by_the_last_of_the_file(capsys, tmp_path):
    said = train(capsys, tmp_path, IN_ORDER, "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["split"]["order"] == "file"
    settings = settings_of(tmp_path / "home")
    champion = load_champion(Paths(settings.home).models)
    judged = load_judged(Paths(settings.home).judged, champion.metadata["judged"])
    np.testing.assert_array_equal(judged.vectors[:, 2], np.arange(ROWS * 4 // 5, ROWS))
    (gap,) = [each for each in made["leak"] if each["sign"] == Sign.GAP]
    assert gap["found"] is not None
    text = " ".join(train(capsys, tmp_path, IN_ORDER).out.split())
    assert "On the last rows of the file" in text
    assert "by the order of the file, which stands for time" in text


def test_what_needs_a_time_is_refused_without_one(capsys, tmp_path):
    entity = MAPPING + '[entity]\ncolumn = "V3"\n'
    entity = entity.replace("V1..V3", "V1..V2")
    said = train(capsys, tmp_path, entity, "--without-compromised")
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True)
    assert "have no time" in " ".join(said.err.split())
    assert not list((tmp_path / "home").glob("models/*"))


@pytest.mark.slow
def test_two_extracts_of_one_stream_are_not_compared_by_their_places(capsys, tmp_path):
    """The first row of the second extract's test stands where the first extract learnt from it."""
    first = json.loads(train(capsys, tmp_path, IN_ORDER, "--json").out)["model"]
    header, *lines = (tmp_path / "rows-11.csv").read_text().splitlines()
    later = tmp_path / "later.csv"
    later.write_text("\n".join([header, *lines[1_500:]]) + "\n")
    words = ("train", "--data", later, "--mapping", tmp_path / "mapping.toml")
    made = crivo(capsys, *words, "--home", tmp_path / "home", "--json")
    second = json.loads(made.out)["model"]
    settings = settings_of(tmp_path / "home")
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, second, names=Names(approved_by="Ana"))
    assert "champion (average precision beside the champion's" in refusal.value.message
    assert "rows that may have taught it" in refusal.value.message
    # Nor does a comparison pass over it: who is judged by rows of another table says so.
    found = compare_models(settings, [first, second], reviews_per_day=10)
    assert found.judge == first
    assert found.may_have_learnt == [False, True]
    home = tmp_path / "home"
    told = json.loads(
        crivo(capsys, "models", "compare", first, second, "--home", home, "--json").out
    )
    assert [each["may_have_learnt"] for each in told] == [False, True]
    shown = " ".join(crivo(capsys, "models", "compare", first, second, "--home", home).out.split())
    assert "may have learnt" in shown
    same = compare_models(settings, [first, first], reviews_per_day=10)
    assert same.may_have_learnt == [False, False]
