"""The lines of the tutorial that a newcomer types work, and do what it says of them."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.e2e.homes import make_home
from tests.e2e.serving import serving

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "tutorial" / "first-decision.md").read_text(encoding="utf-8")
CRIVO = ".venv/bin/crivo "


def lines_of(kind: str, having: str) -> list[str]:
    """The lines of the one block of that kind which has these words."""
    (found,) = [
        block.text for block in blocks(PAGE) if block.words[:1] == (kind,) and having in block.text
    ]
    return found.splitlines()


def typed(script: str, **variables: str) -> str:
    """What a shell prints that stands in the clone; it must answer 0."""
    answer = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "*", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_newcomer_makes_a_key_and_sends_a_transfer(tmp_path: Path, require_program) -> None:
    require_program("curl")
    make, fill_in, *send = lines_of("bash", "keys new")
    assert make.endswith(" --home .crivo/demo")
    assert fill_in == "ADDRESS=http://127.0.0.1:PORT KEY=..."
    home = make_home(tmp_path / "home")
    said = typed(make.replace(".crivo/demo", str(home)))
    (key,) = re.findall(r"^ +key +(\S{40,})$", said, re.MULTILINE)
    # The id holds the present minute, so the log must keep the time of the wall.
    with serving(home, LOG__CLOCK="wall") as running:
        answer = json.loads(typed("\n".join(send), ADDRESS=running.address, KEY=key))
    assert answer["outcome"] == "ALLOW"
    assert answer["end_to_end_id"].startswith("E12345678")


def test_a_newcomer_has_the_data_that_the_page_promises(tmp_path: Path) -> None:
    *_, simulate = lines_of("console", "simulate")
    assert simulate == f"{CRIVO}simulate --out world"
    world = tmp_path / "world"
    typed(simulate.replace(" world", f" {world}"))
    rows = {path.stem: read(path) for path in world.glob("*.csv")}
    counts = {name: len(each) for name, each in rows.items()}
    assert len(rows) == 8
    promised = {
        "usuarios": "users",
        "chaves_pix": "Pix keys",
        "dispositivos": "devices",
        "transacoes_pix": "transfers of",
        "transacoes_historicas": "of the 90 days",
    }
    flat = " ".join(PAGE.split())
    for table, word in promised.items():
        assert f"{counts[table]:,} {word}" in flat, table
    frauds = [row for row in rows["transacoes_pix"] if row["status"] == "suspeita"]
    assert f"({len(frauds)} of them fraud" in flat
    confirmed = {row["id_transacao"] for row in rows["fraudes"]}
    assert {row["id_transacao"] for row in frauds} <= confirmed
