"""Dead letters on a real broker: they are listed, shown, and taken back once."""

from __future__ import annotations

import json
import secrets
from contextlib import closing

import pytest
from confluent_kafka import Producer

from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.publisher import ExactPublisher, PlainPublisher
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import SEQ, record_of
from crivo.bootstrap.home import Paths
from crivo.domain.streams import Stream
from crivo.flows.event_of import event_of
from crivo.flows.event_rows import row_of
from tests.integration.commands import crivo
from tests.integration.test_mended_rows import HEAD, MAPPING
from tests.integration.workers import refused_of
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of
from tests.unit.decision.worlds import START, transfer

pytestmark = pytest.mark.slow

SOURCE = "pix.transfers.v1.dlq"


def event(number):
    made = transfer(number, occurred_at=START + number)
    return event_of(
        made,
        occurred_at=made.occurred_at,
        received_at=START + number,
        source="test",
        stream=Stream.TRANSFERS,
    )


def produce(cluster, *events, garbage=()):
    """Records of the topic of transfers that nobody numbered."""
    producer = Producer(cluster.options())
    topic = cluster.named(Stream.TRANSFERS.value)
    for value in garbage:
        producer.produce(topic, value, partition=0)
    for each in events:
        record = record_of(row_of(each, seq=0, partition=0))
        headers = [each for each in record.headers if each[0] != SEQ]
        producer.produce(topic, record.value, record.key, 0, headers=headers)
    assert producer.flush(SECONDS_MAX) == 0


def set_all_aside(cluster, home):
    """Sets aside what bears no number, as a worker does."""
    set_aside_by(PlainPublisher(cluster, 4, list, refused_of(home)), cluster)


def set_aside_by(publisher, cluster):
    ends = read_ends(cluster, 4, is_settled=False)
    lows, highs = ({part: each[at] for part, each in ends.items()} for at in (0, 1))
    with closing(Intake(cluster, lows, highs, foreign=publisher.set_aside)) as intake:
        while intake.open:
            intake.poll()


@pytest.fixture
def refused(cluster, tmp_path):
    """A log of one transfer, written under the key of a home, and dead letters: garbage, another
    schema, two events, a forgery.
    """
    load_or_create_key(Paths(tmp_path).pseudonym_key, make=secrets.token_bytes)
    with closing(open_log_in(cluster)) as log:
        log.append([event(0)])
    produce(
        cluster,
        event(1)._replace(schema="transfer.v99"),
        event(2),
        event(0),
        event(3)._replace(key=bytes(16)),
        garbage=[b"no event, \xff"],
    )
    set_all_aside(cluster, tmp_path)
    return cluster


def said_of(capsys, home, cluster, *command, code=0):
    where = ("--log", url_of(cluster), "--home", home, "--json")
    said = crivo(capsys, "quarantine", *command, *where)
    assert said.code == code, said.err
    return json.loads(said.out)


def test_dead_letters_are_listed_and_shown_with_their_cause(capsys, tmp_path, refused):
    found = said_of(capsys, tmp_path, refused, "list")
    assert found["counts"] == {"ROW_MALFORMED": 5}
    assert [(row["source"], row["row_number"]) for row in found["rows"]] == [
        (SOURCE, number) for number in range(5)
    ]
    assert all("raw" not in row for row in found["rows"])
    shown = said_of(capsys, tmp_path, refused, "show", SOURCE, 0, "--raw")
    assert shown["raw"] == "no event, \\xff"
    assert (shown["field"], shown["found"]) == ("headers", "neither")
    assert "inbox" in shown["hint"] and shown["at"] > START
    said = crivo(capsys, "quarantine", "show", SOURCE, 9, "--log", url_of(refused))
    assert (said.code, "NOT_FOUND" in said.err) == (2, True)


def test_what_is_an_event_is_taken_back_once_and_the_rest_says_why_not(capsys, tmp_path, refused):
    for appended in (1, 0):
        found = said_of(capsys, tmp_path, refused, "replay", code=1)
        whys = {row["where"]: row["code"] for row in found.pop("refused")}
        assert found == {"received": 5, "appended": appended, "duplicate": 2 - appended}
        assert whys == {
            f"{SOURCE} 0": "ROW_MALFORMED",
            f"{SOURCE} 1": "SCHEMA_UNKNOWN",
            f"{SOURCE} 4": "FIELD_VALUE",
        }
    with closing(KafkaLogReader(refused)) as reader:
        ids = [each.event.event_id for each in reader.read(start=0, limit=10)]
    assert ids == [event(0).event_id, event(2).event_id]


