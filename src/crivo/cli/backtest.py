"""`crivo backtest`: what other policies and models would have answered."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.cli.output import notes, print_facts, print_json, print_table, progress_bar, write_page
from crivo.decision.outcome import Outcome
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.domain.money import format_reais

if TYPE_CHECKING:
    from crivo.governance.backtest_figures import Figures, Interval

_NAMES: Final = tuple(outcome.value for outcome in Outcome)


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What `crivo backtest` was told."""

    home: Path | None
    log: str | None
    since: str | None
    until: str | None
    policies: tuple[Path, ...]
    models: tuple[str, ...]
    labels_as_of: str | None
    label_delay_days: int
    resamples: int
    seed: int
    html: Path | None
    as_json: bool
    is_imported: bool
    processes: int | None


def run_backtest(options: BacktestOptions) -> None:
    """`crivo backtest`.

    Raises:
        Refused, Misconfigured, Unavailable: as `bootstrap.backtest`; FILE_UNWRITABLE for the page.
    """
    from crivo.bootstrap.backtest import Wanted, backtest_home
    from crivo.flows.backtest_rows import Interval as Receipts
    from crivo.governance.backtest_figures import figures
    from crivo.governance.backtest_report import document, html
    from crivo.settings import load_settings

    since, until, as_of = (
        None if text is None else parse_rfc3339(text, field=field)
        for field, text in (
            ("--from", options.since),
            ("--to", options.until),
            ("--labels-as-of", options.labels_as_of),
        )
    )
    wanted = Wanted(
        policies=options.policies,
        models=options.models,
        interval=Receipts(since, until),
        labels_as_of=as_of,
        label_delay=options.label_delay_days * DAY,
        is_imported=options.is_imported,
        processes=options.processes,
    )
    settings = load_settings(os.environ, home=options.home, log__url=options.log)
    begun = time.monotonic()
    with progress_bar("backtest", unit="events") as progress:
        found = backtest_home(settings, wanted, progress=progress)
    said = figures(found, resamples=options.resamples, seed=options.seed)
    took = {**found.seconds, "all": time.monotonic() - begun}
    if options.html is not None:
        write_page(options.html, html(said))
    if options.as_json:
        seconds = {name: round(each, 3) for name, each in took.items()}
        print_json({**document(said), "seconds": seconds})
        return
    _show(said)
    judged = found.seconds["read_and_decide"]
    notes().print(
        f"{len(found):,} transfers in {took['all']:.1f} s; {len(found) / judged:,.0f} a second "
        f"read and judged, {len(found) / found.seconds['decide']:,.0f} a second judged by a core.",
        markup=False,
    )


def _show(found: Figures) -> None:
    whole = found.parts[0]
    passed = ", ".join(f"{count:,} {cause}" for cause, count in found.passed.items() if count)
    print_facts(
        "Backtest",
        {
            "transfers": f"{whole.transfers:,} on {found.days} days",
            "frauds": f"{whole.frauds:,}, worth {format_reais(whole.fraud_centavos)}",
            "too young": f"{found.immature:,}, whose report may still be under way",
            "passed over": passed or "none",
            "intervals": f"95 %, of {found.resamples} resamples of payers",
        },
    )
    head = ("arm", *_NAMES)
    head += ("saved", "frozen wrongly", "reviews a day", "minutes a day")
    for part in found.parts:
        title = f"{part.name}: {part.transfers:,}, {part.frauds:,} frauds"
        rows = [
            (
                name,
                *map(_number, arm.outcomes.values()),
                *_measures((arm.saved, arm.frozen, arm.reviews, arm.review_minutes)),
            )
            for name, arm in zip(found.arms, part.arms, strict=True)
        ]
        print_table(title, head, rows)
        rows = [
            (name, *_measures(arm.against))
            for place, (name, arm) in enumerate(zip(found.arms, part.arms, strict=True))
            if place != found.arms.index(found.compared_with)
        ]
        print_table(f"{title}, against {found.compared_with}", (head[0], *head[-4:]), rows)
    _show_changes(found)


def _show_changes(found: Figures) -> None:
    """Of all transfers from which outcome to which, of each part how many."""
    whole = found.parts[0].changes
    for each in whole:
        rows = [
            (name, *(_number(cell) if cell.value else "–" for cell in row))
            for name, row in zip(_NAMES, each.transfers, strict=True)
        ]
        title = f"From {each.before} (down) to {each.after}: {_number(each.changed)} changed"
        print_table(title, ("", *_NAMES), rows)
    rows = [(part.name, *(_number(each.changed) for each in part.changes)) for part in found.parts]
    pairs = [f"{each.before} → {each.after}" for each in whole]
    print_table("Transfers with another outcome", ("part", *pairs), rows)


def _measures(found: Sequence[Interval]) -> tuple[str, ...]:
    saved, frozen, reviews, minutes = found
    return _money(saved), _money(frozen), _number(reviews, 1), _number(minutes)


def _number(found: Interval, places: int = 0) -> str:
    value, low, high = (f"{each:,.{places}f}" for each in found)
    return f"{value} [{low}, {high}]"


def _money(found: Interval) -> str:
    value, low, high = (format_reais(round(each)) for each in found)
    return f"{value} [{low}, {high}]"
