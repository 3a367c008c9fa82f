"""The few marks that small plots are drawn of, as SVG elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement

_FONT: Final = "system-ui, sans-serif"


def picture(
    width: int, height: int, title: str, *, size: Mapping[str, str] | None = None
) -> Element:
    """An empty picture with a title; `size` are the attributes of one that is not to be scaled."""
    drawn = Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        **(size or {}),
        role="img",
        attrib={"font-family": _FONT},
    )
    SubElement(drawn, "title").text = title
    return drawn


def text(drawn: Element, x: float, y: float, words: str, anchor: str) -> None:
    """Words that begin, end or are centred at a place, by `anchor`."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": "12"}
    SubElement(drawn, "text", attrib=place).text = words
