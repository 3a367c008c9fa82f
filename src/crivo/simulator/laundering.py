"""How stolen money leaves the account that received it: sweeps, layers of mules, and exits.

The parameters are priors: what came in one payment waits 6 minutes in the median, a tenth of it
more than 45 (what comes in many waits longer, as docs/explanation/how-the-world-is-generated.md
says); two to five parts of 15 to 50 % each; one network in five keeps its parts below the R$ 200
from which banks trace; 35 % of networks have no second layer, 35 % one, 18 % two, 12 % more; at the
block nothing is left in 60 % of accounts, a part in 20 %, all of it in 20 %. Parts below R$ 200
leave a rest besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.campaign import joined, payments
from crivo.simulator.cash import WITHDRAWAL, notes_of
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.people import account_institutions
from crivo.simulator.reports import TRACED_FROM_CENTAVOS
from crivo.simulator.roles import Role
from crivo.simulator.rows import Rows, no_rows

_WAIT: Final = (6 * MINUTE, 157)
_WAIT_MIN: Final = MINUTE // 2
_WAIT_MAX: Final = 6 * HOUR
#: Accounts that many pay are swept by the hour.
_MANY: Final = 12
_MANY_WAIT_MIN: Final = HOUR

#: Layers of accounts: weights of one, two, three, four and five.
_DEPTHS: Final = (35, 35, 18, 8, 4)
_PARTS: Final = (2, 6)
_PART_PERCENT: Final = (15, 51)
#: Less than this is left to grow, unless nothing follows.
_WORTH_MOVING: Final = 3 * TRACED_FROM_CENTAVOS
_EVASIVE_PER_MILLE: Final = 200
_EVASIVE_PART: Final = (12_000, 19_900)

#: What stays in the account: thousandths of accounts that keep all, and of all that keep a part.
_KEEPS_ALL: Final = 200
_KEEPS_PART: Final = 200
_KEPT_PERCENT: Final = (20, 61)

#: Of parts, thousandths that stay with the same institution: with chance, one in five do.
_SAME_INSTITUTION_PER_MILLE: Final = 130

#: Exits in percent: betting and crypto assets, a purchase, another own account, cash at a shop; the
#: rest (boleto, card) leaves no transfer.
_EXITS: Final = (35, 15, 20, 15, 15)
_OWN_ACCOUNT: Final = 2
_CASH: Final = 3
_EXIT_SHARE_PERCENT: Final = (55, 100)

#: The holder of a lent account gets up to R$ 2,000 for it, some days after.
_RENT: Final = (20_000, 200_001)
_RENT_AFTER: Final = (6 * HOUR, 96 * HOUR)

_MIX: Final = {Initiation.DICT: 800, Initiation.MANU: 140, Initiation.QRES: 60}
_EXIT_MIX: Final = {Initiation.DICT: 450, Initiation.QRDN: 550}
_CASH_MIX: Final = {Initiation.QRDN: 1000}


def move_on(casting: Casting, draws: Draws, inflows: Rows) -> Rows:
    """What becomes of these transfers to mules: rows of the next hops, never more than came.

    `inflows` are one campaign's transfers of any one hop. Rows of hop 0 among the answer are what
    people of the town get for lending their accounts.
    """
    depth = 1 + int(draws.chosen(cumulated(_DEPTHS), 1)[0])
    evasive = casting.turn("evasive", _EVASIVE_PER_MILLE)
    parts = []
    for account in np.unique(inflows["payee"]).tolist():
        mine = inflows[inflows["payee"] == account]
        if account < casting.town.census.persons:
            parts.append(_rent(casting, draws, mine))
        if draws.one(0, 1000) >= _KEEPS_ALL:
            parts += list(_layers(casting, draws, mine, depth, evasive=evasive))
    return joined(*parts)


def _layers(
    casting: Casting, draws: Draws, inflow: Rows, depth: int, *, evasive: bool
) -> Iterator[Rows]:
    """One account's money through its layers: of each layer one account hands on, others end."""
    for _ in range(depth - 1):
        outflow = _split(casting, draws, inflow, evasive=evasive)
        if len(outflow) == 0:
            break
        yield outflow
        trunk = outflow["payee"][draws.one(0, len(outflow))]
        inflow = outflow[outflow["payee"] == trunk]
    yield _exit(casting, draws, inflow)


def _split(casting: Casting, draws: Draws, inflow: Rows, *, evasive: bool) -> Rows:
    """Sweeps of the account that received this, each in parts to other mules."""
    sweeps = []
    moved = _moved_percent(draws)
    for at, balance in _sweeps(draws, inflow):
        amounts = _evasive_parts(draws, balance) if evasive else _parts(draws, balance)
        amounts = amounts * moved // 100
        amounts = amounts[amounts >= 100]
        if len(amounts):
            sweeps.append(_hand_on(casting, draws, inflow, at, amounts))
    return joined(*sweeps)


