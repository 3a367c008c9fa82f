"""What a process of Spark's makes of a batch without a next event: it keeps how far it was."""

from __future__ import annotations

import pyarrow as pa
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import record_of
from crivo.adapters.spark.kept import RECORD, Kept, Left
from crivo.bootstrap.spark import Decider
from crivo.bootstrap.spark_lake import Bronze
from crivo.bootstrap.spark_records import published
from crivo.domain.clock import ClockKind
from crivo.flows.ports import Manifest
from crivo.lake.table import BRONZE
from crivo.settings import load_settings
from tests.lake.lakes import lake_at, log_rows

CLUSTER = Cluster("127.0.0.1:1")
ROWS = log_rows(3, 8)


@pytest.fixture
def decider(tmp_path):
    settings = load_settings({"CRIVO_HOME": str(tmp_path / "home")})
    manifest = Manifest("log", ClockKind.REPLAY, 4)
    bronze = Bronze(settings, "crivo/log/job")
    return Decider(settings, CLUSTER, manifest, "job", Kept(tmp_path / "kept"), bronze)


def arrow(rows):
    """The records of rows, as Spark's source gives them."""
    made = published(CLUSTER, rows, [record_of(row) for row in rows])
    offsets = pa.array([row[3] for row in rows], pa.int64())
    return made.append_column("offset", offsets).select(RECORD.names)


def laid_down(decider):
    """The numbers that bronze has."""
    rows = lake_at(decider.settings.home / "lake").open(BRONZE).read(["number"])
    return sorted(rows["number"].to_pylist())


def test_of_an_empty_log_the_first_batch_makes_nothing_and_is_kept(decider):
    assert list(decider(0, iter([]))) == []
    assert decider.kept.left(0) == Left()
    assert decider.kept.done(0).decided == 0
    assert laid_down(decider) == []


def test_what_comes_before_the_next_number_waits_and_is_laid_down_once(decider):
    late = arrow(ROWS[1:5])
    assert list(decider(0, iter([late]))) == []
    left = decider.kept.left(0)
    assert (left.cut, left.waiting.num_rows) == (0, 4)
    # Run again, and then a batch in which the next number still lacks.
    assert list(decider(0, iter([late]))) == []
    assert list(decider(1, iter([arrow(ROWS[6:])]))) == []
    left = decider.kept.left(1)
    assert (left.cut, left.waiting.num_rows) == (0, 6)
    assert sorted(left.waiting["offset"].to_pylist()) == sorted(
        row[3] for row in (*ROWS[1:5], *ROWS[6:])
    )
    assert laid_down(decider) == [1, 2, 3, 4, 6, 7]
