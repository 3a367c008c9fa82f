"""The scoreboard of a play: live on a terminal, a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from crivo.cli.output import notes
from crivo.cli.player import IN_FLIGHT, Score
from crivo.domain.money import format_reais

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

OUTCOMES: Final = ("ALLOW", "WARN", "STEP_UP", "HOLD", "REJECT")
_LINE_SECONDS: Final = 5.0


def share(value: float | None) -> str:
    """A share in per cent, or a dash where there is none yet."""
    return "–" if value is None else f"{value:.1%}"


def lines(score: Score) -> dict[str, str]:
    """What the scoreboard says, by name."""
    known = score.frauds_known & score.played
    outcomes = "  ".join(f"{name} {score.outcomes[name]:,}" for name in OUTCOMES)
    said = {
        "decided": f"{score.decided:,} transfers",
        "decisions/s": f"{score.decisions_per_second:,.0f}"
        + (
            f" (at full speed; {score.paced:,} before went slowly, to be watched)"
            if score.paced
            else ""
        ),
        "answer p50 / p99": f"{score.latency_ms(0.5):.2f} / {score.latency_ms(0.99):.2f} ms, "
        f"{IN_FLIGHT} requests at once, asked and answered by this one machine",
        "outcomes": outcomes,
        "reports so far": f"{score.reported:,}, {len(known):,} of them about transfers played "
        "here, the others about earlier ones",
        "R$ stopped, R$ frozen wrongly": f"{format_reais(score.stopped_centavos)}, "
        f"{format_reais(score.frozen_wrongly_centavos)} (held or rejected, and not reported)",
        "precision so far": f"{share(score.precision)}: the share of the "
        f"{len(score.stopped):,} not simply allowed that were reported as fraud",
        "recall so far": f"{share(score.recall)}: the share of the {len(known):,} reported as "
        "fraud that were not simply allowed",
    }
    if score.refused:
        said["refused"] = ", ".join(f"{code} {n:,}" for code, n in score.refused.items())
    return said


@contextmanager
def scoreboard(title: str) -> Iterator[Callable[[Score, int, int], None]]:
    """A callback (score, done, total) that shows the score as it changes."""
    console = notes()
    if not console.is_terminal:
        yield _by_line(title)
        return
    from rich.live import Live

    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def draw(score: Score, done: int, total: int) -> None:
            live.update(_table(title, score, done, total))

        yield draw


def _by_line(title: str) -> Callable[[Score, int, int], None]:
    console = notes()
    state = {"at": time.monotonic()}

    def say(score: Score, done: int, total: int) -> None:
        if done < total and time.monotonic() - state["at"] < _LINE_SECONDS:
            return
        state["at"] = time.monotonic()
        p50, p99 = score.latency_ms(0.5), score.latency_ms(0.99)
        console.print(
            f"  {title}: {done:,} of {total:,} transfers and reports, "
            f"{score.decisions_per_second:,.0f} decisions/s, "
            f"answered within {p50:.2f} ms (half) and {p99:.2f} ms (99 %)",
            markup=False,
        )

    return say


def _table(title: str, score: Score, done: int, total: int) -> Table:
    from rich.table import Table

    table = Table(
        title=f"{title}: {done:,} of {total:,} transfers and reports",
        title_justify="left",
        show_header=False,
    )
    for name, value in lines(score).items():
        table.add_row(name, value)
    return table
