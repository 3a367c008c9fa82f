"""`crivo simulate --adversary`: fraudsters who meet a policy, in the files that are written."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crivo.cli.main import app
from crivo.simulator import adversary
from crivo.simulator.adversary import Crew

SMALL = (
    "--scale", "0.6", "--days", "40", "--past-days", "0", "--prevalence", "0.02", "--format",
    "parquet",
)  # fmt: skip


def simulated(folder: Path, *flags: str) -> dict[str, str]:
    """The SHA-256 of each table of the world that the command wrote."""
    command = ["simulate", "--out", str(folder), *SMALL, *flags, "--json"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    found: dict[str, str] = json.loads((folder / "world.json").read_text("utf-8"))["sha256"]
    return found


def column(folder: Path, table: str, name: str) -> list[object]:
    return list(pq.read_table(folder / f"{table}.parquet")[name].to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("tables", ["seven", "platform", "events"])
def test_against_a_bank_that_allows_everything_who_adapts_writes_the_static_files(
    tmp_path: Path, tables: str
):
    flags = ("--tables", tables, "--policy", "allow", "--adversary")
    adaptive = simulated(tmp_path / "adaptive", *flags, "adaptive")
    assert adaptive == simulated(tmp_path / "static", *flags, "static")
    assert adaptive == simulated(tmp_path / "plain", "--tables", tables)


@pytest.mark.slow
def test_sabotage_who_adapts_before_a_refusal_writes_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plain = simulated(tmp_path / "plain", "--tables", "platform")
    monkeypatch.setattr(adversary, "Crew", lambda means: Crew(means, refused=1))
    flags = ("--tables", "platform", "--policy", "allow", "--adversary", "adaptive")
    assert simulated(tmp_path / "adaptive", *flags) != plain


@pytest.mark.slow
def test_who_adapts_meets_the_rules_and_both_are_named_in_the_manifest(tmp_path: Path):
    folder = tmp_path / "world"
    simulated(folder, "--tables", "platform", "--adversary", "adaptive")
    options = json.loads((folder / "world.json").read_text("utf-8"))["options"]
    assert (options["adversary"], options["policy"]) == ("adaptive", "rules")


def payments(folder: Path, *, frauds: bool) -> list[tuple[object, ...]]:
    """Instant, amount and parties of the frauds, or of all others, in the order of the file."""
    names = ("occurred_at", "amount_centavos", "payer_account", "payee_account")
    rows = zip(*(column(folder, "transfers", name) for name in names), strict=True)
    is_fraud = column(folder, "truth", "is_fraud")
    return [row for row, fraud in zip(rows, is_fraud, strict=True) if fraud == frauds]


@pytest.mark.slow
def test_who_adapts_pays_otherwise_and_honest_people_pay_as_ever(tmp_path: Path):
    for mode in ("static", "adaptive"):
        flags = ("--tables", "platform", "--policy", "rules", "--adversary", mode)
        simulated(tmp_path / mode, *flags)
    static, adaptive = tmp_path / "static", tmp_path / "adaptive"
    assert payments(static, frauds=True) != payments(adaptive, frauds=True)
    assert payments(static, frauds=False) == payments(adaptive, frauds=False)


@pytest.mark.slow
def test_what_was_stopped_is_told_apart_and_never_reported(tmp_path: Path):
    folder = tmp_path / "world"
    simulated(folder, "--tables", "platform", "--policy", "rules")
    ids = column(folder, "answers", "end_to_end_id")
    assert ids == column(folder, "transfers", "end_to_end_id")
    arrived = column(folder, "answers", "arrived")
    stopped = {name for name, came in zip(ids, arrived, strict=True) if not came}
    assert stopped
    assert stopped.isdisjoint(column(folder, "reports", "end_to_end_id"))
    answers = dict(zip(ids, column(folder, "answers", "answer"), strict=True))
    assert {answers[name] for name in stopped} <= {"HOLD", "REJECT", "ALLOW"}
    held = [name for name, answer in answers.items() if answer in {"HOLD", "REJECT"}]
    assert stopped.issuperset(held)


@pytest.mark.slow
def test_in_the_events_what_was_stopped_is_refused_and_never_sent(tmp_path: Path):
    for viewpoint in ("payer_psp", "payee_psp"):
        flags = ("--tables", "events", "--policy", "rules", "--viewpoint", viewpoint)
        simulated(tmp_path / viewpoint, *flags)
    refused, sent = set(), set()
    for path in sorted((tmp_path / "payer_psp" / "settlements").rglob("*.parquet")):
        rows = pq.read_table(path, columns=["end_to_end_id", "rejection"]).to_pylist()
        refused |= {row["end_to_end_id"] for row in rows if row["rejection"] in {"FRAD", "AM04"}}
    for path in sorted((tmp_path / "payee_psp" / "transfers").rglob("*.parquet")):
        sent |= set(pq.read_table(path, columns=["end_to_end_id"])["end_to_end_id"].to_pylist())
    simulated(tmp_path / "platform", "--tables", "platform", "--policy", "rules")
    ids = column(tmp_path / "platform", "answers", "end_to_end_id")
    arrived = column(tmp_path / "platform", "answers", "arrived")
    stopped = {name for name, came in zip(ids, arrived, strict=True) if not came}
    assert stopped <= refused
    assert stopped.isdisjoint(sent)
