"""Small worlds that tests share, and what must be true of the frauds in any world."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import numpy as np

from crivo.simulator.options import SimulationOptions
from crivo.simulator.roles import Role
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.typology import Kind, Typology
from crivo.simulator.world import World, simulate

AMOUNT = "amount_centavos"

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
    yield from _words_missing(typology)
    yield from _shares_offences(typology)
    world = simulate(SMALL, typologies=(typology,), look_alikes=())
    match typology.kind:
        case Kind.THEFT | Kind.NETWORK:
            if len(world.frauds) < SMALL.frauds_wanted:
                yield "makes too few transfers"
            yield from _fraud_offences(world, robbed=range(world.town.census.persons))
            yield from _money_offences(world)
        case Kind.SCENARIO:
            size = world.town.census
            if len(world.frauds) == 0:
                yield "makes too few transfers"
            yield from _fraud_offences(world, robbed=range(size.persons, size.first_government))
        case Kind.CASE | Kind.RECON:
            if len(world.frauds) + len(world.plan.companions) > 0:
                yield "moves money"
            if len(world.plan.facts) == 0:
                yield "leaves no trace"
        case Kind.ABUSE:
            yield from _abuse_offences(world)
        case Kind.BACKGROUND:
            yield from _background_offences(world)


def _fraud_offences(world: World, *, robbed: range) -> Iterator[str]:
    frauds = world.frauds
    yield from _party_offences(world, frauds)
    paid_by = frauds["payer"][frauds["hop"] == 1]
    seconds = world.town.second_accounts(np.asarray(robbed))
    paid_by = paid_by[~np.isin(paid_by, seconds[seconds != NONE])]
    if ((paid_by < robbed.start) | (paid_by >= robbed.stop)).any():
        yield "robs somebody who is no person of the town"
    if (frauds["typology"] != 0).any() or (frauds["campaign"] == NONE).any():
        yield "forgets its campaign"
    thefts = np.isin(world.plan.companions["role"], (Role.VICTIM, Role.MULE, Role.EXIT))
    if (frauds["hop"] < 1).any() or thefts.any():
        yield "has a fraud without a hop"
    if ((frauds["hop"] == 1) != (frauds["role"] == Role.VICTIM)).any():
        yield "has another role than its hop"
    contested = frauds["contested_at"] != NONE
    if not contested.any():
        yield "is never contested"
    yield from _claim_offences(frauds[contested])


def _claim_offences(claimed: Rows) -> Iterator[str]:
    if (claimed["contested_at"] <= claimed["occurred_at"]).any():
        yield "is contested before it happens"
    if (claimed["settled_at"] <= claimed["contested_at"]).any():
        yield "is settled before it is contested"


def _abuse_offences(world: World) -> Iterator[str]:
    """Honest purchases, some of which are contested; hardly a claim is accepted."""
    rows = world.plan.companions
    claimed = rows[rows["contested_at"] != NONE]
    yield from _party_offences(world, rows)
    yield from _claim_offences(claimed)
    if len(world.frauds) > 0 or (rows["role"] != Role.ABUSE).any():
        yield "steals"
    if len(claimed) == 0:
        yield "is never contested"
    if claimed["accepted"].sum() > 1 + len(claimed) // 5:
        yield "is believed too often"


def _background_offences(world: World) -> Iterator[str]:
    rows = all_rows(world)
    rows = rows[rows["campaign"] != NONE]
    yield from _party_offences(world, rows)
    if len(world.frauds) > 0 or (rows["typology"] != NONE).any() or (rows["hop"] != 0).any():
        yield "steals"
    if len(rows) == 0:
        yield "makes too few transfers"
    if (world.plan.campaigns[rows["campaign"]] != 0).any():
        yield "forgets its campaign"


def _shares_offences(typology: Typology) -> Iterator[str]:
    share, reported = typology.share_per_mille, typology.reported_per_mille
    match typology.kind:
        case Kind.THEFT | Kind.NETWORK:
            possible = 0 < share <= 1000 and 0 < reported <= 1000
        case Kind.SCENARIO:
            possible = share == 0 and 0 < reported <= 1000
        case Kind.CASE | Kind.RECON | Kind.ABUSE | Kind.BACKGROUND:
            possible = 0 < share <= 1000 and reported == 0
    if not possible:
        yield "has impossible shares"


SITUATIONS = {"SCAM", "ACCOUNT_TAKEOVER", "COERCION", "FRAUDULENT_ACCESS", "OTHER"}
FRAUD_TYPES = {"APPLICATION_FRAUD", "MULE_ACCOUNT", "SCAMMER_ACCOUNT", "OTHER"}


def _words_missing(typology: Typology) -> Iterator[str]:
    if not (typology.code and typology.source and typology.signals and typology.meaning):
        yield "says too little about itself"
    if not typology.name_pt:
        yield "has no Portuguese name"
    if typology.situation not in SITUATIONS | {""}:
        yield "names no situation of the infraction report"
    if typology.fraud_type not in FRAUD_TYPES | {""}:
        yield "names no fraud type of the infraction report"
    if any(not 0 < share < 1000 for _, share in typology.noticed):
        yield "is noticed never or always"


def _party_offences(world: World, rows: Rows) -> Iterator[str]:
    for side in ("payer", "payee"):
        if ((rows[side] < 0) | (rows[side] >= world.accounts)).any():
            yield f"has an unknown {side}"
    if (rows["payer"] == rows["payee"]).any():
        yield "pays itself"
    start, end = world.days[0].start, world.days[-1].end
    if (rows["occurred_at"] < start).any() or (rows["occurred_at"] >= end).any():
        yield "leaves the world's days"
    if (rows["amount_centavos"] < 1).any():
        yield "moves nothing"


def _money_offences(world: World) -> Iterator[str]:
    """Of each campaign: nobody passes on what has not come, nor more than has come."""
    for campaign in np.unique(world.frauds["campaign"]):
        balances: dict[int, int] = {}
        for row in world.frauds[world.frauds["campaign"] == campaign]:
            payer, payee, amount = (int(row[name]) for name in ("payer", "payee", AMOUNT))
            if row["hop"] > 1:
                if payer not in balances:
                    yield "passes on what never came"
                elif balances[payer] < amount:
                    yield "passes on more than came"
                balances[payer] = balances.get(payer, 0) - amount
            balances[payee] = balances.get(payee, 0) + amount
