"""The registers of people and keys as tables."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, SECOND
from crivo.simulator.columns import Column, Columns, Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.lettering import spread
from crivo.simulator.naming import phones
from crivo.simulator.openings import set_up_after
from crivo.simulator.seven.holders import Holders
from crivo.simulator.seven.keys import KINDS, Keys
from crivo.simulator.seven.names import holder_names, mail_addresses
from crivo.simulator.seven.words import KeyStatus, UserStatus

#: Of users without a transfer, thousandths that are inactive or blocked; of their keys likewise.
_INACTIVE_PER_MILLE: Final = 120
_BLOCKED_PER_MILLE: Final = 25
_CLAIMED_PER_MILLE: Final = 10
#: Pix began on 2020-11-16; keys could be registered from 2020-10-05 on.
_FIRST_KEYS: Final = 1_601_856_000_000_000
_RUSH_SECONDS: Final = 90 * DAY // SECOND


def user_columns(
    holders: Holders, users: Int64s, registered_at: Int64s, was_seen: Bools
) -> Columns:
    """`usuarios` of these users, in their order. The status knows nothing of frauds."""
    seed, is_company = holders.seed, holders.is_company(users)
    draw = spread(users, seed ^ 0x75)
    place = _resting(draw, ~was_seen, _INACTIVE_PER_MILLE, _BLOCKED_PER_MILLE)
    statuses = words((UserStatus.ACTIVE, UserStatus.INACTIVE, UserStatus.BLOCKED))
    return (
        Column("id_usuario", Kind.TEXT, holders.ids(users)),
        Column("cpf_cnpj", Kind.TEXT, holders.tax_ids(users)),
        Column("nome", Kind.TEXT, holder_names(seed, users, is_company)),
        Column("email", Kind.TEXT, mail_addresses(seed, users, is_company)),
        Column("telefone", Kind.TEXT, phones(seed, users)),
        Column("data_cadastro", Kind.INSTANT, registered_at),
        Column("status", Kind.WORD, statuses[place]),
    )


def keys_registered_at(seed: int, places: Int64s, holders_at: Int64s, begin: int) -> Int64s:
    """When each key was registered: minutes after its holder, but not before there was Pix."""
    draw = spread(places, seed ^ 0x6B65)
    rush = _FIRST_KEYS + draw % _RUSH_SECONDS * SECOND
    rush += spread(places, seed ^ 0x6D73) % 1000 * MILLISECOND
    rush = np.minimum(rush, begin - DAY)
    return np.maximum(holders_at, rush) + set_up_after(places, seed ^ 0x6B65)


def key_columns(keys: Keys, places: Int64s, at: Int64s, was_seen: Bools) -> Columns:
    """`chaves_pix` of these places, in their order; a key that was used is active."""
    holders, users = keys.holders, keys.users(places)
    names = holder_names(holders.seed, users, holders.is_company(users))
    draw = spread(places, holders.seed ^ 0x6B73)
    place = _resting(draw, ~was_seen, _INACTIVE_PER_MILLE, _CLAIMED_PER_MILLE)
    statuses = words((KeyStatus.ACTIVE, KeyStatus.INACTIVE, KeyStatus.CLAIMED))
    return (
        Column("chave_pix", Kind.TEXT, keys.names(places)),
        Column("tipo_chave", Kind.WORD, words(KINDS)[keys.kinds(places)]),
        Column("cpf_cnpj", Kind.TEXT, holders.tax_ids(users)),
        Column("nome_titular", Kind.TEXT, names),
        Column("data_cadastro", Kind.INSTANT, at),
        Column("status", Kind.WORD, statuses[place]),
    )


def _resting(draw: Int64s, may_rest: Bools, second: int, third: int) -> Int64s:
    """0, 1 or 2: thousandths of those that may rest are 1 or 2, all others 0."""
    draw = draw % 1000
    return np.where(may_rest, np.select([draw < third, draw < third + second], [2, 1]), 0)
