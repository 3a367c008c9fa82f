"""The parts that reports are made of as pages: one file, no script, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "td,th{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem}"
    "code{overflow-wrap:anywhere}svg{max-width:100%;height:auto}"
)


def section(title: str, body: str) -> str:
    """A part of a page under its title; `body` is HTML."""
    return f"<h2>{escape(title)}</h2>\n{body}"


def paragraph(words: str) -> str:
    """Words as they are."""
    return f"<p>{escape(words)}</p>"


def facts(found: Mapping[str, str]) -> str:
    """Names and values, one a line."""
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in found.items()
    )
    return f"<table>\n{rows}\n</table>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their heads; none is said so."""
    if not rows:
        return "<p>None.</p>"
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def page(title: str, body: Sequence[str]) -> str:
    """A whole page; `body` are parts in HTML."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )
