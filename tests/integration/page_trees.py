"""Pages as trees: what a test asks a page for by headings, cells and buttons."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder

#: Elements that have no end.
_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta"})


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.builder = TreeBuilder()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


def tree(text: str) -> Element:
    """The element `html` of a page."""
    parser = _Builder()
    parser.feed(text[text.index("<html") :].strip())
    parser.close()
    return parser.builder.close()


def said(found: Element) -> str:
    """All text of an element, its spaces single."""
    return " ".join("".join(found.itertext()).split())


def section(page: Element, title: str) -> Element:
    """The only section with this heading."""
    (found,) = (
        each for each in page.iter("section") if title in [said(h2) for h2 in each.iter("h2")]
    )
    return found


def facts(found: Element) -> dict[str, str]:
    """The names and values of the lists of an element."""
    return {said(each.find("dt")): said(each.find("dd")) for each in found.iterfind(".//dl/div")}


def rows(found: Element) -> list[dict[str, str]]:
    """The rows of the only table of an element, by the table's heads."""
    (table,) = found.iter("table")
    heads = [said(each) for each in table.iterfind("thead/tr/th")]
    return [
        dict(zip(heads, [said(each) for each in row.iterfind("td")], strict=True))
        for row in table.iterfind("tbody/tr")
    ]
