"""Workers in bad luck: brokers end or fill up, records are bad, clocks jump. Nothing is lost."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack, closing
from dataclasses import replace

import msgspec
import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.brokers import running
from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.records import SCHEMA, record_of
from crivo.adapters.kafka.tail import number_at, read_answers
from crivo.bootstrap.home import Paths, record_cipher
from crivo.decision.record import decode_derived
from crivo.domain.errors import Code, Unavailable
from crivo.domain.instant import DAY, HOUR
from crivo.domain.streams import Stream
from crivo.domain.transfer import Purpose
from crivo.flows.event_of import event_of
from crivo.flows.event_rows import row_of
from crivo.governance.record_cipher import Rotation
from tests.integration.commands import crivo
from tests.integration.workers import (
    Feeding,
    answers,
    assert_as_served,
    assert_nothing_twice,
    await_answered,
    await_decided,
    await_settled,
    decide_rest,
    decided,
    refused_of,
    served,
    start,
)
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import give_numbers, new_space, open_log_in, url_of
from tests.unit.decision.worlds import START, transfer

pytestmark = pytest.mark.slow

MODES = pytest.mark.parametrize("mode", [[], ["--exactly-once"]], ids=["plain", "exactly-once"])


@MODES
def test_a_worker_goes_on_when_one_broker_of_three_is_killed(kafka, home, waiting, tmp_path, mode):
    with ExitStack() as held:
        brokers = held.enter_context(running(tmp_path / "three", kafka.jars, count=3))
        cluster = new_space(brokers.cluster, replicas=3)
        open_log_in(cluster).close()
        worker = start(held, home, cluster, *mode)
        worker.await_assigned()
        with Feeding(cluster, waiting, size=30):
            await_decided(cluster, 40)
            brokers.kill(brokers.nodes[1])
        await_answered(cluster, worker)
        worker.stopped()
        # Where the group's coordinator was killed, a turn may be answered again, unless it is
        # committed as one with its answers.
        doubles = assert_as_served(home, cluster)
        assert not mode or doubles == 0


@MODES
def test_whoever_joins_and_leaves_while_transfers_come_all_is_answered_as_served(
    home, cluster, waiting, mode
):
    """Law: partitions that move under load are answered as served, and exactly once if asked."""
    half = len(waiting) // 2
    open_log_in(cluster).close()
    with ExitStack() as held:
        first = start(held, home, cluster, *mode)
        first.await_assigned()
        with Feeding(cluster, waiting[:half]):
            await_decided(cluster, 20)
            second = start(held, home, cluster, *mode)
            second.await_assigned()
        aim = decided(cluster) + 20
        with Feeding(cluster, waiting[half:]):
            await_decided(cluster, aim)
            left = first.stopped()
        await_answered(cluster, second)
        stayed = second.stopped()
    assert left["decided"] > 0 < stayed["decided"]
    doubles = assert_as_served(home, cluster)
    assert not mode or doubles == 0


def test_a_silent_broker_is_never_taken_for_one_with_nothing_left_to_answer(
    kafka, waiting, tmp_path
):
    """Law: state is built anew where it is past what is to be answered, or the worker ends."""
    with running(tmp_path / "one", kafka.jars) as brokers:
        where = new_space(brokers.cluster)
        with closing(open_log_in(where)) as log:
            log.append(waiting[:40])
        # A commit is answered before all of its marks are written.
        await_settled(where, 300)
        broker = brokers.nodes[0].pid
        os.kill(broker, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable) as silent:
                number_at(replace(where, outage_seconds=1.0), dict.fromkeys(range(4), 0))
        finally:
            os.kill(broker, signal.SIGCONT)
        assert silent.value.code == Code.LOG_UNAVAILABLE
        assert number_at(where, dict.fromkeys(range(4), 0)) == 0


def test_what_others_answered_is_known_behind_what_a_killed_one_had_begun(
    capsys, monkeypatch, home, cluster, waiting
):
    """Law: a worker that takes over knows of all answers; a rejected transfer uses no limit."""
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:200])
    decide_rest(capsys, monkeypatch, home, cluster)
    options = {"transactional.id": cluster.named("killed"), "transaction.timeout.ms": 20_000}
    killed = Producer({**cluster.options(), **options})
    killed.init_transactions(SECONDS_MAX)
    with closing(open_log_in(cluster)) as log:
        killed.begin_transaction()
        for partition in range(4):
            topic = cluster.named(Stream.DECISIONS.value)
            killed.produce(topic, b"begun", partition=partition)
        assert killed.flush(SECONDS_MAX) == 0
        log.append(waiting[200:300])
    ends = read_ends(cluster, 4)
    assert ends != read_ends(cluster, 4, is_settled=False), "it stands open"
    decide_rest(capsys, monkeypatch, home, cluster)
    cipher = record_cipher(Paths(home), Rotation())
    found = read_answers(cluster, range(4), cipher)
    numbers = sorted(number for number, event in found if event.schema == "decision.v1")
    asked = [at for at, each in enumerate(waiting[:300]) if each.stream is Stream.TRANSFERS]
    assert numbers == asked


def withdrawal(number, reais):
    made = transfer(
        number,
        occurred_at=START + number,
        amount_centavos=100 * reais,
        purpose=Purpose.GSCB,
    )
    return event_of(
        made,
        occurred_at=made.occurred_at,
        received_at=made.occurred_at,
        source="test",
        stream=Stream.TRANSFERS,
    )


def test_what_another_worker_rejected_uses_no_limit_of_what_follows(
    capsys, monkeypatch, home, cluster
):
    """Law: of 3,000 reais of a day's withdrawals 2,900 pass, whoever rejected what lay between."""
    asked = [withdrawal(number, reais) for number, reais in enumerate((2_000, 2_500, 900, 200))]
    for until in (2, 3, 4):
        with closing(open_log_in(cluster)) as log:
            log.append(asked[log.end() : until])
        decide_rest(capsys, monkeypatch, home, cluster)
    derived, _ = answers(home, cluster)
    found = [
        decode_derived(derived[transfer(number, occurred_at=START + number).end_to_end_id])
        for number in range(len(asked))
    ]
    assert [each.outcome == "REJECT" for each in found] == [False, True, False, True]


