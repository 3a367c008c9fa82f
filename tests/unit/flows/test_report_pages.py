"""The report and the pack for a review: every text is escaped, and the pack shows no weight."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crivo.domain.instant import HOUR
from crivo.domain.review import ReviewResult
from crivo.flows.review import ReviewService
from crivo.governance import decision_report, html
from crivo.governance.decision_report import DecisionReport
from tests.unit.decision.worlds import START, world
from tests.unit.flows.test_review import decided, report_of, take

HOSTILE = "<b>&\"'ana"
ESCAPED = "&lt;b&gt;&amp;&quot;&#x27;ana"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DecisionReport:
    """Of a decision with reasons, factors, and a review that was answered."""
    with world(tmp_path_factory.mktemp("reported")) as played:
        id_, service = decided(played, amount_centavos=5_000_000), ReviewService(played.service)
        take(service, id_)
        take(service, id_, START + HOUR, reviewer="ana", result=ReviewResult.UPHELD)
        return report_of(played, id_)


def mutant(module: ModuleType, was: str, now: str) -> ModuleType:
    """The module with one piece of its source written otherwise."""
    source = inspect.getsource(module)
    assert source.count(was) == 1, was
    made = ModuleType(module.__name__)
    exec(compile(source.replace(was, now), str(module.__file__), "exec"), made.__dict__)
    return made


def check_the_pack(pages: ModuleType, report: DecisionReport) -> None:
    pack = pages.review_pack_json(report)
    assert {"criteria", "main_factors", "model", "reviews"} <= pack.keys()
    assert not {"score", "inputs", "rules_fired", "microseconds"} & pack.keys()
    assert all(set(each) == {"name", "value", "meaning"} for each in pack["main_factors"])
    assert all(set(each) == {"code", "pt", "en"} for each in pack["criteria"])
    page = pages.review_pack_html(report)
    factors = pages.main_factors(report)
    assert factors and report.reasons
    for each in factors:
        assert each.name in page and f"{each.added:+.6f}" not in page
        assert repr(each.added) not in page
    assert "<th>input</th><th>value</th><th>meaning</th></tr>" in page
    assert "log-odds" not in page and "10⁻⁹" not in page
    assert str(report.score) not in page
    for each in report.reasons:
        assert each.public_pt in page and each.internal not in page


def test_the_pack_for_a_review_names_no_weight_and_no_threshold(report):
    check_the_pack(decision_report, report)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('("input", "value", "meaning"), factors', '("input", "value", "added", "m"), factors'),
        (
            "factors = [(each.name, _value(each.value), each.meaning)",
            'factors = [(each.name, _value(each.value), f"{each.added:+.6f}")',
        ),
        (
            '{"name": each.name, "value": each.value, "meaning": each.meaning}',
            '{"name": each.name, "value": each.value, "meaning": "", "added": each.added}',
        ),
        ("_reasons(report, internal=False)", "_reasons(report, internal=True)"),
        ('"criteria": [', '"score": report.score, "criteria": ['),
        (
            'section("Main factors", table(',
            'section("Score", paragraph(str(report.score))), section("Main factors", table(',
        ),
    ],
)
def test_sabotage_a_pack_that_shows_what_the_model_weighs_is_noticed(report, was, now):
    with pytest.raises(AssertionError):
        check_the_pack(mutant(decision_report, was, now), report)


def hostile(value: Any) -> Any:
    """The same with each text hostile, and each name of a mapping."""
    if isinstance(value, str):
        return HOSTILE
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return dataclasses.replace(
            value, **{each.name: hostile(getattr(value, each.name)) for each in fields}
        )
    if isinstance(value, Mapping):
        # The versions are asked for by name.
        return {**value, **{f"{name}{HOSTILE}": hostile(each) for name, each in value.items()}}
    return tuple(hostile(each) for each in value) if isinstance(value, tuple) else value


def check_pages_escape(pages: ModuleType, report: DecisionReport) -> None:
    lists = (*report.lists, "a list")
    bad = hostile(dataclasses.replace(report, lists=lists))
    for page in (pages.report_html(bad), pages.review_pack_html(bad)):
        assert ESCAPED in page
        assert HOSTILE not in page and "<b>" not in page


def test_a_page_escapes_every_text_it_shows(report):
    check_pages_escape(decision_report, report)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("<td>{escape(cell)}</td>", "<td>{cell}</td>"),
        ("<td>{escape(value)}</td>", "<td>{value}</td>"),
        ("<tr><th>{escape(name)}</th><td>", "<tr><th>{name}</th><td>"),
        ("<title>{escape(title)}", "<title>{title}"),
        ("<h1>{escape(title)}", "<h1>{title}"),
    ],
)
def test_sabotage_a_text_that_is_not_escaped_is_noticed(report, monkeypatch, was, now):
    bent = mutant(html, was, now)
    for name in ("facts", "page", "paragraph", "section", "table"):
        monkeypatch.setattr(decision_report, name, getattr(bent, name))
    with pytest.raises(AssertionError):
        check_pages_escape(decision_report, report)


def test_the_words_of_a_title_and_a_paragraph_are_escaped_too():
    for made in (
        html.section(HOSTILE, ""),
        html.paragraph(HOSTILE),
        html.table((HOSTILE,), [("",)]),
    ):
        assert ESCAPED in made and HOSTILE not in made


def test_a_page_is_one_file_without_scripts(report, tmp_path: Path):
    page = decision_report.report_html(report)
    assert "<script" not in page and "src=" not in page and "href=" not in page
