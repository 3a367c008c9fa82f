"""The pages build into a site without a warning, of four kinds; it needs nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

KINDS = ("tutorial", "how-to", "reference", "explanation")

#: What a browser fetches by itself; a link that a reader may follow is another thing.
FETCHED = {"audio", "embed", "iframe", "image", "img", "object", "script", "source", "video"}


class _Fetches(HTMLParser):
    """Collects the addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in FETCHED:
            self.found += [named.get(key) or "" for key in ("src", "data", "href", "srcset")]
        elif tag == "link" and named.get("rel") != "canonical":
            self.found.append(named.get("href") or "")


def foreign(site: Path) -> Iterator[str]:
    """What the pages and styles of a site would fetch from elsewhere."""
    for page in sorted(site.rglob("*.html")):
        fetches = _Fetches()
        fetches.feed(page.read_text(encoding="utf-8"))
        yield from (f"{page.name}: {url}" for url in fetches.found if _is_foreign(url))
    for style in sorted(site.rglob("*.css")):
        text = style.read_text(encoding="utf-8")
        urls = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", text)
        yield from (f"{style.name}: {url}" for url in urls if _is_foreign(url))


def _is_foreign(url: str) -> bool:
    return url.startswith("//") or re.match(r"https?:", url) is not None


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """`mkdocs build` as `make docs` runs it, into another folder."""
    program = Path(sys.executable).parent / "mkdocs"
    command = [str(program), "build", "--strict", "-f", str(config), "-d", str(site)]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    said = build(ROOT / "mkdocs.yml", folder)
    assert said.returncode == 0, said.stderr
    return folder


def test_every_page_is_of_one_of_the_four_kinds():
    docs = ROOT / "docs"
    beside = {page.name for page in docs.glob("*.md")}
    assert beside <= {"index.md"}
    assert {path.name for path in docs.iterdir() if path.is_dir()} == {*KINDS}
    assert all(any((docs / kind).glob("*.md")) for kind in KINDS)


def test_the_first_page_leads_to_every_other():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {
        f"{kind}/{page.name}" for kind in KINDS for page in (ROOT / "docs" / kind).glob("*.md")
    }
    assert set(re.findall(r"\]\(([^)]+\.md)\)", index)) == pages


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing_from_elsewhere(site):
    assert (site / "reference" / "errors.html").exists()
    assert list(foreign(site)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//fonts.example/css?family=Roboto">'),
        ("a.html", '<img alt="" src="http://count.example/1.gif">'),
        ("a.css", "@font-face { src: url('https://fonts.example/a.woff2') }"),
        ("a.css", '@import "https://fonts.example/a.css";'),
    ],
)
def test_sabotage_what_comes_from_elsewhere_is_noticed(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert len(list(foreign(tmp_path))) == 1


def test_a_link_to_elsewhere_is_fetched_by_nobody(tmp_path):
    (tmp_path / "a.html").write_text('<a href="https://example.org">there</a>')
    assert list(foreign(tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("[gone](gone.md)", ""),
        ("[gone](#nowhere)", ""),
        ("![gone](gone.svg)", ""),
        ("", "forgotten.md"),
    ],
)
def test_sabotage_a_link_that_breaks_or_a_page_that_nothing_leads_to_ends_the_build(
    text, outside, tmp_path
):
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    head, _ = config.split("\nnav:\n")
    (tmp_path / "mkdocs.yml").write_text(f"{head}\nnav:\n  - index.md\n")
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# A page\n")
    assert build(tmp_path / "mkdocs.yml", tmp_path / "site").returncode == 0
    (docs / "index.md").write_text(f"# A page\n\n{text}\n")
    if outside:
        shutil.copy(docs / "index.md", docs / outside)
    said = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert said.returncode != 0, said.stderr
