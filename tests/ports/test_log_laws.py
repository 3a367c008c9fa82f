"""The laws of `Log` and `LogReader`, on every adapter; `test_log_failures` breaks disks."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crivo.adapters.sqlite.reader import open_reader
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.streams import Stream, murmur2, partition_of
from crivo.flows.ports import Log
from tests.ports.logs import assert_gapless, event, events, open_test_log, seeded_cipher, stored

#: From the tests of Kafka's own client (org.apache.kafka.common.utils.UtilsTest).
REFERENCE = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.fixture(
    params=[
        "sqlite",
        "sqlite, encrypted",
        pytest.param("kafka, encrypted", marks=pytest.mark.slow),
    ]
)
def log(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Log]:
    cipher = seeded_cipher() if "encrypted" in request.param else None
    if "kafka" in request.param:
        from tests.ports.kafka_logs import forget_space, new_space, open_log_in

        space = new_space(request.getfixturevalue("kafka").cluster)
        with closing(open_log_in(space, cipher=cipher)) as opened:
            yield opened
        forget_space(space)
        return
    with closing(open_test_log(tmp_path / "log.sqlite", cipher=cipher)) as opened:
        yield opened


def assert_numbered(log: Log) -> None:
    """Kafka's transactions take offsets of their own; all else is the same law."""
    assert_gapless(log, but_offsets=type(log).__name__ == "KafkaLog")


@pytest.mark.parametrize(("data", "signed"), REFERENCE.items())
def test_murmur2_is_that_of_kafka(data, signed):
    assert murmur2(data) == signed % 2**32


def test_events_come_back_as_they_were_and_in_order(log):
    first = log.append(events(0, 50))
    second = log.append(events(50, 60))
    assert (first, second, log.end()) == (0, 50, 60)
    assert stored(log) == events(0, 60)


