"""Injects faults into a stream: several at once, each at its rate, and says what was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.simulator.fault import (
    RATE_UNIT,
    TRANSFERS_SHAPE,
    Done,
    Fault,
    Picks,
    Record,
    Shape,
    default_faults,
)


class FaultedStream:
    """A stream with faults, read once; `done` grows as it is read and is whole at its end.

    Rates are millionths of the rows that reach a fault; a fault without one is not injected. The
    same seed, rates and lines give the same stream. Memory holds the rows that are held back, and
    what was done.
    """

    def __init__(
        self,
        lines: Iterable[str],
        rates: Mapping[str, int],
        *,
        seed: int,
        shape: Shape = TRANSFERS_SHAPE,
        faults: tuple[Fault, ...] | None = None,
    ) -> None:
        self.done: Final[list[Done]] = []
        records = (Record(number, line) for number, line in enumerate(lines))
        stream: Iterator[Record] = iter(records)
        for fault in default_faults() if faults is None else faults:
            if fault.name in rates:
                picks = Picks(seed, fault.name, rates[fault.name])
                stream = fault.inject(stream, picks, shape, self.done.append)
        self._stream = stream

    def __iter__(self) -> Iterator[Record]:
        """The rows in the order in which they arrive."""
        return self._stream


def parse_fault(text: str) -> tuple[str, int]:
    """A fault and its rate in millionths, written as `late=0.01`.

    Raises:
        Refused: FIELD_VALUE.
    """
    names = [fault.name for fault in default_faults()]
    name, _, share = text.partition("=")
    try:
        rate = Decimal(share) * RATE_UNIT
    except InvalidOperation:
        rate = Decimal(-1)
    if name not in names or not (rate.is_finite() and 0 <= rate <= RATE_UNIT and rate == int(rate)):
        raise invalid(
            Code.FIELD_VALUE,
            field="fault",
            expected="a fault and its share of the rows from 0 to 1, such as late=0.01",
            found=text,
            hint=f"Faults are {', '.join(names)}; a share has at most six decimals.",
        )
    return name, int(rate)
