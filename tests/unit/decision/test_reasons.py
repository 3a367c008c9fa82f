"""Every reason has a text for every audience and language, and tells nobody what is not theirs."""

from __future__ import annotations

import itertools
import re

import pytest

from crivo.decision.reason_texts import GENERIC, REASONS, Audience, Language, Subject, public_text
from crivo.decision.reasons import ReasonCode


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
    subject = REASONS[code].subject
    for language in Language:
        if subject in {Subject.PAYEE, Subject.LAUNDERING}:
            assert public_text(code, Audience.PAYER, language) == GENERIC[language]
        if subject in {Subject.PAYER, Subject.LAUNDERING}:
            assert public_text(code, Audience.PAYEE, language) == GENERIC[language]


def test_the_two_languages_differ_and_the_internal_text_is_another():
    for code in ReasonCode:
        texts = {public_text(code, Audience.PAYER, language) for language in Language}
        assert len(texts) == 2
        assert REASONS[code].internal not in texts
