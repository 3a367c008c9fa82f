"""Draws docs/life-cycle.svg and its Portuguese twin: `python -m scripts.picture`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
SOURCE: Final = DOCS / "life-cycle.toml"

#: The picture of each language.
PICTURES: Final = {"en": DOCS / "life-cycle.svg", "pt": DOCS / "life-cycle.pt-BR.svg"}

#: In pixels: a box, the room between boxes, and the margin, which an arrow back runs through.
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 190, 84, 46, 62, 44

_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933; text-anchor: middle }
  .name { font-weight: 600; font-size: 15px }
  .box { fill: #e6f4f1; stroke: #0f766e; stroke-width: 1.5 }
  .arrow { fill: none; stroke: #52606d; stroke-width: 1.5; marker-end: url(#head) }
  #head path { fill: #52606d }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb }
    .box { fill: #12312e; stroke: #2dd4bf }
    .arrow { stroke: #9aa5b1 }
    #head path { fill: #9aa5b1 }
  }
"""


def draw(source: Mapping[str, Any], language: str) -> str:
    """The SVG of one language: boxes on a grid, and arrows between neighbours or along the top."""
    boxes = {box["id"]: box for box in source["box"]}
    columns = 1 + max(box["at"][0] for box in boxes.values())
    rows = 1 + max(box["at"][1] for box in boxes.values())
    width = 2 * MARGIN + columns * WIDTH + (columns - 1) * ACROSS
    height = 2 * MARGIN + rows * HEIGHT + (rows - 1) * DOWN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"',
        ' aria-labelledby="title description">',
        f'<title id="title">{escape(source["title"][language])}</title>',
        f'<desc id="description">{escape(source["description"][language])}</desc>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"',
        ' markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>',
    ]
    for box in boxes.values():
        lines += _box(box, language)
    for arrow in source["arrow"]:
        ends = (tuple(boxes[arrow["from"]]["at"]), tuple(boxes[arrow["to"]]["at"]))
        lines += _arrow(*ends, arrow.get(language, ""))
    return "\n".join([*lines, "</svg>", ""])


def _corner(at: tuple[int, int]) -> tuple[int, int]:
    return MARGIN + at[0] * (WIDTH + ACROSS), MARGIN + at[1] * (HEIGHT + DOWN)


def _box(box: Mapping[str, Any], language: str) -> Iterator[str]:
    x, y = _corner(tuple(box["at"]))
    yield f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    for number, text in enumerate(box[language]):
        kind = ' class="name"' if number == 0 else ""
        place = f'x="{x + WIDTH // 2}" y="{y + 26 + 22 * number}"'
        yield f"<text{kind} {place}>{escape(text)}</text>"


def _arrow(start: tuple[int, int], end: tuple[int, int], words: str) -> Iterator[str]:
    (x, y), (to_x, to_y) = _corner(start), _corner(end)
    beside, below = end[0] - start[0], end[1] - start[1]
    if below == 0 and beside == 1:
        path = f"M{x + WIDTH} {y + HEIGHT // 2}H{to_x - 2}"
    elif beside == 0 and below in {1, -1}:
        edge, goal = (y + HEIGHT, to_y - 2) if below == 1 else (y, to_y + HEIGHT + 2)
        path = f"M{x + WIDTH // 2} {edge}V{goal}"
    elif below == 0:
        # Back over the top, where nothing else lies.
        path = f"M{x + WIDTH // 2} {y}V{y - 24}H{to_x + WIDTH // 2}V{to_y - 2}"
    else:
        # Up or down between two columns, into the lower edge's first third.
        middle = y - DOWN // 2 if below < 0 else y + HEIGHT + DOWN // 2
        edge, goal = (y, to_y + HEIGHT + 2) if below < 0 else (y + HEIGHT, to_y - 2)
        path = f"M{x + WIDTH // 2} {edge}V{middle}H{to_x + WIDTH // 3}V{goal}"
    yield f'<path class="arrow" d="{path}"/>'
    if words:
        place = f'x="{(x + to_x + WIDTH) // 2}" y="{min(y, to_y) - 30}"'
        yield f"<text {place}>{escape(words)}</text>"


def main() -> None:
    """Writes both pictures."""
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    for language, path in PICTURES.items():
        path.write_text(draw(source, language), encoding="utf-8")


if __name__ == "__main__":
    main()
