"""What a batch of Spark's leaves is there for the next one, whole, also when it is run again."""

from __future__ import annotations

import pyarrow as pa
import pytest

from crivo.adapters.spark.kept import RECORD, Done, Kept, Left
from crivo.domain.errors import Code, Misconfigured

HEADERS = [{"key": "schema", "value": b"transfer.v1"}, {"key": "seq", "value": None}]


def waiting(*offsets):
    """Records that wait."""
    rows = [
        {"topic": "t", "partition": 3, "offset": at, "key": b"k", "value": None, "headers": HEADERS}
        for at in offsets
    ]
    return pa.Table.from_pylist(rows, RECORD)


def test_the_first_batch_begins_with_nothing(tmp_path):
    left = Kept(tmp_path / "waiting").left(-1)
    assert (left.cut, left.waiting.num_rows, left.waiting.schema) == (0, 0, RECORD)


def test_what_a_batch_left_and_what_was_made_of_it_is_read_again(tmp_path):
    kept = Kept(tmp_path / "waiting")
    assert kept.newest() == -1
    kept.keep(0, Left(7, waiting(9, 12)), Done(5, 6, 1, "no room", {"decide": 0.5}))
    assert kept.newest() == 0
    found = kept.left(0)
    assert (found.cut, found.waiting) == (7, waiting(9, 12))
    assert kept.done(0) == Done(5, 6, 1, "no room", {"decide": 0.5})
    # Sabotage: one record less would be noticed.
    assert found.waiting != waiting(9)


def test_what_partitions_have_passed_is_read_again(tmp_path):
    """Law: also of a checkpoint of a former release, which says nothing of it."""
    kept, passed = Kept(tmp_path), {("pix.transfers.v1", 3): 9, ("pix.reports.v1", 0): 1 << 61}
    kept.keep(0, Left(7, waiting(9), passed), Done())
    assert kept.left(0).passed == passed
    (tmp_path / "0" / "cut").write_text("7")
    former = kept.left(0)
    assert (former.cut, former.passed, former.waiting) == (7, {}, waiting(9))


def test_a_batch_that_is_run_again_finds_what_the_one_before_it_left(tmp_path):
    kept = Kept(tmp_path)
    kept.keep(0, Left(7, waiting(9)), Done())
    kept.keep(1, Left(9, waiting()), Done(2))
    assert kept.left(0).waiting == waiting(9)
    kept.keep(1, Left(10, waiting(11)), Done(3))
    assert (kept.left(1).cut, kept.left(1).waiting, kept.done(1)) == (10, waiting(11), Done(3))
    assert kept.newest() == 1


def test_of_many_batches_the_newest_stay(tmp_path):
    kept = Kept(tmp_path)
    for batch in range(6):
        kept.keep(batch, Left(batch), Done(batch))
    assert [kept.done(batch).decided for batch in (3, 4, 5)] == [3, 4, 5]
    with pytest.raises(Misconfigured) as gone:
        kept.left(2)
    assert gone.value.code is Code.FILE_UNREADABLE


def test_one_that_was_killed_while_it_was_written_is_not_there(tmp_path):
    kept = Kept(tmp_path)
    kept.keep(0, Left(7), Done())
    (tmp_path / "1.partial").mkdir()
    assert kept.newest() == 0
    kept.keep(1, Left(8), Done())
    assert kept.left(1).cut == 8


@pytest.mark.parametrize("name", ["cut", "records", "done"])
@pytest.mark.parametrize("is_gone", [False, True])
def test_what_is_damaged_is_named_and_never_taken_for_a_beginning(tmp_path, name, is_gone):
    kept = Kept(tmp_path)
    kept.keep(0, Left(7, waiting(9)), Done(5))
    file = tmp_path / "0" / name
    file.unlink()
    if not is_gone:
        file.write_bytes(b"?")
    with pytest.raises(Misconfigured) as damaged:
        (kept.done if name == "done" else kept.left)(0)
    assert damaged.value.code is Code.FILE_UNREADABLE
    assert damaged.value.context["file"] == str(tmp_path / "0")
    assert damaged.value.hint
