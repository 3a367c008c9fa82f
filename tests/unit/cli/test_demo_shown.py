"""What a demo prints at its end, and how it plays, of a verdict that was made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from crivo.cli import demo
from crivo.cli.demo_verdict import Shown, Verdict, show_verdict
from crivo.cli.player import Score, Step
from crivo.decision.record import Derived
from crivo.domain.instant import parse_rfc3339
from crivo.flows.ledger_findings import Audit, Tampering
from crivo.flows.rows import PlayedRow
from tests.unit.cli.test_demo_check import GOOD, KEPT

NO_ROW = dict.fromkeys(PlayedRow._fields)
NO_DECISION = Derived(b"", 0, None, None, (), (), (), (), "ALLOW")


def shown(
    why: str, number: int, centavos: int, outcome: str, score: int | None, *reasons: str
) -> Shown:
    """A decision to show, of an id that ends in the number."""
    facts: dict[str, Any] = NO_ROW | {
        "end_to_end_id": f"E{number:031d}",
        "occurred_at": parse_rfc3339("2026-10-06T12:00:00Z") + number,
        "amount_centavos": centavos,
    }
    derived = msgspec.structs.replace(NO_DECISION, outcome=outcome, score=score, reasons=reasons)
    return Shown(why, PlayedRow(**facts), derived)


FOUND = replace(
    GOOD,
    score=Score(decided=9, reported=2),
    quality=replace(
        GOOD.quality,
        transfers=9,
        frauds=4,
        average_precision=0.625,
        protocol_transfers=7,
        protocol_frauds=3,
        protocol_average_precision=0.375,
    ),
    ingested=KEPT,
    replay_compared=1_234,
    replay_differing=17,
    ledger=Audit(records=1_500, segments=12, unsealed=5, counts={Tampering.CHANGED: 3}),
    shown=(
        shown("First", 1, 123_456, "HOLD", 912_345_678, "DEVICE_NEW", "PAYER_REPORTED"),
        shown("Second", 2, 700, "WARN", 41_000_000, "PAYEE_NEW_FOR_PAYER"),
        shown("Third", 3, 5, "ALLOW", None),
    ),
)

PAYEE_PT = "Você não costuma pagar a este recebedor."
PAYEE_EN = "You do not usually pay this payee."
REPORTED_PT = "Há relatos de fraude recentes em pagamentos feitos por esta conta."
REPORTED_EN = "There are recent fraud reports about payments made from this account."


def printed(capsys: pytest.CaptureFixture[str], verdict: Verdict, home: Path) -> str:
    """The lines of the verdict, without the space that parts their columns."""
    show_verdict(verdict, home, {"play": 2.5, "verify": 0.75})
    return "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())


def test_a_precision_without_a_fraud_is_a_dash(capsys, tmp_path):
    said = printed(capsys, FOUND, tmp_path)
    assert "0.625 over 9" in said and "0.375 over 7" in said
    nan = float("nan")
    blind = replace(FOUND.quality, average_precision=nan, protocol_average_precision=nan)
    said = printed(capsys, replace(FOUND, quality=blind), tmp_path)
    assert "average precision – over 9" in said and "known payers removed – over 7" in said
    assert "nan" not in said


def test_each_decision_is_printed_with_its_outcome_and_its_reasons_in_both_languages(
    capsys, tmp_path
):
    said = printed(capsys, FOUND, tmp_path)
    titles = [
        f"First: E{1:031d}, R$ 1.234,56, 2026-10-06T12:00:00.000001Z → HOLD, score 0.912",
        f"Second: E{2:031d}, R$ 7,00, 2026-10-06T12:00:00.000002Z → WARN, score 0.041",
        f"Third: E{3:031d}, R$ 0,05, 2026-10-06T12:00:00.000003Z → ALLOW, score none",
    ]
    parts = []
    for title in titles:
        before, found, said = said.partition(title)
        assert found, title
        parts.append(before)
    first, second, third = *parts[1:], said
    for part, reason, pt, en in (
        (first, "PAYER_REPORTED", REPORTED_PT, REPORTED_EN),
        (second, "PAYEE_NEW_FOR_PAYER", PAYEE_PT, PAYEE_EN),
    ):
        # As in the head of the table: the reason, what it says in Portuguese, and in English.
        assert [part.count(words) for words in (reason, pt, en)] == [1, 1, 1], part
        assert part.index("português") < part.index("English")
        assert part.index(reason) < part.index(pt) < part.index(en)
    assert "DEVICE_NEW" in first and "DEVICE_NEW" not in second
    assert "none" in third.split("What can be checked")[0]


def test_what_can_be_checked_is_printed_as_it_was_found(capsys, tmp_path):
    (tmp_path / "log.sqlite").touch()
    said = printed(capsys, FOUND, tmp_path)
    for line in (
        "conservation received 10 = accepted 7 + quarantined 2 + duplicate 1",
        "scores decided 9 = scored 9 + without a score 0",
        "replay 17 byte differences in 1,234 decisions derived again",
        (
            "ledger 1,500 records (decisions, and what followed them, such as holds that ended) "
            "in 12 signed segments, 3 not as signed, 5 not sealed yet"
        ),
        f"where it lies {tmp_path} (log.sqlite)",
        "seconds play 2.5 verify 0.75",
    ):
        assert line in said.splitlines(), said


def test_the_quality_is_printed_with_and_without_payers_that_were_known(capsys, tmp_path):
    lines = printed(capsys, FOUND, tmp_path).splitlines()
    assert (
        "average precision 0.625 over 9 transfers, 4 of them reported as fraud in the end" in lines
    )
    assert "known payers removed 0.375 over 7 transfers, 3 frauds" in lines
    assert "decided 9 transfers" in lines


STEPS = [Step("/v1/decisions", b"{}", str(number)) for number in range(5_000)]


@pytest.fixture
def plays(monkeypatch):
    """How many steps were played, and at which rate, of a play that answers at once."""
    found: list[tuple[int, int]] = []

    async def play(_address, _key, steps, score, *, rate, show):
        found.append((len(steps), rate))
        score.decided += len(steps)

    monkeypatch.setattr(demo, "play", play)
    return found


@pytest.mark.parametrize(
    ("steps", "small", "expected"),
    [
        (300, False, [(150, 100), (150, 0)]),
        (5_000, False, [(2_000, 100), (3_000, 0)]),
        (5_000, True, [(500, 100), (4_500, 0)]),
    ],
)
def test_the_first_half_up_to_a_bound_goes_at_a_pace_that_can_be_followed_and_the_rest_at_once(
    plays, steps, small, expected
):
    options = SimpleNamespace(rate=None, small=small)
    score = demo._play_all(SimpleNamespace(address="", api_key=""), STEPS[:steps], options)
    assert plays == expected
    assert (score.decided, score.paced) == (steps, expected[0][0])


@pytest.mark.parametrize("rate", [0, 7])
def test_a_rate_that_was_asked_for_is_that_of_all(plays, rate):
    options = SimpleNamespace(rate=rate, small=False)
    score = demo._play_all(SimpleNamespace(address="", api_key=""), STEPS[:300], options)
    assert (plays, score.paced) == ([(300, rate)], 0)
