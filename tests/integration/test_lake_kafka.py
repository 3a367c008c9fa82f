"""A log in Kafka, refined: gold is that of the same events in a file, and no record comes twice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka.intake import read_ends, topic_partition
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import STREAM_RANK, Stream, partition_of
from crivo.flows.event_rows import stored_event
from crivo.flows.lake import Taken
from crivo.lake.table import BRONZE
from tests.integration.test_kafka_log import row_numbered, send_row
from tests.integration.workers import await_settled
from tests.lake.lakes import Rows, contents, lake_at, log_rows, quiet, refined, refinery
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import event

pytestmark = pytest.mark.slow


def once(rows):
    """The rows whose event ids a log takes: each once."""
    return list({row[4]: row for row in rows}.values())


def test_gold_of_a_log_in_kafka_is_that_of_its_events(cluster, tmp_path):
    rows = once(log_rows(3, 120))
    lake = lake_at(tmp_path / "kafka")
    with closing(open_log_in(cluster)) as log:
        for some in (rows[:50], rows[50:51], rows[51:]):
            log.append([stored_event(row).event for row in some])
            await_settled(cluster)
            refined(lake, KafkaStoredLog(cluster))
    found = contents(lake)
    assert len(found["bronze.events"]) == len(rows)
    expected = contents(refined(lake_at(tmp_path / "file"), Rows(rows)))
    names = [name for name in expected if name.startswith("gold.")]
    assert len(names) > 5
    assert {name: found[name] for name in names} == {name: expected[name] for name in names}


def test_a_lake_of_a_file_goes_on_from_no_copy_in_kafka(cluster, tmp_path):
    """Law: a copy has other offsets, by marks and answers, and would give too little."""
    rows = once(log_rows(3, 120))
    with closing(open_log_in(cluster)) as log:
        log.append([stored_event(row).event for row in rows])
    await_settled(cluster)
    log_id = KafkaStoredLog(cluster).manifest.log_id
    lake = refined(lake_at(tmp_path), Rows(rows, log_id=log_id))
    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(KafkaStoredLog(cluster), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH
    assert "CRIVO_LAKE__URL" in refused.value.hint


def test_a_number_that_its_partition_has_passed_comes_to_no_lake_whenever_it_is_refined(
    cluster, tmp_path
):
    """Law: a lake that is filled in several runs has what one that is filled at once has, which is
    what every reader of the log takes.
    """
    sent = [event(number)._replace(key=event(0).key) for number in range(7)]
    lake = lake_at(tmp_path / "runs")

    def append(to):
        refinery(to).append(KafkaStoredLog(cluster), progress=quiet)

    with closing(open_log_in(cluster)) as log:
        log.append(sent[:6])
        await_settled(cluster)
        append(lake)
        (part,) = {each.partition for each in log.read(start=0, limit=9)}
        forged = row_numbered(3, 99)
        send_row(cluster, (*forged[:2], part, *forged[3:]))
        await_settled(cluster)
        append(lake)
        log.append(sent[6:])
    await_settled(cluster)
    append(lake)
    append(at_once := lake_at(tmp_path / "once"))
    expected = [(number, each.event_id) for number, each in enumerate(sent)]
    for each in (lake, at_once):
        rows = each.open(BRONZE).read(["number", "event_id"]).to_pylist()
        assert sorted(tuple(row.values()) for row in rows) == expected
    # Sabotage: who knows how far a partition was taken, and not its number, takes the forged one.
    taken = {(forged[1], part): Taken(len(sent) - 1)}
    (rows,) = KafkaStoredLog(cluster).rows_after(taken, limit=9)
    assert [row[0] for row in rows] == [3, 6]


def test_a_log_that_was_cut_short_is_refused(cluster, tmp_path):
    rows = once(log_rows(3, 20))
    with closing(open_log_in(cluster)) as log:
        log.append([stored_event(row).event for row in rows])
    await_settled(cluster)
    lake = refined(lake_at(tmp_path), KafkaStoredLog(cluster))

    class Moved(KafkaStoredLog):
        """The same log, of which a lake has more than brokers hold."""

        def rows_after(self, taken, *, limit):
            more = {p: each._replace(offset=each.offset + 1_000) for p, each in taken.items()}
            return super().rows_after(more, limit=limit)

    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(Moved(replace(cluster)), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH


def let_go_of(cluster, stream, partition):
    """Retention's work on one partition: all that lies in it is gone."""
    await_settled(cluster)
    part = STREAM_RANK[stream], partition
    _, high = read_ends(cluster, 4)[part]
    assert high > 0, "something lay there"
    admin = AdminClient(cluster.options())
    for done in admin.delete_records([topic_partition(cluster, part, high)]).values():
        done.result(SECONDS_MAX)