def _hand_on(casting: Casting, draws: Draws, inflow: Rows, at: int, amounts: Int64s) -> Rows:
    source = int(inflow["payee"][0])
    institution = int(account_institutions(casting.town, inflow["payee"][:1])[0])
    payees = []
    for amount in amounts.tolist():
        if draws.one(0, 1000) < _SAME_INSTITUTION_PER_MILLE:
            company = casting.company(draws, amount, passed_on=True)
            payees.append(casting.opened_at(institution, company=company))
        else:
            others = [source, *payees]
            payees.append(casting.mule(draws, at, amount, without=others, passed_on=True))
    occurred_at = at + np.cumsum(draws.spans(MINUTE // 4, 3 * MINUTE, len(amounts)))
    to = np.asarray(payees, dtype=np.int64)
    hop = int(inflow["hop"][0]) + 1
    return payments(draws, occurred_at, amounts, source, to, _MIX, hop=hop, role=Role.MULE)


def _exit(casting: Casting, draws: Draws, inflow: Rows) -> Rows:
    """Where the money leaves for good, as far as it leaves by Pix."""
    source = int(inflow["payee"][0])
    way = int(draws.chosen(cumulated(_EXITS), 1)[0])
    if way == len(_EXITS) - 1:
        return no_rows()
    moved = _moved_percent(draws)
    to_shop = way != _OWN_ACCOUNT
    mix = _CASH_MIX if way == _CASH else _EXIT_MIX if to_shop else _MIX
    rows = []
    for at, balance in _sweeps(draws, inflow):
        amount = balance * draws.one(*_EXIT_SHARE_PERCENT) * moved // 10_000
        if way == _CASH:
            amount = notes_of(amount)
        payee = int(
            casting.town.shops(draws, 1)[0] if to_shop else casting.town.outsiders(draws, 1)[0]
        )
        if amount >= 100 and payee != source:
            when, amounts = np.asarray([at], dtype=np.int64), np.asarray([amount], dtype=np.int64)
            hop = int(inflow["hop"][0]) + 1
            rows.append(payments(draws, when, amounts, source, payee, mix, hop=hop, role=Role.EXIT))
    left = joined(*rows)
    if way == _CASH:
        left["purpose"] = WITHDRAWAL
    return left


def _moved_percent(draws: Draws) -> int:
    """How much of its money an account moves that does not keep all of it."""
    keeps = draws.one(0, 1000 - _KEEPS_ALL) < _KEEPS_PART
    return 100 - draws.one(*_KEPT_PERCENT) if keeps else 100


def _rent(casting: Casting, draws: Draws, inflow: Rows) -> Rows:
    holder = int(inflow["payee"][0])
    at = int(inflow["occurred_at"].min()) + draws.spans(*_RENT_AFTER, 1)
    sums = np.maximum(draws.between(*_RENT, 1) // 5000 * 5000, _RENT[0])
    payer = casting.mule(draws, int(at[0]), 0, without=[holder])
    return payments(draws, at, sums, payer, holder, _MIX, hop=0, role=Role.RENT)


def _sweeps(draws: Draws, inflow: Rows) -> Iterator[tuple[int, int]]:
    """Instants at which the account is emptied, and what has come since the last time."""
    order = np.argsort(inflow["occurred_at"], kind="stable")
    times = inflow["occurred_at"][order].tolist()
    amounts = inflow["amount_centavos"][order].tolist()
    least = _WAIT_MIN if len(times) < _MANY else _MANY_WAIT_MIN
    place = 0
    while place < len(times):
        wait = int(np.clip(drawn(draws, lognormal(*_WAIT), 1)[0], least, _WAIT_MAX))
        balance = 0
        at = times[place] + wait
        while place < len(times) and (times[place] < at or balance < _WORTH_MOVING):
            balance += amounts[place]
            at = max(at, times[place] + _WAIT_MIN)
            place += 1
        yield at, balance


def _parts(draws: Draws, balance: int) -> Int64s:
    """Two to five parts that empty the account; one or none where they would be too small."""
    count = min(draws.one(*_PARTS), balance // TRACED_FROM_CENTAVOS)
    if count < 2:
        whole = np.asarray([balance * 97 // 100], dtype=np.int64)
        return whole[whole >= TRACED_FROM_CENTAVOS]
    weights = draws.between(*_PART_PERCENT, count)
    total = int(weights.sum())
    emptied = balance * draws.one(960, 1001) // 1000
    return np.asarray(emptied * weights // total // 100 * 100, dtype=np.int64)


def _evasive_parts(draws: Draws, balance: int) -> Int64s:
    """Up to five parts below the amount from which banks trace."""
    parts = draws.between(*_EVASIVE_PART, _PARTS[1] - 1)
    return parts[np.cumsum(parts) <= balance]
