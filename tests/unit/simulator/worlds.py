"""Small worlds that tests share, and what must be true of the frauds in any world."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import numpy as np

from crivo.simulator.options import SimulationOptions
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.typology import Typology
from crivo.simulator.world import World, simulate

SMALL = SimulationOptions(seed=11, days=14, scale=Decimal("0.48"))


@cache
def small_world() -> World:
    return simulate(SMALL)


@cache
def medium_world() -> World:
    return simulate(SimulationOptions(seed=5, days=28, scale=Decimal("2.4")))


def all_rows(world: World) -> Rows:
    return np.concatenate([rows for _, rows in world.rows()])


@cache
def medium_rows() -> Rows:
    return all_rows(medium_world())


def offences(typology: Typology) -> Iterator[str]:
    """What is wrong with a typology: its declaration, and its transfers in a world of its own."""
    if not (typology.code and typology.source and typology.signals and typology.meaning):
        yield "says too little about itself"
    if not (0 < typology.share_per_mille <= 1000 and 0 < typology.reported_per_mille <= 1000):
        yield "has impossible shares"
    world = simulate(SMALL, typologies=(typology,), look_alikes=())
    frauds = world.frauds
    if len(frauds) < SMALL.frauds_wanted:
        yield "makes too few transfers"
    yield from _party_offences(world)
    if (frauds["typology"] != 0).any() or (frauds["campaign"] == NONE).any():
        yield "forgets its campaign"
    if (frauds["hop"] < 1).any():
        yield "has a fraud without a hop"
    start, end = world.days[0].start, world.days[-1].end
    if (frauds["occurred_at"] < start).any() or (frauds["occurred_at"] >= end).any():
        yield "leaves the world's days"
    if (frauds["amount_centavos"] < 1).any():
        yield "moves nothing"
    contested = frauds["contested_at"] != NONE
    if not contested.any():
        yield "is never contested"
    if (frauds["contested_at"] <= frauds["occurred_at"])[contested].any():
        yield "is contested before it happens"
    if (frauds["settled_at"] <= frauds["contested_at"])[contested].any():
        yield "is settled before it is contested"


def _party_offences(world: World) -> Iterator[str]:
    frauds = world.frauds
    for side in ("payer", "payee"):
        if ((frauds[side] < 0) | (frauds[side] >= world.accounts)).any():
            yield f"has an unknown {side}"
    if (frauds["payer"] == frauds["payee"]).any():
        yield "pays itself"
    robbed = frauds["payer"][frauds["hop"] == 1]
    if (robbed >= world.town.census.persons).any():
        yield "robs somebody who is no person of the town"
    for campaign in np.unique(frauds["campaign"]):
        mine = frauds[frauds["campaign"] == campaign]
        received = set(mine["payee"][:0].tolist())
        for row in mine:
            if row["hop"] > 1 and int(row["payer"]) not in received:
                yield "passes on what never came"
            received.add(int(row["payee"]))
