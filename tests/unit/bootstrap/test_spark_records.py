"""Records that Spark brings are read as any client of Kafka reads them, and published alike."""

from __future__ import annotations

import pyarrow as pa
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.records import Record, answer_of, place_of, record_of, row_of
from crivo.bootstrap import spark_records
from crivo.bootstrap.spark_records import Placed, events_among, foreign_among, published
from crivo.domain.errors import Code, Refused
from crivo.domain.streams import Stream
from tests.lake.lakes import log_rows

CLUSTER = Cluster("127.0.0.1:1", space="other")

#: What a client of Kafka sees, of the streams of a log and of others.
ROWS = log_rows(3, 60)
STREAMS = {stream.value: stream for stream in Stream}


def placed_in(cluster, records, numbers=None):
    """The records, where any number may be the writer's."""
    return spark_records.placed_in(cluster, records, numbers or Numbers(None, {}))


def record(row, number):
    """Every third one answers an event."""
    return answer_of(row, cause=ROWS[0][4]) if number % 3 == 0 else record_of(row)


def arrow(rows, records):
    """The records in the columns of Spark's source."""
    table = published(CLUSTER, rows, records)
    offsets = pa.array([row[3] for row in rows], pa.int64())
    return table.append_column("offset", offsets)


def by_a_client(row, made):
    """What a client of Kafka reads of a record."""
    headers = dict(made.headers)
    place = place_of(headers)
    found = row_of(
        STREAMS[row[1]],
        row[2],
        row[3],
        number=place.number,
        key=made.key,
        value=made.value,
        headers=headers,
    )
    return Placed(found, place.is_answer)


@pytest.fixture(scope="module")
def records():
    return [record(row, number) for number, row in enumerate(ROWS)]


def test_what_is_published_is_what_a_client_of_kafka_would_send(records):
    made = published(CLUSTER, ROWS, records)
    assert made["topic"].to_pylist() == [CLUSTER.named(row[1]) for row in ROWS]
    assert made["partition"].to_pylist() == [row[2] for row in ROWS]
    for place, each in enumerate(made.to_pylist()):
        headers = [(header["key"], header["value"]) for header in each["headers"]]
        assert Record(each["key"], each["value"], headers) == records[place]


def test_records_that_spark_brings_are_read_as_a_client_reads_them(records):
    expected = [by_a_client(row, each) for row, each in zip(ROWS, records, strict=True)]
    whole = arrow(ROWS, records)
    assert placed_in(CLUSTER, whole) == expected
    assert [each.is_answer for each in expected[:4]] == [True, False, False, True]
    # Parts of a batch, and batches together.
    assert placed_in(CLUSTER, whole.slice(7, 11)) == expected[7:18]
    together = pa.Table.from_batches([whole.slice(30), whole.slice(0, 30)])
    assert placed_in(CLUSTER, together) == [*expected[30:], *expected[:30]]
    assert placed_in(CLUSTER, whole.slice(0, 0)) == []
    # Sabotage: a header that stands at the next record would be noticed.
    shifted = [*records[1:], records[0]]
    assert placed_in(CLUSTER, arrow(ROWS, shifted)) != expected


def test_of_several_headers_of_one_name_the_last_is_read(records):
    made = record_of(ROWS[1])
    twice = Record(made.key, made.value, [("seq", b"77"), ("seq", None), *made.headers])
    (found,) = placed_in(CLUSTER, arrow(ROWS[1:2], [twice]))
    assert found.row[0] == ROWS[1][0]


def test_a_record_of_somebody_else_is_passed_over(records):
    strange = Record(b"k", b"v", [("schema", b"transfer.v1")])
    bare = Record(None, None, [])
    found = placed_in(CLUSTER, arrow(ROWS[:3], [strange, records[1], bare]))
    assert [each is None for each in found] == [True, False, True]
    without = arrow(ROWS[:1], [bare]).to_pylist()
    without[0]["headers"] = None
    schema = arrow(ROWS[:1], [bare]).schema
    assert placed_in(CLUSTER, pa.Table.from_pylist(without, schema)) == [None]


