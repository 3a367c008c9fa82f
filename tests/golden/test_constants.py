"""The numbers that an unchanged declaration depends on: another one here is another vector there.

Kernel and oracle both read them, so no parity would notice. Whoever changes one raises
`SEMANTICS_VERSION` or `KERNEL_VERSION`, and writes both down here.
"""

from __future__ import annotations

import numpy as np
import pytest

from crivo.domain import clock
from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.features import layout, plan, spec, window
from crivo.features.engine import SATURATED, Engine
from crivo.features.row import ABSENT, EVENT_ROW, RowKind
from tests.golden.windows import T
from tests.parity.judging import PLAN

PINNED = {
    "SEMANTICS_VERSION": 1,
    "FIRST_SEEN_MAX": 400 * DAY,
    "DECAY_PARTS": 8,
    "MEMBERS_MAX": 4_096,
    "RANKED_MAX": 256,
    "NIGHT_BEGINS": 20,
    "NIGHT_ENDS": 6,
    "TILES": 128,
    "EXACT_WINDOW_MAX_MINUTES": 24 * 60,
    "SATURATION_EVENTS": 2**23,
    "ALLOWED_LATENESS": HOUR,
    "SLACK": HOUR + 60 * SECOND,
    "READ_BACK": DAY,
}


def test_the_numbers_are_those_that_have_served() -> None:
    found = {}
    for module in (clock, layout, plan, spec, window):
        found |= {name: vars(module)[name] for name in PINNED if name in vars(module)}
    assert found == PINNED


def members_of(count: int) -> tuple[float, bool]:
    """Distinct payers of the last 30 days of a payee whom so many paid three days ago."""
    rows = np.zeros(count + 1, dtype=EVENT_ROW)
    rows["kind"] = RowKind.TRANSFER
    rows["occurred_at"] = rows["received_at"] = T - 3 * DAY + np.arange(count + 1)
    rows["occurred_at"][-1] = rows["received_at"][-1] = T
    rows["amount_centavos"], rows["payee_0"] = 100, 9
    rows["payer_0"] = np.arange(count + 1) + 100
    rows["event_0"] = np.arange(count + 1)
    for name in ("initiation", "purpose", "accepted", "payer_ispb", "payee_ispb"):
        rows[name] = ABSENT
    engine = Engine(PLAN)
    engine.fold(rows[:-1])
    vector, flags = engine.read(rows[-1:])
    return float(vector[PLAN.names.index("payee_payer_distinct_30d")]), bool(flags & SATURATED)


@pytest.mark.parametrize(
    ("count", "found"),
    [(4_050, (4_050.0, False)), (4_095, (4_095.0, False)), (4_200, (4_096.0, True))],
)
def test_members_beyond_a_day_are_counted_up_to_4096(count: int, found: tuple[float, bool]) -> None:
    assert members_of(count) == found
