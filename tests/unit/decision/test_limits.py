"""Limits of one transfer, in force by its Brasília date (PIX.md §6, acceptance check 18)."""

from __future__ import annotations

import pytest

from crivo.decision.decide import derive
from crivo.decision.degraded import Mode
from crivo.decision.limits import Limits, PeriodLimits
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.decision.sums import Sums
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import parse_rfc3339
from crivo.domain.transfer import Initiation, Purpose
from tests.unit.decision.worlds import START, bundle_in, policy, transfer, world

NONE = {
    "transfer": None,
    "contactless": None,
    "cash_day": None,
    "cash_night": None,
    "device": None,
    "institution": None,
    "institutions": frozenset(),
    "periods": {},
    "outcome": Outcome.REJECT,
}


@pytest.fixture(scope="module")
def procedure(tmp_path_factory):
    return bundle_in(tmp_path_factory.mktemp("limits")).procedure


@pytest.mark.parametrize(
    ("moment", "limit"),
    [
        ("2026-09-30T23:59:59Z", 50_000),
        ("2026-10-01T02:59:59.999999Z", 50_000),  # still 30 September in Brasília
        ("2026-10-01T03:00:00Z", None),
        ("2027-01-01T12:00:00Z", None),
    ],
)
def test_the_contactless_cap_ends_with_september_2026_in_brasilia(procedure, moment, limit):
    occurred_at = parse_rfc3339(moment)
    limits = procedure.at(occurred_at).limits
    assert limits.contactless == limit
    for initiation in (Initiation.APDN, Initiation.APES):
        over = transfer(1, occurred_at=START, amount_centavos=50_001, initiation=initiation)
        asked = (ReasonCode.CONTACTLESS_LIMIT,) if limit else ()
        assert limits.exceeded(over) == asked


@pytest.mark.parametrize(
    ("moment", "night", "device", "institution"),
    [
        ("2021-10-03T12:00:00Z", None, None, None),
        ("2021-10-04T12:00:00Z", 100_000, None, None),
        ("2024-10-31T12:00:00Z", 100_000, None, None),
        ("2024-11-01T12:00:00Z", 100_000, 20_000, None),
        ("2025-09-04T12:00:00Z", 100_000, 20_000, None),
        ("2025-09-05T12:00:00Z", 100_000, 20_000, 1_500_000),
        ("2026-11-23T12:00:00Z", 100_000, 20_000, 1_500_000),
    ],
)
def test_each_norm_is_in_force_from_its_date_on(procedure, moment, night, device, institution):
    occurred_at = parse_rfc3339(moment)
    day = (occurred_at - 3 * 3_600_000_000) // 86_400_000_000
    assert procedure.value("limits.night.amount", day) == night
    assert procedure.value("limits.device_unregistered.transfer", day) == device
    assert procedure.at(occurred_at).limits.institution == institution


@pytest.mark.parametrize(
    ("limits", "facts", "reasons"),
    [
        ({}, {"amount_centavos": 10**11}, ()),
        ({"transfer": 10}, {"amount_centavos": 10}, ()),
        ({"transfer": 10}, {"amount_centavos": 11}, ("TRANSFER_LIMIT",)),
        ({"contactless": 10}, {"amount_centavos": 11}, ()),
        ({"contactless": 10}, {"amount_centavos": 11, "initiation": Initiation.QRDN}, ()),
        ({"cash_day": 10}, {"amount_centavos": 11, "purpose": Purpose.IPAY}, ()),
        ({"cash_day": 10}, {"amount_centavos": 11, "purpose": Purpose.GSCB}, ("CASH_LIMIT",)),
        ({"cash_day": 10}, {"amount_centavos": 10, "purpose": Purpose.OTHR}, ()),
        ({"cash_night": 10}, {"amount_centavos": 11, "purpose": Purpose.OTHR}, ()),
        (
            {"institution": 10, "institutions": frozenset({"12345678"})},
            {"amount_centavos": 11, "payer_ispb": "12345678"},
            ("INSTITUTION_LIMIT",),
        ),
        (
            {"institution": 10, "institutions": frozenset({"12345678"})},
            {"amount_centavos": 11, "payer_ispb": "87654321"},
            (),
        ),
        (
            {"transfer": 10, "contactless": 5},
            {"amount_centavos": 11, "initiation": Initiation.APES},
            ("TRANSFER_LIMIT", "CONTACTLESS_LIMIT"),
        ),
    ],
)
def test_a_limit_is_exceeded_above_it_and_by_what_it_is_for(limits, facts, reasons):
    made = Limits(**{**NONE, **limits})
    assert made.exceeded(transfer(1, **facts)) == reasons


@pytest.mark.parametrize(
    ("moment", "is_over"),
    [
        ("2026-11-23T22:59:59Z", False),
        ("2026-11-23T23:00:00Z", True),
        ("2026-11-24T08:59:59Z", True),
        ("2026-11-24T09:00:00Z", False),
    ],
)
def test_cash_has_a_night_of_its_own(procedure, moment, is_over):
    occurred_at = parse_rfc3339(moment)
    facts = transfer(1, occurred_at=occurred_at, amount_centavos=200_000, purpose=Purpose.OTHR)
    assert bool(procedure.at(occurred_at).limits.exceeded(facts)) == is_over


