"""Reports about the payee are open in the directory."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

OPEN = "payee_person_open_reports_last_ever"
AMOUNT = "transfer_amount_value_now"
AMOUNT_MIN = "rules.payee_under_report.amount.min"

RULE = Rule(
    name="payee_under_report",
    condition=(Field(OPEN) > 0) & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AMOUNT_MIN, Kind.MONEY),),
    reason=ReasonCode.DICT_OPEN_REPORTS,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="Money goes on arriving while the first victims' reports are being judged.",
    at={AMOUNT_MIN: 20_000},
    fires=({OPEN: 1.0, AMOUNT: 20_000.0},),
    silent=(
        {OPEN: 0.0, AMOUNT: 20_000.0},
        {OPEN: 1.0, AMOUNT: 19_999.0},
        {OPEN: None, AMOUNT: 20_000.0},
    ),
)
