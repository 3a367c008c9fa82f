"""The tracker on a real SQLite store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from crivo.adapters.mlflow.tracker import MlflowTracker
from crivo.domain.errors import Code, Unavailable
from crivo.flows.tracker import TrackedData, TrainingRun
from crivo.model.files import held_alone


def run_of(folder: Path, precision: float) -> TrainingRun:
    return TrainingRun(
        name="log 2026-09-01T00:00:00Z",
        params={"trees": "30"},
        metrics={"lightgbm/average_precision": precision},
        tags={"artifact_hash": "a" * 64, "log_cut": "12"},
        folder=folder,
        data=TrackedData("log", "d" * 64, 10, ("a", "b"), 12, "2026-09-01T00:00:00Z"),
    )


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.mark.slow
def test_a_run_is_kept_and_the_newest_version_is_the_candidate(tmp_path, artifact):
    tracker = MlflowTracker(tmp_path / "mlflow")
    environment = dict(os.environ)
    first = tracker.record(run_of(artifact, 0.5))
    second = tracker.record(run_of(artifact, 0.7))
    assert (first.version, second.version) == ("1", "2")
    assert dict(os.environ) == environment
    with sqlite3.connect(tmp_path / "mlflow" / "mlflow.db") as store:
        metrics = dict(store.execute("SELECT run_uuid, value FROM latest_metrics").fetchall())
        aliases = store.execute("SELECT alias, version FROM registered_model_aliases").fetchall()
        tags = dict(
            store.execute(
                "SELECT key, value FROM tags WHERE run_uuid = ?", (second.run_id,)
            ).fetchall()
        )
        (dataset,) = store.execute(
            "SELECT name, digest, dataset_source, dataset_schema, dataset_profile FROM datasets"
        ).fetchall()
        inputs = store.execute("SELECT destination_id FROM inputs").fetchall()
    store.close()
    # Both runs learnt from the same rows, so there is one data set with two uses.
    assert dataset[:2] == ("log", "d" * 36)
    assert json.loads(dataset[2]) == {"log_cut": 12, "labels_as_of": "2026-09-01T00:00:00Z"}
    assert [each["name"] for each in json.loads(dataset[3])["mlflow_colspec"]] == ["a", "b"]
    assert json.loads(dataset[4])["hash"] == "d" * 64
    assert {run_id for (run_id,) in inputs} == {first.run_id, second.run_id}
    assert metrics == {first.run_id: 0.5, second.run_id: 0.7}
    assert aliases == [("candidate", 2)]
    assert tags["log_cut"] == "12"
    copies = list((tmp_path / "mlflow" / "artifacts" / second.run_id).rglob("manifest.json"))
    assert len(copies) == 1


RECORDS = """
import sys
from pathlib import Path
from crivo.adapters.mlflow.tracker import MlflowTracker
from tests.integration.test_mlflow_tracker import run_of

import mlflow  # before the others are waited for, since it takes long

store, artifact, number, count = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
(artifact.parent / f"ready{number}").touch()
while len(list(artifact.parent.glob("ready*"))) < count:
    pass
