"""Every gate refuses what lies beyond its limit, and says figure, limit and finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.governance.card import model_card
from crivo.governance.gate_limits import parse_limits
from crivo.governance.gates import (
    Figures,
    Gate,
    Verdict,
    judge,
    raise_unless_passed,
    said_of,
)
from crivo.model.evaluate import Metric
from crivo.model.leak import GAP_MAX, Finding, Sign
from tests.unit.model.worlds import START, trained

NAN = float("nan")


def measured(value: float, low: float | None = None, high: float | None = None) -> Metric:
    """A figure, and the ends of its interval where they are not the figure itself."""
    return Metric("figure", value, value if low is None else low, value if high is None else high)


LEAK = Finding(Sign.FEATURE, "the feature x alone", 0.95, 0.9)
GOOD = Figures(
    plan_expected="1" * 64,
    plan_found="1" * 64,
    inputs_unlike=(),
    size_bytes=400_000,
    one_row_us=20.0,
    path_inputs=15,
    leaks=(Finding(Sign.MODEL, "the model", 0.7, 0.97), replace(LEAK, found=NAN)),
    calibration_error=measured(0.001, 0.0, 0.002),
    calibration_ratio=measured(1.1, 0.9, 1.4),
    baseline_gain=0.1,
    champion_gain=measured(0.01, -0.002, 0.02),
)
BAD = {
    Gate.SIGNATURE: [
        {"plan_found": "2" * 64},
        {"plan_expected": "", "plan_found": "", "inputs_unlike": ("V3",)},
    ],
    Gate.SIZE: [{"size_bytes": 60_000_000}],
    Gate.LATENCY: [{"one_row_us": 61.0}, {"one_row_us": NAN}],
    Gate.REASONS: [{"path_inputs": 65}],
    Gate.LEAK: [{"leaks": (LEAK,)}],
    Gate.CALIBRATION: [
        {"calibration_error": measured(0.03)},
        {"calibration_error": measured(0.03, 0.021, 0.04)},
        {"calibration_ratio": measured(0.4)},
        {"calibration_ratio": measured(2.1)},
        {"calibration_ratio": measured(3.1, 2.1, 5.0)},
        {"calibration_ratio": measured(NAN)},
    ],
    Gate.BASELINE: [{"baseline_gain": -0.001}, {"baseline_gain": 0.0}, {"baseline_gain": NAN}],
    Gate.CHAMPION: [
        {"champion_gain": measured(-0.01)},
        {"champion_gain": measured(-0.01, -0.02, -0.006)},
        {"champion_gain": measured(NAN)},
    ],
}


def card_of(judgements) -> str:
    return model_card(
        trained().artifact,
        judgements,
        contributions=[("input_0", 1.25), ("input_2", 0.5)],
        alias="champion",
        at="2026-01-02T03:04:05Z",
        approved_by="",
    )


@pytest.fixture
def limits(root):
    return parse_limits((root / "policy/gates.toml").read_text(), at=START)


def test_a_good_model_passes_every_gate(limits):
    judgements = judge(GOOD, limits)
    raise_unless_passed(judgements)
    assert {each.gate for each in judgements} == set(Gate)


def test_the_first_model_has_no_champion_to_be_compared_with(limits):
    judgements = judge(replace(GOOD, champion_gain=None), limits)
    raise_unless_passed(judgements)
    assert {each.gate for each in judgements} == set(Gate) - {Gate.CHAMPION}


def test_every_gate_has_a_figure_that_breaks_it():
    assert set(BAD) == set(Gate)


@pytest.mark.parametrize(
    ("gate", "broken"), [(gate, each) for gate, figures in BAD.items() for each in figures]
)
def test_sabotage_a_figure_beyond_its_limit_fails_its_gate_and_no_other(limits, gate, broken):
    judgements = judge(replace(GOOD, **broken), limits)
    assert {each.gate for each in judgements if not each.holds} == {gate}
    with pytest.raises(Unfit) as refusal:
        raise_unless_passed(judgements)
    said = refusal.value
    assert said.code is (Code.LEAK_SUSPECTED if gate is Gate.LEAK else Code.GATE_FAILED)
    assert said.context["gate"] == gate.value
    assert said.context["verdict"] == "fails"
    for name in ("field", "expected", "found"):
        assert str(said.context[name]) in said.message
    assert said.hint


def test_a_refusal_names_every_gate_that_failed(limits):
    bad = replace(GOOD, size_bytes=60_000_000, one_row_us=900.0)
    with pytest.raises(Unfit) as refusal:
        raise_unless_passed(judge(bad, limits))
    assert (
        "size (bytes) fails: required at most 50,000,000, found 60,000,000" in refusal.value.message
    )
    assert "latency" in refusal.value.message


def test_a_leak_and_an_unlike_champion_are_answered_for_by_name_alone(limits):
    leaking = replace(GOOD, leaks=(LEAK,))
    raise_unless_passed(judge(leaking, limits, leak_accepted_by="Ana"))
    unlike = replace(GOOD, champion_gain=measured(NAN))
    raise_unless_passed(judge(unlike, limits, unlike_accepted_by="Rui"))
    for bad in (leaking, unlike):
        judgements = judge(bad, limits, leak_accepted_by="Ana", unlike_accepted_by="Rui")
        (accepted,) = [each for each in judgements if each.accepted_by]
        assert not accepted.holds


def test_a_refusal_by_several_gates_says_at_once_every_name_that_it_asks_for(limits):
    both = replace(GOOD, leaks=(LEAK, LEAK), champion_gain=measured(NAN))
    with pytest.raises(Unfit) as refusal:
        raise_unless_passed(judge(both, limits))
    assert refusal.value.hint.count("--allow-leak YOUR_NAME") == 1
    assert refusal.value.hint.count("--unlike-champion YOUR_NAME") == 1
    with pytest.raises(Unfit) as refusal:
        raise_unless_passed(judge(both, limits, leak_accepted_by="Ana"))
    assert "--allow-leak" not in refusal.value.hint


@pytest.mark.parametrize("gate", [gate for gate in Gate if gate is not Gate.LEAK])
def test_no_name_lets_a_worse_model_pass(limits, gate):
    bad = replace(GOOD, **BAD[gate][0])
    judgements = judge(bad, limits, leak_accepted_by="Ana", unlike_accepted_by="Rui")
    with pytest.raises(Unfit):
        raise_unless_passed(judgements)


@pytest.mark.parametrize("name", [" ", "\t"])
def test_a_blank_answers_for_nothing(limits, name):
    for bad in (replace(GOOD, leaks=(LEAK,)), replace(GOOD, champion_gain=measured(NAN))):
        judgements = judge(bad, limits, leak_accepted_by=name, unlike_accepted_by=name)
        with pytest.raises(Unfit):
            raise_unless_passed(judgements)


def test_what_is_said_of_gates_names_who_waived_which(limits):
    assert said_of(judge(GOOD, limits)) == "passed"
    waived = judge(replace(GOOD, leaks=(LEAK,)), limits, leak_accepted_by="Ana")
    figure = "feature average precision of the feature x alone"
    assert said_of(waived) == f"waived: leak ({figure}: 0.95) by Ana"


UNDECIDED = {
    "champion.undecided.gain.min": {"champion_gain": measured(0.01, -0.03, 0.05)},
    "calibration.undecided.passes": {"calibration_ratio": measured(1.1, 0.4, 2.3)},
    "leak.undecided.passes": {
        "leaks": (Finding(Sign.GAP, "half", 0.05, GAP_MAX, -0.02, high=0.12),)
    },
}


def policy_with(root, key: str, value: str) -> str:
    """The policy with another value of one key."""
    before, after = (root / "policy/gates.toml").read_text().split(f'key = "{key}"\n')
    return f'{before}key = "{key}"\nvalue = "{value}"\n' + after.split("\n", 1)[1]


@pytest.mark.parametrize("key", list(UNDECIDED))
def test_what_cannot_be_decided_is_said_to_be_so_and_passes_by_a_setting_alone(root, limits, key):
    figures = replace(GOOD, **UNDECIDED[key])
    judgements = judge(figures, limits)
    (found,) = [each for each in judgements if not each.holds]
    assert (found.verdict, found.accepted_by) == (Verdict.UNDECIDED, f"gates.toml ({key})")
    raise_unless_passed(judgements)
    card = card_of(judgements)
    assert f"| undecided, accepted by gates.toml ({key}) |" in card
    assert f"undecided) by gates.toml ({key})" in said_of(judgements)
    strict = parse_limits(policy_with(root, key, "1" if "gain" in key else "off"), at=START)
    with pytest.raises(Unfit) as refusal:
        raise_unless_passed(judge(figures, strict))
    assert refusal.value.context["gate"] == found.gate.value
    assert refusal.value.context["verdict"] == "undecided"
    assert f"({found.figure}) undecided: required" in refusal.value.message
    assert [each.verdict for each in judge(figures, strict) if not each.passes] == [found.verdict]


def test_an_interval_that_keeps_to_its_limit_is_decided_whatever_the_setting(root):
    for key in UNDECIDED:
        strict = policy_with(root, key, "1" if "gain" in key else "off")
        assert all(each.holds for each in judge(GOOD, parse_limits(strict, at=START)))


def test_what_is_undecided_never_passes_where_its_figure_is_beyond_the_limit(limits):
    for broken in (
        {"champion_gain": measured(-0.001, -0.03, 0.03)},  # a loss that is allowed where shown
        {"calibration_ratio": measured(2.1, 1.5, 2.9)},
        {"calibration_error": measured(0.021, 0.01, 0.03)},
    ):
        judgements = judge(replace(GOOD, **broken), limits)
        (found,) = [each for each in judgements if not each.passes]
        assert found.verdict is Verdict.UNDECIDED
        with pytest.raises(Unfit):
            raise_unless_passed(judgements)


def test_a_gap_that_is_beyond_its_limit_is_no_question_of_being_undecided(limits):
    gap = Finding(Sign.GAP, "half", 0.12, GAP_MAX, 0.01, high=0.2)
    (found,) = [each for each in judge(replace(GOOD, leaks=(gap,)), limits) if not each.holds]
    assert (found.verdict, found.passes) == (Verdict.FAILS, False)


def test_limits_are_dated_policy(root):
    text = (root / "policy/gates.toml").read_text()
    with pytest.raises(Misconfigured) as refusal:
        parse_limits(text.replace("size.bytes.max", "size.bytes.most"), at=START)
    assert refusal.value.code is Code.POLICY_INVALID


def test_a_card_says_what_every_gate_found_and_who_let_it_pass(limits):
    judgements = judge(replace(GOOD, leaks=(LEAK,)), limits, leak_accepted_by="Ana")
    card = card_of(judgements)
    said = "feature average precision of the feature x alone | not above 0.9 | 0.95 |"
    assert f"| leak | {said}" in card
    assert "| fails, accepted by Ana |" in card
    assert "month 2020-12" in card
    assert "| input_0 | 1.2500 |" in card
    for name in ("lightgbm", "logistic", "only input_0"):
        assert f"| {name} |" in card
    assert "* split train start: 2020-09-13T" in card
