"""What can be asked of a world, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.instant import parse_date
from crivo.simulator.difficulty import Difficulty

#: A constant, so that a world does not depend on the day it was made on: the window's first day.
DEFAULT_START: Final = dt.date(2026, 8, 3)
#: Accepted contestations of 100,000 transfers in 2026 lie between 3.8 and 4.7; not every fraud is
#: contested, and not every claim accepted.
NATURAL_PREVALENCE: Final = Decimal("0.00007")
#: One in two hundred: enough frauds to learn from in a small world.
ENRICHED_PREVALENCE: Final = Decimal("0.005")

_PRESETS: Final = {"natural": NATURAL_PREVALENCE, "enriched": ENRICHED_PREVALENCE}
DAYS: Final = (1, 730)
PAST_DAYS: Final = (0, 730)
STARTS: Final = (dt.date(2000, 1, 1), dt.date(2095, 12, 31))
SCALE: Final = (Decimal("0.3"), Decimal(1200))
#: At scale 1 so many people pay so often; both grow with the scale, and with nothing else.
USERS_OF_SCALE: Final = 20_000
TRANSFERS_OF_SCALE: Final = 50_000
DAYS_OF_SCALE: Final = 30
#: Finer scales would make counts that nobody can read.
_SCALE_DIGITS: Final = 4
PREVALENCE_MAX: Final = Decimal("0.05")
SEED_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """A world: everything it holds follows from these values and the version of the simulator.

    The window begins at `start`, a Brasília date, and holds scale x 50,000 transfers each 30 days;
    before it lie `past_days` at the same pace. `prevalence` is the share of frauds in both;
    `difficulty` says how they hide (difficulty.py).

    Raises:
        Refused: FIELD_VALUE, FIELD_TYPE.
    """

    seed: int = 1
    start: dt.date = DEFAULT_START
    days: int = 30
    past_days: int = 0
    scale: Decimal = Decimal(1)
    prevalence: Decimal = ENRICHED_PREVALENCE
    difficulty: Difficulty = Difficulty.STANDARD

    def __post_init__(self) -> None:
        _check_integer("seed", self.seed, 0, SEED_MAX)
        _check_integer("days", self.days, *DAYS)
        _check_integer("past_days", self.past_days, *PAST_DAYS)
        if type(self.start) is not dt.date or not STARTS[0] <= self.start <= STARTS[1]:
            raise invalid(
                Code.FIELD_VALUE,
                field="start",
                expected=f"a date from {STARTS[0]} to {STARTS[1]}",
                found=self.start,
            )
        _check_decimal("scale", self.scale)
        if not _is_scale(self.scale):
            raise _scale_refused(self.scale)
        _check_decimal("prevalence", self.prevalence)
        if not (self.prevalence.is_finite() and 0 <= self.prevalence <= PREVALENCE_MAX):
            raise _prevalence_refused(self.prevalence)

    @property
    def transfers_per_day(self) -> int:
        """The pace, rounded down: what a mean day holds."""
        return self._paced(1)

    @property
    def window_transfers(self) -> int:
        """How many transfers the window holds, exactly."""
        return self._paced(self.days)

    @property
    def past_transfers(self) -> int:
        """How many lie before the window, exactly."""
        return self._paced(self.past_days)

    @property
    def transfers(self) -> int:
        """How many transfers the world holds."""
        return self.past_transfers + self.window_transfers

    @property
    def past_frauds(self) -> int:
        """How many transfers of the past are frauds, exactly."""
        return int(self.prevalence * self.past_transfers)

    @property
    def window_frauds(self) -> int:
        """How many transfers of the window are frauds, exactly."""
        return int(self.prevalence * self.window_transfers)

    @property
    def frauds_wanted(self) -> int:
        """How many transfers are frauds, exactly."""
        return self.past_frauds + self.window_frauds

    def _paced(self, days: int) -> int:
        return int(self.scale * TRANSFERS_OF_SCALE * days / DAYS_OF_SCALE)


def parse_scale(text: str) -> Decimal:
    """How large the world is: 1 is 20,000 users and 50,000 transfers in 30 days.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        scale = Decimal(text)
    except InvalidOperation:
        raise _scale_refused(text) from None
    if not _is_scale(scale):
        raise _scale_refused(text)
    return scale


def parse_prevalence(text: str) -> Decimal:
    """The share of frauds: `natural` (7 in 100,000), `enriched` (1 in 200) or a number to 0.05.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        share = _PRESETS[text] if text in _PRESETS else Decimal(text)
    except InvalidOperation:
        raise _prevalence_refused(text) from None
    if not (share.is_finite() and 0 <= share <= PREVALENCE_MAX):
        raise _prevalence_refused(text)
    return share


def parse_start(text: str) -> dt.date:
    """A date written as 2026-08-03.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_date(text, field="start")


def _check_integer(field: str, value: object, least: int, most: int) -> None:
    if type(value) is not int:
        raise invalid(Code.FIELD_TYPE, field=field, expected="an integer", found=value)
    if not least <= value <= most:
        raise invalid(Code.FIELD_VALUE, field=field, expected=f"{least} to {most}", found=value)


def _check_decimal(field: str, value: object) -> None:
    if not isinstance(value, Decimal):
        raise invalid(
            Code.FIELD_TYPE, field=field, expected=f"a decimal (see parse_{field})", found=value
        )


def _is_scale(scale: Decimal) -> bool:
    if not scale.is_finite() or not SCALE[0] <= scale <= SCALE[1]:
        return False
    return scale == round(scale, _SCALE_DIGITS)


def _scale_refused(found: object) -> Exception:
    least, most = SCALE
    return invalid(
        Code.FIELD_VALUE,
        field="scale",
        expected=f"a number from {least} to {most} with at most {_SCALE_DIGITS} decimals",
        found=str(found),
    )


def _prevalence_refused(found: object) -> Exception:
    return invalid(
        Code.FIELD_VALUE,
        field="prevalence",
        expected=f"natural, enriched or a number from 0 to {PREVALENCE_MAX}",
        found=str(found),
    )