@pytest.mark.parametrize(
    ("moment", "centavos", "is_over"),
    [
        ("2019-01-01T15:00:00Z", 300_001, False),
        ("2022-06-01T15:00:00Z", 300_001, False),
        ("2022-06-02T00:00:00Z", 100_001, False),
        ("2023-01-02T02:59:59Z", 100_001, False),
        ("2023-01-02T03:00:00Z", 100_001, True),
        ("2023-01-02T15:00:00Z", 300_001, True),
        ("2023-01-02T15:00:00Z", 300_000, False),
    ],
)
def test_cash_has_no_limit_before_the_day_of_its_norm(procedure, moment, centavos, is_over):
    occurred_at = parse_rfc3339(moment)
    facts = transfer(1, occurred_at=occurred_at, amount_centavos=centavos, purpose=Purpose.GSCB)
    assert bool(procedure.at(occurred_at).limits.exceeded(facts)) == is_over


@pytest.mark.parametrize(
    ("before", "is_over"), [(None, False), (0, False), (200_000, False), (200_001, True)]
)
def test_withdrawals_count_together_up_to_the_limit_of_their_period(procedure, before, is_over):
    facts = transfer(1, occurred_at=START, amount_centavos=100_000, purpose=Purpose.GSCB)
    sums = None if before is None else Sums(0, None, None, before)
    found = procedure.at(START).limits.exceeded(facts, sums)
    assert found == ((ReasonCode.CASH_LIMIT,) if is_over else ())


def test_a_total_may_reach_its_limit_and_not_pass_it():
    limits = PeriodLimits(day=1_000, night=800, device=600)
    sums = Sums(day=900, night=700, device=500)
    reached, passed = (transfer(1, amount_centavos=each) for each in (100, 101))
    assert limits.exceeded(reached, sums) == ()
    assert limits.exceeded(passed, sums) == (
        ReasonCode.DAY_TOTAL_LIMIT,
        ReasonCode.NIGHT_TOTAL_LIMIT,
        ReasonCode.DEVICE_DAY_LIMIT,
    )


@pytest.mark.parametrize(
    ("centavos", "before", "initiation", "is_over"),
    [
        (20_000, 0, None, False),
        (20_001, 0, None, True),
        (20_001, 0, Initiation.DICT, True),
        (20_001, 0, Initiation.AUTO, False),
        (20_001, None, None, False),
    ],
)
def test_a_device_told_as_not_registered_pays_up_to_its_limit_at_once(
    procedure, centavos, before, initiation, is_over
):
    facts = transfer(1, occurred_at=START, amount_centavos=centavos, initiation=initiation)
    found = procedure.at(START).limits.exceeded(facts, Sums(0, None, before))
    assert found == ((ReasonCode.DEVICE_UNREGISTERED_LIMIT,) if is_over else ())
    # Before the norm nobody asked.
    before_norm = procedure.at(parse_rfc3339("2024-10-31T12:00:00Z")).limits
    assert before_norm.exceeded(facts, Sums(0, None, before)) == ()


def test_above_a_limit_the_answer_is_what_the_policy_asks_for_degraded_or_not(tmp_path):
    text = policy()["decision.toml"]
    was = 'key = "limits.transfer.amount"\nvalue = "none"'
    assert was in text
    texts = {**policy(), "decision.toml": text.replace(was, was.replace('"none"', '"50.00"'))}
    with world(tmp_path, texts=texts) as played:
        answers = [
            played.decide(transfer(number, occurred_at=START + number), waited_ms=waited).result(60)
            for number, waited in ((1, 0), (2, 500))
        ]
        returned = transfer(3, occurred_at=START + 3, purpose=Purpose.REFU)
        assert played.decide(returned).result(60).outcome is Outcome.ALLOW
    assert [each.outcome for each in answers] == [Outcome.REJECT, Outcome.REJECT]
    assert [each.reasons[0] for each in answers] == [ReasonCode.TRANSFER_LIMIT] * 2
    assert answers[1].degraded == (Mode.TIMEOUT,)


def test_sabotage_without_the_limit_the_same_transfer_passes(procedure):
    in_force = procedure.at(START)
    derived = derive(transfer(1), None, in_force, None, degraded=(Mode.TIMEOUT,))
    assert derived.outcome == "ALLOW"


@pytest.mark.parametrize("value", ['["1"]', '["12345678", "12345678"]', '"12345678"', "[7]"])
def test_a_segment_names_institutions_each_once(tmp_path, value):
    text = policy()["decision.toml"]
    was = 'key = "segments.capped_institutions"\nvalue = []'
    assert was in text
    changed = text.replace(was, was.replace("[]", value))
    with pytest.raises(Misconfigured) as caught:
        bundle_in(tmp_path, texts={**policy(), "decision.toml": changed})
    assert caught.value.code is Code.POLICY_INVALID
    assert caught.value.context["key"] == "segments.capped_institutions"
