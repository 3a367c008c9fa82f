"""Streams of events with everything that makes windows hard, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from crivo.features.row import ABSENT, EVENT_ROW, RowKind

START = parse_rfc3339("2026-03-02T02:59:00Z")

#: Steps between receipts: ties, bursts, edges of windows and tiles, and gaps that empty state.
STEPS = st.sampled_from(
    [0, 0, 1, SECOND, MINUTE, HOUR - 1, HOUR, HOUR + 1, 24 * HOUR - 1, 24 * HOUR, 24 * HOUR + 1]
    + [7 * DAY // 128, 30 * DAY // 128, 7 * DAY, 30 * DAY, 30 * DAY + 1, 45 * DAY, 401 * DAY]
)
#: How long before its receipt an event happened: mostly at once, sometimes late beyond the hour.
DELAYS = st.sampled_from([0, 0, 0, 0, 1, SECOND, 20 * MINUTE, HOUR, HOUR + 1, 3 * HOUR])
#: An event may claim to happen up to a minute after its receipt.
AHEAD = st.sampled_from([0, 0, 0, 0, SECOND, MINUTE])


@st.composite
def streams(draw: st.DrawFn, events_max: int = 60) -> np.ndarray[Any, Any]:
    """Rows in the order of the log: few accounts, so that keys are hot and pairs repeat."""
    rows = []
    now = START
    for number in range(draw(st.integers(1, events_max))):
        now += draw(STEPS)
        is_report = draw(st.integers(0, 5)) == 0
        occurred = now if is_report else now - draw(DELAYS) + draw(AHEAD)
        payer, payee = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        rows.append(
            (
                RowKind.REPORT.value if is_report else RowKind.TRANSFER.value,
                occurred,
                now,
                draw(st.sampled_from([1, 99, 100_000, 10**12 - 1])),
                payer,
                0,
                payee,
                # Ids that differ in their second word alone are other ids.
                draw(st.integers(0, 1)),
                number,
                7,
                draw(st.integers(ABSENT, 7)),
                ABSENT,
                draw(st.integers(0, 1)) if is_report else ABSENT,
                0 if is_report else draw(st.integers(0, 2)),
                0,
                ABSENT if is_report else draw(st.sampled_from([ABSENT, 1, 2])),
                ABSENT if is_report else draw(st.sampled_from([ABSENT, 1, 2])),
            )
        )
    return np.array(rows, dtype=EVENT_ROW)
