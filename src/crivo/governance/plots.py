"""Plots of how a model was judged, as SVG: precision over recall, chances beside what came, parts.

Each is text that any browser shows; nothing is installed for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import numpy.typing as npt

from crivo.governance.svg import picture, text

_WIDTH: Final = 640
_HEIGHT: Final = 360
_LEFT: Final = 60
_RIGHT: Final = 20
_TOP: Final = 30
_BOTTOM: Final = 40
_ROW: Final = 24
_NAMES: Final = 220
_POINTS_MAX: Final = 400
_BINS: Final = 10
_OWN: Final = "#1f5fbf"
_GREY: Final = "#8a94a0"
_RAISED: Final = "#c2571a"
_COLOURS: Final = (_OWN, _RAISED, "#3b8f5a")


class Words(NamedTuple):
    """The title of a plot, and the names of its axes, in which `{top}` is the greatest value."""

    title: str
    across: str
    up: str


_RELIABILITY: Final = Words(
    "Score beside what came, test rows",
    "score: share of frauds (1 = {top})",
    "came: share of frauds (1 = {top})",
)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def precision_over_recall(scores: npt.ArrayLike, labels: Bools, weights: Floats) -> str:
    """The curve whose area is the average precision, from the riskiest row on."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    caught = np.cumsum((labels * weights)[order])
    recall, precision = caught / caught[-1], caught / np.cumsum(weights[order])
    some = np.unique(np.linspace(0, len(order) - 1, _POINTS_MAX).astype(np.intp))
    # Where frauds are rare nearly all that happens happens to the first rows.
    frauds = np.flatnonzero(labels[order])
    some = np.union1d(some, frauds[:: max(len(frauds) // _POINTS_MAX, 1)])
    drawn = _framed("Precision over recall, test rows", "recall", "precision")
    _line(drawn, recall[some], precision[some], _OWN)
    return tostring(drawn, encoding="unicode")


def reliability(
    chances: Floats,
    labels: Bools,
    weights: Floats,
    *,
    words: Words = _RELIABILITY,
    decimal: str = ".",
) -> str:
    """The frauds that came beside those that the scores expect, in parts of as many expected.

    `decimal` stands before the decimals of numbers, here as in the other plots.
    """
    order = np.argsort(-chances, kind="stable")
    expected = np.cumsum((chances * weights)[order])
    part = np.minimum((expected / expected[-1] * _BINS).astype(np.intp), _BINS - 1)
    mass = np.bincount(part, weights[order], _BINS)
    kept = mass > 0
    mass = np.where(kept, mass, 1.0)
    said = (np.bincount(part, (chances * weights)[order], _BINS) / mass)[kept]
    came = (np.bincount(part, (labels * weights)[order], _BINS) / mass)[kept]
    top = float(max(said.max(), came.max())) or 1.0
    across, up = (
        name.format(top=f"{top:.3g}".replace(".", decimal)) for name in (words.across, words.up)
    )
    drawn = _framed(words.title, across, up, decimal)
    _line(drawn, np.array([0.0, 1.0]), np.array([0.0, 1.0]), _GREY)
    _line(drawn, said / top, came / top, _OWN)
    for x, y in zip(said / top, came / top, strict=True):
        _dot(drawn, _across(float(x)), _up(float(y)))
    return tostring(drawn, encoding="unicode")


def shares_over_threshold(
    shares: Mapping[str, Floats], *, title: str, across: str, decimal: str = "."
) -> str:
    """Lines of shares over thresholds that follow each other from the least to the greatest.

    Each is float64[n], n ≥ 2, and named at its foot in its own colour; NaN leaves a gap out.
    """
    drawn = _framed(title, across, "", decimal)
    for place, ((name, line), colour) in enumerate(zip(shares.items(), _COLOURS, strict=False)):
        kept = np.isfinite(line)
        _line(drawn, np.linspace(0.0, 1.0, len(line))[kept], line[kept], colour)
        y = _TOP + 12 + 16 * place
        _path(drawn, [(_WIDTH - 200, y - 4), (_WIDTH - 180, y - 4)], colour)
        text(drawn, _WIDTH - 174, y, name, "start")
    return tostring(drawn, encoding="unicode")


def contributions(found: Sequence[tuple[str, float]], *, title: str, decimal: str = ".") -> str:
    """What each input added, one bar a row: to the right what raised the margin, else to the left.

    `found` is names with log-odds, drawn in the order given.
    """
    drawn = _titled(_TOP + _ROW * len(found) + 10, title)
    greatest = max((abs(value) for _, value in found), default=0.0) or 1.0
    middle, reach = _WIDTH - 170.0, 110.0
    for row, (name, value) in enumerate(found):
        y = _TOP + _ROW * row
        length = reach * abs(value) / greatest
        start = middle if value >= 0 else middle - length
        bar = {"x": f"{start:.1f}", "y": f"{y + 4:.1f}", "width": f"{length:.1f}", "height": "14"}
        SubElement(drawn, "rect", attrib=bar, fill=_RAISED if value >= 0 else _OWN)
        text(drawn, 10, y + 15, name, "start")
        text(drawn, _WIDTH - 8, y + 15, f"{value:+.2f}".replace(".", decimal), "end")
    return tostring(drawn, encoding="unicode")


def parts(segments: Mapping[str, Mapping[str, Any]]) -> str:
    """The average precision of each month and band of amounts, with its interval."""
    found = [
        (name, part["metrics"]["average_precision"])
        for name, part in segments.items()
        if part["metrics"]["average_precision"][0] is not None
    ]
    drawn = _titled(_TOP + _ROW * len(found) + 10, "Average precision by part, test rows")
    room = _WIDTH - _NAMES - _RIGHT - 60
    for row, (name, (value, low, high)) in enumerate(found):
        y = _TOP + _ROW * row + 14.0
        text(drawn, 10, y + 4, name, "start")
        if low is not None:
            ends = [(_NAMES + room * end, y) for end in (low, high)]
            _path(drawn, ends, _GREY)
        _dot(drawn, _NAMES + room * value, y)
        text(drawn, _WIDTH - _RIGHT, y + 4, f"{value:.3f}", "end")
    return tostring(drawn, encoding="unicode")


def _framed(title: str, across: str, up: str, decimal: str = ".") -> Element:
    """An empty square from 0 to 1 with its names."""
    drawn = _titled(_HEIGHT, title)
    corners = [(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)]
    _path(drawn, [(_across(x), _up(y)) for x, y in corners], _GREY)
    for end in (0.0, 0.5, 1.0):
        text(drawn, _across(end), _HEIGHT - 22, f"{end:g}".replace(".", decimal), "middle")
        text(drawn, _LEFT - 6, _up(end) + 4, f"{end:g}".replace(".", decimal), "end")
    text(drawn, _across(0.5), _HEIGHT - 6, across, "middle")
    text(drawn, _LEFT + 8, _TOP + 12, up, "start")
    return drawn


def _titled(height: int, title: str) -> Element:
    drawn = picture(_WIDTH, height, title)
    text(drawn, 10, 18, title, "start")
    return drawn


def _line(drawn: Element, x: Floats, y: Floats, colour: str) -> None:
    ends = zip(x.tolist(), y.tolist(), strict=True)
    _path(drawn, [(_across(a), _up(b)) for a, b in ends], colour)


def _path(drawn: Element, ends: Sequence[tuple[float, float]], colour: str) -> None:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
    SubElement(drawn, "polyline", points=points, fill="none", stroke=colour)


def _dot(drawn: Element, x: float, y: float) -> None:
    SubElement(drawn, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3", fill=_OWN)


def _across(share: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def _up(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share
