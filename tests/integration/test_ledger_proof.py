"""A proof says of which decision it is, and is refused as that of another."""

import json
import sys
from dataclasses import replace

import pytest

from crivo.adapters.files.ledger_documents import proof_to_json, read_proof
from crivo.bootstrap.ledger import prove_decision
from crivo.cli.main import main
from crivo.decision.record import decision_event_id
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.domain.phase import Phase
from crivo.flows.ledger_proof import check_decision, check_proof
from tests.integration.ledgers import SIGNER, Ledger, decisions, seal_all

ONE, OTHER = (f"E1234567820261123120000000000{number:03d}" for number in (1, 2))
KEY = SIGNER.public_key


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A ledger with the record of each phase of two decisions."""
    ledger = Ledger(tmp_path_factory.mktemp("decided"))
    both = [(each, phase) for each in (ONE, OTHER) for phase in Phase]
    events = decisions(0, 3 * len(both))[::3]
    with ledger.log() as log, ledger.sealer(log) as sealer:
        log.append(
            [
                event._replace(event_id=decision_event_id(*decision))
                for event, decision in zip(events, both, strict=True)
            ]
        )
        sealer.resume()
        seal_all(sealer)
    return ledger


def proof_of(ledger, end_to_end_id, phase=Phase.INITIATION):
    return prove_decision(
        ledger.log_file, ledger.segments, end_to_end_id=end_to_end_id, phase=phase
    )


def verify(monkeypatch, capsys, ledger, *words):
    key = ledger.segments / "public_key"
    command = ["crivo", "ledger", "verify", "--public-key", str(key), "--json", *map(str, words)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize("phase", Phase)
def test_a_proof_says_of_which_decision_and_phase_it_is(
    decided, tmp_path, monkeypatch, capsys, phase
):
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof_to_json(proof_of(decided, ONE, phase))))
    assert read_proof(path) == proof_of(decided, ONE, phase)
    code, said = verify(monkeypatch, capsys, decided, "--proof", path)
    told = json.loads(said.out)
    assert (code, told["end_to_end_id"], told["phase"]) == (0, ONE, phase.value)
    assert told["event_id"] == decision_event_id(ONE, phase).hex()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--id", ONE), 0),
        (("--id", ONE, "--phase", "initiation"), 0),
        (("--id", OTHER), 1),
        (("--id", ONE, "--phase", "settlement"), 1),
    ],
)
@pytest.mark.parametrize("names", [True, False], ids=["it names its own", "from before"])
def test_the_proof_of_one_decision_is_none_of_another(
    decided, tmp_path, monkeypatch, capsys, asked, code, names
):
    document = proof_to_json(proof_of(decided, ONE))
    if not names:
        del document["end_to_end_id"], document["phase"]
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(document))
    found, said = verify(monkeypatch, capsys, decided, "--proof", path, *asked)
    assert found == code
    if code == 0:
        assert json.loads(said.out)["end_to_end_id"] == ONE
    else:
        assert "LEDGER_BROKEN" in said.err and asked[1] in said.err
        assert (ONE in said.err) or not names


def test_a_proof_that_names_another_decision_than_its_record_does_not_hold(decided):
    proof = proof_of(decided, ONE)
    check_proof(proof, KEY)
    for renamed in (replace(proof, end_to_end_id=OTHER), replace(proof, phase=Phase.SETTLEMENT)):
        with pytest.raises(Unfit) as refused:
            check_proof(renamed, KEY)
        assert refused.value.code is Code.LEDGER_BROKEN
    with pytest.raises(Unfit):
        check_decision(replace(proof, end_to_end_id=None, phase=None), OTHER, Phase.INITIATION)


def test_an_id_without_a_proof_is_misuse(decided, monkeypatch, capsys):
    code, said = verify(monkeypatch, capsys, decided, "--id", ONE)
    assert code == 2 and "--proof" in said.err


def test_a_phase_that_is_none_is_no_proof(decided, tmp_path):
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof_to_json(proof_of(decided, ONE)) | {"phase": "third"}))
    with pytest.raises(Misconfigured) as refused:
        read_proof(path)
    assert refused.value.code is Code.FILE_UNREADABLE
