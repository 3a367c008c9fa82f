"""Small plots as SVG: what was found beside the official figure and what its tolerance allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from crivo.governance.svg import picture, text
from crivo.simulator.acceptance.finding import Finding, Outcome, Verdict

_WIDTH: Final = 860
_HEIGHT: Final = 220
_LEFT: Final = 44
_RIGHT: Final = 10
_TOP: Final = 12
_BOTTOM: Final = 24
_ROW: Final = 22
_LABEL: Final = 190
#: About the width of a letter.
_LETTER: Final = 6.4
#: From so many parts of one unit on a check is drawn as a curve.
_CURVE_PARTS: Final = 24
_PAPER: Final = "#ffffff"
#: A range takes this part of a row; what lies further out is drawn at the edge.
_SPAN: Final = 3.0

COLOURS: Final = {
    Verdict.HOLDS: "#1a7f37",
    Verdict.FAILS: "#c62828",
    Verdict.UNDECIDABLE: "#8a6d00",
    Verdict.NOT_HERE: "#5b6b7b",
}
_OFFICIAL: Final = "#5b6b7b"
_ALLOWED: Final = "#dfe6ec"


def picture_of(outcome: Outcome) -> str:
    """The plot of a check: a curve where it has many parts, else a row each."""
    draw = curve if len(outcome.findings) >= _CURVE_PARTS else ranges
    return draw(outcome.findings, outcome.check.name)


def curve(findings: Sequence[Finding], title: str) -> str:
    """Findings of one unit along an axis: the official curve with its band, and what was found."""
    top = max(max(one.high, one.found) for one in findings) * 1.08
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(findings) - 1, 1)

    def point(place: int, value: float) -> str:
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - max(value, 0.0) / top)
        return f"{_LEFT + place * step:.1f},{y:.1f}"

    drawn = _on_paper(_HEIGHT, title)
    upper = [point(place, one.high) for place, one in enumerate(findings)]
    lower = [point(place, one.low) for place, one in enumerate(findings)]
    SubElement(drawn, "polygon", points=" ".join(upper + lower[::-1]), fill=_ALLOWED)
    for values, colour in (
        ([one.target for one in findings], _OFFICIAL),
        ([one.found for one in findings], COLOURS[Verdict.HOLDS]),
    ):
        points = " ".join(point(place, value) for place, value in enumerate(values))
        SubElement(drawn, "polyline", points=points, fill="none", stroke=colour, attrib=_stroke(2))
    for place, one in enumerate(findings):
        x, y = point(place, one.found).split(",")
        SubElement(drawn, "circle", cx=x, cy=y, r="3", fill=COLOURS[one.verdict])
        if len(findings) <= 12 or place % 3 == 0:
            text(drawn, float(x), _HEIGHT - 6, one.part, "middle")
    text(drawn, _LEFT - 6, _TOP + 8, f"{top:.3g}", "end")
    text(drawn, _LEFT + 6, _TOP + 8, findings[0].unit, "start")
    text(drawn, _LEFT - 6, _HEIGHT - _BOTTOM, "0", "end")
    return _written(drawn)


def ranges(findings: Sequence[Finding], title: str) -> str:
    """One row a finding: the allowed range as a bar, the official figure, and what was found.

    At the end of the row both are numbers: found (official) and the unit.
    """
    drawn = _on_paper(_ROW * len(findings) + 8, title)
    label = max(_LABEL, round(_LETTER * max((len(one.part) for one in findings), default=0)) + 12)
    figures = [_figures(one) for one in findings]
    said = round(_LETTER * max((len(one) for one in figures), default=0)) + 12
    room = _WIDTH - label - said - _RIGHT
    for row, one in enumerate(findings):
        middle = _ROW * row + _ROW / 2 + 4
        half = (one.high - one.low) / 2 or 1.0
        centre = (one.high + one.low) / 2

        def across(value: float, centre: float = centre, half: float = half) -> float:
            part = min(max((value - centre) / half / _SPAN, -1.0), 1.0)
            return label + room / 2 * (1 + part)

        text(drawn, label - 8, middle + 4, one.part, "end")
        text(drawn, _WIDTH - said, middle + 4, figures[row], "start")
        left, right = across(one.low), across(one.high)
        SubElement(
            drawn,
            "rect",
            x=f"{left:.1f}",
            y=f"{middle - 6:.1f}",
            width=f"{max(right - left, 2):.1f}",
            height="12",
            fill=_ALLOWED,
        )
        if one.standard_error is not None:
            _line(
                drawn,
                across(one.found - 2 * one.standard_error),
                middle,
                across(one.found + 2 * one.standard_error),
                middle,
                COLOURS[one.verdict],
            )
        target = across(one.target)
        _line(drawn, target, middle - 7, target, middle + 7, _OFFICIAL)
        SubElement(
            drawn,
            "circle",
            cx=f"{across(one.found):.1f}",
            cy=f"{middle:.1f}",
            r="4",
            fill=COLOURS[one.verdict],
        )
    return _written(drawn)


def _figures(finding: Finding) -> str:
    """What was found, and in brackets the official figure, with their unit."""
    return f"{finding.found:,.4g} ({finding.target:,.4g}) {finding.unit}"


def _on_paper(height: int, title: str) -> Element:
    drawn = picture(_WIDTH, height, title, size={"width": str(_WIDTH), "height": str(height)})
    # Drawn, since a page may be dark.
    SubElement(drawn, "rect", width="100%", height="100%", fill=_PAPER)
    return drawn


def _line(drawn: Element, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    SubElement(drawn, "line", attrib={**ends, **_stroke(2)}, stroke=colour)


def _stroke(width: int) -> dict[str, str]:
    return {"stroke-width": str(width)}


def _written(drawn: Element) -> str:
    return tostring(drawn, encoding="unicode")