def test_one_that_bears_a_number_and_is_no_event_is_refused(records):
    broken = Record(records[1].key, b"\xc1", records[1].headers)
    with pytest.raises(Refused) as refused:
        placed_in(CLUSTER, arrow(ROWS[:2], [records[0], broken]))
    assert refused.value.code is Code.ROW_MALFORMED


def test_what_is_nobody_s_of_ours_is_handed_on_as_a_client_of_kafka_gives_it(records):
    strange = Record(b"k", b"v", [("schema", b"transfer.v1"), ("schema", None)])
    bare = Record(None, None, [])
    made = arrow(ROWS[:3], [strange, records[1], bare])
    found = foreign_among(made, placed_in(CLUSTER, made))
    assert [(each.key(), each.value(), each.headers()) for each in found] == [
        (each.key, each.value, each.headers) for each in (strange, bare)
    ]
    assert [(each.topic(), each.partition(), each.offset()) for each in found] == [
        (CLUSTER.named(row[1]), row[2], row[3]) for row in (ROWS[0], ROWS[2])
    ]
    assert foreign_among(made.slice(1, 1), placed_in(CLUSTER, made.slice(1, 1))) == []


def bearing(number, partition, offset, value=None, name="seq"):
    """A record of history under a number, as Spark's source gives it, and its row."""
    row = (number, Stream.HISTORY.value, partition, offset, *ROWS[0][4:])
    made = record_of(row)
    headers = [(name if key == "seq" else key, of) for key, of in made.headers]
    return row, Record(made.key, made.value if value is None else value, headers)


def judged(numbers, *records):
    """Which of these are ours, by their numbers and partitions, and what each is placed as."""
    rows, made = zip(*records, strict=True)
    found = placed_in(CLUSTER, arrow(rows, made), numbers)
    return [None if each is None else each.row[0] for each in found], found


def test_what_looks_like_an_event_and_is_none_is_set_apart():
    """Law: numbers rise along a partition, none lies beyond the writer's newest, and of one number
    in two partitions the lesser one's counts, whatever waited and whatever came.
    """
    waiting = [bearing(7, 2, 10), bearing(9, 1, 5)]
    came = [bearing(8, 2, 12), bearing(7, 1, 4), bearing(6, 2, 11), bearing(12, 0, 0)]
    answers = [bearing(7, 3, 1, name="answers"), bearing(99, 3, 2, name="answers")]
    passed = {(Stream.HISTORY, 2): 7, (Stream.HISTORY, 1): -1}
    numbers = Numbers(lambda _number: 12, passed)
    ours, found = judged(numbers, *came, *answers)
    assert ours == [8, 7, None, None, 7, None]
    assert numbers.passed == {(Stream.HISTORY, 2): 8, (Stream.HISTORY, 1): 7}
    _, waited = judged(Numbers(None, {}), *waiting)
    assert {number: row[2] for number, row in events_among([*waited, *found]).items()} == {
        7: 1,
        8: 2,
        9: 1,
    }
    ours, _ = judged(Numbers(lambda _number: 0, {}), bearing(12, 0, 0))
    assert ours == [12], "where nobody knows, all may be"
    asked = Numbers(lambda _number: pytest.fail("nothing was there to ask for"), {})
    assert placed_in(CLUSTER, arrow([], []), asked) == []


@pytest.mark.parametrize("number", [3, 999_999_999_999])
def test_what_is_not_the_writer_s_is_set_apart_whatever_it_holds(number):
    """Law: nobody reads what bears another's number, so that it can stop nobody."""
    numbers = Numbers(lambda _number: 10, {(Stream.HISTORY, 1): 5})
    garbage = bearing(number, 1, 8, value=b"garbage")
    assert judged(numbers, bearing(6, 1, 7), garbage, bearing(7, 1, 9))[0] == [6, None, 7]
    # Sabotage: under the writer's own number it is refused.
    with pytest.raises(Refused) as refused:
        judged(numbers, bearing(8, 1, 10, value=b"garbage"))
    assert refused.value.code is Code.ROW_MALFORMED
