"""How far back a feature looks: nothing, a length of time, part of the civil day, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.instant import MINUTE
from crivo.features.typed import check_kind, check_member
from crivo.features.wrong import wrong

#: Windows are exact up to this length, and begin at a tile's start beyond it.
EXACT_WINDOW_MAX_MINUTES: Final = 24 * 60
WINDOW_MAX_MINUTES: Final = 90 * 24 * 60

#: A window beyond 24 h has this many tiles.
TILES: Final = 128

#: Hours of Brasília between which the night of the Pix limits lies (BCB resolution on Pix limits).
NIGHT_BEGINS: Final = 20
NIGHT_ENDS: Final = 6


class Span(StrEnum):
    """The kinds of window."""

    NOW = "now"
    SLIDING = "sliding"
    TODAY = "today"
    TONIGHT = "tonight"
    OWN_NIGHT = "own_night"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a feature looks.

    `now`: nothing; `sliding`: whole minutes up to 90 days; `today`: since midnight in Brasília;
    `tonight`: since the night began at the policy's hour, and null by day; `own_night`: the same,
    from the hour on that was told for the account; `ever`: all there is.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field and the choices.
    """

    span: Span
    minutes: int = 0

    def __post_init__(self) -> None:
        check_member("window.span", self.span, Span)
        check_kind("window.minutes", self.minutes, int)
        if self.span is Span.SLIDING and not 1 <= self.minutes <= WINDOW_MAX_MINUTES:
            raise wrong("window", "1 minute to 90 days", self.minutes)
        if self.span is not Span.SLIDING and self.minutes != 0:
            raise wrong("window", f"without minutes, being {self.span.value!r}", self.minutes)

    @property
    def name(self) -> str:
        """`now`, `today`, `tonight`, `own_night`, `ever`, or the length as `30m`, `24h`, `7d`."""
        if self.span is not Span.SLIDING:
            return self.span.value
        if self.minutes > EXACT_WINDOW_MAX_MINUTES and self.minutes % (24 * 60) == 0:
            return f"{self.minutes // (24 * 60)}d"
        return f"{self.minutes // 60}h" if self.minutes % 60 == 0 else f"{self.minutes}m"

    @property
    def length(self) -> int:
        """Microseconds."""
        return self.minutes * MINUTE

    @property
    def tile(self) -> int:
        """Microseconds of a tile; 0 where the window is exact."""
        return self.length // TILES if self.minutes > EXACT_WINDOW_MAX_MINUTES else 0


NOW: Final = Window(Span.NOW)
TODAY: Final = Window(Span.TODAY)
TONIGHT: Final = Window(Span.TONIGHT)
OWN_NIGHT: Final = Window(Span.OWN_NIGHT)
EVER: Final = Window(Span.EVER)


def minutes(count: int) -> Window:
    """A sliding window of that many minutes."""
    return Window(Span.SLIDING, count)


def hours(count: int) -> Window:
    """A sliding window of that many hours."""
    check_kind("window.hours", count, int)
    return Window(Span.SLIDING, count * 60)


def days(count: int) -> Window:
    """A sliding window of that many days."""
    check_kind("window.days", count, int)
    return Window(Span.SLIDING, count * 24 * 60)
