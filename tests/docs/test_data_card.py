"""The data card names every column, every word and every option of the seven tables."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import typer.main

from crivo.cli.main import app
from crivo.simulator.difficulty import Difficulty
from crivo.simulator.options import ENRICHED_PREVALENCE, NATURAL_PREVALENCE
from crivo.simulator.seven import words
from crivo.simulator.seven.cases import case_kind
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.typology import Kind, default_typologies
from crivo.simulator.world import simulate
from tests.docs.markdown import ROOT, spans
from tests.laws.seven import ENUMERATIONS, TIMES, Tables
from tests.laws.test_simulator_seven_tables import default
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


def options() -> dict[str, str]:
    """Each option of `crivo simulate` with its help."""
    parameters = typer.main.get_command(app).commands["simulate"].params
    return {each.opts[0]: each.help or "" for each in parameters if each.opts[0] != "--help"}


def options_not_told(card: str) -> set[str]:
    """Those that no row of the card's table of options names."""
    begin = card.index("| option |")
    rows = card[begin : card.index("\n\n", begin)].splitlines()[2:]
    named = set(re.findall(r"`(--[a-z-]+)", " ".join(row.split("|")[1] for row in rows)))
    return set(options()) - named


def test_the_card_and_the_help_name_every_option():
    assert options_not_told(CARD) == {"--out"}  # what the whole card is about
    assert [name for name, words in options().items() if not words] == []


def test_sabotage_an_option_without_a_row_is_noticed():
    assert "--scenario" in options_not_told(re.sub(r"\n\| `--scenario[^\n]*", "", CARD))


def said(tables: Tables) -> Iterator[str]:
    """What the card says of the default world, with the figures of these tables."""
    for name, rows in tables.items():
        yield f"### `{name}.csv`: {len(rows):,} "
    for name in ("transacoes_pix", "transacoes_historicas"):
        suspect = Counter(row["status"] for row in tables[name])["suspeita"]
        yield f"; {suspect} are `suspeita`"
    kinds = Counter(row["tipo_chave"] for row in tables["chaves_pix"])
    shares = {kind: f"{100 * count / kinds.total():.1f}" for kind, count in kinds.items()}
    yield f"`evp` {shares.pop('evp')} %"
    yield from (f"`{kind}` {share}" for kind, share in shares.items())
    users = len(tables["usuarios"])
    yield f"{100 * (users - len(those_who_pay_or_are_paid(tables))) / users:.0f} % of the users"
    seventh = ("None", "One", "Two", "Three", "Four", "Five", "Six", "All")[
        round(7 * logged_in(tables))
    ]
    yield f"{seventh} in seven payments have a log-in up to ten minutes before"


def those_who_pay_or_are_paid(tables: Tables) -> set[str]:
    holders = {row["chave_pix"]: row["cpf_cnpj"] for row in tables["chaves_pix"]}
    return {
        holders[row[key]]
        for name in ("transacoes_pix", "transacoes_historicas")
        for row in tables[name]
        for key in ("chave_pix_origem", "chave_pix_destino")
    }


def logged_in(tables: Tables) -> float:
    """The share of the window's payments that have a log-in up to ten minutes before."""
    users = {row["cpf_cnpj"]: row["id_usuario"] for row in tables["usuarios"]}
    payers = {row["chave_pix"]: users[row["cpf_cnpj"]] for row in tables["chaves_pix"]}
    logs = defaultdict(list)
    for row in tables["log_autenticacao"]:
        logs[row["id_usuario"]].append(datetime.fromisoformat(row["timestamp"]))
    found = 0
    for row in tables["transacoes_pix"]:
        at = datetime.fromisoformat(row["timestamp"])
        mine = logs[payers[row["chave_pix_origem"]]]
        place = bisect_left(mine, at)
        found += place > 0 and at - mine[place - 1] <= timedelta(minutes=10)
    return found / len(tables["transacoes_pix"])


def untold(card: str) -> list[str]:
    return [sentence for sentence in said(default()) if sentence not in card]


@pytest.mark.slow
def test_the_figures_of_the_card_are_those_of_the_default_world():
    assert untold(CARD) == []


@pytest.mark.slow
def test_sabotage_another_figure_is_noticed():
    assert untold(CARD.replace("57 % of the users", "Half of the users")) == ["57 % of the users"]


@pytest.mark.slow
def test_instants_are_whole_milliseconds_as_the_card_says():
    for rows in default().values():
        for row in rows:
            for column in row.keys() & set(TIMES):
                assert re.search(r"\.\d{3}000Z$", row[column]), row


@pytest.mark.slow
def test_limits_were_set_between_registration_and_the_window_or_minutes_after_it():
    begin = datetime.fromisoformat("2026-08-03T03:00:00Z")
    registered = {
        row["id_usuario"]: datetime.fromisoformat(row["data_cadastro"])
        for row in default()["usuarios"]
    }
    for row in default()["limites_transacoes"]:
        at = datetime.fromisoformat(row["data_atualizacao"])
        since = registered[row["id_usuario"]]
        assert since < at <= max(begin, since + timedelta(minutes=10)), row
