"""Every reason has a text for every audience and language, and tells nobody what is not theirs."""

from __future__ import annotations

import itertools
import re

import pytest

from crivo.decision.reason_texts import GENERIC, REASONS, Audience, Language, public_text
from crivo.decision.reasons import ReasonCode

#: Whose fact each reason states, apart from the code: who may read it follows from this alone.
ABOUT_PAYEE = {
    "PAYEE_REPORTED",
    "PAYEE_ACCT_NEW",
    "PAYEE_MARKED",
    "PRECAUTIONARY_BLOCK",
    "DICT_OPEN_REPORTS",
    "DICT_MULTI_REPORTER",
    "KEY_NEW",
    "KEY_OWNER_CHANGED",
    "AUTO_REQUEST_EXCESS",
    "PAYEE_HISTORY_ABSENT",
}
#: Indicators of money laundering and of lists: nobody may be told (Circular 3.978).
TOLD_TO_NOBODY = {
    "PAYEE_FAN_IN",
    "PAYEE_PASS_THROUGH",
    "PAYER_PASS_THROUGH",
    "PAYER_RECEIPTS_REPORTED",
    "MARKED_MET",
    "LISTED",
    "PAYEE_DORMANT_REACTIVATED",
    "NETWORK_PROXIMITY_MARKED",
}
ABOUT_TRANSFER = {
    "HOUR_UNUSUAL",
    "MODEL_SCORE",
    "DATA_LATE",
    "NOT_SCORED_RETURN",
    "TIMEOUT_DEGRADED",
    "LOG_SLOW",
    "MODEL_MISSING",
    "DATA_STALE",
    "DATA_MISSING_DICT",
    "SWITCHED_OFF",
}
ABOUT_PAYER = {
    "PAYEE_NEW_FOR_PAYER",
    "PAYER_REPORTED",
    "PAYER_MARKED",
    "ACCESS_UNUSUAL",
    "LIMIT_RAISED",
    "LIMIT_USED",
    "DEVICE_NEW",
    "AMOUNT_VS_PROFILE",
    "BURST_OUT",
    "NIGHT_LIMIT",
    "TRANSFER_LIMIT",
    "CONTACTLESS_LIMIT",
    "CASH_LIMIT",
    "INSTITUTION_LIMIT",
    "DAY_TOTAL_LIMIT",
    "NIGHT_TOTAL_LIMIT",
    "DEVICE_DAY_LIMIT",
    "AFTER_LOAN",
    "AFTER_CREDENTIAL_RESET",
    "DEVICE_UNREGISTERED_LIMIT",
    "DEVICE_COMPROMISED",
    "CALL_IN_PROGRESS",
    "REMOTE_ACCESS",
    "GEO_IMPOSSIBLE",
    "QR_PAYEE_MISMATCH",
    "PAYER_HISTORY_ABSENT",
}


def test_every_reason_is_about_exactly_one():
    groups = (ABOUT_PAYEE, TOLD_TO_NOBODY, ABOUT_TRANSFER, ABOUT_PAYER)
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert set().union(*groups) == set(ReasonCode)


@pytest.mark.parametrize(
    ("code", "audience", "language"), list(itertools.product(ReasonCode, Audience, Language))
)
def test_every_reason_has_a_sentence_for_every_audience_and_language(code, audience, language):
    text = public_text(code, audience, language)
    assert text.endswith(".") and len(text) > 20
    # No weight, threshold, unit or name of a feature.
    assert not re.search(r"\d|%|_|R\$", text)


@pytest.mark.parametrize("code", ReasonCode)
def test_what_concerns_the_other_party_reads_the_same_for_all_reasons(code):
    for language in Language:
        for audience, reads in (
            (Audience.PAYER, ABOUT_PAYER | ABOUT_TRANSFER),
            (Audience.PAYEE, ABOUT_PAYEE | ABOUT_TRANSFER),
        ):
            is_generic = public_text(code, audience, language) == GENERIC[language]
            assert is_generic == (code not in reads), (audience, language)


def test_the_two_languages_differ_and_the_internal_text_is_another():
    for code in ReasonCode:
        texts = {public_text(code, Audience.PAYER, language) for language in Language}
        assert len(texts) == 2
        assert REASONS[code].internal not in texts