print(MlflowTracker(store).record(run_of(artifact, number / 10)).version)
"""


@pytest.mark.slow
def test_trainings_that_begin_a_store_at_once_make_one_and_are_all_kept(tmp_path, artifact, root):
    count = 3
    made = [
        subprocess.Popen(
            [sys.executable, "-c", RECORDS, tmp_path / "store", artifact, str(each), str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for each in range(count)
    ]
    said = [process.communicate(timeout=300) for process in made]
    assert [process.returncode for process in made] == [0] * count, said
    assert {out.strip() for out, _ in said} == {"1", "2", "3"}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["check", "mark"])
def test_whoever_promotes_waits_until_a_training_has_made_the_store(tmp_path, artifact, what):
    folder = tmp_path / "mlflow"
    tracker = MlflowTracker(folder)
    tracker.record(run_of(artifact, 0.5))
    done = threading.Event()

    def ask():
        if what == "check":
            tracker.check()
        else:
            tracker.mark({"champion": "a" * 64}, tags={}, card="")
        done.set()

    asking = threading.Thread(target=ask)
    # As a training does while its store has a file and not all its tables yet.
    with held_alone(folder):
        asking.start()
        assert not done.wait(1.0)
    asking.join()
    assert done.is_set()


@pytest.mark.slow
def test_aliases_name_the_newest_version_of_their_artifact_and_the_card_lies_with_its_run(
    tmp_path, artifact
):
    tracker = MlflowTracker(tmp_path / "mlflow")
    runs = [
        tracker.record(replace(run_of(artifact, 0.5), tags={"artifact_hash": hash_ * 64}))
        for hash_ in "abab"
    ]
    wanted = {"champion": "a" * 64, "previous": "b" * 64, "staging": "c" * 64}
    known = tracker.mark(wanted, tags={"approved_by": "Ana"}, card="# A card")
    assert known == {"champion", "previous"}
    with sqlite3.connect(tmp_path / "mlflow" / "mlflow.db") as store:
        aliases = dict(store.execute("SELECT alias, version FROM registered_model_aliases"))
        tags = store.execute(
            "SELECT version, value FROM model_version_tags WHERE key = 'approved_by'"
        )
        assert tags.fetchall() == [(3, "Ana")]
    store.close()
    assert aliases == {"candidate": 4, "champion": 3, "previous": 4}
    cards = list((tmp_path / "mlflow" / "artifacts").rglob("card.md"))
    assert [card.read_text() for card in cards] == ["# A card"]
    assert runs[2].run_id in str(cards[0])


def test_where_nothing_was_recorded_there_is_nothing_to_mark(tmp_path):
    tracker = MlflowTracker(tmp_path / "mlflow")
    assert tracker.mark({"champion": "a" * 64}, tags={}, card="") == frozenset()
    assert not (tmp_path / "mlflow").exists()


def test_a_store_that_cannot_be_written_is_said_to_be(tmp_path, artifact):
    (tmp_path / "mlflow").write_text("a file stands where the folder should")
    with pytest.raises(Unavailable) as refusal:
        MlflowTracker(tmp_path / "mlflow").record(run_of(artifact, 0.5))
    assert refusal.value.code is Code.FILE_UNWRITABLE


RECORD_WITHOUT_A_NETWORK = """
import json, socket, sys
from pathlib import Path
reached = []
def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:
        reached.append(repr(address))
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
from crivo.adapters.mlflow.tracker import MlflowTracker
from crivo.flows.tracker import TrackedData, TrainingRun
assert "mlflow" not in sys.modules, "imported before use"
MlflowTracker(Path(sys.argv[1])).record(
    TrainingRun(
        name="x", params={}, metrics={}, tags={}, folder=Path(sys.argv[2]),
        data=TrackedData("log", "d" * 64, 1, ("a",), 1, "2026-09-01T00:00:00Z"),
    )
)
print(json.dumps(reached))
"""


@pytest.mark.slow
def test_nothing_leaves_the_machine_and_mlflow_is_imported_at_use(tmp_path, artifact):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "PYTEST_CURRENT_TEST", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    }
    done = subprocess.run(
        [sys.executable, "-c", RECORD_WITHOUT_A_NETWORK, str(tmp_path / "m"), str(artifact)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert json.loads(done.stdout) == []
    assert done.stderr == ""


@pytest.mark.slow
def test_a_store_elsewhere_keeps_the_runs_and_the_folder_stays_empty(
    tmp_path, artifact, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # where MLflow puts the artifacts of a store that names no place
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    tracker = MlflowTracker(tmp_path / "mlflow", url=url)
    kept = tracker.record(run_of(artifact, 0.5))
    assert kept.location == url
    assert tracker.mark({"champion": "a" * 64}, tags={}, card="") == {"champion"}
    assert not (tmp_path / "mlflow").exists()


@pytest.mark.slow
def test_a_server_that_is_not_there_is_said_soon(tmp_path, artifact):
    tracker = MlflowTracker(tmp_path / "mlflow", url="http://127.0.0.1:9")
    with pytest.raises(Unavailable) as refusal:
        tracker.record(run_of(artifact, 0.5))
    assert refusal.value.code is Code.FILE_UNWRITABLE
    assert refusal.value.context["folder"] == "http://127.0.0.1:9"
