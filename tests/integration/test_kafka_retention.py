"""Logs in Kafka whose beginning brokers have let go of: written and decided on, or told of."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka import log as kafka_log
from crivo.adapters.kafka import manifest, writer
from crivo.adapters.kafka import reader as kafka_reader
from crivo.adapters.kafka.intake import read_ends, topic_partition
from crivo.adapters.kafka.log import KafkaLog
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.rows import KafkaRows
from crivo.adapters.kafka.tail import Tail, read_answers
from crivo.bootstrap.home import Paths, record_cipher
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import Stream, partition_of
from crivo.governance.record_cipher import Rotation
from tests.integration.commands import crivo
from tests.integration.test_kafka_log import row_numbered, send_row
from tests.integration.test_kafka_transactions import producers
from tests.integration.workers import answers, await_settled, decide_rest, served
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import give_numbers, open_log_in, url_of
from tests.ports.logs import event, events

pytestmark = pytest.mark.slow

COUNT = 60


def let_go(cluster, *, all_of_it=False):
    """What retention does: the first half of each partition is gone, or all."""
    await_settled(cluster)
    ends = read_ends(cluster, 4)
    parts = [
        topic_partition(cluster, part, high if all_of_it else (low + high) // 2)
        for part, (low, high) in ends.items()
        if high > low
    ]
    admin = AdminClient(cluster.options())
    for done in admin.delete_records(parts).values():
        done.result(SECONDS_MAX)


def hold_newest(monkeypatch, count):
    """Writers that are opened from now on hold so many of the newest events."""
    for module in (kafka_log, kafka_reader):
        monkeypatch.setattr(module, "RECENT_MAX", count)


@pytest.fixture
def cut(cluster):
    """A log whose first half is gone."""
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, COUNT))
    let_go(cluster)
    return cluster


def taken(cluster, start, count):
    """The next events from a number on."""
    found = []
    with closing(Tail(cluster, 4, start=start, cipher=None)) as tail:
        while len(found) < count:
            found += tail.take(count, 0.2)
    return [(each.seq, each.event) for each in found]


def test_a_writer_goes_on_behind_what_brokers_let_go_of(cut):
    """Law: numbers go on; of old ids it knows those that brokers hold."""
    with closing(open_log_in(cut)) as log:
        assert log.end() == COUNT
        known = log.known([each.event_id for each in events(0, COUNT)])
        assert 0 < len(known) < COUNT
        found = log.find(event(COUNT - 1).event_id)
        assert found is not None and (found.seq, found.event) == (COUNT - 1, event(COUNT - 1))
        assert log.append([event(COUNT)]) == COUNT
    with closing(open_log_in(cut)) as log:
        assert log.append([event(COUNT + 1)]) == COUNT + 1
        (last,) = log.read(start=COUNT + 1, limit=9)
        assert (last.seq, last.event) == (COUNT + 1, event(COUNT + 1))
    assert taken(cut, COUNT, 2) == [(each, event(each)) for each in (COUNT, COUNT + 1)]


def check_a_writer_that_stands_open_knows_alike_what_brokers_let_go_of(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, COUNT))
        let_go(cluster)
        gone = [each for each in events(0, COUNT) if log.find(each.event_id) is None]
        assert 0 < len(gone) < COUNT
        assert log.known([each.event_id for each in gone]) == set()
        assert log.append(gone) == COUNT
        again = log.find(gone[0].event_id)
        assert again is not None and again.seq == COUNT
        assert len(log.known([each.event_id for each in events(0, COUNT)])) == COUNT


def test_a_writer_that_stands_open_knows_alike_what_brokers_let_go_of(cluster, monkeypatch):
    """Law: what it does not find it does not know either, so that it is appended anew."""
    hold_newest(monkeypatch, 0)
    check_a_writer_that_stands_open_knows_alike_what_brokers_let_go_of(cluster)


def test_sabotage_a_writer_that_never_forgets_refuses_what_it_does_not_find(cluster, monkeypatch):
    hold_newest(monkeypatch, 0)
    monkeypatch.setattr(KafkaLog, "_forget", lambda self: None)
    with pytest.raises(AssertionError):
        check_a_writer_that_stands_open_knows_alike_what_brokers_let_go_of(cluster)


def check_what_is_appended_anew_is_known_where_it_lies(cluster, monkeypatch):
    hold_newest(monkeypatch, 0)
    ids = [each.event_id for each in events(0, COUNT)]
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, COUNT))
    with closing(open_log_in(cluster)) as log:
        let_go(cluster)
        gone = [each for each in events(0, COUNT) if log.find(each.event_id) is None]
        assert 0 < len(gone) < COUNT
        assert log.append(gone) == COUNT
        # It looks once more what brokers have let go of: of this, nothing.
        log._forget()
        assert log.known(ids) == set(ids)
        found = [log.find(each.event_id) for each in gone]
        assert [each and (each.seq, each.event) for each in found] == list(enumerate(gone, COUNT))


def test_what_is_appended_anew_is_known_where_it_lies(cluster, monkeypatch):
    """Law: of an id that a log held when it was opened, and that came again, the new place counts:
    a repeat stays one, and is compared with what was appended.
    """
    check_what_is_appended_anew_is_known_where_it_lies(cluster, monkeypatch)


def test_sabotage_who_takes_the_place_that_it_had_forgets_what_brokers_hold(cluster, monkeypatch):
    monkeypatch.setattr(writer, "_note_offset", lambda *told: None)
    with pytest.raises(AssertionError):
        check_what_is_appended_anew_is_known_where_it_lies(cluster, monkeypatch)


def test_a_writer_forgets_now_and_then_what_brokers_let_go_of(cluster, monkeypatch):
    monkeypatch.setattr(kafka_log, "LOOK_SECONDS", 0.0)
    ids = [each.event_id for each in events(0, COUNT)]
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, COUNT))
        let_go(cluster)
        assert len(log.known(ids)) == COUNT
        log.append([event(COUNT)])
        until = time.monotonic() + SECONDS_MAX
        # Who appended is told before it is looked.
        while not 0 < len(log.known(ids)) < COUNT:
            assert time.monotonic() < until, "it holds what nobody else does"
            time.sleep(0.05)


def test_a_writer_holds_the_newest_events_and_has_older_ones_fetched(cluster, monkeypatch):
    """Law: it finds the same, whichever it is, and asks brokers for none of the newest."""
    hold_newest(monkeypatch, 10)
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 30))
    fetched, fetch = [], KafkaLogReader.fetch
    with closing(open_log_in(cluster)) as log:
        log.append([event(30)])
        await_settled(cluster)
        with closing(KafkaLogReader(cluster)) as reader:
            expected = {each.event_id: reader.find(each.event_id) for each in events(0, 31)}
        monkeypatch.setattr(
            KafkaLogReader,
            "fetch",
            lambda self, lies: fetched.append(lies[0]) or fetch(self, lies),
        )
        assert {each: log.find(each) for each in expected} == expected
    assert sorted(fetched) == list(range(21))


def test_numbers_go_on_where_nothing_is_left(cluster):
    """Law: a quiet week makes no number come again; its snapshots count by it."""
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 30))
        made = log.manifest
    let_go(cluster, all_of_it=True)
    with closing(open_log_in(cluster)) as log:
        assert (log.end(), log.known([event(3).event_id])) == (30, set())
    with closing(KafkaRows(cluster, made)) as rows:
        assert rows.end() == 30
        rows.append_stored([row_numbered(30, 30)])
    let_go(cluster, all_of_it=True)
    with closing(open_log_in(cluster)) as log:
        assert log.append([event(31)]) == 31
    assert taken(cluster, 31, 1) == [(31, event(31))]
    assert manifest.find_manifest(cluster) == made


def test_sabotage_a_number_that_nobody_kept_is_not_made_up(cluster, monkeypatch):
    before = producers()
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, 30))
    let_go(cluster, all_of_it=True)
    monkeypatch.setattr(kafka_reader, "number_kept", lambda _cluster, *, is_settled: 0)
    with pytest.raises(Misconfigured) as refused:
        open_log_in(cluster)
    assert refused.value.code is Code.LOG_MISMATCH
    assert producers() == before, "who was refused asks for the writer's name no more"


def test_a_number_that_is_missing_behind_what_is_there_is_still_damage(cut):
    give_numbers(cut, COUNT + 6)
    send_row(cut, row_numbered(COUNT + 5, 99))
    with pytest.raises(Misconfigured) as refused:
        open_log_in(cut)
    assert refused.value.code is Code.LOG_MISMATCH
    found = refused.value.context
    assert (found["expected"], found["found"]) == (COUNT, COUNT + 5)


def test_a_number_that_the_writer_gave_and_nobody_holds_is_damage_where_nothing_is_let_go(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append(events(0, COUNT))
    give_numbers(cluster, COUNT + 3)
    with pytest.raises(Misconfigured) as refused:
        open_log_in(cluster)
    found = refused.value.context
    assert (found["expected"], found["found"]) == (COUNT, COUNT + 3)


def known_behind_what_stands_open(cut, monkeypatch, look=read_ends):
    """Of an event that was committed behind a worker's transaction, whether the next writer knows
    it: the worker ends once that one has looked where the log ends.
    """
    let_go(cut, all_of_it=True)
    hidden = event(COUNT, stream=Stream.DECISIONS)
    worker = Producer({**cut.options(), "transactional.id": cut.named("a worker")})
    worker.init_transactions(30)
    with closing(open_log_in(cut)) as log:
        worker.begin_transaction()
        topic = cut.named(Stream.DECISIONS.value)
        worker.produce(topic, b"what", b"me", partition_of(hidden.key, 4))
        assert worker.flush(SECONDS_MAX) == 0
        assert log.append([hidden]) == COUNT
    looked = threading.Event()

    def looking(*asked, **how):
        found = look(*asked, **how)
        looked.set()
        return found

    def end():
        assert looked.wait(SECONDS_MAX)
        worker.commit_transaction(30)

    monkeypatch.setattr(kafka_reader, "read_ends", looking)
    ends = threading.Thread(target=end, daemon=True)
    ends.start()
    with closing(open_log_in(cut)) as log:
        ends.join()
        assert log.end() == COUNT + 1
        return log.known([hidden.event_id]) == {hidden.event_id}


def test_a_writer_waits_for_what_stands_open_so_that_no_commit_shows_by_half(cut, monkeypatch):
    """Law: what was committed last is known, also where gaps are borne."""
    assert known_behind_what_stands_open(cut, monkeypatch)


def test_sabotage_a_writer_that_does_not_wait_knows_half(cut, monkeypatch):
    def settled(*asked, is_settled):
        assert not is_settled
        return read_ends(*asked, is_settled=True)

    assert not known_behind_what_stands_open(cut, monkeypatch, settled)


def test_who_needs_what_is_gone_is_refused_at_once(cut):
    """Law: nobody waits for a number that comes no more, whether a later one was there or comes."""
    for reading in (lambda: taken(cut, 0, 1), lambda: KafkaLogReader(cut)):
        with pytest.raises(Misconfigured) as refused:
            reading()
        assert refused.value.code is Code.LOG_MISMATCH
        assert refused.value.context["expected"] == 0 < refused.value.context["found"]
    let_go(cut, all_of_it=True)
    with closing(Tail(cut, 4, start=0, cipher=None)) as tail:
        assert tail.take(9, 0.5) == []
        with closing(open_log_in(cut)) as log:
            log.append([event(COUNT)])
        with pytest.raises(Misconfigured) as refused:
            [tail.take(9, 0.2) for _ in range(100)]
    assert refused.value.context["found"] == COUNT


def test_commands_that_write_a_log_work_on(capsys, monkeypatch, tmp_path, cut):
    """Law: a platform comes up again, and dead letters are taken back."""
    told = {"LOG__PARTITIONS": 4, "KAFKA__REPLICAS": 1, "KAFKA__IN_SYNC_MIN": 1}
    for name, value in told.items():
        monkeypatch.setenv(f"CRIVO_{name}", str(value))
    # What a log holds was written under the key of a home.
    load_or_create_key(Paths(tmp_path).pseudonym_key, make=secrets.token_bytes)
    for words in (("log", "make"), ("quarantine", "replay")):
        said = crivo(capsys, *words, "--log", url_of(cut), "--home", tmp_path, "--json")
        assert said.code == 0, said.err
    with closing(open_log_in(cut)) as log:
        assert log.end() == COUNT


def derived_of(home, where):
    """What workers decided of the transfers that brokers still hold: by EndToEndId."""
    found = read_answers(where, range(4), record_cipher(Paths(home), Rotation()))
    records = [decode_record(each.payload) for _, each in found if each.schema == "decision.v1"]
    return {each.end_to_end_id: each.derived for each in records}


@pytest.mark.parametrize("mode", [(), ("--exactly-once",)])
def test_a_worker_begins_with_its_snapshot_where_the_beginning_is_gone(
    capsys, monkeypatch, tmp_path, home, cluster, waiting, mode
):
    """Law: it decides as the service did, who had all; without a snapshot it says what it lacks."""
    own, half = shutil.copytree(home, tmp_path / "home"), len(waiting) // 2
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:half])
    # However slow the group is to give it its partitions.
    monkeypatch.setattr("crivo.adapters.kafka.worker.SESSION_SECONDS", SECONDS_MAX)
    decide_rest(capsys, monkeypatch, own, cluster, *mode, snapshots=True)
    before, _ = answers(own, cluster)
    let_go(cluster)
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[half:])
    snapshots = Paths(own).snapshots.rename(tmp_path / "aside")
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end", "--json", *mode)
    assert (said.code, "LOG_MISMATCH" in said.err, "snapshot" in said.err) == (2, True, True)
    snapshots.rename(Paths(own).snapshots)
    result = decide_rest(capsys, monkeypatch, own, cluster, *mode, snapshots=True)
    assert result["rebuilt"] == 0
    assert result["decided"] > 100
    after = derived_of(own, cluster)
    assert {**before, **after} == served(home)
    assert len(before) + result["decided"] == len(served(home))


def test_transfers_that_brokers_let_go_of_unanswered_are_told_of(
    capsys, monkeypatch, tmp_path, home, cluster, waiting
):
    own, third = shutil.copytree(home, tmp_path / "home"), len(waiting) // 3
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:third])
        decide_rest(capsys, monkeypatch, own, cluster, snapshots=True)
        log.append(waiting[third : 2 * third])
    let_go(cluster, all_of_it=True)
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[2 * third :])
    said = crivo(capsys, "decide", "--log", url_of(cluster), "--until-end", "--json")
    assert (said.code, "LOG_MISMATCH" in said.err) == (2, True)
    assert "worker.gone_unanswered" in said.err
