"""A hold lasts as long as the norm lets it, by Brasília's business days and hours."""

from __future__ import annotations

import pytest

from crivo.decision.hold import HoldTerms
from crivo.decision.outcome import Outcome
from crivo.decision.procedure import Procedure
from crivo.decision.rule import declared_rules
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import MINUTE, parse_rfc3339
from tests.unit.decision.worlds import START, bundle_in, plan, policy

TERMS = HoldTerms(30, 60, 8, 20, Outcome.REJECT)


@pytest.mark.parametrize(
    ("moment", "minutes"),
    [
        ("2026-11-23T12:00:00Z", 30),  # a Monday, 9 h in Brasília
        ("2026-11-23T11:00:00Z", 30),  # 8 h: the day begins
        ("2026-11-23T10:59:59.999999Z", 60),
        ("2026-11-23T22:59:59.999999Z", 30),
        ("2026-11-23T23:00:00Z", 60),  # 20 h: the night begins
        ("2026-11-22T12:00:00Z", 60),  # a Sunday
        ("2026-11-20T12:00:00Z", 60),  # a Friday, and a holiday since 2024
        ("2020-11-20T12:00:00Z", 30),  # the same date before that law
        ("2026-02-17T12:00:00Z", 60),  # Carnival: banks rest
        ("2026-11-21T01:00:00Z", 60),  # Friday's evening in Brasília
    ],
)
def test_half_an_hour_on_business_days_by_day_and_an_hour_else(moment, minutes):
    occurred_at = parse_rfc3339(moment)
    assert TERMS.until(occurred_at) == occurred_at + minutes * MINUTE


def test_the_policy_of_the_repository_is_the_norms(tmp_path):
    bundle = bundle_in(tmp_path)
    assert bundle.procedure.at(START).hold == TERMS


ENTRY = 'key = "{key}"\nvalue = {value}'


@pytest.mark.parametrize(
    ("key", "was", "is_now"),
    [
        ("hold.business.minutes", "30", "0"),
        ("hold.other.minutes", "60", "1441"),
        ("hold.business.from_hour", "8", "20"),
        ("hold.business.to_hour", "20", "25"),
        ("hold.end", '"REJECT"', '"HOLD"'),
        ("hold.end", '"REJECT"', '"WARN"'),
    ],
)
def test_terms_that_cannot_be_are_refused(tmp_path, key, was, is_now):
    texts, entry = policy(), ENTRY.format(key=key, value=was)
    assert entry in texts["decision.toml"]
    changed = texts["decision.toml"].replace(entry, ENTRY.format(key=key, value=is_now))
    with pytest.raises(Misconfigured) as caught:
        bundle_in(tmp_path, texts={**texts, "decision.toml": changed})
    assert caught.value.code is Code.POLICY_INVALID


def test_the_end_of_a_hold_is_dated_like_every_entry():
    texts, entry = policy(), ENTRY.format(key="hold.end", value='"REJECT"')
    dated = entry + "\nfrom = 2000-01-01"
    assert dated in texts["decision.toml"]
    changed = texts["decision.toml"].replace(
        dated,
        dated
        + '\nto = 2026-12-01\nnorm = "n"\n\n[[entry]]\n'
        + ENTRY.format(key="hold.end", value='"ALLOW"')
        + "\nfrom = 2026-12-01",
    )
    made = Procedure(
        rules=declared_rules(),
        texts={**texts, "decision.toml": changed},
        columns=plan().names,
        feature_reasons=dict.fromkeys(plan().names, next(iter(declared_rules())).reason),
    )
    assert made.at(parse_rfc3339("2026-12-01T02:59:59Z")).hold.ends_as is Outcome.REJECT
    assert made.at(parse_rfc3339("2026-12-01T03:00:00Z")).hold.ends_as is Outcome.ALLOW
