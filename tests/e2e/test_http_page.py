"""The lines of docs/reference/http.md work as they stand, against a service that runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.e2e.homes import KEY, make_home
from tests.e2e.serving import serving

pytestmark = pytest.mark.slow


def test_the_lines_of_the_page_decide_read_follow_up_search_explain_report_and_tell(
    tmp_path: Path, require_program
) -> None:
    require_program("curl")
    page = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    scripts = [block.text for block in blocks(page) if block.words[:1] == ("bash",)]
    # As time goes by segments of the ledger come, too: none between two decisions.
    with serving(make_home(tmp_path / "home"), LEDGER__CLOSE_SECONDS="3600") as running:
        answer = subprocess.run(
            ["bash", "-eu", "-c", "\necho\n".join(scripts)],
            env={**os.environ, "ADDRESS": running.address, "KEY": KEY, "no_proxy": "*"},
            capture_output=True,
            text=True,
            check=True,
        )
    lines = map(json.loads, answer.stdout.splitlines())
    (
        decided, batch, read, followed, listed, explained, reported, asked, reviewed, told
    ) = lines  # fmt: skip
    assert asked == reviewed and asked["steps"][0]["status"] == "REQUESTED"
    assert [each["status"] for each in batch] == [200, 422]
    assert batch[0]["decision"]["as_of"] == decided["as_of"] + 1
    beside = {"events": [], "lists": [], "sums": read["sums"]}
    assert read == {**decided, "standing": "CLEAR", **beside}
    assert followed["event"] == "cancelled"
    # The table of decisions may be a moment behind.
    assert listed["as_of"] == 0 or listed["decisions"][0]["amount_centavos"] in {12_500, 9_900}
    assert explained["reasons"] == decided["reasons"]
    assert explained["inputs"]
    assert decided["outcome"] == "ALLOW"
    assert reported["status"] == "CLAIMED"
    assert reported["end_to_end_id"] == decided["end_to_end_id"]
    assert told["schema"] == "login.v1"
