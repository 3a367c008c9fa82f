"""A backtest's figures as one document and as one page with its charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from crivo.domain.money import format_reais
from crivo.governance.backtest_figures import OUTCOMES, Changes, Figures, Interval, Part
from crivo.governance.html import page, paragraph, section, table
from crivo.governance.svg import picture, text

_WIDTH: Final = 640
_ROW: Final = 26
_TOP: Final = 34
_NAMES: Final = 190
_ROOM: Final = 290
_GREY, _OWN = "#8a97a5", "#1b6ac9"

#: The measures that arms are compared by: how they are called, and how many places they have.
MEASURES: Final = (
    ("saved_centavos", "money saved", 0),
    ("frozen_wrongly_centavos", "honest money frozen", 0),
    ("reviews_per_day", "reviews a day", 3),
)


def document(found: Figures) -> dict[str, Any]:
    """The figures as one document: money in centavos."""
    return {
        "arms": list(found.arms),
        "compared_with": found.compared_with,
        "transfers": found.transfers,
        "days": found.days,
        "immature": found.immature,
        "passed_over": dict(found.passed),
        "intervals": {"of": "payers, resampled", "share": 0.95, "resamples": found.resamples},
        "changes": [
            {
                "before": each.before,
                "after": each.after,
                "changed": each.changed,
                "outcomes": [outcome.value for outcome in OUTCOMES],
                "transfers": each.transfers.tolist(),
                "centavos": each.centavos.tolist(),
            }
            for each in found.changes
        ],
        "parts": [_part_json(part, found.arms) for part in found.parts],
    }


def _part_json(part: Part, arms: Sequence[str]) -> dict[str, Any]:
    return {
        "name": part.name,
        "transfers": part.transfers,
        "frauds": part.frauds,
        "fraud_centavos": part.fraud_centavos,
        "arms": {
            name: {
                "outcomes": {outcome.value: n for outcome, n in arm.outcomes.items()},
                "review_minutes_per_day": round(arm.review_minutes, 1),
                **_measured((arm.saved, arm.frozen, arm.reviews)),
                "against": _measured(arm.against),
            }
            for name, arm in zip(arms, part.arms, strict=True)
        },
    }


def _measured(found: Sequence[Interval]) -> dict[str, list[float]]:
    """Value, low and high of each measure."""
    return {
        name: [round(each, places) for each in one]
        for (name, _, places), one in zip(MEASURES, found, strict=True)
    }


def html(found: Figures) -> str:
    """The figures as one page without scripts; every text in it is escaped."""
    young = f"{found.immature:,} of them so lately that a report may still be under way"
    passed = ", ".join(f"{count:,} {cause}" for cause, count in found.passed.items() if count)
    body = [
        paragraph(
            f"{found.transfers:,} decided transfers on {found.days} days, {young}."
            f" Passed over: {passed or 'none'}. Intervals of 95 %: {found.resamples} resamples of "
            f"payers. Later transfers are as they were, whatever an arm would have answered."
        ),
        section("All transfers", _arms(found, found.parts[0])),
        *(_charts(found, place, name) for place, (_, name, _) in enumerate(MEASURES)),
        *(section(f"From {each.before} to {each.after}", _changed(each)) for each in found.changes),
        *(section(each.name, _arms(found, each)) for each in found.parts[1:]),
    ]
    return page("Backtest", body)


def _arms(found: Figures, part: Part) -> str:
    head = ("arm", *(outcome.value for outcome in OUTCOMES), "saved", "frozen", "reviews a day")
    head += ("minutes a day", f"saved, against {found.compared_with}", "frozen, against it")
    rows = [
        (
            name,
            *(f"{arm.outcomes[outcome]:,}" for outcome in OUTCOMES),
            _money(arm.saved),
            _money(arm.frozen),
            f"{arm.reviews.value:,.1f} ({arm.reviews.low:,.1f} to {arm.reviews.high:,.1f})",
            f"{arm.review_minutes:,.0f}",
            _money(arm.against[0]),
            _money(arm.against[1]),
        )
        for name, arm in zip(found.arms, part.arms, strict=True)
    ]
    said = (
        f"{part.transfers:,} transfers, {part.frauds:,} of them frauds worth "
        f"{format_reais(part.fraud_centavos)}."
    )
    return paragraph(said) + table(head, rows)


def _changed(changes: Changes) -> str:
    head = (f"{changes.before} \\ {changes.after}", *(outcome.value for outcome in OUTCOMES))
    rows = [
        (
            outcome.value,
            *(
                f"{count:,} ({format_reais(int(money))})" if count else "–"
                for count, money in zip(changes.transfers[at], changes.centavos[at], strict=True)
            ),
        )
        for at, outcome in enumerate(OUTCOMES)
    ]
    return paragraph(f"{changes.changed:,} transfers with another outcome.") + table(head, rows)


def _money(found: Interval) -> str:
    value, low, high = (format_reais(round(each)) for each in found)
    return f"{value} ({low} to {high})"


def _charts(found: Figures, measure: int, name: str) -> str:
    """A bar an arm with its interval."""
    arms = [(arm.saved, arm.frozen, arm.reviews)[measure] for arm in found.parts[0].arms]
    drawn = picture(_WIDTH, _TOP + _ROW * len(arms) + 10, f"{name}, all transfers")
    text(drawn, 10, 18, f"{name}, all transfers", "start")
    most = max((each.high for each in arms), default=0.0) or 1.0
    for row, (label, each) in enumerate(zip(found.arms, arms, strict=True)):
        y = _TOP + _ROW * row
        said = f"{each.value:,.1f}" if measure == 2 else format_reais(round(each.value))
        text(drawn, 10, y + 14, label if len(label) < 28 else label[:27] + "…", "start")
        _bar(drawn, y, each, most)
        text(drawn, _WIDTH - 8, y + 14, said, "end")
    return tostring(drawn, encoding="unicode")


def _bar(drawn: Element, y: float, found: Interval, most: float) -> None:
    wide = _ROOM * max(found.value, 0.0) / most
    SubElement(
        drawn,
        "rect",
        x=f"{_NAMES}",
        y=f"{y + 3:.1f}",
        width=f"{wide:.1f}",
        height="14",
        fill=_OWN,
    )
    ends = [_NAMES + _ROOM * each / most for each in (found.low, found.high)]
    points = " ".join(f"{x:.1f},{y + 10:.1f}" for x in ends)
    SubElement(drawn, "polyline", points=points, fill="none", stroke=_GREY)
