"""`crivo report decision` and `crivo report review`: a page, a JSON document, or a refusal."""

from __future__ import annotations

import json

import pytest

from crivo.decision.reason_texts import GENERIC, Language
from crivo.domain.errors import Code
from crivo.flows.settlement_phase import SettlementPhase
from tests.integration.commands import crivo
from tests.unit.decision.worlds import START, transfer, world


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with world(folder) as played:
        played.decide(transfer(1, amount_centavos=5_000_000)).result(60)
        settles = SettlementPhase(played.service)
        large = transfer(2, amount_centavos=5_000_000)
        settles.decide(large, arrived_ns=0, supplied_received_at=START).result(60)
    return folder


ID = transfer(1).end_to_end_id


def test_the_report_is_a_document_and_a_page(home, capsys, tmp_path):
    page = tmp_path / "report.html"
    said = crivo(capsys, "report", "decision", ID, "--home", home, "--html", page, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert (document["end_to_end_id"], document["outcome"]) == (ID, "HOLD")
    assert document["inputs"] and document["versions"]["model"] in page.read_text()
    plain = crivo(capsys, "report", "decision", ID, "--home", home)
    assert plain.code == 0 and ID in plain.out


def test_the_pack_for_a_review_says_criteria_and_no_score(home, capsys, tmp_path):
    page = tmp_path / "pack.html"
    said = crivo(capsys, "report", "review", ID, "--home", home, "--html", page, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert document["criteria"] and "score" not in document
    assert "log-odds" not in page.read_text()


def test_the_settlement_phase_has_a_report_and_a_pack_of_its_own(home, capsys):
    id_ = transfer(2).end_to_end_id
    for kind in ("decision", "review"):
        words = ("report", kind, id_, "--home", home, "--json")
        assert crivo(capsys, *words).code == 2
        said = crivo(capsys, *words, "--phase", "settlement")
        assert (said.code, json.loads(said.out)["end_to_end_id"]) == (0, id_), said.err


def test_the_ledger_is_asked_for_the_record_of_the_phase(home, capsys, tmp_path):
    """Nothing is sealed here, so that what is found is told from what is not by the refusal."""
    (tmp_path / "segments.jsonl").touch()
    id_ = transfer(2).end_to_end_id
    words = ("ledger", "show", id_, "--log", home / "log.sqlite", "--segments", tmp_path)
    assert "no decision has this id" in crivo(capsys, *words).err
    said = crivo(capsys, *words, "--phase", "settlement")
    assert said.code == 2 and "is in no segment yet" in said.err


def test_each_side_reads_its_own_texts(home, capsys):
    texts = []
    for side in ("payer", "payee"):
        said = crivo(capsys, "report", "review", ID, "--home", home, "--side", side, "--json")
        criteria = json.loads(said.out)["criteria"]
        texts.append({each["code"]: (each["pt"], each["en"]) for each in criteria})
    payer, payee = texts
    assert payer.keys() == payee.keys()
    assert payer["PAYEE_NEW_FOR_PAYER"] == (
        "Você não costuma pagar a este recebedor.",
        "You do not usually pay this payee.",
    )
    assert payee["PAYEE_NEW_FOR_PAYER"] == (GENERIC[Language.PT], GENERIC[Language.EN])


@pytest.mark.parametrize(
    ("id_", "phase", "side"),
    [(ID, "initiation", "payer"), (transfer(2).end_to_end_id, "settlement", "payee")],
)
def test_a_phase_is_reported_to_its_own_customer_unless_somebody_says_otherwise(
    home, capsys, id_, phase, side
):
    words = ("report", "review", id_, "--home", home, "--phase", phase, "--json")
    told = [crivo(capsys, *words, *more).out for more in ((), ("--side", side))]
    other = crivo(capsys, *words, "--side", "payee" if side == "payer" else "payer").out
    criteria = [json.loads(each)["criteria"] for each in (*told, other)]
    assert criteria[0] == criteria[1] != criteria[2]


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        ((transfer(9).end_to_end_id,), 2, Code.NOT_FOUND),
        ((ID, "--side", "bank"), 2, Code.FIELD_VALUE),
        ((ID, "--html", "/nowhere/at/all.html"), 3, Code.FILE_UNWRITABLE),
    ],
)
def test_what_cannot_be_reported_is_refused(home, capsys, words, exit_code, code):
    said = crivo(capsys, "report", "decision", *words, "--home", home)
    assert (said.code, code in said.err) == (exit_code, True), said.err
