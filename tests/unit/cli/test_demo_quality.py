"""The figures of a demo's verdict, worked out by hand over a table of three weeks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crivo.adapters.files.reader import FileReader
from crivo.bootstrap import ledger, offline, proving
from crivo.cli import demo_verdict
from crivo.cli.demo_source import Source
from crivo.cli.player import Score
from crivo.domain.instant import DAY
from crivo.flows.ledger_findings import Audit
from crivo.flows.rows import PlayedRow
from crivo.settings import Settings
from tests.integration.imports import HEADER, MAPPING, START

#: (day, payer, fraud, score): a week of training, a week of delay, a week that is played.
ROWS = [
    (0, "early", 1, 0),  # known on day 7: gone from the whole test
    (8, "late", 1, 0),  # known on day 15: gone from day 16 on
    (1, "good", 0, 0),
    (14, "early", 1, 900),
    (14, "late", 1, 100),
    (15, "late", 0, 300),
    (16, "late", 1, 800),
    (17, "good", 0, 500),
    (18, "new", 1, 700),
]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    lines = [HEADER]
    for place, (day, payer, fraud, _) in sorted(enumerate(ROWS), key=lambda each: each[1][0]):
        time = f"2018-04-{day + 1:02d}T12:00:00Z"
        lines.append(f"{place},{time},{payer},shop,10.00,{fraud}")
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    table = FileReader(path).read(MAPPING.columns())
    return Source(path, MAPPING, table, START + 14 * DAY, START + 21 * DAY)


def decided(played: list[PlayedRow]) -> dict[str, Any]:
    scores = [score for day, _, _, score in ROWS if day >= 14]
    return {
        row.end_to_end_id: SimpleNamespace(score=score, reasons=())
        for row, score in zip(played, scores, strict=True)
    }


def test_the_handbooks_protocol_leaves_out_payers_from_the_day_their_fraud_was_known(source):
    played = source.played()
    quality = demo_verdict._quality(source, played, decided(played))
    assert (quality.transfers, quality.frauds) == (6, 4)
    # By score: fraud, fraud, fraud, honest, honest, fraud.
    assert quality.average_precision == pytest.approx((1 + 1 + 1 + 4 / 6) / 4)
    # Left: late on days 14 and 15, good, new. By score: fraud, honest, honest, fraud.
    assert (quality.protocol_transfers, quality.protocol_frauds) == (4, 2)
    assert quality.protocol_average_precision == pytest.approx((1 + 2 / 4) / 2)


def test_what_has_no_score_ranks_last_and_is_not_left_out(source):
    played = source.played()
    some = decided(played)
    some.pop(played[0].end_to_end_id)
    quality = demo_verdict._quality(source, played, some)
    assert (quality.transfers, quality.frauds) == (6, 4)
    assert quality.average_precision == pytest.approx((1 + 1 + 3 / 5 + 4 / 6) / 4)


def with_reasons(played: list[PlayedRow], *found: tuple[str, str]) -> dict[str, Any]:
    """The decisions of the played rows: an outcome, and a reason for each letter."""
    some = decided(played)
    for row, (outcome, reasons) in zip(played, found, strict=True):
        some[row.end_to_end_id].outcome = outcome
        some[row.end_to_end_id].reasons = tuple(reasons)
    return some


def shown(played: list[PlayedRow], some: dict[str, Any]) -> list[int]:
    """The places of the rows that are shown."""
    return [played.index(each.row) for each in demo_verdict._to_show(played, some)]


def test_three_decisions_of_different_outcomes_are_shown_a_fraud_first_each_with_reasons(source):
    played = source.played()
    assert [row.is_fraud for row in played] == [True, True, False, True, False, True]
    given = [("HOLD", "A"), ("ALLOW", ""), ("WARN", "AB"), ("REJECT", "AB"), ("STEP_UP", "ABC")]
    some = with_reasons(played, *given, ("ALLOW", ""))
    assert shown(played, some) == [3, 4, 2]
    why = [each.why for each in demo_verdict._to_show(played, some)]
    assert why == [
        "A reported fraud, not simply allowed",
        *2 * ["A transfer that nobody reported, not simply allowed"],
    ]
    # One that was allowed is shown before a second of the same outcome only where it says why.
    given = [("HOLD", "A"), ("ALLOW", ""), ("HOLD", "AB"), ("HOLD", "A"), ("HOLD", "ABC")]
    assert shown(played, with_reasons(played, *given, ("ALLOW", ""))) == [0, 4, 2]
    assert shown(played, with_reasons(played, *given, ("ALLOW", "A"))) == [0, 5, 4]


def test_what_says_no_reasons_is_shown_once_and_only_where_too_few_others_are_there(source):
    played = source.played()
    some = with_reasons(played, ("HOLD", "A"), *5 * [("ALLOW", "")])
    assert shown(played, some) == [0, 4]
    last = demo_verdict._to_show(played, some)[-1]
    assert last.why == "A transfer that nobody reported, allowed"
    assert demo_verdict._to_show(played, {}) == ()


def test_the_verdict_says_what_replay_said(source, tmp_path, monkeypatch):
    replayed = SimpleNamespace(compared=9, differing=2, other_version=1)
    monkeypatch.setattr(proving, "replay_home", lambda *_, **__: replayed)
    audit = Audit(records=9, segments=2)
    monkeypatch.setattr(ledger, "audit_home", lambda _: audit)
    empty = SimpleNamespace(read=lambda **_: [], close=lambda: None)
    monkeypatch.setattr(offline, "log_reader", lambda _: empty)
    verdict = demo_verdict.verdict_of(Settings(home=tmp_path), source, {}, {}, Score())
    assert (verdict.replay_compared, verdict.replay_differing) == (9, 2)
    assert verdict.replay_other_version == 1
    assert verdict.ledger is audit
