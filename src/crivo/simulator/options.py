"""What can be asked of a world, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from crivo.domain.errors import Code, invalid

#: A constant, so that a world does not depend on the day it was made on.
DEFAULT_START: Final = dt.date(2026, 8, 3)
#: Accepted contestations of 100,000 transfers in 2026 lie between 3.8 and 4.7.
NATURAL_PREVALENCE: Final = Decimal("0.00004")
#: One in two hundred: enough frauds to learn from in a small world.
ENRICHED_PREVALENCE: Final = Decimal("0.005")

_PRESETS: Final = {"natural": NATURAL_PREVALENCE, "enriched": ENRICHED_PREVALENCE}
DAYS: Final = (1, 730)
TRANSFERS_PER_DAY: Final = (500, 2_000_000)
PREVALENCE_MAX: Final = Decimal("0.05")
SEED_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """A world: everything it holds follows from these values and the version of the simulator.

    `start` is a Brasília date. `transfers_per_day` is the mean; the world holds exactly
    days x transfers_per_day transfers. `prevalence` is the share of frauds among them.

    Raises:
        Refused: FIELD_VALUE, FIELD_TYPE.
    """

    seed: int = 1
    start: dt.date = DEFAULT_START
    days: int = 42
    transfers_per_day: int = 5000
    prevalence: Decimal = ENRICHED_PREVALENCE

    def __post_init__(self) -> None:
        _check_integer("seed", self.seed, 0, SEED_MAX)
        _check_integer("days", self.days, *DAYS)
        _check_integer("transfers_per_day", self.transfers_per_day, *TRANSFERS_PER_DAY)
        if type(self.start) is not dt.date or not 2000 <= self.start.year < 2096:
            raise invalid(
                Code.FIELD_VALUE,
                field="start",
                expected="a date from 2000-01-01 to 2095-12-31",
                found=self.start,
            )
        if not isinstance(self.prevalence, Decimal):
            raise invalid(
                Code.FIELD_TYPE,
                field="prevalence",
                expected="a decimal (see parse_prevalence)",
                found=self.prevalence,
            )
        if not (self.prevalence.is_finite() and 0 <= self.prevalence <= PREVALENCE_MAX):
            raise _prevalence_refused(self.prevalence)

    @property
    def transfers(self) -> int:
        """How many transfers the world holds."""
        return self.days * self.transfers_per_day

    @property
    def frauds_wanted(self) -> int:
        """How many of them are frauds, exactly."""
        return int(self.prevalence * self.transfers)


def parse_prevalence(text: str) -> Decimal:
    """The share of frauds: `natural` (4 in 100,000), `enriched` (1 in 200) or a number to 0.05.

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
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="start", expected="a date such as 2026-08-03", found=text
        ) from None


def _check_integer(field: str, value: object, least: int, most: int) -> None:
    if type(value) is not int:
        raise invalid(Code.FIELD_TYPE, field=field, expected="an integer", found=value)
    if not least <= value <= most:
        raise invalid(Code.FIELD_VALUE, field=field, expected=f"{least} to {most}", found=value)


def _prevalence_refused(found: object) -> Exception:
    return invalid(
        Code.FIELD_VALUE,
        field="prevalence",
        expected=f"natural, enriched or a number from 0 to {PREVALENCE_MAX}",
        found=str(found),
    )
