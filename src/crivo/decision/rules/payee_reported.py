"""Several of the last month's transfers to the payee were reported, and accepted as fraud."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

REPORTS = "payee_report_count_30d_where_accepted"
RATE = "payee_report_per_transfer_30d_where_accepted"
REPORTS_MIN = "rules.payee_reported.reports.min"
RATE_MIN = "rules.payee_reported.rate.min"

RULE = Rule(
    name="payee_reported",
    condition=(Field(REPORTS) >= Parameter(REPORTS_MIN)) & (Field(RATE) >= Parameter(RATE_MIN)),
    parameters=(Key(REPORTS_MIN, Kind.COUNT), Key(RATE_MIN, Kind.NUMBER)),
    reason=ReasonCode.PAYEE_REPORTED,
    source="BCB Resolution 501/2025: payments to accounts under well-founded suspicion",
    threat="A mule account goes on receiving after its first victims have reported it.",
    at={REPORTS_MIN: 2, RATE_MIN: 0.05},
    fires=({REPORTS: 2.0, RATE: 0.05}, {REPORTS: 40.0, RATE: 0.9}),
    silent=(
        {REPORTS: 1.0, RATE: 0.5},
        {REPORTS: 2.0, RATE: 0.049},
        {REPORTS: 3.0, RATE: None},
    ),
)
