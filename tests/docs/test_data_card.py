"""The data card names every column, every word and every option of the seven tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from crivo.simulator.difficulty import Difficulty
from crivo.simulator.options import ENRICHED_PREVALENCE, NATURAL_PREVALENCE
from crivo.simulator.seven import words
from crivo.simulator.seven.cases import case_kind
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.typology import Kind, default_typologies
from crivo.simulator.world import simulate
from tests.docs.markdown import ROOT, spans
from tests.laws.seven import ENUMERATIONS
from tests.unit.simulator.worlds import SMALL

CARD = (ROOT / "docs" / "reference" / "data-card.md").read_text(encoding="utf-8")


SCENARIOS = ("T18",)


def columns() -> dict[str, set[str]]:
    """The columns of each table."""
    options = replace(SMALL, days=1, past_days=1, scale=Decimal("0.3"))
    found: dict[str, set[str]] = {}
    for piece in seven_tables(simulate(options)):
        found.setdefault(piece.table, set()).update(column.name for column in piece.columns)
    return found


def missing(card: str) -> Iterator[str]:
    """What the card does not name."""
    sections = re.split(r"^### ", card, flags=re.MULTILINE)
    for table, names in columns().items():
        # A heading without a text of its own shares that of the next.
        places = [n for n, text in enumerate(sections) if text.startswith(f"`{table}.csv`")]
        if not places:
            yield table
            continue
        text = "".join(sections[places[0] : places[0] + 2])
        yield from (f"{table}.{name}" for name in names if f"`{name}`" not in text)
    named = set(spans(card))
    for enumeration in vars(words).values():
        if isinstance(enumeration, type) and enumeration.__module__ == words.__name__:
            yield from (str(word) for word in enumeration if str(word) not in named)


def test_the_card_names_everything():
    assert list(missing(CARD)) == []


def kinds_of_the_card(card: str) -> list[str]:
    """The values that the card's row of `tipo_fraude` names after its colon."""
    (row,) = (line for line in card.splitlines() if line.startswith("| `tipo_fraude`"))
    found = spans(row.partition("as one word: ")[2])
    return [each for each in found if not each.startswith("--")]


def kinds_declared() -> list[str]:
    """Of each typology whose money is stolen: the others have no case."""
    stolen = {Kind.THEFT, Kind.NETWORK, Kind.SCENARIO}
    every = default_typologies(SCENARIOS)
    return sorted(case_kind(each) for each in every if each.kind in stolen)


def test_the_card_and_the_law_know_each_kind_of_fraud_that_is_declared():
    assert sorted(kinds_of_the_card(CARD)) == kinds_declared()
    assert sorted(ENUMERATIONS["fraudes", "tipo_fraude"]) == kinds_declared()


def test_sabotage_a_kind_of_fraud_that_is_not_named_is_noticed():
    assert kinds_of_the_card(CARD.replace(", `mao_fantasma`", "")) != kinds_of_the_card(CARD)
    assert "mao_fantasma" not in kinds_of_the_card(CARD.replace(", `mao_fantasma`", ""))


def test_the_card_says_what_the_presets_of_prevalence_are():
    assert f"`natural` {int(NATURAL_PREVALENCE * 100_000)} in 100,000" in CARD
    assert f"`enriched` 1 in {int(1 / ENRICHED_PREVALENCE)}" in CARD
    for difficulty in Difficulty:
        assert f"`{difficulty}`" in CARD


def test_sabotage_a_column_or_a_word_that_is_not_named_is_noticed():
    assert "chaves_pix.nome_titular" in set(missing(CARD.replace("`nome_titular`", "")))
    assert "em_reivindicacao" in set(missing(CARD.replace("`em_reivindicacao`", "")))
    assert "fraudes" in set(missing(CARD.replace("### `fraudes.csv`", "")))
