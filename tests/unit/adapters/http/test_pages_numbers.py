"""Numbers of pages are written as the language writes them, and closed lists have their words."""

from __future__ import annotations

import pytest

from crivo.adapters.http.pages.render import count, figure, percent, signed
from crivo.adapters.http.pages.terms import TERMS
from crivo.decision.degraded import Mode
from crivo.decision.reason_texts import Language
from crivo.decision.record import Versions
from crivo.decision.standing import Standing
from crivo.domain.clock import ClockKind
from crivo.domain.phase import Phase
from crivo.model.artifact import ArtifactKind


@pytest.mark.parametrize(
    ("value", "portuguese", "english"),
    [
        (None, "—", "—"),
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (0.95416, "0,9542", "0.9542"),
        (0.5, "0,5", "0.5"),
        (5_562_660.0, "5.562.660", "5,562,660"),
        (5_562_660.25, "5.562.660", "5,562,660"),
        (-1_234.5678, "-1.235", "-1,235"),
        (12.3456, "12,35", "12.35"),
        (0.00001234567, "0,00001235", "0.00001235"),
        (1_795_435_200_000_000.0, "1.795.435.200.000.000", "1,795,435,200,000,000"),
    ],
)
def test_a_figure_has_four_digits_and_no_exponent(
    value: float | None, portuguese: str, english: str
) -> None:
    assert figure(value, Language.PT) == portuguese
    assert figure(value, Language.EN) == english


def test_one_page_writes_all_its_numbers_in_one_way() -> None:
    def written(language: Language) -> list[str]:
        return [
            signed(0.38812, language),
            signed(-1_234.5, language),
            percent(1_234_567, language),
            count(1_234_567, language),
        ]

    assert written(Language.PT) == ["+0,388", "-1234,500", "0,12 %", "1.234.567"]
    assert written(Language.EN) == ["+0.388", "-1234.500", "0.12 %", "1,234,567"]


def test_each_value_of_a_closed_list_has_a_word_in_both_languages() -> None:
    for kind, values in (
        ("phase", Phase),
        ("standing", Standing),
        ("mode", Mode),
        ("kind", ArtifactKind),
        ("clock", ClockKind),
    ):
        assert set(TERMS[kind]) == {each.value for each in values}, kind
    assert set(TERMS["version"]) == set(Versions.__struct_fields__)
    for terms in TERMS.values():
        assert all(text.strip() for texts in terms.values() for text in texts)
