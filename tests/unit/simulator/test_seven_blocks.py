"""Registers in parts say what registers at once would."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from crivo.domain.instant import DAY, HOUR
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.lettering import spread
from crivo.simulator.seven import blocks as parts
from crivo.simulator.seven.blocks import NOBODY, by_time, least
from crivo.simulator.seven.devices import UsedDevices
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.keys import issue
from crivo.simulator.seven.registrations import Registrations
from tests.unit.simulator.worlds import small_world

COUNT = 3000
#: Few values, so that many are equal.
INSTANTS = spread(np.arange(COUNT), 5) % 700 * (DAY // 50) - 3 * DAY


def dated() -> Iterator[tuple[Int64s, Int64s]]:
    for first in range(0, COUNT, 257):
        places = np.arange(first, min(first + 257, COUNT))
        yield INSTANTS[places], places


@pytest.mark.parametrize("sorted_at_once", [1, 100, 10_000])
@pytest.mark.parametrize("piece", [1, 64, 5000])
def test_places_come_by_time_whatever_is_sorted_at_once(monkeypatch, sorted_at_once, piece):
    monkeypatch.setattr(parts, "SORTED_AT_ONCE", sorted_at_once)
    pieces = list(by_time(dated, piece))
    assert {len(places) for _, places in pieces[:-1]} <= {piece}
    order = np.argsort(INSTANTS, kind="stable")
    assert np.array_equal(np.concatenate([places for _, places in pieces]), order)
    assert np.array_equal(np.concatenate([at for at, _ in pieces]), INSTANTS[order])


def test_nothing_by_time_is_nothing():
    assert not list(by_time(lambda: iter([]), 10))


@pytest.mark.parametrize("count", [-1, 0, 1, 7, 1500, COUNT - 1, COUNT, COUNT + 5])
def test_the_least_draws_are_those_that_sorting_puts_first(count):
    draws = spread(np.arange(COUNT), 9) % 40

    def drawn() -> Iterator[tuple[Int64s, Int64s]]:
        for _, places in dated():
            yield draws[places], places

    chosen = np.flatnonzero(least(drawn, count).of(draws, np.arange(COUNT)))
    expected = np.sort(np.argsort(draws, kind="stable")[: max(count, 0)])
    assert np.array_equal(chosen, expected)


def test_nobody_is_nobody():
    assert not NOBODY.of(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)).any()
    assert least(lambda: iter([]), 3) == NOBODY


@pytest.mark.parametrize("place", [0, 1, 3, 4, 5, 401])
def test_a_stream_goes_on_from_any_place(place):
    whole = Draws(7, "some").words(500)
    later = Draws(7, "some")
    later.below(10, 3)
    later.begin_at(place)
    assert np.array_equal(later.words(500 - place), whole[place:])


def test_places_of_accounts_and_accounts_at_places_agree():
    holders = hold(small_world())
    accounts = np.concatenate(list(holders.accounts()))
    assert len(accounts) == holders.accounts_held
    assert np.array_equal(holders.places(accounts), np.arange(len(accounts)))
    assert np.array_equal(holders.at(np.arange(len(accounts))), accounts)


def test_a_company_is_whom_the_register_calls_one():
    holders = hold(small_world())
    users = np.concatenate(list(holders.users()))
    assert np.array_equal(users[holders.is_company(users)], holders.companies)


def test_every_second_key_belongs_to_who_has_a_first_one():
    keys = issue(small_world(), hold(small_world()))
    owners = keys.accounts(np.arange(keys.count))
    assert np.array_equal(np.unique(owners), np.unique(owners[: len(keys.first_kinds)]))
    assert len(np.unique(keys.have_second)) == len(keys.have_second) > 0


def test_a_device_is_known_since_its_first_log_in():
    worlds_end = 10**18
    used = UsedDevices(hold(small_world()))
    used.see(np.asarray([4, 5, 5, 9]), np.asarray([10, 11, 12, 13]))
    used.see(np.asarray([9, 6]), np.asarray([14, 15]))
    used.see(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    devices = np.asarray([9, 4, 5, 6, 7])
    assert used.was_used(devices).tolist() == [True, True, True, True, False]
    # A usual device is registered with its user, whatever day it was first used on.
    assert used.since(devices, worlds_end).tolist() == [13, worlds_end, 11, 15, worlds_end]


def test_who_opens_an_account_registers_on_the_eve_of_its_first_day():
    world = small_world()
    size = world.town.census
    registrations = Registrations(world, hold(world))
    users = np.arange(size.first_newcomer, size.first_fraud)
    midnights = np.repeat([day.start for day in world.days], size.newcomers_a_day)
    before = midnights - registrations.at(users)
    assert ((before > HOUR) & (before <= DAY)).all()
    registrations.see(users[:2], midnights[:2])
    assert registrations.was_seen(users[:3]).tolist() == [True, True, False]


def test_sabotage_an_old_customer_who_is_met_before_registering_is_noticed():
    registrations = Registrations(small_world(), hold(small_world()))
    planned = registrations.at(np.asarray([5]))
    registrations.see(np.asarray([5]), planned + HOUR)
    with pytest.raises(AssertionError):
        registrations.see(np.asarray([5]), planned)
