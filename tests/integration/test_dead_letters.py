"""Dead letters on a real broker: they are listed, shown, and taken back once."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.publisher import PlainPublisher
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.records import SEQ, record_of
from crivo.bootstrap.home import Paths
from crivo.domain.streams import Stream
from crivo.flows.event_of import event_of
from crivo.flows.event_rows import row_of
from tests.integration.commands import crivo
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
    assert producer.flush(10) == 0


def set_all_aside(cluster):
    """Sets aside what bears no number, as a worker does."""
    publisher = PlainPublisher(cluster, 4, list)
    ends = read_ends(cluster, 4)
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
        replace(event(1), schema="transfer.v99"),
        event(2),
        event(0),
        replace(event(3), key=bytes(16)),
        garbage=[b"no event, \xff"],
    )
    set_all_aside(cluster)
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
    assert said.code == 0, said.err
    said = crivo(capsys, "quarantine", "list", *home, "--json")
    (row,) = json.loads(said.out)["rows"]
    said = crivo(capsys, "quarantine", "show", row["source"], 1, *home, "--json")
    assert json.loads(said.out)["code"] == "TIME_INVALID"
    said = crivo(capsys, "quarantine", "replay", *home)
    assert (said.code, "crivo ingest" in said.err) == (2, True)
