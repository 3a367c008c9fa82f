"""A faulted stream goes through `crivo ingest`, which counts exactly what the truth says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.instant import parse_rfc3339
from tests.docs.markdown import ROOT

FAULTS = ("late", "duplicated", "reordered", "malformed", "clock_skewed", "hot_key")
MAPPING = ROOT / "mappings" / "simulated-transfers.toml"


@dataclass(frozen=True)
class Expected:
    """What an import must say about the stream."""

    accepted: int
    quarantined: int
    duplicate: int
    ahead: int


def crivo(*words: str | Path) -> dict[str, object]:
    """What a command prints as JSON."""
    program = "from crivo.cli.main import main; main()"
    command = [sys.executable, "-c", program, *map(str, words), "--json"]
    # More is broken here than an import lets pass.
    env = {**os.environ, "CRIVO_INGEST_REFUSED_SHARE_MAX": "1"}
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    parsed: dict[str, object] = json.loads(found.stdout)
    return parsed


def expected(done: list[dict[str, object]], sent: int) -> Expected:
    """From what was done to each row, what becomes of the lines that arrive.

    A copy that is malformed is put aside by itself; of the readable copies of a row the first is
    accepted, unless its clock is ahead of its receipt, and then none is.
    """
    copies = Counter(int(str(one["number"])) for one in done if one["fault"] == "duplicated")
    broken = Counter(int(str(one["number"])) for one in done if one["fault"] == "malformed")
    # The time is read before the amount, so that a row with both wrong is called ahead.
    unpriced = Counter(
        int(str(one["number"])) for one in done if str(one["how"]).startswith("amount")
    )
    by = {(one["fault"], one["number"]): int(str(one["by"])) for one in done}
    accepted = quarantined = duplicate = all_ahead = 0
    for number in range(sent):
        readable = 1 + copies[number] - broken[number]
        skew = by.get(("clock_skewed", number), 0) - by.get(("late", number), 0)
        is_ahead = skew > CLOCK_AHEAD_MAX
        ahead = readable if is_ahead else 0
        quarantined += broken[number] + ahead
        accepted += min(1, readable - ahead)
        duplicate += max(0, readable - ahead - 1)
        all_ahead += ahead + (unpriced[number] if is_ahead else 0)
    return Expected(accepted, quarantined, duplicate, all_ahead)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with all faults in its transfers."""
    out = tmp_path_factory.mktemp("faulted") / "world"
    asked = [word for name in FAULTS for word in ("--fault", f"{name}=0.03")]
    crivo(
        "simulate",
        "--out",
        out,
        "--scale",
        "0.3",
        "--days",
        "4",
        "--past-days",
        "0",
        "--seed",
        "3",
        *asked,
    )
    return out / "faulted"


def done_in(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "done.jsonl").read_text().splitlines()]


def rows(path: Path) -> list[dict[str, object]]:
    """The rows of a stream that can be read, in order."""
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def moved_otherwise(folder: Path, sent: list[dict[str, object]]) -> list[int]:
    """The numbers of late rows that do not arrive as much later than they were sent as is said."""
    arrived = {row["end_to_end_id"]: row for row in rows(folder / "transfers.jsonl")}
    found = []
    for one in done_in(folder):
        number = int(str(one["number"]))
        row = arrived.get(sent[number]["end_to_end_id"])
        if one["fault"] == "late" and row is not None:
            by = instant(row["received_at"]) - instant(sent[number]["received_at"])
            if by != one["by"]:
                found.append(number)
    return found


def instant(text: object) -> int:
    return parse_rfc3339(str(text), field="received_at")


def imported(folder: Path, home: Path, stream: Path) -> dict[str, object]:
    return crivo("ingest", stream, "--mapping", MAPPING, "--home", home, "--clock", "replay")


@pytest.mark.slow
def test_received_is_accepted_and_quarantined_and_duplicate_as_the_ground_truth_says(
    folder: Path, tmp_path: Path
):
    stream = folder / "transfers.jsonl"
    done = done_in(folder)
    counts = Counter(one["fault"] for one in done)
    assert set(counts) == set(FAULTS)
    arriving = len(stream.read_text().splitlines())
    sent = arriving - counts["duplicated"]
    result = imported(folder, tmp_path / "home", stream)
    found = expected(done, sent)
    assert result["received"] == arriving
    assert result["accepted"] == found.accepted
    assert result["quarantined"] == found.quarantined
    assert result["duplicate"] == found.duplicate
    assert arriving == found.accepted + found.quarantined + found.duplicate
    causes = result["causes"]
    assert isinstance(causes, dict)
    assert causes["CLOCK_AHEAD"] == found.ahead > 0


@pytest.mark.slow
def test_a_number_is_the_line_of_the_row_as_it_was_sent(folder: Path):
    sent = rows(folder / "sent.jsonl")
    assert moved_otherwise(folder, sent) == []


@pytest.mark.slow
def test_sabotage_numbers_that_count_from_one_find_other_rows(folder: Path):
    sent = rows(folder / "sent.jsonl")
    assert moved_otherwise(folder, [sent[-1], *sent]) != []


@pytest.mark.slow
def test_a_second_import_finds_only_duplicates(folder: Path, tmp_path: Path):
    stream = folder / "transfers.jsonl"
    first = imported(folder, tmp_path / "home", stream)
    second = imported(folder, tmp_path / "home", stream)
    assert second["accepted"] == 0
    assert second["duplicate"] == int(str(first["accepted"])) + int(str(first["duplicate"]))


@pytest.mark.slow
def test_sabotage_a_line_lost_on_the_way_is_missed(folder: Path, tmp_path: Path):
    done = done_in(folder)
    lines = (folder / "transfers.jsonl").read_text().splitlines(keepends=True)
    sent = len(lines) - sum(one["fault"] == "duplicated" for one in done)
    touched = {one["number"] for one in done}
    whole = next(number for number in range(len(lines)) if number not in touched)
    # The first untouched row still stands before anything that was overtaken or sent again.
    short = tmp_path / "short.jsonl"
    short.write_text("".join(lines[:whole] + lines[whole + 1 :]))
    result = imported(folder, tmp_path / "home", short)
    assert result["accepted"] != expected(done, sent).accepted
