"""Whatever page of a file is lost, who writes it says so with a code, and never with a bug."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from crivo.adapters.sqlite import connection, persons
from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.adapters.sqlite.webhook_deliveries import SqliteDeliveries
from crivo.domain.errors import Code, CrivoError
from crivo.domain.streams import Stream
from crivo.flows.decision_index import DecisionQuery
from crivo.governance.identity import PersonKey
from tests.e2e.homes import make_home
from tests.integration.test_http_explanation import served
from tests.integration.test_identity import CPF, IDENTITY, body, id_of
from tests.ports.logs import REFUSED, events, open_test_log
from tests.ports.test_decision_index_laws import decision
from tests.ports.test_quarantine_laws import row
from tests.ports.test_webhook_deliveries_laws import delivery

PAGE_BYTES = 4_096

#: What a store says of a file with a lost page.
CODES = {Code.FILE_UNREADABLE, Code.FILE_UNWRITABLE, Code.INDEX_UNAVAILABLE, Code.LOG_UNAVAILABLE}


def write_log(path: Path) -> None:
    with closing(open_test_log(path)) as log:
        first = log.end()
        made = events(first, first + 60)
        log.append(made)
        log.known([each.event_id for each in made])
        log.find(made[0].event_id)
        log.read(start=0, limit=1_000)
        log.order_time(Stream.DECISIONS, 0)


def write_persons(path: Path) -> None:
    with closing(SqlitePersonKeys(path, master=lambda: bytes(32))) as keys:
        made = [
            PersonKey(bytes([number]) * 8, bytes([number]) * 16, number, bytes(32))
            for number in range(100)
            if keys.key(bytes([number]) * 8) is None
        ]
        subjects = [bytes([number]) * 16 for number in range(100)]
        keys.add(made, [(b"a" * 16, each) for each in subjects], dict.fromkeys(subjects, 9))
        keys.aliases(keys.subjects([b"a" * 16, *subjects]))
        [(keys.newest(each), keys.newest_receipt(each)) for each in subjects]
        keys.erase(subjects[7])


def write_quarantine(path: Path) -> None:
    with closing(SqliteQuarantine(path, REFUSED)) as kept:
        kept.put([row(number) for number in range(60)])
        kept.rows(limit=100)
        kept.find(row(1).source, 1)
        kept.waiting()
        kept.counts()
        kept.mend([row(3).identity], at=7)
        kept.dismiss(row(4).source, 4, at=7, by="ana")


def write_index(path: Path) -> None:
    with closing(SqliteDecisionIndex(path, log_id="log")) as index:
        index.put([decision(number) for number in range(60)], reached=60)
        index.get(decision(3).end_to_end_id)
        index.latest(100)
        index.search(DecisionQuery(since=0, until=1 << 60, limit=100))
        index.counts()
        index.reached()


def write_webhooks(path: Path) -> None:
    with closing(SqliteDeliveries(path, log_id="log", start=0)) as kept:
        kept.put([delivery(number) for number in range(60)], reached=60)
        kept.due(delivery(1).subscription, now=1 << 60, limit=100)
        kept.counts(delivery(1).subscription)
        kept.note(delivery(1))


STORES = {
    "log": write_log,
    "persons": write_persons,
    "quarantine": write_quarantine,
    "decisions": write_index,
    "webhooks": write_webhooks,
}


def pages(path: Path) -> list[bytes]:
    """A file as its pages; nothing of it is left in the write-ahead log."""
    with closing(sqlite3.connect(path)) as disk:
        disk.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    return [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]


def lose(path: Path, whole: list[bytes], number: int, content: bytes) -> None:
    """The file with other content in place of one page."""
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    path.write_bytes(b"".join([*whole[:number], content, *whole[number + 1 :]]))


def said_of_each_page(write: Callable[[Path], None], path: Path) -> Counter[Code]:
    """The codes that a store says, over all pages: each lost once, and overwritten once."""
    write(path)
    said: Counter[Code] = Counter()
    whole, chance = pages(path), random.Random(path.name)
    for number in range(len(whole)):
        for content in (bytes(PAGE_BYTES), chance.randbytes(PAGE_BYTES)):
            lose(path, whole, number, content)
            try:
                write(path)
            except CrivoError as error:
                said[error.code] += 1
    return said


@pytest.mark.parametrize("name", STORES)
def test_whatever_page_is_lost_a_store_answers_with_a_code(tmp_path: Path, name: str):
    said = said_of_each_page(STORES[name], tmp_path / f"{name}.sqlite")
    assert said and set(said) <= CODES, said


def test_sabotage_an_error_that_nobody_gives_a_code_passes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(persons, "asked_of", lambda _path: connection.contextlib.nullcontext())
    with pytest.raises(connection.apsw.CorruptError):
        said_of_each_page(write_persons, tmp_path / "persons.sqlite")


@pytest.mark.slow
def test_over_http_a_damaged_file_of_keys_is_a_503_that_names_its_code(tmp_path: Path):
    home = make_home(tmp_path / "home")
    keys, by = home / "keys" / "persons.sqlite", {"by": "dpo", "reason": "letter 12"}
    with served(home) as caller:
        sent = body(1, identity=IDENTITY)
        assert caller.post("/v1/decisions", json=sent).status_code == 200
    whole = pages(keys)
    with closing(sqlite3.connect(keys)) as disk:
        ((root,),) = disk.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'keys'")
    lose(keys, whole, root - 1, bytes(PAGE_BYTES))
    with served(home) as caller:
        asked = (
            ("/v1/reveals", {"end_to_end_id": id_of(1), **by}, "FILE_UNREADABLE"),
            ("/v1/erasures", {"person": CPF, **by, "override": True}, "FILE_UNWRITABLE"),
        )
        for path, document, code in asked:
            answer = caller.post(path, json=document)
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert answer.headers["retry-after"] == "1"
        refused = caller.post("/v1/decisions", json=body(2, identity=IDENTITY))
        assert (refused.status_code, refused.json()["code"]) == (503, "LOG_UNAVAILABLE")
