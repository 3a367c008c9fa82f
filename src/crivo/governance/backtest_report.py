"""A backtest's figures as one document and as one page with its charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from crivo.domain.money import format_reais
from crivo.governance.backtest_figures import (
    OUTCOMES,
    ArmFigures,
    Changes,
    Figures,
    Interval,
    Part,
)
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
    ("review_minutes_per_day", "minutes of review a day", 1),
)
#: Of these each arm has a bar; minutes are reviews once more.
_CHARTS: Final = MEASURES[:3]


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
                "outcomes": {
                    outcome.value: _rounded(each) for outcome, each in arm.outcomes.items()
                },
                **_measured(_four(arm)),
                "against": _measured(arm.against),
            }
            for name, arm in zip(arms, part.arms, strict=True)
        },
        "changes": [
            {
                "before": each.before,
                "after": each.after,
                "changed": _rounded(each.changed),
                "outcomes": [outcome.value for outcome in OUTCOMES],
                "transfers": [[_rounded(cell) for cell in row] for row in each.transfers],
                "centavos": [[_rounded(cell) for cell in row] for row in each.centavos],
            }
            for each in part.changes
        ],
    }


def _four(arm: ArmFigures) -> tuple[Interval, ...]:
    return arm.saved, arm.frozen, arm.reviews, arm.review_minutes


def _rounded(found: Interval) -> list[int]:
    """Value, low and high of what is counted in whole numbers."""
    return [round(each) for each in found]


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
        *(_charts(found, place, name) for place, (_, name, _) in enumerate(_CHARTS)),
        *(_changed(each) for each in found.parts[0].changes),
        *(
            section(each.name, _arms(found, each)) + "\n".join(map(_changed, each.changes))
            for each in found.parts[1:]
        ),
    ]
    return page("Backtest", body)


def _arms(found: Figures, part: Part) -> str:
    head = ("arm", *(outcome.value for outcome in OUTCOMES), "saved", "frozen", "reviews a day")
    head += ("minutes a day", f"saved, against {found.compared_with}", "frozen, against it")
    head += ("reviews a day, against it", "minutes a day, against it")
    rows = [
        (
            name,
            *(_number(arm.outcomes[outcome]) for outcome in OUTCOMES),
            *_measures(_four(arm)),
            *_measures(arm.against),
        )
        for name, arm in zip(found.arms, part.arms, strict=True)
    ]
    said = (
        f"{part.transfers:,} transfers, {part.frauds:,} of them frauds worth "
        f"{format_reais(part.fraud_centavos)}."
    )
    return paragraph(said) + table(head, rows)


def _measures(found: Sequence[Interval]) -> tuple[str, ...]:
    saved, frozen, reviews, minutes = found
    return _money(saved), _money(frozen), _number(reviews, 1), _number(minutes)


def _changed(changes: Changes) -> str:
    head = (f"{changes.before} \\ {changes.after}", *(outcome.value for outcome in OUTCOMES))
    rows = [
        (
            outcome.value,
            *(
                f"{_number(count)}; {_money(money)}" if count.value else "–"
                for count, money in zip(counts, moneys, strict=True)
            ),
        )
        for outcome, counts, moneys in zip(
            OUTCOMES, changes.transfers, changes.centavos, strict=True
        )
    ]
    said = f"{_number(changes.changed)} transfers with another outcome."
    title = f"From {changes.before} to {changes.after}"
    return section(title, paragraph(said) + table(head, rows))


def _number(found: Interval, places: int = 0) -> str:
    value, low, high = (f"{each:,.{places}f}" for each in found)
    return f"{value} ({low} to {high})"


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
