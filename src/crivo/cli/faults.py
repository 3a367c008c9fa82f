"""The faults that `crivo simulate --fault` was asked for."""

from __future__ import annotations

from collections.abc import Sequence


def checked_faults(texts: Sequence[str]) -> dict[str, int]:
    """The rates (millionths) of the faults that were asked for, each at most once.

    Raises:
        Refused: FIELD_VALUE.
    """
    from crivo.domain.errors import Code, invalid
    from crivo.simulator.faulting import parse_fault

    rates: dict[str, int] = {}
    for text in texts:
        name, rate = parse_fault(text)
        if name in rates:
            raise invalid(
                Code.FIELD_VALUE,
                field="fault",
                expected=f"given once for {name}",
                found=" ".join(texts),
                hint="One rate holds for the whole stream; leave the others out.",
            )
        rates[name] = rate
    return rates