def test_rows_of_files_are_shown_by_the_same_word_and_not_replayed(capsys, tmp_path):
    (tmp_path / "rows.csv").write_text("id,time,payer,payee,amount\n1,never,ana,caio,1.00\n")
    (tmp_path / "m.toml").write_text(
        'source = "test"\nkind = "events"\n[time]\ncolumn = "time"\nzone = "UTC"\n'
        '[transfer]\nid = "id"\npayer = "payer"\npayee = "payee"\n'
        'amount = { column = "amount", unit = "reais", currency = "BRL" }\n'
    )
    home = ("--home", tmp_path / "home")
    said = crivo(capsys, "ingest", tmp_path / "rows.csv", "--mapping", tmp_path / "m.toml", *home)
    assert (said.code, "none came in" in said.err) == (1, True), said.err
    said = crivo(capsys, "quarantine", "list", *home, "--json")
    (row,) = json.loads(said.out)["rows"]
    said = crivo(capsys, "quarantine", "show", row["source"], 1, *home, "--json")
    assert json.loads(said.out)["code"] == "TIME_INVALID"
    said = crivo(capsys, "quarantine", "replay", *home)
    assert (said.code, "crivo ingest" in said.err) == (2, True)


def test_refused_rows_of_an_import_are_listed_with_the_dead_letters_of_its_log(
    capsys, tmp_path, cluster, refused
):
    """Law: `list` of a log in Kafka finds what was refused of it, wherever that lies."""
    home = ("--home", tmp_path, "--json")
    log = ("--log", url_of(cluster))
    (tmp_path / "bank.toml").write_text(MAPPING)

    def said(*words, code=0):
        answer = crivo(capsys, *words)
        assert answer.code == code, answer.err
        return json.loads(answer.out) if code < 2 else answer.err

    def take(name, *rows, code=0):
        (tmp_path / name).write_text("\n".join([HEAD, *rows]) + "\n")
        words = ("ingest", tmp_path / name, "--mapping", tmp_path / "bank.toml")
        return said(*words, *home, *log, code=code)

    def listed(*more):
        found = said("quarantine", "list", *home, *more)
        assert found["counts"] == {
            code: sum(row["code"] == code for row in found["rows"]) for code in found["counts"]
        }
        return [(row["source"].partition("@")[0], row["row_number"]) for row in found["rows"]]

    letters = listed(*log)
    assert {source for source, _ in letters} == {SOURCE}
    rows = ("1,2026-03-02T12:00:00Z,a,b,oops", "2,2026-03-02T12:00:01Z,a,b,-1.00")
    done = take("bank.csv", *rows, code=1)
    assert (done["quarantined"], done["accepted"]) == (2, 0)
    assert listed(*log) == [*letters, ("bank.csv", 1), ("bank.csv", 2)]
    assert listed() == [], "the home's own log refused nothing"
    shown = said("quarantine", "show", "bank.csv", "2", *home, *log)
    assert (shown["code"], shown["column"]) == ("AMOUNT_RANGE", "amount")
    assert take("mended.csv", "1,2026-03-02T12:00:00Z,a,b,10.00")["accepted"] == 1
    assert listed(*log) == [*letters, ("bank.csv", 2)]
    said("quarantine", "dismiss", "bank.csv", "2", "--by", "Ana", *home, *log)
    assert listed(*log) == letters
    source, number = letters[0]
    words = ("quarantine", "dismiss", source, number, "--by", "Ana", *home, *log)
    assert "a dead letter lies in its topic" in said(*words, code=2)


def test_a_cluster_without_the_topics_of_a_log_has_no_dead_letters_and_says_so(
    capsys, tmp_path, cluster
):
    for command in (("quarantine", "list"), ("quarantine", "replay")):
        nowhere = f"kafka://{cluster.brokers}/nothing"
        said = crivo(capsys, *command, "--home", tmp_path, "--log", nowhere)
        assert (said.code, "LOG_MISMATCH" in said.err, "topics apply" in said.err) == (
            2,
            True,
            True,
        )


@pytest.mark.parametrize("is_asked", [True, False], ids=["", "sabotage: nobody asks"])
def test_a_letter_whose_commit_was_not_heard_of_is_not_written_again(
    capsys, monkeypatch, cluster, tmp_path, is_asked
):
    """Law: in transactions a record is among the dead letters once."""
    load_or_create_key(Paths(tmp_path).pseudonym_key, make=secrets.token_bytes)
    open_log_in(cluster).close()
    produce(cluster, garbage=[b"no event"])
    publisher = ExactPublisher(cluster, 4, list, refused_of(tmp_path), name="exact")
    transactions = publisher._transactions
    is_done, heard = transactions.is_done, []

    def unheard(work):
        heard.append(is_done(work))
        return len(heard) > 1 and heard[-1]

    monkeypatch.setattr(transactions, "is_done", unheard)
    if not is_asked:
        monkeypatch.setattr(publisher._aside, "is_kept", lambda message: False)
    set_aside_by(publisher, cluster)
    assert all(heard)
    found = said_of(capsys, tmp_path, cluster, "list")
    assert len(found["rows"]) == (1 if is_asked else 2)
