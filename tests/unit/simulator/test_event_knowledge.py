"""What institutions know besides a transfer's facts: customers, contacts, devices, registers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.ages import Age
from crivo.simulator.events.accounts import Accounts
from crivo.simulator.events.chronicle import Chronicle
from crivo.simulator.events.customers import AGES, INCOMES, age_bands, income_bands
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.places import CELL_MICRODEGREES, CITIES, CODES
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.rows import NONE
from tests.unit.simulator.event_worlds import (
    cells,
    dense_rows,
    dense_shifts,
    dense_world,
    missing,
)

COMPROMISED = ("is_rooted", "is_emulated", "is_automated")
VERDICTS = ("is_app_genuine", "is_device_genuine")


@cache
def facts() -> tuple[DayFacts, ...]:
    chronicle = Chronicle(dense_world())
    return tuple(chronicle.day(*shift) for shift in zip(dense_shifts(), dense_rows(), strict=True))


def joined(name: str) -> np.ndarray:
    """A column of the attempts of all days."""
    return np.concatenate([day.rows[name] for day in facts()])


def test_a_person_has_the_age_that_the_town_says_and_a_company_has_none():
    world, transfers = dense_world(), cells("transfers")
    payers = joined("payer")
    of_town = payers < world.town.census.persons
    said = transfers["payer_age_band"][of_town]
    assert said.tolist() == [Age(age).name.encode() for age in world.town.ages[payers[of_town]]]
    null = missing("transfers")
    for field in ("payer_age_band", "payer_income_band"):
        assert np.array_equal(null[field], transfers["payer_person_type"] == b"LEGAL_PERSON")
    assert set(np.unique(transfers["payer_age_band"]).tolist()) == {each.encode() for each in AGES}


def test_accounts_outside_the_town_have_ages_and_incomes_in_its_proportions():
    """Else a band would say who is a mule."""
    town = dense_world().town
    at_home = np.arange(town.census.persons)
    outside = town.census.first_outsider + np.arange(town.census.outsiders)
    for bands, names in ((age_bands, AGES), (income_bands, INCOMES)):
        shares = [
            np.bincount(bands(town, persons), minlength=len(names)) / len(persons)
            for persons in (at_home, outside)
        ]
        assert np.abs(shares[0] - shares[1]).max() < 0.06


def test_habitual_payees_are_saved_more_often_than_others_and_a_pair_always_or_never():
    world, saved = dense_world(), cells("transfers")["is_payee_saved"].astype(bool)
    payers, payees = joined("payer"), joined("payee")
    of_town = payers < world.town.census.persons
    habits = world.town.habits[np.where(of_town, payers, 0)]
    habitual = of_town & (habits == payees[:, None]).any(axis=1)
    assert saved[habitual].mean() > 0.6
    assert 0.02 < saved[~habitual].mean() < 0.12
    _, pairs = np.unique(np.stack([payers, payees]), axis=1, return_inverse=True)
    times = np.bincount(pairs)
    assert set(np.unique(np.bincount(pairs, weights=saved) / times).tolist()) == {0.0, 1.0}


def test_the_owner_of_a_contact_changed_only_where_a_key_has_a_later_owner():
    transfers, null = cells("transfers"), missing("transfers")
    changed = transfers["is_contact_owner_changed"] & ~null["is_contact_owner_changed"]
    assert changed.sum() > 5
    later = transfers["dict_key_owned_since"] > transfers["dict_key_created_at"]
    assert (later & transfers["is_payee_saved"])[changed].all()
    assert np.array_equal(null["is_contact_owner_changed"], null["dict_key_owned_since"])


def test_only_companies_trade_under_a_name_and_it_begins_their_own():
    transfers, null = cells("transfers"), missing("transfers")
    trades = ~null["dict_trade_name"]
    assert 0.3 < trades[transfers["dict_person_type"] == b"LEGAL_PERSON"].mean() < 0.9
    assert not trades[transfers["dict_person_type"] == b"NATURAL_PERSON"].any()
    names = transfers["dict_owner_name"][trades], transfers["dict_trade_name"][trades]
    assert np.strings.startswith(*names).all()


def test_only_initiated_payments_have_a_consent_and_some_of_them_an_enrolment():
    transfers, null = cells("transfers"), missing("transfers")
    initiated = transfers["initiation"] == b"INIC"
    assert np.array_equal(~null["consent_id"], initiated)
    enrolled = ~null["enrolment_id"]
    assert 0 < enrolled[initiated].mean() < 0.7
    assert not enrolled[~initiated].any()
    consents = transfers["consent_id"][initiated]
    assert len(np.unique(consents)) == len(consents)
    assert "consent_id" not in cells("transfers", Viewpoint.RAIL)


def test_what_is_wrong_with_a_device_together_is_what_the_transfer_says():
    signals, null = cells("risk_signals"), missing("risk_signals")
    known = ~np.logical_or.reduce([null[name] for name in (*COMPROMISED, *VERDICTS)])
    wrong = np.logical_or.reduce([signals[name] for name in COMPROMISED])
    wrong |= ~np.logical_and.reduce([signals[name].astype(bool) for name in VERDICTS])
    assert known.sum() > 1000
    assert np.array_equal(wrong[known], signals["is_device_compromised"][known].astype(bool))
    assert not any((~null[name] & null["is_device_compromised"]).any() for name in COMPROMISED)


def test_a_session_began_at_the_login_that_the_stream_tells():
    signals, null = cells("risk_signals"), missing("risk_signals")["seconds_since_login"]
    logins = cells("logins")
    told = (logins["action"] == b"LOGIN") & (logins["result"] == b"SUCCEEDED")
    began: dict[tuple[bytes, bytes], list[int]] = {}
    for account, device, at in zip(
        logins["account"][told], logins["device"][told], logins["occurred_at"][told], strict=True
    ):
        began.setdefault((account, device), []).append(int(at))
    checked = 0
    for place in np.flatnonzero(~null)[::7].tolist():
        at, since = int(signals["received_at"][place]), int(signals["seconds_since_login"][place])
        known = began[signals["account"][place], signals["device"][place]]
        # Signals that were collected before the login say zero.
        assert any(max(at - each, 0) // SECOND == since for each in known)
        checked += 1
    assert checked > 500


def test_a_device_is_at_home_unless_the_signals_say_that_it_is_far_from_there():
    signals, null = cells("risk_signals"), missing("risk_signals")
    transfers = cells("transfers")
    homes = dict(zip(transfers["end_to_end_id"], transfers["payer_municipality"], strict=True))
    at = {code.encode(): (north, east) for code, north, east, *_ in CITIES}
    seen = ~null["latitude"]
    assert np.array_equal(seen, ~null["is_unusual_place"])
    near = np.zeros(int(seen.sum()), dtype=bool)
    for place, (ident, north, east) in enumerate(
        zip(
            *(signals[name][seen] for name in ("end_to_end_id", "latitude", "longitude")),
            strict=True,
        )
    ):
        home = at[homes[ident]]
        away = (north // CELL_MICRODEGREES - home[0], east // CELL_MICRODEGREES - home[1])
        near[place] = max(abs(away[0]), abs(away[1])) <= 3
    assert np.array_equal(near, ~signals["is_unusual_place"][seen].astype(bool))
    assert (signals["latitude"] % CELL_MICRODEGREES == 0).all()


def test_people_live_in_all_capitals_as_the_census_counts_them():
    transfers = cells("transfers")
    _, first = np.unique(transfers["payer_person"], return_index=True)
    homes = transfers["payer_municipality"][first]
    everybody = sum(city[3] for city in CITIES)
    for code, *_, people, _ in CITIES[:6]:
        share = (homes == code.encode()).mean()
        assert abs(share - people / everybody) < 0.03
    assert {code.encode() for code in CODES} >= set(np.unique(homes).tolist())


def test_a_key_is_restricted_for_those_alone_who_are_marked_and_paid_no_more():
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    restricted = asked["action"] == b"RESTRICTED"
    assert restricted.sum() >= 5
    assert np.array_equal(restricted, ~null["restriction"])
    assert null["end_to_end_id"][restricted].all()
    told = [name for name in asked if name.startswith("dict_")]
    assert all(null[name][restricted].all() for name in told)
    markers, marked = cells("dict_markers", Viewpoint.PAYEE_PSP), {}
    for key, at in zip(markers["key"], markers["occurred_at"], strict=True):
        marked.setdefault(key, at)  # in the order of time
    paid, by_hand = cells("transfers"), missing("transfers")["payee_key"]
    for key, at in zip(asked["key"][restricted], asked["occurred_at"][restricted], strict=True):
        mine = (paid["payee_key"] == key) & ~by_hand
        assert not (paid["occurred_at"][mine] >= at).any()
        assert key not in marked or marked[key] < at
    assert np.isin(asked["key"][restricted], list(marked)).any()


def test_an_open_claim_is_told_from_its_notice_to_its_end():
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    claims = cells("dict_claims", Viewpoint.PAYEE_PSP)
    steps: dict[bytes, list[tuple[bytes, int]]] = {}
    for key, status, at in zip(
        *(claims[name] for name in ("key", "status", "occurred_at")), strict=True
    ):
        steps.setdefault(key, []).append((status, int(at)))
    open_since = ~null["dict_claim_opened_at"]
    assert open_since.any()
    for place in np.flatnonzero(np.isin(asked["key"], list(steps))).tolist():
        mine, at = steps[asked["key"][place]], int(asked["occurred_at"][place])
        opened = [when for status, when in mine if status == b"OPEN"]
        noted = any(s == b"WAITING_RESOLUTION" and when <= at for s, when in mine)
        ended = any(s in (b"COMPLETED", b"CANCELLED") and when <= at for s, when in mine)
        found = asked["action"][place] == b"FOUND"
        assert open_since[place] == (found and noted and not ended)
        if open_since[place]:
            assert int(asked["dict_claim_opened_at"][place]) in opened


def test_an_order_under_analysis_is_known_as_one_with_its_settlement_alone():
    settlements, transfers = cells("settlements"), cells("transfers")
    level, status = settlements["service_level"], settlements["status"]
    held = (level == b"PAGFRD") & (status == b"SETTLED")
    assert held.sum() >= 3
    assert set(np.unique(transfers["service_level"]).tolist()) == {b"PAGPRI", b"PAGAGD"}
    waited = settlements["occurred_at"] - settlements["transfer_occurred_at"]
    assert (waited[held] >= 10 * SECOND).all()
    assert (waited[held] < 4 * MINUTE).all()
    assert not settlements["is_same_psp"][held].any()


@pytest.mark.parametrize("side", ["payer", "payee"])
def test_hits_of_the_shared_register_never_know_of_a_claim_of_that_day(side: str):
    """All that was accepted later may vanish: what is told stays as it was."""
    accounts = Accounts(dense_world())
    accepted: dict[int, list[int]] = {}
    for day in facts():
        for person, at in zip(
            accounts.persons(day.claims.payees[day.claims.accepted]).tolist(),
            day.claims.settled_at[day.claims.accepted].tolist(),
            strict=True,
        ):
            accepted.setdefault(person, []).append(at)
    more = 0
    for day in facts():
        told = day.hits.payers if side == "payer" else day.hits.payees
        for person, hits in zip(
            accounts.persons(day.rows[side]).tolist(), told.tolist(), strict=True
        ):
            known = sum(at < day.day.midnight for at in accepted.get(person, ()))
            assert hits <= known + 1
            more += hits > 1 or (hits == 1 and known > 0)
    assert more > 10


def test_a_device_has_hits_only_where_others_paid_from_it_or_it_stood_there_before():
    devices = np.concatenate([day.hits.devices for day in facts()])
    has = joined("device") != NONE
    assert 0 < (devices[has] > 0).mean() < 0.02
