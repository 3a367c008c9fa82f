"""No field that the payer's institution sees finds fraud by itself.

Of fields with few words each word counts as much as it is fraud: the best that they can do.
"""

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
#: The kinds that tell of one transfer before it is decided on, and when each was known.
JUDGED = {"transfers": "occurred_at", "risk_signals": "received_at", "dict_look_ups": "received_at"}

Fields = dict[str, np.ndarray]


@cache
def seen() -> dict[str, tuple[Fields, np.ndarray]]:
    """By kind: its fields as numbers, nulls below all, and which rows are of frauds."""
    world = simulate(WORLD)
    kinds = tuple(kinds_by_name()[name] for name in JUDGED)
    streams = EventStreams(world, Viewpoint.PAYER_PSP, kinds)
    parts: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in JUDGED}
    for day, rows in world.rows():
        for piece in streams.of_day(day, rows):
            found = {column.name: column for column in piece.columns}
            at = found[JUDGED[piece.table]].values
            own = parts[piece.table]
            for column in piece.columns:
                own.setdefault(column.name, []).append(_numbers(column, at))
            own.setdefault("", []).append(found["end_to_end_id"].values)
    every = fraud_ids(world)
    judged = {}
    for name, own in parts.items():
        fields = {field: np.concatenate(values) for field, values in own.items()}
        frauds = np.isin(fields.pop(""), every)
        ranked = {field: _ranked(values, frauds) for field, values in fields.items()}
        judged[name] = (ranked, frauds)
    return judged


def _ranked(values: np.ndarray, frauds: np.ndarray) -> np.ndarray:
    """The numbers as they are; words as the share of frauds among those that have them."""
    if values.dtype.kind != "S":
        return values
    _, places = np.unique(values, return_inverse=True)
    return (np.bincount(places, weights=frauds) / np.bincount(places))[places]


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
        case Kind.WORD:
            return (
                column.values
                if column.missing is None
                else np.where(column.missing, b"", column.values)
            )
        case Kind.TEXT:
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


def offences(kind: str) -> Iterator[str]:
    fields, frauds = seen()[kind]
    for name, values in fields.items():
        found = best_precision(values, frauds)
        if found > AVERAGE_PRECISION_MAX:
            yield f"{name} finds fraud with an average precision of {found:.3f}"


@pytest.mark.parametrize("kind", JUDGED)
def test_what_is_judged_is_known_when_deciding(kind: str):
    assert kinds_by_name()[kind].tier is Tier.DECISION


@pytest.mark.slow
@pytest.mark.parametrize("kind", JUDGED)
def test_no_field_of_the_stream_finds_fraud_by_itself(kind: str):
    fields, frauds = seen()[kind]
    assert frauds.sum() > 50
    assert set(fields) == {
        field.name for field in kinds_by_name()[kind].fields if Viewpoint.PAYER_PSP in field.seen_by
    }
    assert list(offences(kind)) == []


@pytest.mark.slow
def test_sabotage_a_field_that_tells_is_noticed():
    fields, frauds = seen()["transfers"]
    rng = np.random.default_rng(1)
    telling = frauds * (rng.random(len(frauds)) < 0.5) + rng.random(len(frauds)) * 0.4
    assert best_precision(telling, frauds) > AVERAGE_PRECISION_MAX
    words = np.where(frauds & (rng.random(len(frauds)) < 0.5), b"CAUGHT", b"OTHER")
    assert best_precision(_ranked(words, frauds), frauds) > AVERAGE_PRECISION_MAX
    assert best_precision(fields["amount_centavos"], frauds) < AVERAGE_PRECISION_MAX
