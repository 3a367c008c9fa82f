"""Logs in Kafka whose beginning brokers have let go of: written and decided on, or told of."""

from __future__ import annotations

import secrets
import shutil
from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient

from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka import manifest
from crivo.adapters.kafka.intake import read_ends, topic_partition
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.rows import KafkaRows
from crivo.adapters.kafka.tail import Tail, read_answers
from crivo.bootstrap.home import Paths, record_cipher
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Misconfigured
from crivo.governance.record_cipher import Rotation
from tests.integration.commands import crivo
from tests.integration.test_kafka_log import row_numbered, send_row
from tests.integration.test_kafka_transactions import producers
from tests.integration.workers import answers, await_settled, decide_rest, served
from tests.ports.kafka_logs import open_log_in, url_of
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
        done.result(10)


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
    monkeypatch.setattr("crivo.adapters.kafka.reader.number_kept", lambda _cluster: 0)
    with pytest.raises(Misconfigured) as refused:
        open_log_in(cluster)
    assert refused.value.code is Code.LOG_MISMATCH
    assert producers() == before, "who was refused asks for the writer's name no more"


def test_a_number_that_is_missing_behind_what_is_there_is_still_damage(cut):
    send_row(cut, row_numbered(COUNT + 5, 99))
    with pytest.raises(Misconfigured) as refused:
        open_log_in(cut)
    assert refused.value.code is Code.LOG_MISMATCH
    found = refused.value.context
    assert (found["expected"], found["found"]) == (COUNT, COUNT + 5)


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
    records = [decode_record(each.payload) for _, each in found]
    return {each.end_to_end_id: each.derived for each in records}


@pytest.mark.parametrize("mode", [(), ("--exactly-once",)])
def test_a_worker_begins_with_its_snapshot_where_the_beginning_is_gone(
    capsys, monkeypatch, tmp_path, home, cluster, waiting, mode
):
    """Law: it decides as the service did, who had all; without a snapshot it says what it lacks."""
    own, half = shutil.copytree(home, tmp_path / "home"), len(waiting) // 2
    with closing(open_log_in(cluster)) as log:
        log.append(waiting[:half])
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
