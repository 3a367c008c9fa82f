"""Services whose log is passed on to Kafka, or is there first: asked, and compared with brokers."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

import httpx
from confluent_kafka import Message

from crivo.adapters.kafka.client import Cluster, patiently
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import Paths
from crivo.domain.errors import Refused
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.flows.event_rows import EventRow
from tests.e2e.serving import Served, serving
from tests.ports.kafka_logs import url_of

START = parse_rfc3339("2026-11-23T12:00:00Z")


def relaying(home: Path, where: Cluster, **changes: str) -> AbstractContextManager[Served]:
    """The service of a home that passes its log on."""
    return serving(home, RELAY__URL=url_of(where), **changes)


def ask(client: httpx.Client, number: int) -> httpx.Response:
    body = {
        "end_to_end_id": f"E12345678202611231200relay{number:06d}",
        "occurred_at": format_rfc3339(START + number * 1_000),
        "amount_centavos": 1 + number,
        "payer_account_id": f"account-{number % 7}",
        "payee_account_id": f"account-{(number + 1 + number % 5) % 7}",
    }
    return client.post("/v1/decisions", json=body)


def decide(served: Served, numbers: range) -> None:
    """Every one of these transfers is decided."""
    with served.client() as client:
        for number in numbers:
            answer = ask(client, number)
            assert answer.status_code == 200, answer.text


def decisions(rows: list[EventRow]) -> int:
    return sum(row[8] == "decision.v1" for row in rows)


def stored(home: Path) -> list[EventRow]:
    """The rows of a home's log, as they lie there."""
    with closing(open_reader(Paths(home).log)) as reader:
        return reader.stored_rows(start=0, limit=10_000)


def read(where: Cluster, *, is_settled: bool = True) -> tuple[list[EventRow], int]:
    """All numbered rows of the log in Kafka, and how many records are nobody's: of a number that
    came twice the second is. Unless it is settled, what stands open is waited for.
    """
    ends = patiently(where, partial(read_ends, where, 4, is_settled=is_settled))
    lows, highs = ({part: each[at] for part, each in ends.items()} for at in (0, 1))
    rows: list[EventRow] = []
    nobodys: list[Message] = []

    def foreign(message: Message, _: Refused) -> None:
        nobodys.append(message)

    with closing(Intake(where, lows, highs, numbered_from=0, foreign=foreign)) as intake:
        while intake.open:
            intake.poll()
            for waiting in intake.waiting.values():
                rows += [row for _, row in waiting]
                waiting.clear()
    return sorted(rows), len(nobodys)


def passed_on(where: Cluster) -> list[EventRow]:
    """All numbered rows of the log in Kafka."""
    return read(where)[0]


def said(rows: list[EventRow]) -> list[tuple[object, ...]]:
    """Of rows all but where they lie in their partition."""
    return [(*row[:3], *row[4:]) for row in rows]


def is_same(home: Path, where: Cluster) -> bool:
    """Law: the log in Kafka has the numbers and the bytes of the service's, each once."""
    passed, nobodys = read(where)
    return said(passed) == said(stored(home)) and not nobodys


def has_all(where: Cluster, home: Path) -> bool:
    """Whether brokers have all that the home has just now; the ledger may add to both meanwhile."""
    here = said(stored(home))
    there, nobodys = read(where, is_settled=False)
    return said(there)[: len(here)] == here and not nobodys
