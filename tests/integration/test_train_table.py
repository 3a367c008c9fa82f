"""Training on ready rows, from a file to a promoted model."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Code, Refused
from crivo.flows.aliases import Alias, aliases_of
from crivo.flows.mapping import parse_mapping
from crivo.flows.promote import load_champion, promote
from crivo.flows.tracker import TrackedRun, TrainingRun
from crivo.flows.train import TableTraining, TrainResult, train_from_table
from crivo.flows.training_rows import dataset_of_table
from crivo.flows.training_run import Environment
from crivo.model.artifact import ArtifactKind, save_artifact
from crivo.model.judged import load_judged
from crivo.model.scorer import Scorer
from tests.unit.model.worlds import SMALL

pytestmark = pytest.mark.slow

MAPPING = """
source = "small"
kind = "rows"
[time]
column = "when"
unit = "seconds"
epoch = "2020-01-01"
[features]
columns = ["V1..V3", "Amount"]
[label]
column = "fraud"
[weight]
column = "weight"
"""


class NotingTracker:
    """Keeps the runs in a list: the port without a store."""

    def __init__(self) -> None:
        self.runs: list[TrainingRun] = []

    def record(self, run: TrainingRun) -> TrackedRun:
        self.runs.append(run)
        return TrackedRun(run_id=str(len(self.runs)), version="1", location="memory")

    def mark(self, aliases: Mapping[str, str], *, tags: Mapping[str, str], card: str):
        return frozenset(aliases)


def ignore(stage: str, done: int, total: int) -> None:
    assert 0 <= done <= total, stage


def write_rows(path: Path, rows: int = 8_000) -> Path:
    generator = np.random.default_rng(11)
    inputs = np.round(generator.normal(size=(rows, 4)), 6)
    fraud = generator.random(rows) < 1 / (1 + np.exp(5 - 2 * inputs[:, 0] - inputs[:, 3]))
    times = generator.permutation(rows)  # a file need not be in order
    lines = ["when,V1,V2,V3,Amount,fraud,weight"]
    for place in range(rows):
        cells = [str(value) for value in inputs[place]]
        if place % 10 == 0:
            cells[1] = ""
        lines.append(f"{times[place]},{','.join(cells)},{int(fraud[place])},{1 + place % 3}.5")
    lines[5] = "4,abc,0,0,0,0,1"
    lines[6] = "5,0,0,0,0,0,-1"
    lines[7] = "yesterday,0,0,0,0,0,1"
    path.write_text("\n".join(lines) + "\n")
    return path


def train_small(folder: Path, table: Path, tracker: NotingTracker | None = None) -> TrainResult:
    return train_from_table(
        FileReader(table),
        parse_mapping(MAPPING, name="small.toml"),
        tracker=NotingTracker() if tracker is None else tracker,
        models_folder=folder / "models",
        judged_folder=folder / "judged",
        networks_folder=folder / "networks",
        options=TableTraining(
            learner=SMALL, environment=Environment("abc", "def", "numpy==2.4.0\n")
        ),
        progress=ignore,
    )


def test_a_file_becomes_a_model_of_rows_that_can_be_promoted(tmp_path):
    tracker = NotingTracker()
    result = train_small(tmp_path, write_rows(tmp_path / "rows.csv"), tracker)
    promote(tmp_path / "models", result.artifact.hash, promoted_at=1_600_000_000_000_000)
    champion = load_champion(tmp_path / "models")
    assert champion.kind is ArtifactKind.ROWS
    assert champion.input_names == ("V1", "V2", "V3", "Amount")
    assert champion.plan_hash == ""
    _, score = Scorer(champion).score_one(np.array([4.0, np.nan, 0.0, 3.0]), plan_hash="")
    _, other = Scorer(champion).score_one(np.array([-4.0, np.nan, 0.0, -3.0]), plan_hash="")
    assert score > 300_000_000
    assert other < 10_000_000
    assert [row["model"] for row in result.table()] == ["lightgbm", "logistic", "only V1"]
    judged = load_judged(tmp_path / "judged", champion.metadata["judged"])
    assert judged.labels.sum() == result.split.positives_test
    assert aliases_of(tmp_path / "models")[Alias.CANDIDATE] == champion.hash
    # Plain rows have no amounts, so nothing can be weighed against a fraud.
    assert result.proposal is None
    (run,) = tracker.runs
    assert run.tags["dataset_hash"] == champion.metadata["data"]["hash"]
    assert (run.tags["code_revision"], run.tags["environment_lock_hash"]) == ("abc", "def")
    installed = run.texts["environment.txt"].encode()
    assert run.tags["environment_hash"] == hashlib.sha256(installed).hexdigest()
    assert run.data.hash == run.tags["dataset_hash"]
    assert run.data.inputs == champion.input_names
    assert tuple(run.example) == champion.input_names
    assert json.loads(run.texts["signature.json"]) == champion.signature
    plots = [name for name in run.texts if name.endswith(".svg")]
    assert len(plots) == 3
    assert all(ElementTree.fromstring(run.texts[name]).tag.endswith("svg") for name in plots)
    for model, metrics in result.metrics.items():
        for metric in metrics:
            name = f"{model}/{metric.name}"
            ends = [run.metrics.get(f"{name}{end}") for end in (".low", "", ".high")]
            assert ends == [metric.low, metric.value, metric.high] or np.isnan(metric.value)
    assert run.metrics["lightgbm/average_precision.low"] < result.metrics["lightgbm"][0].value


def test_no_other_training_comes_between_the_rows_that_judged_and_their_model(
    tmp_path, monkeypatch
):
    """It would forget them, since no model names them yet."""
    asked = []

    def save(folder, artifact):
        with (tmp_path / ".judged.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        asked.append(sorted((tmp_path / "judged").glob("*.npz")))
        return save_artifact(folder, artifact)

    monkeypatch.setattr("crivo.flows.train.save_artifact", save)
    result = train_small(tmp_path, write_rows(tmp_path / "rows.csv"))
    ((kept,),) = asked
    assert kept.stem == result.artifact.metadata["judged"]


def test_rows_come_in_time_order_and_bad_ones_are_counted_by_cause(tmp_path):
    reader = FileReader(write_rows(tmp_path / "rows.csv"))
    dataset = dataset_of_table(reader, parse_mapping(MAPPING, name="small.toml"), progress=ignore)
    assert (np.diff(dataset.occurred_at) >= 0).all()
    assert len(dataset) == 8_000 - 3
    assert {code: count for code, count in dataset.left_out.items() if count} == {
        Code.FIELD_TYPE: 1,
        Code.FIELD_VALUE: 1,
        Code.TIME_INVALID: 1,
    }
    assert np.isnan(dataset.vectors[:, 1]).sum() == 800
    assert set(dataset.weights) == {1.5, 2.5, 3.5}


def test_a_mapping_without_a_label_has_nothing_to_learn(tmp_path):
    mapping = msgspec.structs.replace(parse_mapping(MAPPING, name="small.toml"), label=None)
    with pytest.raises(Refused) as refusal:
        dataset_of_table(FileReader(write_rows(tmp_path / "rows.csv")), mapping, progress=ignore)
    assert refusal.value.code is Code.FIELD_MISSING


@pytest.mark.slow
def test_real_card_rows_are_ranked_as_well_as_measured_before(tmp_path, data, root):
    mapping = parse_mapping((root / "mappings" / "ulb.toml").read_text(), name="ulb.toml")
    result = train_from_table(
        FileReader(data / "ulb" / "ulb_subset.parquet"),
        mapping,
        tracker=NotingTracker(),
        models_folder=tmp_path,
        judged_folder=tmp_path / "judged",
        networks_folder=tmp_path / "networks",
        options=TableTraining(),
        progress=ignore,
    )
    champion = {metric.name: metric for metric in result.metrics["lightgbm"]}
    assert result.split.positives_test == 75
    # 75 positives: the interval is about ±0.08 around 0.80.
    assert champion["average_precision"].value > 0.72
    assert champion["auc"].value > 0.95
    names = [f"V{number}" for number in range(1, 29)]
    assert result.artifact.input_names == (*names, "Amount")