def produce(where, *records, stream=Stream.TRANSFERS):
    """(key, value, headers) as records of a topic."""
    producer = Producer(where.options())
    for key, value, headers in records:
        producer.produce(where.named(stream.value), value, key, 1, headers=headers)
    assert producer.flush(SECONDS_MAX) == 0


def test_poison_is_set_aside_with_its_cause_and_the_rest_is_decided(home, cluster, waiting):
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster)
        worker.await_assigned()
        log.append(waiting[:300])
        produce(cluster, (b"me", b"\xff", []), (None, b"", [("seq", b"-1")]))
        log.append(waiting[300:])
        await_answered(cluster, worker)
        worker.stopped()
    assert_nothing_twice(home, cluster)
    letters = read_dead_letters(cluster, refused_of(home))
    assert [(each.value or b"", each.marks["code"]) for each in letters] == [
        (b"\xff", "ROW_MALFORMED"),
        (b"", "ROW_MALFORMED"),
    ]


def test_a_number_that_was_there_stops_no_worker_and_no_replay(capsys, home, cluster, waiting):
    """Law: a record under a number that its partition has passed is set aside, for all readers."""
    again = next(each for each in waiting if each.stream is Stream.TRANSFERS)
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        worker = start(held, home, cluster)
        worker.await_assigned()
        log.append(waiting[:100])
        await_answered(cluster, worker)
        producer = Producer(cluster.options())
        for partition in range(4):
            key, value, headers = numbered(again, 5)
            topic = cluster.named(Stream.TRANSFERS.value)
            producer.produce(topic, value, key, partition, headers=headers)
        assert producer.flush(SECONDS_MAX) == 0
        log.append(waiting[100:])
        await_answered(cluster, worker)
        worker.stopped()
    assert_nothing_twice(home, cluster)
    assert [each.marks["code"] for each in read_dead_letters(cluster, refused_of(home))] == [
        "ROW_MALFORMED"
    ] * 4
    said = crivo(capsys, "replay", "--home", home, "--json", "--log", url_of(cluster))
    assert said.code == 0, said.err


