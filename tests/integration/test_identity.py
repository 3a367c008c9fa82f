"""What people are called: sealed under keys of their own, read by nobody unseen, and erasable."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from crivo.adapters.http.access import Role
from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.home import open_log_reader
from crivo.bootstrap.ledger import audit_ledger, newest_segments
from crivo.bootstrap.proving import replay_home
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Unavailable
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream
from crivo.flows.payload import decode
from tests.e2e.homes import KEY, ROOT, make_home, settings_of
from tests.integration.commands import crivo
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: Nobody's: the examples of docs/reference/http.md and of the tax authority's manuals.
CPF, CNPJ = "111.444.777-35", "12.ABC.345/01DE-35"
IDENTITY = {
    "payer": {"name": "Ana Maria Braga de Teste", "tax_id": CPF},
    "payee": {"name": "Loja <script>alert(1)</script> Ltda", "tax_id": CNPJ, "key": "loja@x.com"},
    "remittance": "para o presente da Rafaela",
}
SECRETS = (
    b"Ana Maria", b"Braga", b"11144477735", CPF.encode(), b"Loja <script>", CNPJ.encode(),
    b"12ABC34501DE35", b"loja@x.com", b"Rafaela",
)  # fmt: skip


def id_of(number: int) -> str:
    return f"E12345678202611231200iden{number:07d}"


def body(number: int, **changes: object) -> dict[str, object]:
    return {**GOOD, "end_to_end_id": id_of(number), **changes}


@pytest.fixture(scope="module")
def decided(tmp_path_factory) -> Path:
    """A home with decisions that carry identities, and some that carry none."""
    home = make_home(tmp_path_factory.mktemp("identity") / "home")
    with served(home) as caller:
        for number in range(12):
            identity = {"identity": IDENTITY} if number % 3 else {}
            answer = caller.post("/v1/decisions", json=body(number, **identity))
            assert answer.status_code == 200, answer.text
            assert not any(secret in answer.content for secret in SECRETS)
    return home


@pytest.fixture
def home(decided, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CRIVO_POLICY", str(ROOT / "policy"))
    return Path(shutil.copytree(decided, tmp_path / "home"))


def erased(capsys, home, who, *options):
    return crivo(
        capsys, "erase", who, "--home", home, "--by", "dpo", "--reason", "letter 7", *options,
        "--json",
    )  # fmt: skip


def revealed(capsys, home, number):
    said = crivo(
        capsys, "reveal", id_of(number), "--home", home, "--by", "ana", "--reason", "case 9",
        "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    return json.loads(said.out)


def events(home, stream):
    reader = open_log_reader(home / "log.sqlite")
    found = reader.read(start=0, limit=10_000, streams=frozenset({stream}))
    reader.close()
    return found


def derived(home):
    return [decode_record(each.event.payload).derived for each in events(home, Stream.DECISIONS)]


def audit(home):
    folder = home / "ledger"
    key = bytes.fromhex((folder / "public_key").read_text())
    checkpoint = newest_segments(folder)
    return audit_ledger(home / "log.sqlite", folder, key=key, checkpoint=checkpoint)


def test_no_file_of_the_home_holds_a_name_in_clear(home):
    held = [each for each in home.rglob("*") if each.is_file()]
    assert len(held) > 8
    for path in held:
        content = path.read_bytes()
        assert not any(secret in content for secret in SECRETS), path
    assert (home / "keys" / "persons.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_was_sealed_is_revealed_to_whoever_says_why(home, capsys):
    assert revealed(capsys, home, 1) == {
        "payer": {**IDENTITY["payer"], "remittance": IDENTITY["remittance"]},
        "payee": IDENTITY["payee"],
    }
    (event,) = events(home, Stream.PRIVACY)
    assert event.event.schema == "reveal.v1"
    assert b"ana" in event.event.payload and id_of(1).encode() in event.event.payload
    without = crivo(
        capsys, "reveal", id_of(0), "--home", home, "--by", "a", "--reason", "b", "--json"
    )
    assert without.code == 2 and Code.NOT_FOUND in without.err


@pytest.mark.parametrize("who", [CPF, "11144477735", " 11144477735 "])
def test_an_erased_person_is_read_by_nobody_and_nothing_else_changes(home, capsys, who):
    before = derived(home)
    with sqlite3.connect(home / "keys" / "persons.sqlite") as keys:
        wrapped = [row[0] for row in keys.execute("SELECT wrapped FROM keys")]
    keys.close()
    said = erased(capsys, home, who)
    assert said.code == 2 and Code.RETENTION in said.err
    assert revealed(capsys, home, 1)["payer"] is not None, "nothing was erased"
    said = erased(capsys, home, who, "--override")
    assert said.code == 0, said.err
    (fact,) = json.loads(said.out)["erasures"]
    assert (fact["records"], fact["within_retention"]) == (8, True)
    assert revealed(capsys, home, 1) == {"payer": None, "payee": IDENTITY["payee"]}
    assert derived(home) == before
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (12, 0)
    assert audit(home).is_whole
    content = b"".join(each.read_bytes() for each in (home / "keys").glob("persons.sqlite*"))
    assert sum(each in content for each in wrapped) == len(wrapped) - 1
    assert [each.event.schema for each in events(home, Stream.PRIVACY)].count("erasure.v1") == 1
    again = erased(capsys, home, who, "--override")
    assert again.code == 2 and Code.NOT_FOUND in again.err


def test_an_erasure_that_stopped_before_the_key_was_gone_is_asked_for_again(
    home, capsys, monkeypatch
):
    def stops(_keys, _subject):
        raise Unavailable(Code.FILE_UNWRITABLE, "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(SqlitePersonKeys, "erase", stops)
        assert erased(capsys, home, CPF, "--override").code == 3
    assert revealed(capsys, home, 1)["payer"] is not None
    assert erased(capsys, home, CPF, "--override").code == 0
    assert revealed(capsys, home, 1)["payer"] is None
    schemas = [each.event.schema for each in events(home, Stream.PRIVACY)]
    assert schemas == ["erasure.v1", "reveal.v1", "erasure.v1", "reveal.v1"]


def test_after_the_retention_nobody_need_answer_for_it(home, capsys, monkeypatch):
    monkeypatch.setenv("CRIVO_RETENTION_DAYS", "0")
    said = erased(capsys, home, CNPJ)
    assert said.code == 0, said.err
    assert json.loads(said.out)["erasures"][0]["within_retention"] is False
    assert revealed(capsys, home, 2)["payee"] is None


def test_somebody_who_pays_again_after_an_erasure_has_a_new_key(home, capsys):
    assert erased(capsys, home, CPF, "--override").code == 0
    with served(home) as caller:
        assert caller.post("/v1/decisions", json=body(99, identity=IDENTITY)).status_code == 200
    assert revealed(capsys, home, 99)["payer"] is not None
    assert revealed(capsys, home, 1)["payer"] is None


def test_a_person_id_finds_what_was_sealed_under_the_tax_id(home, capsys):
    with served(home) as caller:
        sent = body(50, payer_person_id="customer-77", identity=IDENTITY)
        assert caller.post("/v1/decisions", json=sent).status_code == 200
    said = erased(capsys, home, "customer-77", "--override")
    assert said.code == 0 and json.loads(said.out)["erasures"][0]["records"] == 9
    assert revealed(capsys, home, 50)["payer"] is None


def test_a_part_without_a_tax_id_is_the_accounts(home, capsys):
    with served(home) as caller:
        sent = body(51, payer_account_id="account-5", identity={"remittance": "oi"})
        assert caller.post("/v1/decisions", json=sent).status_code == 200
    assert revealed(capsys, home, 51) == {"payer": {"remittance": "oi"}}
    assert erased(capsys, home, "account-5", "--override").code == 0
    assert revealed(capsys, home, 51) == {"payer": None}


@pytest.mark.parametrize("who", ["customer-78", "account-6", CPF])
def test_a_service_erases_whoever_pays_again_as_often_as_asked(home, who):
    by = {"by": "dpo", "reason": "letter 9"}
    ids = {"payer_person_id": "customer-78", "payer_account_id": "account-6"}
    with served(home) as caller:
        for number in (60, 61, 62):
            sent = body(number, **ids, identity=IDENTITY)
            assert caller.post("/v1/decisions", json=sent).status_code == 200
            asked = {"end_to_end_id": id_of(number), **by}
            assert caller.post("/v1/reveals", json=asked).json()["payer"]["name"]
            answer = caller.post("/v1/erasures", json={"person": who, **by, "override": True})
            assert answer.status_code == 200, answer.text
            named = caller.post("/v1/reveals", json=asked).json()
            assert named["payer"]["erased"] and not named["payee"]["erased"]


def test_an_account_id_finds_a_payee_and_a_key_finds_no_owner_of_another_id(home, capsys):
    ids = {"payee_account_id": "account-7", "payee_key_id": "key-7"}
    with served(home) as caller:
        sent = body(63, **ids, identity=IDENTITY)
        assert caller.post("/v1/decisions", json=sent).status_code == 200
    assert erased(capsys, home, "key-7", "--override").code == 2, "it may be another's by now"
    assert erased(capsys, home, "account-7", "--override").code == 0
    assert revealed(capsys, home, 63)["payee"] is None


def test_a_served_home_is_erased_in_by_nobody_else(home, capsys):
    with served(home):
        said = erased(capsys, home, CPF, "--override")
    assert said.code == 3 and Code.LOG_LOCKED in said.err


def test_what_a_settlement_was_told_is_revealed_by_its_phase_alone(home, capsys):
    by = {"by": "ana", "reason": "case 18"}
    with served(home) as caller:
        for number in (64, 65):
            sent = body(number, phase="settlement", identity=IDENTITY)
            assert caller.post("/v1/decisions", json=sent).status_code == 200
        asked = {"end_to_end_id": id_of(64), **by}
        assert caller.post("/v1/reveals", json=asked).status_code == 404
        named = caller.post("/v1/reveals", json={**asked, "phase": "settlement"}).json()
        assert named["phase"] == "settlement"
        assert named["payer"]["name"] == IDENTITY["payer"]["name"]
        assert caller.post("/v1/reveals", json={**asked, "phase": "x"}).status_code == 422
    command = ("reveal", id_of(65), "--home", home, "--by", "a", "--reason", "b", "--json")
    assert crivo(capsys, *command).code == 2
    said = crivo(capsys, *command, "--phase", "settlement")
    assert said.code == 0 and json.loads(said.out)["payee"] == IDENTITY["payee"]
    found = [decode(each.event.schema, each.event.payload) for each in events(home, Stream.PRIVACY)]
    assert [(each.end_to_end_id, each.phase) for each in found] == [
        (id_of(number), Phase.SETTLEMENT) for number in (64, 65)
    ]


def test_a_refusal_names_the_field_of_the_request(home):
    with served(home) as caller:
        for path, sent in (
            ("/v1/reveals", {"end_to_end_id": id_of(1)}),
            ("/v1/erasures", {"person": CPF, "override": True}),
        ):
            for field, wrong in (("by", "x" * 500), ("by", ""), ("reason", "a\n")):
                asked = {**sent, "by": "ana", "reason": "case 19", field: wrong}
                answer = caller.post(path, json=asked)
                assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
        asked = {"person": "", "by": "dpo", "reason": "letter 10"}
        answer = caller.post("/v1/erasures", json=asked)
        assert (answer.status_code, answer.json()["field"]) == (422, "person")
    assert events(home, Stream.PRIVACY) == []


def test_an_event_says_whose_key_asked_before_what_the_body_says(home):
    key = new_api_key(settings_of(home), "maria", Role.ADMIN)
    asked = {"end_to_end_id": id_of(1), "by": "ana", "reason": "case 9"}
    longest = {"person": CPF, "by": "x" * 64, "reason": "letter 9", "override": True}
    with served(home) as caller:
        headers = {"authorization": f"Bearer {key}"}
        assert caller.post("/v1/reveals", json=asked, headers=headers).status_code == 200
        assert caller.post("/v1/erasures", json=longest, headers=headers).status_code == 200
    told = [decode(each.event.schema, each.event.payload) for each in events(home, Stream.PRIVACY)]
    assert told[0].revealed_by == "key:maria: ana"
    assert told[1].requested_by == ("key:maria: " + "x" * 64)[:64]


def test_a_service_that_runs_reveals_and_erases_by_itself(home, capsys):
    by = {"by": "dpo", "reason": "letter 8"}
    with served(home) as caller:
        asked = {"end_to_end_id": id_of(1), **by}
        named = caller.post("/v1/reveals", json=asked).json()
        assert named["payer"] == {
            "erased": False, "key": None, **IDENTITY["payer"], "remittance": IDENTITY["remittance"],
        }  # fmt: skip
        refused = caller.post("/v1/erasures", json={"person": CPF, **by})
        assert (refused.status_code, refused.json()["code"]) == (409, "RETENTION")
        erasing = {"person": CPF, **by, "override": True}
        (fact,) = caller.post("/v1/erasures", json=erasing).json()["erasures"]
        assert (fact["records"], fact["within_retention"]) == (8, True)
        assert caller.post("/v1/erasures", json=erasing).status_code == 404
        named = caller.post("/v1/reveals", json=asked).json()
        assert named["payer"]["erased"] and named["payer"]["name"] is None
        assert not named["payee"]["erased"]
        # Whoever pays again gets a new key, and not the one that the service still held.
        assert caller.post("/v1/decisions", json=body(70, identity=IDENTITY)).status_code == 200
        named = caller.post("/v1/reveals", json={**asked, "end_to_end_id": id_of(70)}).json()
        assert named["payer"]["name"] == IDENTITY["payer"]["name"]
        for wrong, status in (
            ({**asked, "end_to_end_id": id_of(0)}, 404),
            ({**asked, "end_to_end_id": "E1"}, 422),
            ({**asked, "reason": ""}, 422),
            ({"end_to_end_id": id_of(1)}, 422),
        ):
            assert caller.post("/v1/reveals", json=wrong).status_code == status, wrong
    schemas = [each.event.schema for each in events(home, Stream.PRIVACY)]
    assert schemas == ["reveal.v1", "erasure.v1", "reveal.v1", "reveal.v1"]
    assert audit(home).is_whole


def test_a_batch_seals_each_identity_under_its_own_decision_and_none_of_the_refused(home, capsys):
    other = {"payer": {"name": "Mallory Other", "tax_id": CPF}, "remittance": "of a refused one"}
    with served(home) as caller:
        sent = [
            body(80, identity=other, amount_centavos=0),
            body(80),
            body(81, identity=IDENTITY),
            body(81, identity=other, amount_centavos=7),
            body(82, identity=other, received_at="2026-11-23T11:00:00Z"),
            body(82),
            body(83),
            body(83, identity=other),
        ]
        results = caller.post("/v1/decisions:batch", json=sent).json()
        assert [each["status"] for each in results] == [422, 200, 200, 409, 422, 200, 200, 200]
        asked = {"by": "dpo", "reason": "letter 9"}
        found = [
            caller.post("/v1/reveals", json={**asked, "end_to_end_id": id_of(number)})
            for number in (80, 81, 82, 83)
        ]
    assert [each.status_code for each in found] == [404, 200, 404, 404], "as if one by one"
    assert found[1].json()["payer"]["name"] == IDENTITY["payer"]["name"]


def test_a_log_without_its_sealed_parts_gives_the_same_decisions(home):
    """Sabotage: were anything derived from a sealed part, taking all of them away would show."""
    with sqlite3.connect(home / "log.sqlite") as disk:
        disk.execute("UPDATE events SET sealed = NULL")
    disk.close()
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (12, 0)
    assert audit(home).counts, "and the ledger would say so"


def test_what_is_no_identity_is_refused_without_saying_it(home):
    wrong = [
        ({"payer": {"tax_id": "111.444.777-36"}}, "ID_INVALID"),
        ({"payer": {"tax_id": 11144477735}}, "FIELD_TYPE"),
        ({"payer": {"name": ""}}, "FIELD_VALUE"),
        ({"payer": {"name": "x" * 141}}, "FIELD_VALUE"),
        ({"payee": {"key": "x" * 78}}, "FIELD_VALUE"),
        ({"remittance": "x" * 141}, "FIELD_VALUE"),
        ({"payer": {"cpf": CPF}}, "FIELD_UNKNOWN"),
        ({"receiver": {}}, "FIELD_UNKNOWN"),
        ([], "FIELD_TYPE"),
    ]
    with served(home) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        for number, (identity, code) in enumerate(wrong):
            answer = caller.post("/v1/decisions", json=body(200 + number, identity=identity))
            assert (answer.status_code, answer.json()["code"]) == (422, code), identity
            assert "identity" in answer.json()["field"], answer.text
            assert b"111.444" not in answer.content
        empty = caller.post("/v1/decisions", json=body(300, identity={}))
        assert empty.status_code == 200
    assert events(home, Stream.DECISIONS)[-1].event.sealed is None
