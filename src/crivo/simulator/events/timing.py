"""Instants before and after a transfer, in whole milliseconds, that keep to their day."""

from __future__ import annotations

import numpy as np

from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.grain import MILLISECOND, to_milliseconds


def lead(at: Int64s, day_start: int, spans: Int64s) -> Int64s:
    """Instants that lie so long before, or half of the way back to midnight where that is nearer.

    So that what leads to a payment is always received on the payment's own day.
    """
    half = (at - day_start) // 2
    return at - to_milliseconds(np.minimum(spans, half))


def soon(draws: Draws, low_ms: int, high_ms: int, count: int) -> Int64s:
    """`count` short delays of low_ms .. high_ms - 1 milliseconds, in microseconds."""
    return draws.between(low_ms, high_ms, count) * MILLISECOND
