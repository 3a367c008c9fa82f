"""Inboxes of tests: what outsiders produce there, its door as a command and as a process."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from confluent_kafka import Producer

from crivo.adapters.kafka.dead_letters import read_dead_letters
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import format_rfc3339
from crivo.flows.codec import decode_transfer
from tests.integration.commands import crivo
from tests.integration.workers import Running, await_settled, environment
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import url_of
from tests.unit.adapters.http.orders import ORDER
from tests.unit.decision.worlds import START

SOURCE = INBOX + DEAD_LETTERS
XML = "application/xml"


def id_of(number):
    return f"E12345678202611231200inbx{number:07d}"


def body(number, **changes):
    """The body of a transfer of few accounts."""
    fields = {
        "end_to_end_id": id_of(number),
        "occurred_at": format_rfc3339(START + number * 1_000),
        "amount_centavos": 1 + number,
        "payer_account_id": f"account-{number % 7}",
        "payee_account_id": f"account-{(number + 1 + number % 5) % 7 + 7}",
        **changes,
    }
    return json.dumps({name: each for name, each in fields.items() if each is not None}).encode()


def record(value, kind=None, **headers):
    """A record: its value, and headers by their names with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return value, list({**named, **({} if kind is None else {"kind": kind})}.items())


def login(number, at, **changes):
    fields = {
        "login_id": f"l-{number}",
        "occurred_at": format_rfc3339(at),
        "account_id": f"account-{number % 7}",
        "action": "LOGIN",
        "method": "PIN",
        "result": "FAILED",
    }
    return record(json.dumps({**fields, **changes}).encode(), "login.v1")


def claim(number, at, **changes):
    fields = {
        "report_id": f"r-{number}",
        "end_to_end_id": id_of(number),
        "status": "ACCEPTED",
        "received_at": format_rfc3339(at),
    }
    return record(json.dumps({**fields, **changes}).encode(), "report.v1")


def settlement(number, at):
    fields = {"end_to_end_id": id_of(number), "occurred_at": format_rfc3339(at)}
    document = {**fields, "status": "SETTLED", "received_at": format_rfc3339(at)}
    return record(json.dumps(document).encode(), "settlement.v1")


def order(number):
    """The order of an institution under an id of its own."""
    return record(ORDER.replace("abcDEF12345", f"xml{number:08d}").encode(), content_type=XML)


def produce(cluster, *records, key=b"a payer's key"):
    """Produces records as any client would; under one key they keep their order."""
    producer = Producer({**cluster.options(), "message.max.bytes": 1 << 20})
    for value, headers in records:
        producer.produce(cluster.named(INBOX), value, key, headers=headers)
        producer.poll(0)
    assert producer.flush(SECONDS_MAX) == 0


def received(capsys, monkeypatch, home, cluster, *, code=0):
    """What the door says of what waits."""
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    said = crivo(capsys, "receive", "--log", url_of(cluster), "--until-end", "--json")
    assert said.code == code, said.err
    return said.err if code else json.loads(said.out)


def is_conserved(result):
    """Law: each record that was received was appended, a duplicate, or refused."""
    refused = sum(result["refused"].values())
    return result["received"] == result["appended"] + result["duplicate"] + refused


def transfers_of(cluster):
    """How often each transfer lies in the log, by its id, once brokers show all that is there."""
    await_settled(cluster)
    with closing(KafkaLogReader(cluster)) as reader:
        assert reader.doubles == 0
        found = [each.event for each in reader.read(start=0, limit=100_000)]
    return Counter(
        decode_transfer(each.payload).end_to_end_id
        for each in found
        if each.schema == "transfer.v1"
    )


def transfers_so_far(cluster):
    """As `transfers_of` while a door appends; none where brokers show a commit by half as yet."""
    try:
        return transfers_of(cluster)
    except Misconfigured as passing:
        if passing.code is not Code.LOG_MISMATCH:
            raise
        return Counter()


def letters_of(cluster, cipher):
    """The dead letters of the inbox."""
    return [each for each in read_dead_letters(cluster, cipher) if each.source == SOURCE]


class ReceivingProcess(Running):
    """The door's process."""

    verb = "receive"


def start_receiving(held, home, where, *more):
    """A door that is killed at the end of the block, if it is still open then."""
    folder = held.enter_context(tempfile.TemporaryDirectory())
    door = ReceivingProcess(Path(folder) / "said", home, where, *more)
    held.callback(door.kill)
    return door
