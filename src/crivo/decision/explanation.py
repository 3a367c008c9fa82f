"""Which reason a feature speaks for, when it is the model that asked for more than ALLOW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crivo.decision.reasons import ReasonCode
from crivo.domain.errors import Code, Misconfigured

#: The longest beginning of a feature's name decides (names are `entity_measure_statistic_window`).
FEATURE_REASONS: Final = {
    "transfer_amount": ReasonCode.AMOUNT_VS_PROFILE,
    "transfer_hour": ReasonCode.HOUR_UNUSUAL,
    "transfer_weekday": ReasonCode.HOUR_UNUSUAL,
    "transfer_night": ReasonCode.HOUR_UNUSUAL,
    "payer_amount": ReasonCode.AMOUNT_VS_PROFILE,
    "payer_transfer": ReasonCode.BURST_OUT,
    "payer_amount_sum": ReasonCode.BURST_OUT,
    "payer_transfer_since_first": ReasonCode.AMOUNT_VS_PROFILE,
    "payer_report": ReasonCode.PAYER_REPORTED,
    "payee_amount": ReasonCode.PAYEE_FAN_IN,
    "payee_transfer": ReasonCode.PAYEE_FAN_IN,
    "payee_transfer_since_first": ReasonCode.PAYEE_ACCT_NEW,
    "payee_report": ReasonCode.PAYEE_REPORTED,
    "pair_amount": ReasonCode.PAYEE_NEW_FOR_PAYER,
    "pair_transfer": ReasonCode.PAYEE_NEW_FOR_PAYER,
    "pair_report": ReasonCode.PAYEE_REPORTED,
}


def feature_reasons(names: Iterable[str]) -> dict[str, ReasonCode]:
    """The reason of each feature.

    Raises:
        Misconfigured: DEFINITION_INVALID for a feature whose name begins like none of the map.
    """
    found = {}
    for name in names:
        prefixes = [prefix for prefix in FEATURE_REASONS if f"{name}_".startswith(f"{prefix}_")]
        if not prefixes:
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"feature {name} speaks for no reason",
                hint="Add the beginning of its name to decision/explanation.py.",
                field=name,
                expected="a name that begins with one of " + ", ".join(sorted(FEATURE_REASONS)),
                found=name,
            )
        found[name] = FEATURE_REASONS[max(prefixes, key=len)]
    return found