def places(lake):
    """The partitions of which a lake has rows."""
    rows = lake.open(BRONZE).read(["stream", "partition"]).to_pylist()
    return {(row["stream"], row["partition"]) for row in rows}


def in_two_partitions():
    """Events of one stream: some of one partition, and one of another."""
    some = [event(number) for number in range(40)]
    first, *_ = some
    own = [each for each in some if partition_of(each.key, 4) == partition_of(first.key, 4)]
    (other, *_) = [each for each in some if each not in own]
    return own[:3], other


@pytest.mark.parametrize("is_new_lake", [False, True])
@pytest.mark.parametrize("has_rows_of_it", [False, True])
def test_what_brokers_let_go_of_before_the_lake_had_it_is_refused(
    cluster, tmp_path, is_new_lake, has_rows_of_it
):
    """Law: also where one partition alone lost its beginning, and the lake has nothing of it."""
    (first, second, third), other = in_two_partitions()
    lake = lake_at(tmp_path)
    with closing(open_log_in(cluster)) as log:
        log.append([first])
        if not is_new_lake:
            await_settled(cluster)
            refinery(lake).append(KafkaStoredLog(cluster), progress=quiet)
        lost = second if has_rows_of_it else other
        log.append([lost])
        let_go_of(cluster, lost.stream, partition_of(lost.key, 4))
        log.append([third])
    await_settled(cluster)
    with pytest.raises(Misconfigured) as refused:
        refinery(lake).append(KafkaStoredLog(cluster), progress=quiet)
    assert refused.value.code is Code.LOG_MISMATCH
    assert str(partition_of(lost.key, 4)) in str(refused.value)
    found = lake.open(BRONZE).read(["event_id"])["event_id"].to_pylist()
    assert found == ([] if is_new_lake else [first.event_id])


def test_sabotage_who_begins_where_brokers_do_lacks_an_event_in_silence(cluster, tmp_path):
    (first, *_), other = in_two_partitions()

    class BeginsAnywhere(KafkaStoredLog):
        def rows_after(self, taken, *, limit):
            lows = {
                (list(Stream)[rank].value, place): Taken(low)
                for (rank, place), (low, _) in read_ends(cluster, 4).items()
            }
            return super().rows_after(lows | dict(taken), limit=limit)

    with closing(open_log_in(cluster)) as log:
        log.append([first, other])
        let_go_of(cluster, other.stream, partition_of(other.key, 4))
    refinery(lake := lake_at(tmp_path)).append(BeginsAnywhere(cluster), progress=quiet)
    assert places(lake) == {(first.stream.value, partition_of(first.key, 4))}


class RowsAlone(KafkaStoredLog):
    """A log that tells only of its rows how far it goes."""

    def ends(self):
        return {}


@pytest.mark.parametrize("opened", [KafkaStoredLog, RowsAlone])
@pytest.mark.parametrize("has_rows_of_it", [False, True])
def test_a_lake_that_has_it_all_goes_on_though_brokers_let_go_of_all(
    cluster, tmp_path, opened, has_rows_of_it
):
    """Law: behind the last row of a partition lies the mark of its transaction, and elsewhere
    nothing but what was taken back; brokers let go of these too. Sabotage: `RowsAlone`.
    """
    (first, second, third), other = in_two_partitions()
    lake = lake_at(tmp_path)
    with closing(open_log_in(cluster)) as log:
        log.append([first, second])
        take_back(cluster, other)
        await_settled(cluster)
        refinery(lake).append(opened(cluster), progress=quiet)
        gone = first if has_rows_of_it else other
        let_go_of(cluster, gone.stream, partition_of(gone.key, 4))
        log.append([third, other])
    await_settled(cluster)
    if opened is RowsAlone:
        with pytest.raises(Misconfigured):
            refinery(lake).append(opened(cluster), progress=quiet)
        return
    refinery(lake).append(opened(cluster), progress=quiet)
    found = lake.open(BRONZE).read(["event_id"])["event_id"].to_pylist()
    assert sorted(found) == sorted(each.event_id for each in (first, second, third, other))


def take_back(cluster, sent):
    """Sends an event's record in a transaction that is then taken back."""
    producer = Producer({**cluster.options(), "transactional.id": "takes-back"})
    producer.init_transactions(SECONDS_MAX)
    producer.begin_transaction()
    topic, place = cluster.named(sent.stream.value), partition_of(sent.key, 4)
    producer.produce(topic, b"what", b"me", place)
    assert producer.flush(SECONDS_MAX) == 0
    producer.abort_transaction(SECONDS_MAX)
