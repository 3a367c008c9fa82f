"""One campaign of a fraud, as its recipe draws it: transfers, and what happens beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.facts import Facts, no_facts
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows


@dataclass(frozen=True, slots=True)
class Campaign:
    """Rows with `hop` and `role` set, in any order; what lies past the world's end is left out.

    Rows of hop 1 and more move stolen money: they are the frauds. Rows of hop 0 only go with them.
    A row whose device is not the payer's usual one keeps the device that the recipe chose.
    """

    rows: Rows = field(default_factory=no_rows)
    facts: Facts = field(default_factory=no_facts)


def payments(
    draws: Draws,
    occurred_at: Int64s,
    amounts: Int64s,
    payers: Int64s | int,
    payees: Int64s | int,
    mix: dict[Initiation, int],
    *,
    hop: int = 1,
    role: Role = Role.VICTIM,
) -> Rows:
    """Transfers of a campaign; one payer or payee may stand for all of them."""
    count = len(occurred_at)
    rows = make_rows(occurred_at, amounts, _each(payers, count), _each(payees, count))
    rows["initiation"] = draw_initiations(draws, count, mix)
    rows["hop"] = hop
    rows["role"] = role
    return rows


def joined(*parts: Rows) -> Rows:
    """The rows of all parts in one table."""
    return np.concatenate([no_rows(), *parts])


def _each(accounts: Int64s | int, count: int) -> Int64s:
    return np.asarray(np.broadcast_to(np.asarray(accounts, dtype=np.int64), count))
