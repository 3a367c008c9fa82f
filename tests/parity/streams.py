"""Streams of events with everything that makes windows hard, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from crivo.features.door import MOVING
from crivo.features.row import ABSENT, EVENT_ROW, FACTS_MAX, RowKind
from crivo.features.spec import Entity, EventKind
from crivo.features.terms import ABOUT, FACTS, STANDING

START = parse_rfc3339("2026-03-02T02:59:00Z")

#: A law over streams: drawing one takes longer than Hypothesis likes.
OFTEN_ENOUGH = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)

#: Steps between receipts: ties, bursts, edges of windows and tiles, and gaps that empty state.
STEPS = st.sampled_from(
    [0, 0, 1, SECOND, MINUTE, HOUR - 1, HOUR, HOUR + 1, 24 * HOUR - 1, 24 * HOUR, 24 * HOUR + 1]
    + [7 * DAY // 128, 30 * DAY // 128, 7 * DAY, 30 * DAY, 30 * DAY + 1, 45 * DAY, 401 * DAY]
)
KINDS = st.sampled_from([RowKind.TRANSFER] * 30 + [RowKind.REPORT] * 6 + list(RowKind))
FACT = st.sampled_from([ABSENT, 0, 1, 20, 10**12, START - DAY, START + 8 * DAY])
#: How long before its receipt an event happened: mostly at once, sometimes late beyond the hour.
DELAYS = st.sampled_from([0, 0, 0, 0, 1, SECOND, 20 * MINUTE, HOUR, HOUR + 1, 3 * HOUR])
#: An event may claim to happen up to a minute after its receipt.
AHEAD = st.sampled_from([0, 0, 0, 0, SECOND, MINUTE])

#: The same for events of one hour, none of which may fall out of state in any order: forty lie
#: within 40 minutes, 51 with delays and clocks ahead. Late transfers are kept aside in any order.
CLOSE_STEPS = st.sampled_from([0, 0, 0, 1, SECOND, 20 * SECOND, MINUTE])
CLOSE_DELAYS = st.sampled_from([0, 0, 0, 1, SECOND, 20 * SECOND, 10 * MINUTE, 3 * HOUR])
#: How long after its past that hour begins.
GAPS = st.sampled_from([0, 1, MINUTE, 50 * MINUTE, HOUR, 23 * HOUR, DAY, 7 * DAY, 31 * DAY])

#: Which words of a row a kind of event names somebody in.
PARTIES = ("payer", "payee", "device", "payee_key", "payee_person")
TRANSFERS_TELL = frozenset(PARTIES)
REPORTS_TELL = frozenset({"payer", "payee"})
_ABOUT = {
    Entity.PAYER: {"payer"},
    Entity.PAYEE: {"payee"},
    Entity.PAIR: {"payer", "payee"},
    Entity.DEVICE: {"device"},
    Entity.PAYER_DEVICE: {"payer", "device"},
    Entity.PAYER_RECEIVING: {"payee"},
    Entity.PAYEE_KEY: {"payee_key"},
    Entity.PAYEE_PERSON: {"payee_person"},
}


def told_by(kind: RowKind) -> frozenset[str]:
    """Whom a row of that kind names."""
    if kind is RowKind.TRANSFER:
        return TRANSFERS_TELL
    if kind is RowKind.REPORT:
        return REPORTS_TELL
    return frozenset().union(*(_ABOUT[entity] for entity in ABOUT[EventKind[kind.name]]))


@st.composite
def streams(
    draw: st.DrawFn,
    events_max: int = 60,
    *,
    events_min: int = 1,
    steps: st.SearchStrategy[int] = STEPS,
    delays: st.SearchStrategy[int] = DELAYS,
) -> np.ndarray[Any, Any]:
    """Rows in the order of the log: few accounts, so that keys are hot and pairs repeat."""
    rows = np.zeros(draw(st.integers(events_min, events_max)), dtype=EVENT_ROW)
    now = START
    for number, row in enumerate(rows):
        now += draw(steps)
        kind = draw(KINDS)
        told = told_by(kind)
        is_transfer, is_report = kind is RowKind.TRANSFER, kind is RowKind.REPORT
        row["kind"], row["received_at"] = kind.value, now
        row["occurred_at"] = now if is_report else now - draw(delays) + draw(AHEAD)
        if EventKind[kind.name] in STANDING:  # what is asked for today may stand from tomorrow on
            row["occurred_at"] += draw(st.sampled_from([0, HOUR, 2 * DAY]))
        amounts = [1, 99, 100_000, 10**12 - 1]
        row["amount_centavos"] = draw(st.sampled_from(amounts)) if kind.value in MOVING else 0
        row["event_0"], row["event_1"] = draw(st.sampled_from([number, -number % 2**64])), 7
        if "payer" in told:
            row["payer_0"] = draw(st.integers(1, 3))
        if "payee" in told:
            # Ids that differ in their second word alone are other ids.
            row["payee_0"], row["payee_1"] = draw(st.integers(1, 4)), draw(st.integers(0, 1))
        for name in ("device", "payee_key", "payee_person"):
            if name in told:
                row[f"{name}_0"] = draw(st.integers(0, 2))
        row["initiation"] = draw(st.integers(ABSENT, 7)) if is_transfer else ABSENT
        row["purpose"] = ABSENT
        row["accepted"] = draw(st.integers(0, 1)) if is_report else ABSENT
        for name in ("payer_ispb", "payee_ispb"):
            row[name] = draw(st.sampled_from([ABSENT, 1, 2])) if is_transfer else ABSENT
        facts = len(FACTS.get(EventKind[kind.name], ()))
        for place in range(FACTS_MAX):
            row[f"fact_{place}"] = draw(FACT) if place < facts else ABSENT
    return rows


@st.composite
def pasts_and_hours(
    draw: st.DrawFn,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A long past, and after it 20 to 40 rows that happened within one hour of each other."""
    past = draw(streams())
    hour = draw(streams(40, events_min=20, steps=CLOSE_STEPS, delays=CLOSE_DELAYS))
    late = hour["received_at"] - hour["occurred_at"] > HOUR
    told_late = late & (hour["kind"] != RowKind.TRANSFER)
    hour["occurred_at"][told_late] = hour["received_at"][told_late]
    shift = past["received_at"].max() + draw(GAPS) - hour["received_at"].min()
    hour["received_at"] += shift
    hour["occurred_at"] += shift
    hour["event_0"] += np.uint64(1_000)  # none of the past's ids
    return past, hour
