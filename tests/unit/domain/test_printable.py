"""One rule of what can be shown, for all ids and names that come in; its pattern says the same."""

from __future__ import annotations

import re
import sys
import unicodedata

import msgspec
import pytest

from crivo.adapters.http.bodies import DecisionBody, ReportBody
from crivo.domain import fields
from crivo.domain.errors import Refused
from crivo.domain.fields import PRINTABLE_PATTERN, is_printable
from crivo.domain.report import Report, ReportStatus
from crivo.flows.codec import decode_report, encode_report
from tests.unit.domain.examples import ABOUT
from tests.unit.flows.json_documents import offences

#: What the pattern can say without naming each code point that nobody assigned.
TOLD = {"Cc", "Cf", "Co", "Zs", "Zl", "Zp"}
#: The marks of direction (Unicode Standard Annex 9), some of which hide in no other category.
DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def fits(pattern: str, letter: str) -> bool:
    return re.search(pattern, f"a{letter}b") is not None


def check_pattern_and_rule_agree(pattern: str) -> None:
    for letter in map(chr, range(0x10000)):
        category = unicodedata.category(letter)
        if category == "Cs":
            # Half a character, which no text in UTF-8 holds: bodies with one are no JSON.
            continue
        if not fits(pattern, letter):
            assert not is_printable(letter), hex(ord(letter))
        elif category in TOLD:
            assert letter == " ", hex(ord(letter))


def test_the_pattern_says_of_the_first_code_points_what_the_rule_says():
    check_pattern_and_rule_agree(PRINTABLE_PATTERN)


@pytest.mark.parametrize(
    ("told", "said"), [(r"\u2028-\u202f", ""), (r"\u007f", r"~\u007f"), (r"\u3000", "")]
)
def test_sabotage_a_pattern_that_says_less_or_more_is_noticed(told, said):
    other = PRINTABLE_PATTERN.replace(told, said, 1)
    assert other != PRINTABLE_PATTERN
    with pytest.raises(AssertionError):
        check_pattern_and_rule_agree(other)


def test_no_control_no_mark_of_direction_and_no_half_of_a_character_can_be_shown():
    seen = set()
    for letter in map(chr, range(sys.maxunicode + 1)):
        direction = unicodedata.bidirectional(letter)
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs"} or direction in DIRECTIONS:
            assert not is_printable(letter), hex(ord(letter))
            seen.add(direction)
    assert seen >= DIRECTIONS


def test_ids_as_institutions_write_them_can_be_shown():
    for text in (
        "12345678/0001/55501-2",
        "Jos\u00e9",
        "\u0430\u0431",
        "\u65e5\u672c",
        "a b",
        "=1+1",
    ):
        assert is_printable(text)
        assert re.search(PRINTABLE_PATTERN, text)


def test_a_report_of_before_whose_id_cannot_be_shown_is_read_as_it_was_written():
    report = Report("a\u202eb", ReportStatus.CLAIMED, *ABOUT)
    assert decode_report(encode_report(report)) == report


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (
            DecisionBody,
            ("payer_account_id", "payee_account_id", "payer_person_id", "payee_person_id")
            + ("payee_key_id", "device_id"),
        ),
        (ReportBody, ("report_id",)),
    ],
)
def test_the_published_document_has_the_pattern_at_each_id(body, names):
    _, components = msgspec.json.schema_components([body])
    properties = components[body.__name__]["properties"]
    for name in names:
        assert list(offences(properties[name], "0001/55501-2")) == []
        assert list(offences(properties[name], "1\u202e2")) != []


def test_a_body_whose_ids_cannot_be_shown_is_refused_by_the_same_rule(monkeypatch):
    """Sabotage: where the rule lets everything pass, so do the checks that are made of it."""
    with pytest.raises(Refused):
        fields.check_printable("a\u202eb", field="login_id")
    monkeypatch.setattr(fields, "is_printable", lambda _: True)
    assert fields.check_printable("a\u202eb", field="login_id") == "a\u202eb"
