"""Whatever door refuses something, nobody is named in any byte that it leaves behind.

Each door is given people in every place of what it refuses; then all files of the home folder and
of the brokers are searched, but for the topics that the test itself produced to.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka.publisher import set_aside_once
from crivo.adapters.kafka.records import came
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX
from crivo.adapters.kafka.transactions import PRODUCER
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.bootstrap.home import refused_cipher
from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code
from crivo.domain.streams import Stream
from crivo.flows.ports import QuarantinedRow
from crivo.governance.refused_cipher import RefusedCipher
from crivo.settings import load_settings
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import called
from tests.integration.commands import crivo
from tests.integration.inboxes import body, produce, received, record
from tests.integration.test_mended_rows import HEAD, MAPPING
from tests.integration.workers import decide_rest
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of
from tests.ports.logs import REFUSED
from tests.unit.adapters.http.bodies import GOOD
from tests.unit.adapters.http.orders import ORDER

PEOPLE = {
    "name": "Ana Beatriz de Souza Lima",
    "tax_id": "529.982.247-25",
    "key": "ana.beatriz.lima@exemplo.com.br",
    "account": "00038166/0001/9988776-5",
}
EVERYBODY = " ".join(PEOPLE.values())


@dataclass
class Doors:
    """A home, brokers where a door needs them, and what a test runs."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def cluster(self):
        return self.request.getfixturevalue("cluster")

    def crivo(self, *words, code=0):
        said = crivo(self.capsys, *words, "--home", self.home, "--json")
        assert said.code == code, said.err
        return json.loads(said.out) if said.out else None

    def write(self, name, text):
        path = self.folder / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def rows_of_people():
    """Rows of a table of transfers that are refused, with everybody in each."""
    name, tax_id, key, account = PEOPLE.values()
    return [
        f"1,{name} {tax_id},{key},{account},10.00",
        f"2,2026-03-02T12:00:00Z,{key} {name},{account},{tax_id}",
        f"3,2026-03-02T12:00:00Z,{account},{key},-1,{name},{tax_id}",
    ]


def a_table(doors, *more):
    path = doors.write("bank.csv", "\n".join([HEAD, *rows_of_people()]) + "\n")
    mapping = doors.write("bank.toml", MAPPING)
    done = doors.crivo("ingest", path, "--mapping", mapping, *more, code=1)
    assert done["quarantined"] == 3


def a_table_for_a_log_in_kafka(doors):
    open_log_in(doors.cluster).close()
    a_table(doors, "--log", url_of(doors.cluster))


def json_lines(doors):
    row = {"id": "1", "time": EVERYBODY, "payer": PEOPLE["key"], "payee": "b", "amount": EVERYBODY}
    path = doors.write("bank.jsonl", json.dumps(row) + f"\n{EVERYBODY}\n")
    mapping = doors.write("bank.toml", MAPPING)
    assert doors.crivo("ingest", path, "--mapping", mapping, code=1)["quarantined"] >= 1


def a_folder_of_streams(doors):
    doors.write(
        "world/transfers/data=2026-03-02/transfers.csv", "\n".join([HEAD, *rows_of_people()])
    )
    login = {"login_id": EVERYBODY, "time": "2026-03-02T12:00:00Z", "account": PEOPLE["account"]}
    row = {**login, "action": EVERYBODY}
    doors.write("world/logins/data=2026-03-02/logins.jsonl", json.dumps(row) + "\n")
    told = """
[[told]]
schema = "login.v1"
table = "logins"
[told.fields]
login_id = "login_id"
account_id = "account"
action = "action"
[told.constants]
method = "PIN"
result = "FAILED"
"""
    mapping = doors.write("world.toml", MAPPING + told)
    done = doors.crivo("ingest", doors.folder / "given/world", "--mapping", mapping, code=1)
    assert done["quarantined"] == 4


def a_folder_of_orders(doors):
    named = ORDER.replace("Ana de Souza", EVERYBODY).replace("123.45<", f"{EVERYBODY}<")
    doors.write("orders/one.xml", named)
    doors.write("orders/two.xml", f"<{EVERYBODY}>")
    done = doors.crivo("ingest", doors.folder / "given/orders", code=1)
    assert done["quarantined"] == 2


def a_table_to_train_on(doors):
    mapping = doors.write(
        "rows.toml",
        'source = "small"\nkind = "rows"\n[time]\ncolumn = "when"\nunit = "seconds"\n'
        'epoch = "2020-01-01"\n[features]\ncolumns = ["V1"]\n[label]\ncolumn = "fraud"\n',
    )
    rows = [f"{at},{at % 7},{at % 2}" for at in range(40)]
    rows.append(f"{PEOPLE['name']},{PEOPLE['key']} {PEOPLE['tax_id']},{PEOPLE['account']}")
    path = doors.write("rows.csv", "\n".join(["when,V1,fraud", *rows]) + "\n")
    crivo(doors.capsys, "train", "--data", path, "--mapping", mapping, "--home", doors.home)


def the_inbox(doors):
    open_log_in(doors.cluster).close()
    for value in (
        EVERYBODY,
        json.dumps({EVERYBODY: EVERYBODY}),
        body(1, amount_centavos=EVERYBODY),
    ):
        sent = record(value, txt=EVERYBODY.encode())
        produce(doors.cluster, sent, key=EVERYBODY.encode())
    produce(doors.cluster, record(b"{}", EVERYBODY.encode()))
    received(doors.capsys, doors.monkeypatch, doors.home, doors.cluster)


