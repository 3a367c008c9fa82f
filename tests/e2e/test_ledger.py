"""The ledger of a service that runs, is killed and runs again, audited from its files alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.homes import make_home
from tests.e2e.serving import Served, serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

WAIT_SECONDS_MAX = 300.0


def id_of(number: int) -> str:
    return f"E12345678202611231200sign{number:07d}"


def decide(served: Served, numbers: range) -> None:
    with served.client() as client:
        for number in numbers:
            payer = f"payer-{number % 9}"
            body = {**GOOD, "end_to_end_id": id_of(number), "payer_account_id": payer}
            client.post("/v1/decisions", json=body).raise_for_status()


def crivo(*words: object) -> tuple[int, str]:
    """What the command line says: its exit code, and stdout."""
    command = [sys.executable, "-m", "crivo", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def verified(home: Path, *words: object) -> dict:
    code, out = crivo("ledger", "verify", "--home", home, "--json", *words)
    found = json.loads(out)
    assert code == (0 if found["whole"] else 1)
    return found


def wait_until_sealed(home: Path, records: int) -> float:
    """How many seconds it took until every decision was in a segment."""
    started = time.monotonic()
    while time.monotonic() - started < WAIT_SECONDS_MAX:
        path = home / "ledger" / "segments.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        if sum(json.loads(line)["segment"]["count"] for line in lines) == records:
            return time.monotonic() - started
        time.sleep(0.05)
    raise AssertionError("the ledger did not come up to the log")


def test_a_service_seals_what_it_decides_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home) as served:
        decide(served, range(40))
        wait_until_sealed(home, 40)
        decide(served, range(40, 50))
        served.kill()
    with serving(home) as again:
        wait_until_sealed(home, 50)
        decide(again, range(50, 60))
        assert again.stop() == 0
    found = verified(home)
    assert found["whole"] and (found["records"], found["unsealed"]) == (60, 0), "a stop seals"
    assert "ledger.not_sealed" not in again.said.read_text()
    _, out = crivo("replay", "--home", home, "--json")
    assert json.loads(out)["differing"] == 0 and json.loads(out)["compared"] == 60


def test_what_an_auditor_has_is_enough(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, LEDGER__FOLDER=str(tmp_path / "elsewhere")) as served:
        decide(served, range(30))
        assert served.stop() == 0
    # No key of the home, no settings: the log's file, the segments, a key and a checkpoint.
    bag = tmp_path / "bag"
    bag.mkdir()
    shutil.copy(home / "log.sqlite", bag)
    shutil.copytree(tmp_path / "elsewhere", bag / "segments")
    shutil.move(bag / "segments" / "public_key", bag / "public_key")
    _, checkpoint = crivo("ledger", "checkpoint", "--segments", bag / "segments")
    (bag / "checkpoint.json").write_text(checkpoint)
    files = (
        "--log", bag / "log.sqlite", "--segments", bag / "segments",
        "--public-key", bag / "public_key", "--checkpoint", bag / "checkpoint.json",
    )  # fmt: skip
    found = verified(bag, *files)
    assert found["whole"] and found["records"] == 30 and found["checkpoint"]
    _, proof = crivo("ledger", "show", id_of(7), *files[:4], "--json")
    (bag / "proof.json").write_text(proof)
    only = ("--proof", bag / "proof.json", "--public-key", bag / "public_key")
    assert crivo("ledger", "verify", *only)[0] == 0
    code, out = crivo("ledger", "verify", *only, "--id", id_of(7), "--json")
    told = json.loads(out)
    assert (code, told["end_to_end_id"], told["phase"]) == (0, id_of(7), "initiation")
    assert crivo("ledger", "verify", *only, "--id", id_of(8))[0] == 1
    (bag / "proof.json").write_text(proof.replace('"offset": ', '"offset": 1'))
    assert crivo("ledger", "verify", *only)[0] == 1
    with sqlite3.connect(bag / "log.sqlite") as disk:
        disk.execute("DELETE FROM events WHERE stream = 'pix.decisions.v1' AND seq = 7")
    disk.close()
    found = verified(bag, *files)
    assert found["counts"] == {"DELETED": 1} and found["findings"][0]["kind"] == "DELETED"


def test_a_ledger_key_that_is_gone_is_not_made_anew_and_nothing_is_signed(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    key = home / "keys" / "ledger.key"
    with serving(home) as served:
        decide(served, range(10))
        wait_until_sealed(home, 10)
        assert served.stop() == 0
    kept = key.read_bytes()
    key.unlink()
    with serving(home) as again:
        decide(again, range(10, 20))
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while "KEY_MISSING" not in again.said.read_text():
            assert time.monotonic() < deadline, "nobody was told"
            time.sleep(0.05)
        assert again.stop() == 0
    assert not key.exists()
    found = verified(home)
    assert found["whole"] and (found["records"], found["unsealed"]) == (20, 10)
    key.write_bytes(kept)
    key.chmod(0o600)
    with serving(home) as restored:
        wait_until_sealed(home, 20)
        assert restored.stop() == 0
    assert verified(home)["unsealed"] == 0
