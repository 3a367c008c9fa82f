"""Injects faults into a stream: several at once, each at its rate, and says what was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.simulator.fault import (
    RATE_UNIT,
    TRANSFERS_SHAPE,
    Fault,
    Note,
    Picks,
    Record,
    Shape,
    default_faults,
)

_LEAST_SHARE: Final = Decimal(1) / RATE_UNIT


def with_faults(
    lines: Iterable[str],
    rates: Mapping[str, int],
    *,
    seed: int,
    note: Note,
    shape: Shape = TRANSFERS_SHAPE,
    faults: tuple[Fault, ...] | None = None,
) -> Iterator[Record]:
    """The rows with faults in them, in the order in which they arrive.

    The same seed, rates and lines give the same stream. Memory holds the rows that are held back.

    Args:
        lines: The stream, a row each.
        rates: Millionths of the rows that reach a fault; one without a rate is not injected.
        seed: Of the draws.
        note: Called with what is done to a line, before that line arrives.
        shape: Which fields of a row say when, whose and how much.
        faults: Which there are, in the order in which they are injected; all, if left out.
    """
    stream: Iterator[Record] = (Record(number, line) for number, line in enumerate(lines))
    for fault in default_faults() if faults is None else faults:
        if fault.name in rates:
            picks = Picks(seed, fault.name, rates[fault.name])
            stream = fault.inject(stream, picks, shape, note)
    return stream


def parse_fault(text: str) -> tuple[str, int]:
    """A fault and its rate in millionths, written as `late=0.01`.

    Raises:
        Refused: FIELD_VALUE.
    """
    names = [fault.name for fault in default_faults()]
    name, _, share = text.partition("=")
    rate = _millionths(share)
    if name not in names or rate is None:
        raise invalid(
            Code.FIELD_VALUE,
            field="fault",
            expected="a fault and its share of the rows from 0 to 1, such as late=0.01",
            found=text,
            hint=f"Faults are {', '.join(names)}; a share has at most six decimals.",
        )
    return name, rate


def _millionths(share: str) -> int | None:
    """The share, if it is one of whole millionths."""
    try:
        part = Decimal(share)
    except InvalidOperation:
        return None
    if part.is_finite() and part == 0:
        return 0
    # Compared before anything is reckoned with it: a share may be too great or small for that.
    if not (part.is_finite() and _LEAST_SHARE <= part <= 1):
        return None
    rate = Fraction(part) * RATE_UNIT
    return int(rate) if rate.denominator == 1 else None
