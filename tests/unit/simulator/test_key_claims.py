"""Keys that are claimed: from the completion on, whoever looks one up finds its new account."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.claim import ClaimType
from crivo.domain.instant import DAY
from crivo.simulator.events.streams import events
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.key_claims import TYPES, KeyClaims
from crivo.simulator.naming import PHONE, RANDOM, account_ids, key_kinds, keys
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import account_institutions
from crivo.simulator.world import World, simulate

NEVER = np.iinfo(np.int64).max
OPTIONS = SimulationOptions(seed=5, days=40, scale=Decimal(3))

Cells = dict[str, np.ndarray]


@cache
def world() -> World:
    return simulate(OPTIONS)


@cache
def told(viewpoint: Viewpoint, kind: str) -> Cells:
    """The events of a kind that are received in the world, by field."""
    pieces = [piece.columns for piece in events(world(), viewpoint) if piece.table == kind]
    names = [column.name for column in pieces[0]]
    return {
        name: np.concatenate([columns[place].values for columns in pieces])
        for place, name in enumerate(names)
    }


def names_of(accounts: np.ndarray, claims: KeyClaims, at: np.ndarray) -> list[bytes]:
    nobody_read_a_code = np.zeros(len(accounts), dtype=np.bool_)
    return claims.names(accounts, nobody_read_a_code, at).tolist()


def completed(claims: KeyClaims) -> np.ndarray:
    return np.flatnonzero(claims.moved_at != NEVER)


def test_a_person_carries_a_key_to_the_own_second_account_and_a_telephone_finds_another_owner():
    claims, town = world().key_claims, world().town
    assert len(claims.donors) > 20
    carried = claims.types == TYPES.index(ClaimType.PORTABILITY)
    assert 0 < carried.sum() < len(carried)
    assert np.array_equal(claims.claimers[carried], town.second_accounts(claims.donors[carried]))
    kinds = key_kinds(OPTIONS.seed, claims.donors)
    assert (kinds[carried] != RANDOM).all()
    assert (kinds[~carried] == PHONE).all()


def test_nobody_takes_part_twice_or_received_stolen_money():
    claims = world().key_claims
    parties = np.concatenate([claims.donors, claims.claimers])
    assert len(np.unique(parties)) == len(parties)
    assert not np.isin(claims.donors, world().frauds["payee"]).any()


def test_a_donor_answers_within_seven_days_and_the_key_moves_afterwards():
    claims = world().key_claims
    mine = completed(claims)
    assert 0 < len(mine) < len(claims.donors)
    assert (claims.ended_at - claims.noted_at).max() <= 7 * DAY
    assert (claims.opened_at < claims.noted_at).all()
    assert (claims.noted_at < claims.ended_at).all()
    assert (claims.ended_at[mine] < claims.moved_at[mine]).all()


def test_a_key_is_its_donors_before_and_its_claimers_after():
    claims = world().key_claims
    mine = completed(claims)
    donors, claimers, at = claims.donors[mine], claims.claimers[mine], claims.moved_at[mine]
    before = names_of(donors, claims, at - 1)
    assert names_of(claimers, claims, at) == before
    assert set(names_of(donors, claims, at)).isdisjoint(before)
    assert set(names_of(claimers, claims, at - 1)).isdisjoint(before)
    by_code = np.ones(len(mine), dtype=np.bool_)
    codes = claims.names(claimers, by_code, at)
    assert np.array_equal(codes, keys(OPTIONS.seed, claimers, by_code))


def test_no_key_has_two_accounts_at_a_time():
    claims, town = world().key_claims, world().town
    everyone = np.arange(town.census.first_newcomer, dtype=np.int64)
    for at in (world().days[0].start, world().days[20].start, world().days[-1].end):
        found = names_of(everyone, claims, np.full(len(everyone), at))
        assert len(set(found)) == len(everyone)


@pytest.mark.slow
def test_every_look_up_after_a_claim_says_the_new_account():
    claims, town = world().key_claims, world().town
    mine = completed(claims)
    places = account_institutions(town, claims.claimers[mine])
    accounts = account_ids(OPTIONS.seed, claims.claimers[mine], places).tolist()
    moved = dict(
        zip(
            names_of(claims.donors[mine], claims, claims.moved_at[mine] - 1),
            zip(accounts, claims.moved_at[mine].tolist(), strict=True),
            strict=True,
        )
    )
    asked = told(Viewpoint.PAYER_PSP, "dict_look_ups")
    seen_before = seen_after = 0
    for place in np.flatnonzero(np.isin(asked["key"], list(moved))).tolist():
        account, moved_at = moved[asked["key"][place]]
        is_new = bool(asked["dict_account"][place] == account)
        assert is_new == (asked["occurred_at"][place] >= moved_at)
        seen_after += is_new
        seen_before += not is_new
    assert seen_before > 5
    assert seen_after > 5


@pytest.mark.slow
def test_a_claim_is_told_step_by_step_to_those_who_take_part_alone():
    told_claims = told(Viewpoint.PAYEE_PSP, "dict_claims")
    steps: dict[bytes, list[bytes]] = {}
    for name, status in zip(
        told_claims["claim_id"].tolist(), told_claims["status"].tolist(), strict=True
    ):
        steps.setdefault(name, []).append(status)
    assert len(steps) == len(world().key_claims.donors)
    kept = [b"OPEN", b"WAITING_RESOLUTION", b"CONFIRMED", b"COMPLETED"]
    assert {tuple(found) for found in steps.values()} == {
        tuple(kept),
        (*kept[:2], b"CANCELLED"),
    }
    assert not any(piece.table == "dict_claims" for piece in events(world(), Viewpoint.PAYER_PSP))


def test_sabotage_a_claim_that_moves_nothing_is_seen():
    claims = world().key_claims
    mine = completed(claims)
    still = replace(claims, moved_at=np.full(len(claims.donors), NEVER))
    at = claims.moved_at[mine]
    assert names_of(claims.claimers[mine], still, at) != names_of(claims.claimers[mine], claims, at)