def strange(cluster):
    """Records of nobody's in the topic of transfers."""
    producer, topic = Producer(cluster.options()), cluster.named(Stream.TRANSFERS.value)
    everybody = EVERYBODY.encode()
    producer.produce(topic, everybody, everybody, 0, headers=[(EVERYBODY, everybody)])
    producer.produce(topic, everybody, everybody, 1, headers=[("seq", everybody)])
    assert producer.flush(SECONDS_MAX) == 0


def a_worker(doors, *mode):
    shutil.copytree(doors.request.getfixturevalue("home"), doors.home)
    with closing(open_log_in(doors.cluster)) as log:
        log.append(doors.request.getfixturevalue("waiting")[:20])
    strange(doors.cluster)
    decide_rest(doors.capsys, doors.monkeypatch, doors.home, doors.cluster, *mode)


def a_worker_that_answers_exactly_once(doors):
    a_worker(doors, "--exactly-once")


def a_job_of_spark(doors):
    """What its executors do; `tests/e2e/test_spark_failures.py` looks at a whole job."""
    open_log_in(doors.cluster).close()
    topic, everybody = doors.cluster.named(Stream.TRANSFERS.value), EVERYBODY.encode()
    headers = [(EVERYBODY, everybody)]
    foreign = [came(topic, 0, 0, key=everybody, value=everybody, headers=headers)]
    set_aside_once(doors.cluster, 4, foreign, refused_cipher(load_settings({}, home=doors.home)))


FILES = (a_table, json_lines, a_folder_of_streams, a_folder_of_orders, a_table_to_train_on)
KAFKA = (
    a_table_for_a_log_in_kafka,
    the_inbox,
    a_worker,
    a_worker_that_answers_exactly_once,
    a_job_of_spark,
)
DOORS = [
    *FILES,
    *(pytest.param(door, marks=pytest.mark.slow) for door in KAFKA),
]


@pytest.fixture
def doors(tmp_path, capsys, monkeypatch, request):
    # Compressed, a name may stand in brokers' files by half.
    monkeypatch.setitem(PRODUCER, "compression.type", "none")
    return Doors(tmp_path, capsys, monkeypatch, request)


def named_in(*folders: Path):
    """Who is named in which file of some folders."""
    found, size = set(), 0
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        size += len(data)
        found |= {(path.name, who) for who, text in PEOPLE.items() if text.encode() in data}
    assert size > 200, "there was something to look at"
    return found


def partitions_of(doors):
    """The brokers' folders of this test's topics, but for those that it produced to itself, and of
    their own topics: others are other tests'.
    """
    cluster, brokers = doors.cluster, doors.request.getfixturevalue("kafka")
    own = {cluster.named(name) for name in (INBOX, Stream.TRANSFERS.value)}
    found = [
        path
        for path in brokers.folder.glob("*/data/*-*")
        if path.name.startswith((f"{cluster.space}.", "__"))
        and path.name.rpartition("-")[0] not in own
    ]
    assert any(DEAD_LETTERS in path.name for path in found)
    return found


def named_by(doors, door):
    """Who is named anywhere, once a door has refused them."""
    door(doors)
    homes = [doors.home] if doors.home.exists() else []
    return named_in(*homes, *(partitions_of(doors) if door in KAFKA else ()))


@pytest.mark.parametrize("door", DOORS)
def test_nobody_is_named_in_any_byte_that_a_door_leaves_behind(doors, door):
    """Law: of what is refused only its code, place and time can be read without the keys."""
    assert named_by(doors, door) == set()
    log = ("--log", url_of(doors.cluster)) if door in KAFKA else ()
    rows = doors.crivo("quarantine", "list", "--raw", *log)["rows"]
    shown = json.dumps(rows, ensure_ascii=False)
    for who in PEOPLE.values():
        assert who in shown, "whoever has the keys reads all of it"


def as_it_came(_self, content, *, beside):
    """A writer that does not seal."""
    return b"\1\0\0\0\1" + content


@pytest.mark.parametrize("door", DOORS)
def test_sabotage_a_writer_that_does_not_seal_is_found_behind_each_door(doors, door, monkeypatch):
    monkeypatch.setattr(RefusedCipher, "seal", as_it_came)
    assert {who for _, who in named_by(doors, door)} == set(PEOPLE)


def test_no_text_of_a_refused_row_is_readable_but_its_place_and_who_dismissed_it(tmp_path):
    """Law: also of a text that a later release adds to a row."""
    texts = {each.name for each in fields(QuarantinedRow) if each.type == "str"}
    row = QuarantinedRow("", 1, Code.AMOUNT_RANGE, "", "", "", "", "", 5)
    row = replace(row, **{name: f"the text called {name}" for name in texts})
    with closing(SqliteQuarantine(tmp_path / "quarantine.sqlite", REFUSED)) as kept:
        kept.put([row])
        assert kept.rows(limit=9, settled=True) == [row]
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert {name for name in texts if f"the text called {name}".encode() in found} == {
        "source",
        "identity",
        "dismissed_by",
    }
    assert len(texts) >= 9


def test_a_service_keeps_nothing_of_what_it_refuses(tmp_path):
    """Over HTTP the caller has the answer, and the home nothing."""
    home = make_home(tmp_path / "home")
    with called(build_service(settings_of(home))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        for sent in (EVERYBODY, json.dumps({**GOOD, EVERYBODY: 1}), json.dumps({"x": EVERYBODY})):
            answer = caller.post("/v1/decisions", content=sent)
            assert answer.status_code in {400, 422}, answer.text
    assert named_in(home) == set()
