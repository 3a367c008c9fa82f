"""What a job of Spark is told of its batches becomes metrics, and what its caller is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from crivo.adapters.spark.listener import WHOLE_BATCH, Progress, behind, instant, timed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.spark_telling import SparkResult, Telling
from crivo.domain.errors import Code, Unavailable

NOON = "2026-11-28T12:00:00.250Z"
FIRST = Progress(0, 300, 700, {WHOLE_BATCH: 9.0, "addBatch": 8.0})
SECOND = Progress(1, 500, 200, {WHOLE_BATCH: 3.0, "addBatch": 2.0}, instant(NOON))


def meant(text):
    """What a text of Spark's means."""
    return Unavailable(Code.LOG_UNAVAILABLE, text)


def test_a_failure_is_counted_by_its_code_and_one_that_did_not_happen_is_not():
    metrics = Metrics()
    telling = Telling(metrics, SparkResult(), meant)
    assert "crivo_spark_failures_total{" not in metrics.render().decode()
    telling.failed("brokers are away")
    told = metrics.render().decode().splitlines()
    assert 'crivo_spark_failures_total{code="LOG_UNAVAILABLE"} 1.0' in told


def test_batches_add_up_and_the_first_is_told_apart():
    metrics, result = Metrics(), SparkResult()
    telling = Telling(metrics, result, meant)
    telling.batch(FIRST)
    assert result.watermark == 0.0
    assert "crivo_spark_watermark_timestamp_seconds 1" not in metrics.render().decode()
    telling.batch(SECOND)
    assert result.watermark == datetime(2026, 11, 28, 12, 0, 0, 250_000, UTC).timestamp()
    telling.took("decide", 0.5)
    telling.made(published=310, foreign=2)
    telling.made(published=40, foreign=0)
    telling.unkept("FILE_UNWRITABLE: no room")
    assert (result.batches, result.records) == (2, 800)
    assert (result.published, result.foreign, result.unkept) == (350, 2, 1)
    assert (result.first_records, result.first_seconds) == (300, 9.0)
    assert result.seconds == {WHOLE_BATCH: 12.0, "addBatch": 10.0, "decide": 0.5}
    text = metrics.render().decode()
    for line in (
        "crivo_spark_batches_total 2.0",
        "crivo_spark_records_total 800.0",
        "crivo_spark_lag_records 200.0",
        "crivo_spark_watermark_timestamp_seconds 1.79586720025e+09",
        "crivo_spark_published_records_total 350.0",
        "crivo_spark_foreign_records_total 2.0",
        "crivo_snapshot_failures_total 1.0",
        'crivo_spark_seconds_total{stage="decide"} 0.5',
        f'crivo_spark_seconds_total{{stage="{WHOLE_BATCH}"}} 12.0',
    ):
        assert line in text.splitlines()


def test_a_watermark_in_a_year_that_python_does_not_count_is_none():
    """What a forged record left in a checkpoint silences no batch that follows."""
    assert instant("+294247-01-10T04:00:54.775Z") == 0.0
    assert instant(None) == 0.0
    # Sabotage: one that can be read is told.
    assert instant(NOON) > 0


def test_a_stage_that_fails_is_no_figure():
    result = SparkResult()
    telling = Telling(Metrics(), result, meant)
    with timed(telling, "bronze"):
        pass
    with pytest.raises(ZeroDivisionError), timed(telling, "refine"):
        _ = 1 / 0
    assert result.seconds.keys() == {"bronze"}


@pytest.mark.parametrize(
    ("end", "latest", "lag"),
    [
        (None, None, 0),
        (json.dumps({"t": {"0": 3}}), None, 0),
        (json.dumps({"t": {"0": 3}}), json.dumps({"t": {"0": 3}}), 0),
        (json.dumps({"t": {"0": 3, "1": 1}}), json.dumps({"t": {"0": 5, "1": 1}}), 2),
        (json.dumps({"t": {"0": 3}}), json.dumps({"t": {"0": 3, "1": 4}, "u": {"0": 2}}), 6),
    ],
)
def test_what_lies_behind_a_batch_is_counted_partition_by_partition(end, latest, lag):
    assert behind(end, latest) == lag


def test_nothing_lies_behind_a_batch_for_which_spark_asked_for_no_latest_offset():
    """PySpark tells the null of a batch that is run again as a text."""
    assert behind(json.dumps({"t": {"0": 3}}), "None") == 0
    # Sabotage: what is no text of offsets fails.
    with pytest.raises(json.JSONDecodeError):
        behind(json.dumps({"t": {"0": 3}}), "nothing")
