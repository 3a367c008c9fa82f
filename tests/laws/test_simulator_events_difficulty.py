"""No field that the payer's institution sees finds fraud by itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from crivo.simulator.columns import Column, Kind
from crivo.simulator.events.chronicle import Chronicle
from crivo.simulator.events.kind import Tier
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.rows import NONE
from crivo.simulator.world import World, simulate
from tests.unit.simulator.event_worlds import kinds_by_name

#: The greatest average precision that a single field may reach at one fraud in two hundred.
AVERAGE_PRECISION_MAX = 0.2

WORLD = SimulationOptions(seed=17, days=30, past_days=0, scale=Decimal("1.5"))

TRANSFERS = kinds_by_name()["transfers"]
NAMES = [field.name for field in TRANSFERS.fields if Viewpoint.PAYER_PSP in field.seen_by]


@cache
def seen() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every field of the transfers as numbers, nulls below all, and which transfers are frauds."""
    world = simulate(WORLD)
    streams = EventStreams(world, Viewpoint.PAYER_PSP, (TRANSFERS,))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NAMES}
    ids: list[np.ndarray] = []
    for day, rows in world.rows():
        for piece in streams.of_day(day, rows):
            at = next(c.values for c in piece.columns if c.name == "occurred_at")
            for column in piece.columns:
                parts[column.name].append(_numbers(column, at))
            ids.append(next(c.values for c in piece.columns if c.name == "end_to_end_id"))
    fields = {name: np.concatenate(found) for name, found in parts.items()}
    return fields, np.isin(np.concatenate(ids), fraud_ids(world))


def fraud_ids(world: World) -> np.ndarray:
    """The EndToEndIds of a world's frauds."""
    chronicle = Chronicle(world)
    found: list[np.ndarray] = []
    for day, rows in world.rows():
        # Orders that came to nothing are attempts too, and what is received later is seen later.
        facts = chronicle.day(day, rows)
        found.append(facts.ids[facts.rows["typology"] != NONE])
    return np.concatenate(found)


def _numbers(column: Column, at: np.ndarray) -> np.ndarray:
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            # Which one it is says little by its order: how long it is, and whether it is there.
            numbers = np.char.str_len(column.values).astype(float)
        case Kind.INSTANT:
            numbers = (at - column.values).astype(float)
        case _:
            numbers = column.values.astype(float)
    return numbers if column.missing is None else np.where(column.missing, -1e18, numbers)


def best_precision(values: np.ndarray, frauds: np.ndarray) -> float:
    """The better of ranking by the field upwards and downwards."""
    return max(average_precision_score(frauds, values), average_precision_score(frauds, -values))


def offences() -> Iterator[str]:
    fields, frauds = seen()
    for name, values in fields.items():
        found = best_precision(values, frauds)
        if found > AVERAGE_PRECISION_MAX:
            yield f"{name} finds fraud with an average precision of {found:.3f}"


def test_transfers_are_decided_on_before_anything_is_known():
    assert TRANSFERS.tier is Tier.DECISION


@pytest.mark.slow
def test_no_field_of_the_stream_finds_fraud_by_itself():
    assert list(offences()) == []


@pytest.mark.slow
def test_sabotage_a_field_that_tells_is_noticed():
    fields, frauds = seen()
    rng = np.random.default_rng(1)
    telling = frauds * (rng.random(len(frauds)) < 0.5) + rng.random(len(frauds)) * 0.4
    assert best_precision(telling, frauds) > AVERAGE_PRECISION_MAX
    assert best_precision(fields["amount_centavos"], frauds) < AVERAGE_PRECISION_MAX
