"""Tax ids, names, keys and registers: the parts that the seven tables are made of."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.synthetic import synthetic_cnpj, synthetic_cpf
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws
from crivo.simulator.seven.cases import case_kind
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.keys import KINDS, issue
from crivo.simulator.seven.limits import Spent
from crivo.simulator.seven.names import holder_names, mail_addresses
from crivo.simulator.seven.tables import SEVEN_TABLES, seven_tables
from crivo.simulator.seven.tax_ids import cnpjs, cpfs
from crivo.simulator.seven.words import KIND_OF_INITIATION
from crivo.simulator.world import World, simulate
from tests.unit.simulator.worlds import SMALL, all_rows


@cache
def world() -> World:
    return simulate(replace(SMALL, days=3, past_days=4, scale=Decimal("0.3")))


def test_columns_of_tax_ids_are_those_of_the_domain():
    cpf_numbers = np.concatenate([np.arange(500), Draws(1, "cpf").below(10**7, 500)])
    assert cpfs(cpf_numbers).astype(str).tolist() == [synthetic_cpf(int(n)) for n in cpf_numbers]
    numbers = np.concatenate([np.arange(500), Draws(1, "cnpj").below(10**8, 500)])
    assert cnpjs(numbers).astype(str).tolist() == [synthetic_cnpj(int(n)) for n in numbers]


def test_names_belong_to_their_holder_and_addresses_are_their_own():
    holders, nobody = np.arange(5000), np.zeros(5000, dtype=bool)
    names = holder_names(3, holders, nobody)
    assert np.array_equal(names[100:200], holder_names(3, holders[100:200], nobody[100:200]))
    assert all(len(name.decode().split()) == 3 for name in names.tolist())
    assert any("é" in name.decode() for name in names.tolist())
    addresses = mail_addresses(3, holders, nobody)
    assert len(set(addresses.tolist())) == 5000
    assert all(address.isascii() and address.islower() for address in addresses.tolist())


def test_every_user_has_one_tax_id_and_a_second_account_is_its_persons():
    holders = hold(world())
    users = np.concatenate(list(holders.users()))
    assert len(users) == holders.count == int(world().options.scale * 20_000)
    assert len(set(holders.tax_ids(users).tolist())) == len(users)
    size = world().town.census
    second = np.arange(size.first_second, size.first_newcomer)
    assert np.array_equal(holders.of(second), (second - size.first_second) * 5)
    assert np.array_equal(holders.of(users), users)


@pytest.mark.slow
def test_a_longer_world_than_its_register_has_more_users():
    long = simulate(replace(SMALL, days=730, scale=Decimal("0.3")))
    holders = hold(long)
    assert holders.count > 6000
    assert holders.end == long.accounts
    assert issue(long, holders).count >= holders.accounts_held


def test_of_the_numbers_set_aside_for_frauds_only_used_ones_are_users():
    holders, first = hold(world()), world().town.census.first_fraud
    used = set(world().frauds["payee"].tolist()) | set(world().frauds["payer"].tolist())
    users = np.concatenate(list(holders.users()))
    mine = set(users[users >= first].tolist())
    assert {number for number in used if number >= first} <= mine
    assert len(mine & set(range(first, world().accounts))) < (world().accounts - first) / 2


def test_each_typology_has_a_word_of_its_own():
    kinds = [case_kind(typology) for typology in world().typologies]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch(r"[a-z_]+", kind) for kind in kinds)


def test_keys_are_their_own_and_codes_hold_random_ones_where_there_are_any():
    holders = hold(world())
    keys = issue(world(), holders)
    names = keys.names(np.arange(keys.count))
    assert len(names) == len(set(names.tolist())) == 7500
    accounts = np.concatenate(list(holders.accounts()))
    yes, no = np.ones(len(accounts), dtype=bool), np.zeros(len(accounts), dtype=bool)
    for by_code in (yes, no):
        assert np.array_equal(keys.accounts(keys.of(accounts, by_code)), accounts)
    random = KINDS.index("evp")
    of_code, given = keys.kinds(keys.of(accounts, yes)), keys.kinds(keys.of(accounts, no))
    assert (of_code == random).sum() > (given == random).sum()


def test_a_limit_remembers_the_dearest_transfer_and_the_dearest_day():
    spent, all_three = Spent(3), np.arange(3)
    rows = all_rows(world())[:4].copy()
    rows["amount_centavos"] = [1_000_000, 3_000_000, 2_000_000, 500_000]
    monday, tuesday = world().days[:2]
    spent.add(monday, np.asarray([1, 1, 1, 2]), rows)
    rows["amount_centavos"] = [4_000_000, 1, 1, 1]
    spent.add(tuesday, np.asarray([1, 2, 2, 0]), rows)
    assert spent.transfer(all_three).tolist() == [10_000, 5_000_000, 500_000]
    assert spent.day(all_three).tolist() == [10_000, 8_000_000, 500_000]
    rows["amount_centavos"] = [4_000_001, 1, 1, 1]
    spent.add(replace(tuesday, shift=1), np.asarray([1, 2, 2, 1]), rows)
    assert spent.day(all_three).tolist() == [10_000, 10_000_000, 500_000]


def test_every_initiation_has_its_word():
    assert set(KIND_OF_INITIATION) == set(Initiation)
    assert len(set(KIND_OF_INITIATION.values())) == len(Initiation)


def test_pieces_come_by_day_and_every_table_is_there():
    pieces = list(seven_tables(world()))
    rows = Counter()
    for piece in pieces:
        rows[piece.table] += len(piece)
    assert set(rows) == set(SEVEN_TABLES)
    days = [piece.day for piece in pieces if piece.table == "transacoes_pix"]
    assert days == [day.date for day in world().days[4:]]
    assert rows["log_autenticacao"] == 2 * rows["transacoes_pix"]
    assert rows["fraudes"] == world().options.frauds_wanted


def test_a_world_without_past_or_fraud_is_whole_too():
    quiet = simulate(replace(SMALL, days=2, scale=Decimal("0.3"), prevalence=Decimal(0)))
    rows = Counter()
    for piece in seven_tables(quiet):
        rows[piece.table] += len(piece)
    assert rows["fraudes"] == 0
    assert rows["transacoes_historicas"] == 0
    assert rows["transacoes_pix"] == 1000
