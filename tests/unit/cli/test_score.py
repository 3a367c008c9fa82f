"""The figures of a play, worked out by hand."""

from __future__ import annotations

from collections import Counter

from crivo.cli.player import Score
from crivo.cli.scoreboard import lines, scoreboard

#: Three of five were not simply allowed; one of those and one of the others were reported, and so
#: was a transfer that was not played.
PLAYED = Score(
    decided=5,
    reported=3,
    played={"a", "b", "c", "d", "e"},
    stopped={"a", "b", "c"},
    frauds_known={"a", "d", "x"},
    seconds=2.0,
    frozen_centavos={"a": 123_456, "b": 700},
    latencies_ms=[5.0, 1.0, 3.0, 2.0, 4.0],
)


def test_precision_is_the_share_of_the_stopped_that_was_reported():
    assert PLAYED.precision == 1 / 3


def test_recall_is_the_share_of_the_reported_that_was_stopped():
    assert PLAYED.recall == 1 / 2


def test_nothing_stopped_and_nothing_reported_have_no_share():
    assert Score().precision is None
    assert Score().recall is None
    assert Score(frauds_known={"x"}).recall is None


def test_money_is_stopped_where_it_was_frozen_and_reported_and_else_frozen_wrongly():
    assert (PLAYED.stopped_centavos, PLAYED.frozen_wrongly_centavos) == (123_456, 700)
    said = lines(PLAYED)["R$ stopped, R$ frozen wrongly"]
    assert said == "R$ 1.234,56, R$ 7,00 (held or rejected, and not reported)"
    assert Score(frauds_known={"x"}).stopped_centavos == 0


def test_rates_and_latencies_are_those_of_the_answers():
    assert PLAYED.decisions_per_second == 2.5
    assert PLAYED.latency_ms(0.5) == 3.0
    assert PLAYED.latency_ms(0.99) == 5.0
    assert Score().decisions_per_second == Score().latency_ms(0.5) == 0.0


def test_the_scoreboard_shows_these_figures():
    shown = lines(PLAYED)
    assert shown["answer p50 / p99"].startswith("3.00 / 5.00 ms, 16 requests at once")
    assert shown["reports so far"] == (
        "3, 2 of them about transfers played here, the others about earlier ones"
    )
    assert shown["precision so far"] == (
        "33.3%: the share of the 3 not simply allowed that were reported as fraud"
    )
    assert shown["recall so far"] == (
        "50.0%: the share of the 2 reported as fraud that were not simply allowed"
    )
    assert lines(Score())["precision so far"].startswith("–: ")
    assert lines(Score())["recall so far"].startswith("–: ")
    assert "refused" not in shown
    refused = Score()
    refused.refused["CONFLICT"] = 1_200
    assert lines(refused)["refused"] == "CONFLICT 1,200"


def test_what_was_played_at_a_pace_is_left_out_of_rate_and_latencies_and_of_nothing_else():
    score = Score(
        decided=3, seconds=30.0, latencies_ms=[9.0] * 3, stopped={"a"}, frauds_known={"a"}
    )
    score.begin_again()
    assert (score.decisions_per_second, score.latency_ms(0.5)) == (0.0, 0.0)
    score.decided, score.seconds = 13, 2.0
    score.latencies_ms += [1.0]
    assert (score.decisions_per_second, score.latency_ms(0.99), score.precision) == (5.0, 1.0, 1.0)
    assert lines(score)["decisions/s"] == "5 (at full speed; 3 before went slowly, to be watched)"
    assert lines(PLAYED)["decisions/s"] == "2"


def test_every_outcome_is_shown_with_its_count():
    outcomes = Counter({"ALLOW": 1_200, "WARN": 4, "STEP_UP": 3, "HOLD": 2, "REJECT": 1})
    said = lines(Score(outcomes=outcomes))["outcomes"]
    assert said == "ALLOW 1,200  WARN 4  STEP_UP 3  HOLD 2  REJECT 1"


def test_where_there_is_no_terminal_a_line_says_both_latencies_too(capsys):
    with scoreboard("Playing") as show:
        show(PLAYED, 8, 8)
    assert capsys.readouterr().err == (
        "  Playing: 8 of 8 transfers and reports, 2 decisions/s, "
        "answered within 3.00 ms (half) and 5.00 ms (99 %)\n"
    )
