"""Reasons: the closed list of why an outcome was given."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ReasonCode(StrEnum):
    """The stable name of a reason: the same in answers, records, metrics and rules."""

    PAYEE_REPORTED = "PAYEE_REPORTED"
    PAYEE_ACCT_NEW = "PAYEE_ACCT_NEW"
    PAYEE_NEW_FOR_PAYER = "PAYEE_NEW_FOR_PAYER"
    PAYEE_FAN_IN = "PAYEE_FAN_IN"
    PAYEE_PASS_THROUGH = "PAYEE_PASS_THROUGH"
    PAYER_REPORTED = "PAYER_REPORTED"
    PAYER_PASS_THROUGH = "PAYER_PASS_THROUGH"
    PAYER_RECEIPTS_REPORTED = "PAYER_RECEIPTS_REPORTED"
    PAYEE_MARKED = "PAYEE_MARKED"
    PAYER_MARKED = "PAYER_MARKED"
    MARKED_MET = "MARKED_MET"
    LISTED = "LISTED"
    ACCESS_UNUSUAL = "ACCESS_UNUSUAL"
    LIMIT_RAISED = "LIMIT_RAISED"
    LIMIT_USED = "LIMIT_USED"
    DEVICE_NEW = "DEVICE_NEW"
    AMOUNT_VS_PROFILE = "AMOUNT_VS_PROFILE"
    BURST_OUT = "BURST_OUT"
    HOUR_UNUSUAL = "HOUR_UNUSUAL"
    NIGHT_LIMIT = "NIGHT_LIMIT"
    TRANSFER_LIMIT = "TRANSFER_LIMIT"
    CONTACTLESS_LIMIT = "CONTACTLESS_LIMIT"
    CASH_LIMIT = "CASH_LIMIT"
    INSTITUTION_LIMIT = "INSTITUTION_LIMIT"
    DAY_TOTAL_LIMIT = "DAY_TOTAL_LIMIT"
    NIGHT_TOTAL_LIMIT = "NIGHT_TOTAL_LIMIT"
    DEVICE_DAY_LIMIT = "DEVICE_DAY_LIMIT"
    PRECAUTIONARY_BLOCK = "PRECAUTIONARY_BLOCK"
    DICT_OPEN_REPORTS = "DICT_OPEN_REPORTS"
    DICT_MULTI_REPORTER = "DICT_MULTI_REPORTER"
    KEY_NEW = "KEY_NEW"
    KEY_OWNER_CHANGED = "KEY_OWNER_CHANGED"
    PAYEE_DORMANT_REACTIVATED = "PAYEE_DORMANT_REACTIVATED"
    AFTER_LOAN = "AFTER_LOAN"
    AFTER_CREDENTIAL_RESET = "AFTER_CREDENTIAL_RESET"
    DEVICE_UNREGISTERED_LIMIT = "DEVICE_UNREGISTERED_LIMIT"
    DEVICE_COMPROMISED = "DEVICE_COMPROMISED"
    CALL_IN_PROGRESS = "CALL_IN_PROGRESS"
    REMOTE_ACCESS = "REMOTE_ACCESS"
    GEO_IMPOSSIBLE = "GEO_IMPOSSIBLE"
    QR_PAYEE_MISMATCH = "QR_PAYEE_MISMATCH"
    AUTO_REQUEST_EXCESS = "AUTO_REQUEST_EXCESS"
    NETWORK_PROXIMITY_MARKED = "NETWORK_PROXIMITY_MARKED"
    PAYEE_HISTORY_ABSENT = "PAYEE_HISTORY_ABSENT"
    PAYER_HISTORY_ABSENT = "PAYER_HISTORY_ABSENT"
    MODEL_SCORE = "MODEL_SCORE"
    DATA_LATE = "DATA_LATE"
    NOT_SCORED_RETURN = "NOT_SCORED_RETURN"
    TIMEOUT_DEGRADED = "TIMEOUT_DEGRADED"
    LOG_SLOW = "LOG_SLOW"
    MODEL_MISSING = "MODEL_MISSING"
    DATA_STALE = "DATA_STALE"
    DATA_MISSING_DICT = "DATA_MISSING_DICT"
    SWITCHED_OFF = "SWITCHED_OFF"


REASON_CODES: Final = {reason.value: reason for reason in ReasonCode}

#: What a feature says that had no value, or counted nothing, where its reason tells of something
#: that was seen. The other reasons are as true of nothing: a payee who is new, a late hour.
WHEN_ABSENT: Final[Mapping[ReasonCode, ReasonCode]] = {
    **dict.fromkeys(
        (
            ReasonCode.PAYEE_REPORTED,
            ReasonCode.PAYEE_FAN_IN,
            ReasonCode.PAYEE_PASS_THROUGH,
            ReasonCode.PAYEE_MARKED,
        ),
        ReasonCode.PAYEE_HISTORY_ABSENT,
    ),
    **dict.fromkeys(
        (
            ReasonCode.PAYER_REPORTED,
            ReasonCode.PAYER_PASS_THROUGH,
            ReasonCode.PAYER_RECEIPTS_REPORTED,
            ReasonCode.ACCESS_UNUSUAL,
            ReasonCode.LIMIT_RAISED,
            ReasonCode.LIMIT_USED,
            ReasonCode.AMOUNT_VS_PROFILE,
            ReasonCode.BURST_OUT,
        ),
        ReasonCode.PAYER_HISTORY_ABSENT,
    ),
    # Of whichever of the two: nothing more than the score is true of both.
    ReasonCode.MARKED_MET: ReasonCode.MODEL_SCORE,
    ReasonCode.LISTED: ReasonCode.MODEL_SCORE,
}
