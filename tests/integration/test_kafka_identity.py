"""What people are called who came through the inbox of a log in Kafka: sealed, kept, erased."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.bootstrap import inbox
from crivo.bootstrap.home import (
    Paths,
    identity_sealer,
    open_log_reader,
    record_cipher,
)
from crivo.bootstrap.kept_keys import open_person_keys
from crivo.domain.errors import Code
from crivo.domain.instant import DAY, format_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.event_of import value_of
from crivo.governance.identity import Role, is_clear
from crivo.governance.record_cipher import Rotation
from tests.e2e.homes import make_home
from tests.integration.commands import crivo
from tests.integration.inboxes import XML, body, id_of, produce, received, record
from tests.integration.test_erasures import OTHER_CPF
from tests.integration.test_identity import CPF
from tests.integration.workers import decide_rest
from tests.ports.kafka_logs import open_log_in, url_of
from tests.unit.adapters.http.orders import ORDER, SAME
from tests.unit.decision.worlds import START

pytestmark = pytest.mark.slow


def test_what_the_parties_are_called_lies_sealed_in_the_log(capsys, monkeypatch, tmp_path, cluster):
    open_log_in(cluster).close()
    produce(cluster, record(ORDER.encode(), content_type=XML), record(body(1)))
    received(capsys, monkeypatch, tmp_path, cluster)
    ends = read_ends(cluster, 4, is_settled=False)
    lows, highs = ({part: each[at] for part, each in ends.items()} for at in (0, 1))
    with closing(Intake(cluster, lows, highs)) as raw:
        while raw.open:
            raw.poll()
        rows = [row for rows in raw.waiting.values() for _, row in rows]
    assert len(rows) == 2
    (named,) = [row for row in rows if row[11] is not None]
    assert not is_clear(named[11])
    for word in ("Ana de Souza", SAME["payer_person_id"], "maria@exemplo.com"):
        assert not [row for row in rows if word.encode() in row[10] + (row[11] or b"")]
    with closing(open_person_keys(Paths(tmp_path))) as persons:
        opened = identity_sealer(persons).open(named[11], event_id=named[4])
    assert opened[Role.PAYER]["name"] == "Ana de Souza"


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "sabotage: receipts not kept"])
def test_whoever_came_through_the_inbox_is_not_erased_before_the_law_lets_them(
    capsys, monkeypatch, tmp_path, cluster, keeps
):
    if not keeps:
        monkeypatch.setattr(inbox, "identity_sealer", lambda keys, **_: identity_sealer(keys))
    open_log_in(cluster).close()
    named = {"identity": {"payer": {"name": "Ana de Souza", "tax_id": CPF}}}
    produce(cluster, record(body(1, **named)), record(body(2, **named)))
    assert received(capsys, monkeypatch, tmp_path, cluster)["appended"] == 2
    erase = ("erase", CPF, "--by", "dpo", "--reason", "letter 7", "--json")
    said = crivo(capsys, *erase)
    if not keeps:
        assert said.code == 0, "the home's file knows nothing of the person"
        return
    assert (said.code, Code.RETENTION in said.err) == (2, True)
    until = format_rfc3339(START + 2_000 + 1_826 * DAY)
    assert f"not before {until}" in said.err
    said = crivo(capsys, *erase, "--override")
    (done,) = json.loads(said.out)["erasures"]
    assert (done["newest"], done["within_retention"]) == (format_rfc3339(START + 2_000), True)
    assert crivo(capsys, *erase, "--override").code == 2, "nobody has a key any more"


def test_whoever_says_why_reads_what_the_parties_of_a_transfer_in_kafka_are_called(
    capsys, monkeypatch, tmp_path, cluster
):
    """Before and after a worker decides it; the decision holds no copy, which nobody could open."""
    home = make_home(tmp_path / "home")
    open_log_in(cluster).close()
    named = {"payer": {"name": "Ana de Souza", "tax_id": CPF}, "remittance": "oi"}
    produce(cluster, record(body(1, identity=named)), record(body(2)))
    assert received(capsys, monkeypatch, home, cluster)["appended"] == 2

    def revealed(number, *more):
        asked = ("reveal", id_of(number), "--by", "ana", "--reason", "case 9", "--json")
        return crivo(capsys, *asked, *more)

    there = ("--log", url_of(cluster))
    before = revealed(1, *there)
    assert decide_rest(capsys, monkeypatch, home, cluster)["decided"] == 2
    after = revealed(1, *there)
    for said in (before, after):
        assert said.code == 0, said.err
        assert json.loads(said.out) == {"payer": {**named["payer"], "remittance": "oi"}}
    with closing(KafkaLogReader(cluster, cipher=record_cipher(Paths(home), Rotation()))) as reader:
        (decided, _) = reader.read(start=0, limit=9, streams=frozenset({Stream.DECISIONS}))
    assert decided.event.sealed is None
    for number, options in (
        (2, there),
        (3, there),
        (1, ()),
        (1, (*there, "--phase", "settlement")),
    ):
        said = revealed(number, *options)
        assert (said.code, Code.NOT_FOUND in said.err) == (2, True), said.err
    with closing(open_log_reader(home / "log.sqlite")) as reader:
        found = reader.read(start=0, limit=9)
    assert [each.event.schema for each in found] == ["reveal.v1"] * 2, "each is an event"
    assert crivo(capsys, "erase", CPF, "--by", "d", "--reason", "r", "--override").code == 0
    assert json.loads(revealed(1, *there).out) == {"payer": None}


@pytest.mark.parametrize("counts", [True, False], ids=["counted", "sabotage: the home's log alone"])
def test_an_erasure_tells_what_a_log_in_kafka_holds_of_the_erased_and_beside_them(
    capsys, monkeypatch, tmp_path, cluster, counts
):
    """Two persons of one account; the second is left, as the account may be theirs alone."""
    open_log_in(cluster).close()
    persons = [(1, CPF), (2, CPF), (3, OTHER_CPF)]
    produce(
        cluster,
        *(
            record(body(number, payer_account_id="joint", identity={"payer": {"tax_id": tax_id}}))
            for number, tax_id in persons
        ),
    )
    assert received(capsys, monkeypatch, tmp_path, cluster)["appended"] == 3
    erase = ("erase", CPF, "--by", "dpo", "--reason", "letter 8", "--override", "--json")
    said = crivo(capsys, *erase, *(("--log", url_of(cluster)) if counts else ()))
    assert said.code == 0, said.err
    told = json.loads(said.out)
    (done,), (left,) = told["erasures"], told["left"]
    assert done["records"] == (2 if counts else 0)
    of_other = {"records": 1, "end_to_end_id": id_of(3), "phase": "initiation"}
    assert left == (of_other if counts else {"records": 0, "end_to_end_id": None, "phase": None})
    with closing(open_log_reader(tmp_path / "log.sqlite")) as reader:
        (event,) = [each.event for each in reader.read(start=0, limit=9)]
    assert value_of(event).records == done["records"]
