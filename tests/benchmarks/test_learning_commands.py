"""Each figure of learning has one command, and it measures what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import (
    harness,
    learning,
    learning_boosters,
    learning_choose,
    learning_handbook,
    learning_handbook_long,
    learning_resampling,
    learning_settings,
    learning_ulb,
)
from benchmarks.harness import Setting
from benchmarks.learn import data, handbook, training, ulb
from crivo.adapters.files.reader import FileReader
from crivo.domain.instant import DAY
from crivo.flows.train import ROWS_SPLIT
from crivo.flows.training_rows import dataset_of_table
from crivo.model.booster import BoosterOptions
from crivo.model.learner import Method
from crivo.model.prequential import FoldOptions, earlier
from crivo.model.split import split_by_time
from tests.unit.model.worlds import labelled

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")
SMALL = BoosterOptions(trees=20, leaves=4, threads=1)


def test_learning_runs_or_names_every_benchmark_of_learning():
    every = {table.__name__.rpartition(".")[2] for table in (*learning.TABLES, *learning.LONGER)}
    assert every == {name for name in harness.names() if name.startswith("learning_")}


@pytest.mark.slow
def test_settings_are_compared_on_time_before_the_reported_test():
    dataset = replace(labelled(rows=3_000, offset=-3.5), label_delay=0)
    folds = learning_settings.earlier_folds(dataset)
    assert len(folds) == learning_settings.FOLDS
    assert folds[-1].test_end == split_by_time(dataset, ROWS_SPLIT).test_start
    # What the test holds changes nothing.
    moved = ({"trees": 5},)
    rows = list(learning_settings.compared(SETTING, dataset, folds, moved, SMALL))
    late = dataset.occurred_at >= folds[-1].test_end
    spoilt = replace(dataset, vectors=np.where(late[:, None], 0.0, dataset.vectors))
    again = list(learning_settings.compared(SETTING, spoilt, folds, moved, SMALL))
    assert [row.found for row in again] == [row.found for row in rows]
    figures = {row.what: row.found for row in rows}
    name = "ULB, earlier tenths, trees 5, AP"
    usual = figures["ULB, earlier tenths, the defaults, AP"]
    assert figures[f"{name}, more than the defaults"] == pytest.approx(figures[name] - usual)
    assert figures[f"{name}, more, standard error"] > 0


@pytest.mark.slow
def test_the_long_trainings_configuration_is_chosen_on_weeks_before_the_reported_ones():
    dataset = labelled(rows=6_000, offset=-3.5)
    end = int(dataset.occurred_at.max()) + 1
    reported = FoldOptions(end=end, folds=2, train=30 * DAY, compromised_days=None)
    weeks = earlier(reported)
    tried = (replace(SMALL, trees=1), SMALL)
    place, means = learning_handbook_long.chosen(dataset, weeks, tried)
    assert means[place] == max(means)
    # Whatever is best, whichever its place.
    other, turned = learning_handbook_long.chosen(dataset, weeks, tried[::-1])
    assert (other, turned) == (1 - place, means[::-1])
    # What the reported weeks hold changes nothing; what the earlier ones hold does.
    late = dataset.occurred_at >= weeks.end
    spoilt = replace(dataset, vectors=np.where(late[:, None], 0.0, dataset.vectors))
    assert learning_handbook_long.chosen(spoilt, weeks, tried) == (place, means)
    spoilt = replace(dataset, vectors=np.where(late[:, None], dataset.vectors, 0.0))
    assert learning_handbook_long.chosen(spoilt, weeks, tried)[1] != means


def test_the_weeks_that_choose_for_the_long_training_were_known_before_the_first_reported_one():
    weeks = learning_handbook_long.earlier_folds()
    first_reported = handbook.PROTOCOL.end - handbook.PROTOCOL.folds * handbook.PROTOCOL.test
    assert weeks.end + handbook.LABEL_DELAY <= first_reported
    begins = weeks.end - weeks.folds * weeks.test - weeks.delay - weeks.train
    assert begins >= handbook.FIRST_DAY
    assert weeks.train > 11 * 7 * DAY
    assert len(learning_handbook_long.TRIED) == len(set(learning_handbook_long.TRIED))


@pytest.mark.slow
def test_the_training_that_is_timed_is_crivos_own_of_the_rows_that_it_says(tmp_path):
    table = training.written(tmp_path / "rows.parquet", 9_000)
    dataset = dataset_of_table(FileReader(table), training.mapping(), progress=lambda *_: None)
    vectors, labels = training.drawn(9_000)
    assert dataset.vectors.tobytes() == vectors.tobytes()
    assert (dataset.labels() == labels).all()
    assert len(dataset.names) == training.FEATURES
    assert 0.005 < labels.mean() < 0.02
    # A regression goes the same way as the forests, in a tenth of the time.
    taken = training.trained(9_000, method=Method.LOGISTIC)
    assert min(taken.reading, taken.fitting, taken.keeping) > 0
    assert taken.whole == pytest.approx(taken.reading + taken.fitting + taken.keeping)
    assert taken.model == training.trained(9_000, method=Method.LOGISTIC).model


FROM_ELSEWHERE = {
    learning_boosters: handbook.FILE,
    learning_choose: handbook.FILE,
    learning_handbook: handbook.FILE,
    learning_handbook_long: handbook.FILE,
    learning_resampling: ulb.FILE,
    learning_settings: ulb.FILE,
    learning_ulb: ulb.FILE,
}


@pytest.mark.parametrize("said", ["an empty folder", "nothing"])
@pytest.mark.parametrize("table", list(FROM_ELSEWHERE), ids=lambda table: table.__name__)
def test_a_table_whose_data_is_not_there_says_so_in_a_row(monkeypatch, tmp_path, table, said):
    monkeypatch.chdir(tmp_path)
    if said == "nothing":
        monkeypatch.delenv("CRIVO_DATA", raising=False)
    else:
        monkeypatch.setenv("CRIVO_DATA", str(tmp_path))
    (row,) = table.run(SETTING)
    assert row.what.startswith(table.__doc__.splitlines()[0])
    assert f"(not run: set CRIVO_DATA to the folder that holds {FROM_ELSEWHERE[table]}" in row.what
    assert (row.found, row.holds, row.runs) == (None, None, 0)


def test_every_table_that_reads_data_from_elsewhere_is_asked_without_it():
    """One that is new is found by what it imports."""
    readers = {
        table
        for table in (*learning.TABLES, *learning.LONGER)
        if {"handbook_dataset", "ulb_dataset"} & set(vars(table))
    }
    assert readers == set(FROM_ELSEWHERE)


def test_sabotage_a_file_that_is_there_is_not_called_lacking(monkeypatch, tmp_path):
    monkeypatch.setenv("CRIVO_DATA", str(tmp_path))
    path = tmp_path / ulb.FILE
    path.parent.mkdir()
    path.write_bytes(b"")
    assert data.absent(SETTING, "A table.", [ulb.FILE]) is None
    lacks = data.absent(SETTING, "A table.", [ulb.FILE, handbook.FILE])
    assert lacks is not None
    assert handbook.FILE in lacks.what
    assert ulb.FILE not in lacks.what
