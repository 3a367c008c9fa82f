"""What a process of Spark's makes of a batch without a next event: it keeps how far it was."""

from __future__ import annotations

import pyarrow as pa
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import record_of
from crivo.adapters.spark.kept import RECORD, Done, Kept, Left
from crivo.bootstrap.service import serving_plan
from crivo.bootstrap.snapshots import snapshot_files
from crivo.bootstrap.spark import Decider
from crivo.bootstrap.spark_lake import Bronze
from crivo.bootstrap.spark_records import published
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Unavailable
from crivo.flows.event_rows import row_of
from crivo.flows.ports import Manifest
from crivo.lake.table import BRONZE
from crivo.settings import load_settings
from tests.e2e.homes import settings_of
from tests.integration.workers import make_decided_home, waiting_of
from tests.lake.lakes import lake_at, log_rows

CLUSTER = Cluster("127.0.0.1:1")
ROWS = log_rows(3, 8)


@pytest.fixture(autouse=True)
def any_number(monkeypatch):
    """No broker is there to say which numbers the writer gave."""
    monkeypatch.setattr("crivo.bootstrap.spark.number_kept", lambda _cluster, *, is_settled: 0)


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


@pytest.fixture
def aside(monkeypatch):
    """The offsets of what is put among the dead letters."""
    found = []
    monkeypatch.setattr(
        "crivo.bootstrap.spark.set_aside_once",
        lambda _cluster, _partitions, foreign, _refused: found.extend(
            each.offset() for each in foreign
        ),
    )
    return found


def numbered(*numbers):
    """Rows of one partition, under these numbers."""
    stream, partition = ROWS[0][1:3]
    return [(number, stream, partition, at, *ROWS[0][4:]) for at, number in numbers]


@pytest.mark.parametrize("batches", [1, 2])
def test_a_number_that_its_partition_has_passed_is_set_aside_whichever_batch_has_it(
    decider, aside, batches
):
    """Law: what a batch takes does not hang on where Spark parts the log, and holds when a batch
    is run again; the lake takes what every other reader takes.
    """
    first, second = numbered((0, 5)), numbered((1, 3), (2, 7))
    # What was decided waits no more, and says nothing of its number any more.
    decider.kept.keep(0, Left(6), Done())
    if batches == 1:
        assert list(decider(1, iter([arrow([*first, *second])]))) == []
        assert aside == [1]
    else:
        assert list(decider(1, iter([arrow(first)]))) == []
        for _ in range(2):
            assert list(decider(2, iter([arrow(second)]))) == []
        assert aside == [1, 1]
    assert laid_down(decider) == [5, 7]
    assert decider.kept.left(batches).waiting["offset"].to_pylist() == [2]
    assert decider.kept.done(batches).foreign == 1


def test_a_record_under_another_s_number_that_nobody_can_read_ends_no_batch(
    decider, aside, monkeypatch
):
    """Law: it is set aside, as a worker does it, and the broker is asked once for all of them."""
    asked = []
    monkeypatch.setattr(
        "crivo.bootstrap.spark.number_kept",
        lambda _cluster, *, is_settled: asked.append(is_settled) or 10,
    )
    rows = numbered((0, 5), (1, 999_999_999_999), (2, 4), (3, 6), (4, 888_888_888_888))
    came = arrow(rows)
    at = came.schema.get_field_index("value")
    values = [b"garbage" if place in (1, 2) else of.as_py() for place, of in enumerate(came[at])]
    came = came.set_column(at, came.schema.field(at), pa.array(values, pa.binary()))
    assert list(decider(0, iter([came.slice(0, 2), came.slice(2)]))) == []
    assert (aside, laid_down(decider), asked) == ([1, 2, 4], [5, 6], [False])


def test_a_snapshot_that_cannot_be_written_is_told_of_and_all_is_decided(tmp_path):
    """Law: no batch fails for it, and the next is tried when so many events came again."""
    home = make_decided_home(tmp_path / "home", 80)
    rows = [row_of(each, seq=at, partition=0) for at, each in enumerate(waiting_of(home))]
    settings = settings_of(home)
    every = settings.snapshots.model_copy(update={"every_events": 20})
    settings = settings.model_copy(update={"snapshots": every})
    manifest, kept = Manifest("log", ClockKind.REPLAY, 4), Kept(tmp_path / "kept")
    decider = Decider(settings, CLUSTER, manifest, "full", kept, None)
    folder = home / "snapshots"
    folder.write_text("no folder")
    for batch, (start, end, is_tried) in enumerate(
        [(0, 30, True), (30, 40, False), (40, 60, True)]
    ):
        made = list(decider(batch, iter([arrow(rows[start:end])])))
        done = kept.done(batch)
        assert done.decided > 0 and sum(each.num_rows for each in made) == done.published
        assert done.unkept.startswith("FILE_UNWRITABLE") == is_tried
    folder.unlink()
    assert list(decider(3, iter([arrow(rows[60:])])))
    cuts = snapshot_files(settings, manifest).cuts(serving_plan().plan_hash)
    assert (kept.done(3).unkept, cuts) == ("", [len(rows)])


def test_what_a_batch_leaves_that_cannot_be_written_ends_it_with_a_code(tmp_path):
    (tmp_path / "kept").write_text("no folder")
    with pytest.raises(Unavailable) as caught:
        Kept(tmp_path / "kept").keep(0, Left(), Done())
    assert caught.value.code is Code.FILE_UNWRITABLE
    assert caught.value.hint