def test_numbers_and_offsets_have_no_gaps(log):
    shuffled = events(0, 300)
    random.Random(1).shuffle(shuffled)
    streams = list(Stream)
    for start in range(0, 300, 20):
        some = shuffled[start : start + 20]
        log.append([event_on(each, streams[start // 20 % 4]) for each in some])
    assert_numbered(log)


def event_on(each, stream):
    number = each.occurred_at // 1_000
    return event(number, stream=stream)


def test_the_partition_is_that_of_the_key(log):
    log.append(events(0, 100))
    partitions = {each.partition for each in log.read(start=0, limit=100)}
    assert len(partitions) > 1
    for each in log.read(start=0, limit=100):
        record_key = each.event.key.hex().encode()
        assert each.partition == (murmur2(record_key) & 0x7FFFFFFF) % 4
        assert each.partition == partition_of(each.event.key, 4)


def test_reading_twice_gives_the_same_from_any_place(log):
    log.append(events(0, 100))
    for start in (0, 1, 42, 99, 100, 1_000):
        for limit in (0, 1, 7, 1_000):
            once = log.read(start=start, limit=limit)
            assert once == log.read(start=start, limit=limit)
            assert [each.event for each in once] == events(0, 100)[start : start + limit]


def test_a_read_of_some_streams_keeps_their_numbers(log):
    log.append(
        [event(0), event(1, stream=Stream.REPORTS), event(2), event(3, stream=Stream.REPORTS)]
    )
    found = log.read(start=0, limit=10, streams=frozenset({Stream.REPORTS}))
    assert [each.seq for each in found] == [1, 3]
    assert log.read(start=0, limit=1, streams=frozenset({Stream.REPORTS}))[0].seq == 1


def test_a_read_longer_than_one_transaction_has_no_seam(log, monkeypatch):
    monkeypatch.setattr("crivo.adapters.sqlite.reader.READ_ROWS_MAX", 7)
    log.append(events(0, 100))
    assert stored(log) == events(0, 100)
    assert [each.seq for each in log.read(start=5, limit=20)] == list(range(5, 25))


def test_a_false_word_that_an_id_is_new_stops_the_log_and_doubles_nothing(tmp_path):
    path = tmp_path / "log.sqlite"
    log = open_test_log(path)
    log.append(events(0, 2))
    told: list[Exception | None] = []
    log.submit([event(0)], told.append, never_seen=True)
    log.close()
    assert [type(each) for each in told] == [Unavailable]
    again = open_test_log(path)
    again.append([event(2)])
    assert stored(again) == events(0, 3)
    again.close()


def test_what_is_there_is_known_and_found(log):
    log.append(events(0, 10))
    ids = [each.event_id for each in events(0, 20)]
    assert log.known(ids) == set(ids[:10])
    found = log.find(ids[3])
    assert found is not None
    assert (found.seq, found.event) == (3, event(3))
    assert log.find(ids[15]) is None


def test_the_order_time_of_a_partition_never_goes_back(log):
    key_events = [event(9, payer=1), event(4, payer=1)]
    partition = partition_of(key_events[0].key, 4)
    assert log.order_time(Stream.HISTORY, partition) == 0
    log.append(key_events)
    assert log.order_time(Stream.HISTORY, partition) == key_events[0].received_at


@pytest.mark.parametrize("ask_first", [False, True])
def test_a_duplicate_is_refused_before_anything_is_sequenced(log, ask_first):
    log.append(events(0, 3))
    if ask_first:
        log.known([each.event_id for each in events(0, 8)])
    for again in ([event(5), event(1)], [event(6), event(6)]):
        with pytest.raises(Refused) as caught:
            log.append(again)
        assert caught.value.code is Code.DUPLICATE
    log.append([event(7)])
    assert stored(log) == [*events(0, 3), event(7)]
    assert_numbered(log)


def test_an_event_is_known_as_soon_as_it_is_sequenced(log):
    finished = threading.Event()
    log.known([event(0).event_id])
    log.submit([event(0)], lambda _: finished.set())
    assert log.known([event(0).event_id]) == {event(0).event_id}
    found = log.find(event(0).event_id)
    assert found is not None
    assert found.event == event(0)
    assert finished.wait(300)


def test_many_writers_at_once_lose_and_double_nothing(log):
    def write(thread: int) -> None:
        for number in range(40):
            log.append([event(1_000 * thread + number)])

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {
        event(1_000 * thread + number).event_id for thread in range(8) for number in range(40)
    }
    found = [each.event_id for each in stored(log)]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert_numbered(log)


def test_a_log_opened_again_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "log.sqlite"
    for number in range(3):
        log = open_test_log(path)
        assert log.end() == 10 * number
        log.append(events(10 * number, 10 * number + 10))
        with pytest.raises(Refused):
            log.append([event(0)])
        log.close()
    reader = open_reader(path)
    assert [each.event for each in reader.read(start=0, limit=100)] == events(0, 30)
    assert reader.manifest.log_id == "test"
    assert_gapless(reader)
    assert (
        reader.order_time(Stream.HISTORY, partition_of(event(29).key, 4)) == event(29).received_at
    )
    reader.close()


@pytest.mark.parametrize("apart", [False, True])
def test_the_order_time_on_disk_never_goes_back_either(tmp_path, apart):
    path = tmp_path / "log.sqlite"
    log = open_test_log(path)
    late = [event(9, payer=1), event(4, payer=1)]
    for some in [[each] for each in late] if apart else [late]:
        log.append(some)
    log.close()
    for opened in (open_reader(path), open_test_log(path)):
        partition = partition_of(late[0].key, 4)
        assert opened.order_time(Stream.HISTORY, partition) == late[0].received_at
        opened.close()


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path):
    path = tmp_path / "log.sqlite"
    log = open_test_log(path)
    with pytest.raises(Unavailable) as caught:
        open_test_log(path)
    assert caught.value.code is Code.LOG_LOCKED
    assert caught.value.exit_code == 3
    reader = open_reader(path)
    log.append(events(0, 5))
    assert reader.end() == 5
    reader.close()
    log.close()
    open_test_log(path).close()


@pytest.mark.parametrize("change", [{"clock": ClockKind.WALL}, {"partitions": 8}])
def test_a_log_keeps_its_clock_and_its_partitions(tmp_path, change):
    from crivo.adapters.sqlite.log import open_log

    path = tmp_path / "log.sqlite"
    open_test_log(path).close()
    asked = {"clock": ClockKind.REPLAY, "partitions": 4, **change}
    with pytest.raises(Misconfigured) as caught:
        open_log(path, new_log_id="other", **asked)
    assert caught.value.code is Code.LOG_MISMATCH
    open_test_log(path).close()


def test_a_file_that_is_no_log_is_refused(tmp_path):
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at " * 100)
    for open_it in (open_test_log, open_reader):
        with pytest.raises(Misconfigured) as caught:
            open_it(path)
        assert caught.value.code is Code.FILE_UNREADABLE
    with pytest.raises(Misconfigured):
        open_reader(tmp_path / "nothing.sqlite")


@pytest.mark.parametrize("is_sealed", [False, True])
def test_payloads_of_a_schema_are_what_a_read_says_of_it(tmp_path, monkeypatch, is_sealed):
    monkeypatch.setattr("crivo.adapters.sqlite.reader.READ_ROWS_MAX", 7)
    path, cipher = tmp_path / "log.sqlite", seeded_cipher() if is_sealed else None
    written = [
        event(at, stream=Stream.DECISIONS)._replace(schema="decision.v1") if at % 3 else event(at)
        for at in range(60)
    ]
    with closing(open_test_log(path, cipher=cipher)) as log:
        log.append(written)
    with closing(open_reader(path, cipher=cipher)) as reader:
        for stretch, since, until in ((range(60), None, None), (range(5, 41), 20_000, 33_000)):
            for schema in {each.schema for each in written}:
                expected = [
                    (each.seq, each.event.payload)
                    for each in reader.read(start=stretch.start, limit=len(stretch))
                    if each.event.schema == schema
                    and (since is None or since <= each.event.received_at)
                    and (until is None or each.event.received_at < until)
                ]
                assert expected
                found = reader.payloads(schema, stretch, since=since, until=until)
                assert found == expected
