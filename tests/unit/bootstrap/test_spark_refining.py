"""A job of Spark refines once in so many batches, beside those that follow where it may."""

from __future__ import annotations

import threading

import pytest

from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap import spark_lake
from crivo.bootstrap.spark_lake import AWAITED, Refining
from crivo.bootstrap.spark_telling import SparkResult, Telling
from crivo.domain.errors import Code, Unavailable, Unfit
from crivo.flows.gold import QUALITY
from crivo.flows.refine import Refinery
from crivo.flows.silver import silver_tables
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE
from crivo.settings import load_settings
from tests.lake.lakes import Rows, clear, lake_at, log_rows, quiet

SECONDS_MAX = 30


class Works:
    """What refines, which notes its batches, and waits until it is let go on."""

    def __init__(self):
        self.batches = []
        self.may_end = threading.Event()

    def __call__(self, batch):
        assert self.may_end.wait(SECONDS_MAX)
        self.batches.append(batch)


@pytest.fixture
def works():
    made = Works()
    yield made
    made.may_end.set()


def meant(text):
    """What a text of Spark's means."""
    return Unavailable(Code.LOG_UNAVAILABLE, text)


def refining(works, every, *, is_beside):
    """What a job has, and what it is told."""
    result = SparkResult()
    told = Telling(Metrics(), result, meant)
    return Refining(works, every, is_beside=is_beside, told=told), result


def test_batches_go_on_while_days_are_refined_and_the_end_waits_for_all(works):
    made, result = refining(works, 2, is_beside=True)
    for batch in range(3):
        made(batch)
    assert works.batches == [], "the second batch began it, and the third did not wait"
    works.may_end.set()
    made(3)
    made.end(4)
    assert works.batches == [1, 3, 4]
    assert result.seconds.keys() == {"refine", AWAITED}


def test_one_refining_waits_for_the_other(works):
    made, _ = refining(works, 1, is_beside=True)
    made(0)
    second = threading.Thread(target=made, args=(1,))
    second.start()
    second.join(0.2)
    assert second.is_alive() and works.batches == []
    works.may_end.set()
    second.join(SECONDS_MAX)
    made.wait()
    assert works.batches == [0, 1]


def test_where_sparks_own_processes_refine_the_next_batch_waits(works):
    works.may_end.set()
    made, _ = refining(works, 1, is_beside=False)
    made(0)
    assert works.batches == [0], "it was done when the batch ended"


@pytest.mark.parametrize("then", [lambda made: made(1), Refining.wait], ids=["next", "wait"])
def test_a_refining_that_fails_ends_the_job_at_the_next(then):
    made, result = refining(lambda batch: 1 / batch, 1, is_beside=True)
    made(0)
    with pytest.raises(ZeroDivisionError):
        then(made)
    assert result.seconds == {}
    # It is raised once: who goes on refines again.
    made(1)
    made.wait()
    assert result.seconds.keys() == {"refine"}


@pytest.mark.parametrize("lost", [0, 1])
def test_a_day_whose_rows_are_not_all_refined_is_not_written(monkeypatch, tmp_path, lost):
    """Law: on a cluster too each row of bronze becomes one of silver or of quarantine."""
    lake = lake_at(tmp_path / "lake")
    works = Refinery(lake, silver_tables(), gold_tables(), clear)
    works.append(Rows(log_rows(3, 40)), progress=quiet)
    bronze = lake.open(BRONZE).read()
    settings = load_settings({"CRIVO_HOME": str(tmp_path / "home")})
    whole = spark_lake.refine_rows

    def lossy(rows, tables, opener):
        found = dict(whole(rows, tables, opener))
        name = max(found, key=lambda each: found[each].num_rows)
        return {**found, name: found[name].slice(lost)}

    monkeypatch.setattr(spark_lake, "refine_rows", lossy)
    if not lost:
        assert spark_lake._refined(bronze, settings=settings)[QUALITY.name].num_rows
        return
    with pytest.raises(Unfit) as differs:
        spark_lake._refined(bronze, settings=settings)
    assert differs.value.code is Code.LAKE_DIFFERS
    assert (differs.value.context["expected"], differs.value.context["found"]) == (40, 39)
