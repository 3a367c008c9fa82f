"""Producers of transactions: one that failed leaves nothing behind that could take its name again,
and one that failed asks whose the name is before it takes it again.
"""

from __future__ import annotations

import gc
import time
from contextlib import closing

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from crivo.adapters.kafka import writer
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.log import KafkaLog
from crivo.adapters.kafka.transactions import Transactions
from crivo.adapters.kafka.writer import TransactionWriter
from crivo.domain.errors import Code, Unavailable
from crivo.domain.streams import Stream
from crivo.flows.group_commit import call_directly
from tests.integration.workers import await_settled
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import event, events, stored

pytestmark = pytest.mark.slow


def producers():
    """Those that are still alive, whoever holds them."""
    gc.collect()
    return sum(isinstance(each, Producer) for each in gc.get_objects())


def open_writer():
    return TransactionWriter(
        Cluster("127.0.0.1:1"),
        settled=lambda _: None,
        recount=lambda: 0,
        whose=lambda: None,
        notify=call_directly,
        seal=list,
    )


def test_a_producer_that_failed_is_gone_though_its_error_is_kept(monkeypatch):
    monkeypatch.setattr(writer, "COMMIT_SECONDS_MAX", 0.5)
    before = producers()
    with pytest.raises(Unavailable) as raised:
        open_writer()
    assert raised.value.code is Code.LOG_UNAVAILABLE
    assert raised.value.__traceback__ is not None, "its frames are held"
    assert producers() == before


def test_sabotage_a_producer_that_a_frame_holds_is_noticed():
    before = producers()
    held = Producer({"bootstrap.servers": "127.0.0.1:1"})
    assert producers() == before + 1
    del held
    assert producers() == before


def shared(cluster, check):
    return Transactions(cluster, name="crivo-inbox", who="inbox", check=check)


def refuse(error):
    raise Unavailable(Code.LOG_LOCKED, error.str(), hint="Stop the other.")


def send(cluster, one):
    one.producer.produce(cluster.named(Stream.HISTORY.value), b"what", b"me", 0)
    assert one.producer.flush(SECONDS_MAX) == 0


def test_a_transaction_that_took_too_long_is_begun_anew_where_the_name_is_still_its_own(cluster):
    asked = []
    one = shared(cluster, asked.append)

    def slowly():
        send(cluster, one)
        # Until brokers have ended it, for want of an end.
        await_settled(cluster)

    assert not one.is_done(slowly)
    assert [each.code() in writer.FENCED for each in asked] == [True]
    assert one.is_done(lambda: send(cluster, one))


def test_a_producer_whose_name_is_anothers_by_now_does_not_take_it_again(cluster):
    first = shared(cluster, refuse)
    assert first.is_done(lambda: send(cluster, first))
    second = shared(cluster, refuse)
    with pytest.raises(Unavailable) as refused:
        first.is_done(lambda: send(cluster, first))
    assert refused.value.code is Code.LOG_LOCKED
    assert second.is_done(lambda: send(cluster, second))


def end_of_a_writer_whose_number_another_gave(cluster, monkeypatch):
    """How one ends whose attempt fails while another writes under the same number; None: not."""
    with closing(open_log_in(cluster)) as log:
        commit = log._writer._commit

        def fail(_group):
            monkeypatch.setattr(log._writer, "_commit", commit)
            with closing(open_log_in(cluster)) as other:
                other.append([event(50)])
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))

        monkeypatch.setattr(log._writer, "_commit", fail)
        with pytest.raises(Unavailable):
            log.append([event(0)])
        until = time.monotonic() + SECONDS_MAX
        while time.monotonic() < until:
            try:
                return log.check()
            except Unavailable as ended:
                if not log._writer.alive:
                    return ended.code
            time.sleep(0.05)
    raise AssertionError("it neither goes on nor ends")


def test_an_event_whose_number_another_gave_meanwhile_does_not_pass_for_one_that_is_there(
    cluster, monkeypatch
):
    """Law: of what a failed attempt held, only what is in the log is said to be."""
    end = end_of_a_writer_whose_number_another_gave(cluster, monkeypatch)
    assert end is Code.LOG_LOCKED
    with closing(open_log_in(cluster)) as log:
        assert stored(log) == [event(50)]


def test_sabotage_a_writer_that_compares_numbers_alone_says_that_it_is_there(cluster, monkeypatch):
    def recount(log):
        log._reader.close()
        log._reader = log._read()
        return log._reader.end()

    monkeypatch.setattr(KafkaLog, "_recount", recount)
    # Of a log that an earlier release writes there is no mark to look at.
    monkeypatch.setattr(TransactionWriter, "_check_mark", lambda _self: None)
    assert end_of_a_writer_whose_number_another_gave(cluster, monkeypatch) is None


def test_a_writer_whose_queue_is_full_waits_for_room_for_its_number_too(cluster, monkeypatch):
    monkeypatch.setitem(writer._OPTIONS, "queue.buffering.max.messages", 1)
    for first in (0, 5):
        log = open_log_in(cluster)
        log.append(events(first, first + 5))
        assert stored(log) == events(0, first + 5)
        log.close()
