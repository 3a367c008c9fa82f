"""README says the same in both languages, shows a picture of its source, and is not long."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from xml.etree.ElementTree import fromstring

import pytest

from tests.docs import markdown
from tests.docs.markdown import ROOT

SPEC = importlib.util.spec_from_file_location("picture", ROOT / "scripts" / "picture.py")
assert SPEC is not None and SPEC.loader is not None
picture = importlib.util.module_from_spec(SPEC)
sys.modules["picture"] = picture
SPEC.loader.exec_module(picture)

ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
PORTUGUESE = (ROOT / "README.pt-BR.md").read_text(encoding="utf-8")

#: Three screens, as a browser shows them.
LINES_MAX = 135


def facts(text: str) -> dict[str, list[str]]:
    """What both languages must have alike: commands, code, links, and the digits of numbers."""
    numbers = re.findall(r"\d(?:[\d.,]*\d)?", markdown.prose(text))
    return {
        "commands": [line for block in markdown.blocks(text) for line in block.text.splitlines()],
        "code": sorted(markdown.spans(text)),
        "links": [
            link.replace(".pt-BR.svg", ".svg")
            for link in markdown.links(text)
            if not link.startswith("README")
        ],
        "numbers": sorted(re.sub(r"\D", "", each) for each in numbers),
        "headings": [line.split(" ")[0] for line in text.splitlines() if line.startswith("#")],
    }


def test_both_languages_name_the_same_commands_tests_pages_and_figures():
    assert facts(PORTUGUESE) == facts(ENGLISH)


@pytest.mark.parametrize(
    ("true", "false", "differs"),
    [
        ("make demo\n", "make demo-ci\n", "commands"),
        ("test_no_random_world_differs", "test_nothing", "code"),
        ("(docs/reference/http.md)", "(docs/reference/errors.md)", "links"),
        ("andou 14 dias", "andou 15 dias", "numbers"),
        ("## Limites", "### Limites", "headings"),
    ],
)
def test_sabotage_a_translation_that_says_another_thing_is_noticed(true, false, differs):
    assert true in PORTUGUESE
    changed = facts(PORTUGUESE.replace(true, false))
    right = facts(ENGLISH)
    assert [name for name in right if changed[name] != right[name]] == [differs]


@pytest.mark.parametrize("text", [ENGLISH, PORTUGUESE], ids=["en", "pt"])
def test_the_page_takes_three_screens(text):
    assert len(text.splitlines()) <= LINES_MAX


@pytest.mark.parametrize("text", [ENGLISH, PORTUGUESE], ids=["en", "pt"])
def test_the_page_names_the_command_that_writes_a_world_after_the_one_that_installs_it(text):
    spans = markdown.spans(text)
    world = spans.index(".venv/bin/crivo simulate --out world")
    assert spans[world - 1] == "make setup"


def question(text: str) -> list[str]:
    """The lines by which a page asks the service for a decision: the id, then the request."""
    (block,) = [each.text for each in markdown.blocks(text) if "curl" in each.text]
    id_, _, request = block.partition("curl ")
    return [*re.findall(r'ID="[^"]+"', id_), *request.splitlines()]


def test_the_request_of_the_page_is_that_of_the_tutorial_whose_lines_are_run():
    asked = question(ENGLISH)
    assert len(asked) == 4
    assert question((ROOT / "docs/tutorial/first-decision.md").read_text("utf-8")) == asked


@pytest.mark.parametrize("text", [ENGLISH, PORTUGUESE], ids=["en", "pt"])
def test_every_promise_names_its_test(text):
    head = re.search(r"^\| prom\w+ \| test\w* \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert head is not None
    rows = head[1].splitlines()
    assert len(rows) >= 12
    assert all(re.fullmatch(r"\| .+ \| `tests/[\w/]+\.py::test_\w+` \|", row) for row in rows)


@pytest.mark.parametrize("language", list(picture.PICTURES))
def test_the_picture_is_what_its_source_makes(language):
    source = tomllib.loads(picture.SOURCE.read_text(encoding="utf-8"))
    path = picture.PICTURES[language]
    drawn = picture.draw(source, language)
    assert path.read_text(encoding="utf-8") == drawn
    title = fromstring(drawn).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    text = ENGLISH if language == "en" else PORTUGUESE
    assert f"![{title.text}](docs/{path.name})" in text


def test_sabotage_a_box_of_another_name_makes_another_picture():
    source = tomllib.loads(picture.SOURCE.read_text(encoding="utf-8"))
    before = picture.draw(source, "en")
    source["box"][0]["en"][0] = "Five doors"
    assert picture.draw(source, "en") != before
