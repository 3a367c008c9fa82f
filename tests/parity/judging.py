"""The judge: where the kernel and the oracle part, and streams long enough to look for it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from crivo.domain.instant import HOUR
from crivo.features.door import MOVING
from crivo.features.engine import BEHIND, LATE, SATURATED, Engine, vector_bytes
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.features.plan import Plan, compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import ABSENT, EVENT_ROW, FACTS_MAX, RowKind
from crivo.features.spec import EventKind
from crivo.features.terms import FACTS, STANDING
from tests.parity.streams import PARTIES, START, told_by

Rows = np.ndarray[Any, Any]

PLAN = compile_plan(default_feature_set())


def disagreements(
    rows: Rows, judged: Rows | None = None, *, plan: Plan = PLAN, every: int = 1
) -> list[str]:
    """Where the kernel, folding `rows`, leaves the oracle, folding `judged` (else the same).

    Of long streams one transfer in `every` is judged: the oracle looks at all events each time.
    """
    oracle = Oracle(plan.feature_set, saturation=plan.saturation_events)
    said = []
    wanted = rows["kind"] == RowKind.TRANSFER
    vectors, flags = Engine(plan).vectors(rows, wanted)
    line = 0
    for place, row in enumerate(rows_as_mappings(rows if judged is None else judged)):
        if wanted[place] and line % every:
            line += 1
        elif wanted[place]:
            answer = oracle.read(row)
            for name, found, value in zip(plan.names, vectors[line], answer.values, strict=True):
                if differs(float(found), value):
                    said.append(f"{place} {name}: kernel {found}, oracle {value}")
            expected = answer.late * LATE | answer.behind * BEHIND | answer.saturated * SATURATED
            if flags[line] != expected:
                said.append(f"{place}: flags {flags[line]}, oracle {expected}")
            line += 1
        oracle.fold(row)
    return said


def one_by_one(rows: Rows, *, plan: Plan = PLAN) -> bytes:
    """The vectors when every row is read and folded by itself, as a service does."""
    engine = Engine(plan)
    found = b""
    for place in range(len(rows)):
        row = rows[place : place + 1]
        if row["kind"][0] == RowKind.TRANSFER:
            found += vector_bytes(engine.read(row)[0])
        engine.fold(row)
    return found


def last_vector(before: Rows, row: Rows, *, plan: Plan = PLAN) -> bytes:
    """The vector of one transfer over everything folded before it."""
    engine = Engine(plan)
    engine.fold(before)
    vector, flags = engine.read(row)
    return vector_bytes(vector) + bytes([flags])


def value_of(before: Rows, asked: Rows, name: str, *, plan: Plan) -> float:
    """One value of that vector."""
    vector = last_vector(before, asked, plan=plan)[:-1]
    return float(np.frombuffer(vector, dtype="<f8")[plan.names.index(name)])


def paid(*payments: tuple[int, int]) -> Rows:
    """Transfers (instant, centavos) of payer 1 to payee 9, received at once."""
    rows = long_stream(0, events=2)[[0] * len(payments)]
    rows["payer_0"], rows["payee_0"] = 1, 9
    for row, (instant, centavos) in zip(rows, payments, strict=True):
        row["occurred_at"] = row["received_at"] = instant
        row["amount_centavos"] = centavos
    rows["event_0"] = np.arange(len(rows)) + 1
    return rows


def agreed(before: Rows, asked: Rows, name: str, *, plan: Plan) -> float:
    """One value of the last vector of a stream over whose vectors kernel and oracle agree."""
    assert disagreements(np.concatenate([before, asked]), plan=plan) == []
    return value_of(before, asked, name, plan=plan)


def in_two_orders(
    past: Rows,
    hour: Rows,
    chance: Random,
    *,
    plan: Plan = PLAN,
    seen: Callable[[Rows], Rows] = np.copy,
) -> tuple[bytes, bytes]:
    """A vector after the past and the rows of an hour in their order, and after them in another.

    `seen` is what the engine is shown of the rows in either order: all that they are.
    """
    is_placed = (hour["kind"] != RowKind.TRANSFER) | (
        hour["received_at"] - hour["occurred_at"] <= HOUR
    )
    placed = hour["occurred_at"][is_placed & ~_stands(hour)]
    newest = max(placed.max(initial=0), hour["received_at"].min())
    assert (placed >= newest - HOUR).all(), "none falls out of state, whatever comes before it"
    assert len(hour) > 10, "enough to shuffle"
    other = list(range(len(hour)))
    while other == sorted(other):
        chance.shuffle(other)
    asked = transfer_after(hour)
    asked["occurred_at"] = asked["received_at"] = newest + 1
    before, again = (np.concatenate([past, rows]) for rows in (hour, hour[other]))
    return last_vector(seen(before), asked, plan=plan), last_vector(seen(again), asked, plan=plan)


def _stands(rows: Rows) -> Any:
    """bool[n]: rows of what stands from an instant on which may lie ahead."""
    return np.isin(rows["kind"], [RowKind[event.name] for event in STANDING])


def long_stream(seed: int, events: int = 600, *, tells: bool = True) -> Rows:
    """A hot payee, delays, ties and reports, from a seed; with `tells`, all other kinds too."""
    random = np.random.default_rng(seed)
    rows = np.zeros(events, dtype=EVENT_ROW)
    rows["received_at"] = START + np.cumsum(random.integers(0, 6, events) ** 7 * 1_000_000)
    rows["occurred_at"] = rows["received_at"] - random.choice([0, 0, 0, 1, HOUR, 2 * HOUR], events)
    rows["kind"] = random.random(events) < 0.2
    is_report = rows["kind"] == RowKind.REPORT
    rows["occurred_at"][is_report] = rows["received_at"][is_report]
    rows["occurred_at"][:2] = rows["received_at"][:2]
    rows["kind"][:2] = RowKind.TRANSFER
    rows["amount_centavos"] = random.integers(1, 10**6, events)
    rows["payer_0"] = random.integers(1, 6, events)
    rows["payee_0"] = np.where(random.random(events) < 0.7, 9, random.integers(10, 14, events))
    rows["event_0"] = np.arange(events)
    rows["initiation"] = rows["purpose"] = -1
    rows["accepted"] = np.where(is_report, random.integers(0, 2, events), -1)
    rows["device_0"] = np.where(is_report, 0, random.integers(0, 4, events))
    for name in ("payer_ispb", "payee_ispb"):
        rows[name] = np.where(is_report, -1, random.choice([-1, 1, 2], events))
    for place in range(FACTS_MAX):
        rows[f"fact_{place}"] = ABSENT
    if tells:
        _tell(rows, np.random.default_rng([seed, 1]))
    return rows


def _tell(rows: Rows, random: np.random.Generator) -> None:
    """Makes some rows events of the other kinds, and names keys and persons."""
    for name in ("payee_key", "payee_person"):
        rows[f"{name}_0"] = random.integers(0, 3, len(rows))
    # Row by row: an array that is taken by a mask is a copy, and tells nobody.
    for place in np.flatnonzero(random.random(len(rows)) < 0.2):
        row = rows[place]
        if place < 2:
            continue
        kind = RowKind(random.integers(2, len(RowKind)))
        row["kind"], row["accepted"] = kind.value, ABSENT
        row["initiation"] = row["payer_ispb"] = row["payee_ispb"] = ABSENT
        if kind.value not in MOVING:
            row["amount_centavos"] = 0
        for fact in range(len(FACTS.get(EventKind[kind.name], ()))):
            row[f"fact_{fact}"] = random.choice([ABSENT, 0, 7, 50_000, START])
        for name in set(PARTIES) - told_by(kind):
            row[f"{name}_0"] = row[f"{name}_1"] = 0
    is_report = rows["kind"] == RowKind.REPORT
    for name in ("payee_key_0", "payee_person_0"):
        rows[name][is_report] = 0


def transfer_after(rows: Rows) -> Rows:
    asked = rows[:1].copy()
    asked["kind"], asked["accepted"] = RowKind.TRANSFER, ABSENT
    for name in ("amount_centavos", "payer_0", "payee_0"):
        asked[name] = np.maximum(asked[name], 1)
    for place in range(FACTS_MAX):
        asked[f"fact_{place}"] = ABSENT
    asked["occurred_at"] = asked["received_at"] = rows["occurred_at"].max() + 1
    return asked
