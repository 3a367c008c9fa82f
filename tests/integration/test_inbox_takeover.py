"""Readers of one inbox, of which one stalls: whoever opened it last goes on, and one alone ends."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from crivo.adapters.kafka import transactions
from crivo.adapters.kafka.inbox import Inbox
from crivo.domain.errors import Code, Refused, Unavailable
from tests.integration.inboxes import letters_of, produce, record
from tests.integration.test_kafka_transactions import send
from tests.integration.workers import await_settled
from tests.ports.kafka_logs import open_log_in
from tests.ports.logs import REFUSED

pytestmark = pytest.mark.slow

#: How long a transaction of a reader that is to stall may stand open.
SECONDS_MAX = 1.0


class Untold:
    """Telemetry that nobody reads."""

    def settled(self, received, became):
        pass

    def lagging(self, records):
        pass


def refuse(arrived):
    return [Refused(Code.ROW_MALFORMED, "no event", hint="Send one.", field="kind")] * len(arrived)


def open_inbox(cluster):
    return Inbox(cluster, refuse, Untold(), REFUSED)


def settle_all(reader):
    reader.run(lambda: False, until_end=True)


def open_stalling(cluster, monkeypatch, meanwhile):
    """A reader that stalls once within a transaction, in which `meanwhile` happens."""
    with monkeypatch.context() as patch:
        patch.setattr(transactions, "SECONDS_MAX", SECONDS_MAX)
        reader = open_inbox(cluster)
    real = reader._transactions.send_offsets

    def stalled(offsets, member):
        # One that brokers did not take in time is begun anew, and stalls then.
        real(offsets, member)
        monkeypatch.setattr(reader._transactions, "send_offsets", real)
        meanwhile(reader)

    monkeypatch.setattr(reader._transactions, "send_offsets", stalled)
    return reader


def is_locked(reader):
    """Whether the reader ends because another has taken over."""
    try:
        settle_all(reader)
    except Unavailable as ended:
        return ended.code is Code.LOG_LOCKED
    return False


def check_a_reader_that_stalled_ends_and_its_successor_goes_on(cluster, monkeypatch):
    open_log_in(cluster).close()
    came = []

    def another_comes(_reader):
        came.append(open_inbox(cluster))
        monkeypatch.setattr(transactions, "SECONDS_MAX", SECONDS_MAX)
        time.sleep(2 * SECONDS_MAX)

    first = open_stalling(cluster, monkeypatch, another_comes)
    produce(cluster, record(b"one"))
    assert is_locked(first)
    monkeypatch.undo()
    produce(cluster, record(b"two"))
    settle_all(came[0])
    assert Counter(each.value for each in letters_of(cluster, REFUSED)) == Counter([b"one", b"two"])


def test_a_reader_that_stalled_ends_and_its_successor_goes_on(cluster, monkeypatch):
    """Law: also one that stalled for longer than a transaction may take."""
    check_a_reader_that_stalled_ends_and_its_successor_goes_on(cluster, monkeypatch)


def test_sabotage_a_reader_that_does_not_look_takes_the_name_back(cluster, monkeypatch):
    monkeypatch.setattr(Inbox, "_check_reader", lambda *asked: None)
    with pytest.raises(AssertionError):
        check_a_reader_that_stalled_ends_and_its_successor_goes_on(cluster, monkeypatch)


def test_a_reader_that_stalled_goes_on_where_no_other_has_come(cluster, monkeypatch):
    open_log_in(cluster).close()
    ended = []

    def brokers_end_it(reader):
        send(cluster, reader._transactions)
        await_settled(cluster)
        ended.append(reader)

    reader = open_stalling(cluster, monkeypatch, brokers_end_it)
    produce(cluster, record(b"one"))
    settle_all(reader)
    assert ended == [reader]
    assert [each.value for each in letters_of(cluster, REFUSED)] == [b"one"]


def test_a_reader_whose_name_a_former_one_took_goes_on_and_the_former_ends(cluster):
    """Law: who stalled between its look and taking the name ends none but itself."""
    open_log_in(cluster).close()
    former, last = open_inbox(cluster), open_inbox(cluster)
    former._transactions.producer = former._transactions._open()
    produce(cluster, record(b"one"))
    settle_all(last)
    produce(cluster, record(b"two"))
    assert is_locked(former)
    # What the former's failed transaction held is there for the last.
    settle_all(open_inbox(cluster))
    assert Counter(each.value for each in letters_of(cluster, REFUSED)) == Counter([b"one", b"two"])