@MODES
def test_each_foreign_record_is_set_aside_once_however_many_workers_meet_it(
    capsys, monkeypatch, home, cluster, waiting, mode
):
    """Law: what is among the dead letters of its topic does not come there again."""
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:20])

    def met():
        decide_rest(capsys, monkeypatch, home, cluster, *mode)
        return [(each.source, each.value) for each in read_dead_letters(cluster, refused_of(home))]

    foreign = [(None, b"first", []), (None, b"second", [])]
    for stream in (Stream.TRANSFERS, Stream.LOGINS):
        produce(cluster, *foreign, stream=stream)
    expected = [
        (f"{topic}.dlq", value)
        for topic in (Stream.LOGINS.value, Stream.TRANSFERS.value)
        for value in (b"first", b"second")
    ]
    assert met() == expected
    produce(cluster, (None, b"third", []), stream=Stream.LOGINS)
    expected.insert(2, (f"{Stream.LOGINS.value}.dlq", b"third"))
    assert met() == met() == expected
    # Sabotage: a worker that is not told how far others came would be noticed.
    monkeypatch.setattr("crivo.adapters.kafka.aside.GROUP", "another")
    assert len(met()) == 2 * len(expected)


def numbered(event, seq, *, schema=None, value=None):
    """The record of an event under a number, as a writer of another release would make it."""
    record = record_of(row_of(event, seq=seq, partition=1))
    headers = [(n, schema if schema and n == SCHEMA else v) for n, v in record.headers]
    return record.key, record.value if value is None else value, headers


@pytest.mark.parametrize(
    ("bend", "code"),
    [({"schema": b"transfer.v99"}, "SCHEMA_UNKNOWN"), ({"value": b"\x93what"}, "ROW_MALFORMED")],
)
def test_a_worker_ends_before_a_numbered_record_that_it_cannot_read(
    capsys, monkeypatch, home, cluster, waiting, bend, code
):
    transfers = [each for each in waiting if each.stream is Stream.TRANSFERS]
    with closing(open_log_in(cluster)) as log:
        log.append(transfers[:50])
    decide_rest(capsys, monkeypatch, home, cluster)
    before = answers(home, cluster)
    give_numbers(cluster, 51)
    produce(cluster, numbered(transfers[50], 50, **bend))
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end")
    assert (said.code, code in said.err) == (2, True), said.err
    assert read_dead_letters(cluster, refused_of(home)) == [], (
        "what the log counts is nobody's to set aside"
    )
    assert len(before[0]) == 50 and decided(cluster) >= 50


def test_what_a_newer_release_appended_to_a_transfer_is_passed_over(
    capsys, monkeypatch, home, cluster, waiting
):
    with closing(open_log_in(cluster)) as log:
        log.append([_longer(each) for each in waiting])
    decide_rest(capsys, monkeypatch, home, cluster)
    assert_nothing_twice(home, cluster)


def _longer(event):
    if event.stream is not Stream.TRANSFERS:
        return event
    fields = msgspec.msgpack.decode(event.payload)
    return event._replace(payload=msgspec.msgpack.encode([*fields, "of a later release"]))


@pytest.mark.parametrize("jump", [DAY, -20 * HOUR])
def test_decisions_behind_a_clock_that_jumped_are_found_again_by_replay(
    capsys, monkeypatch, home, cluster, waiting, jump
):
    at = len(waiting) // 2
    jumped = [each._replace(received_at=each.received_at + jump) for each in waiting[at : at + 60]]
    with closing(open_log_in(cluster)) as log:
        log.append([*waiting[:at], *jumped, *waiting[at + 60 :]])
    result = decide_rest(capsys, monkeypatch, home, cluster)
    transfers = sum(each.stream is Stream.TRANSFERS for each in waiting)
    assert result["decided"] == transfers
    derived, _ = answers(home, cluster)
    expected = served(home)
    assert derived.keys() == expected.keys()
    assert derived != expected  # what was known when is another past
    for command in (["replay"], ["features", "verify", "--one-in", "1"]):
        said = crivo(capsys, *command, "--home", home, "--json", "--log", url_of(cluster))
        assert said.code == 0, said.out
        found = json.loads(said.out)
    assert found["parity"]["mismatches"] == 0
    assert found["parity"]["compared"] > 300
