"""Lives through a world day by day and remembers what later days need: the side of the events."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.events.accounts import Accounts
from crivo.simulator.events.balances import Balances
from crivo.simulator.events.claims import TAKEN_OVER, claims_of
from crivo.simulator.events.directory import Directory
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.limit_book import LimitBook
from crivo.simulator.events.look_ups import LookUps, ask
from crivo.simulator.events.mandates import MandateBook
from crivo.simulator.events.orders import Orders
from crivo.simulator.events.past import Past
from crivo.simulator.events.register import Register
from crivo.simulator.events.registry import Registry
from crivo.simulator.events.restricted import Restricted
from crivo.simulator.events.sessions import sessions_of
from crivo.simulator.events.settlement import settle_attempts
from crivo.simulator.events.shared_register import SharedRegister
from crivo.simulator.events.tracing import Trails
from crivo.simulator.facts import FactKind
from crivo.simulator.naming import account_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import INITIATIONS, NONE, Rows
from crivo.simulator.world import World, of_day

_BY_CODE: Final = (Initiation.QRES, Initiation.QRDN, Initiation.APDN, Initiation.APES)

#: From the agreement to the end of the refund.
_REFUND: Final = (10 * MINUTE, 72 * HOUR)


class Chronicle:
    """The state beside the transfers. Memory: some integers an account, and 90 days of counts."""

    def __init__(self, world: World) -> None:
        self._world = world
        first = world.days[0]
        self._accounts = Accounts(world)
        self._register = Register(world)
        past = Past(self._accounts, world.options.seed, first)
        self._directory = Directory(self._accounts, past)
        self._balances = Balances(self._accounts)
        self._devices = Registry(self._accounts)
        self._mandates = MandateBook(world.options.seed)
        self._limits = LimitBook(self._accounts)
        self._restricted = Restricted(self._accounts)
        self._shared = SharedRegister(self._accounts)
        self._trails = Trails(world.frauds)
        self._orders = Orders(world.options.seed, world.town, world.facts, world.plan.campaigns)

    def day(self, day: Day, transfers: Rows) -> DayFacts:
        """The facts of the next day, whose transfers these are."""
        world, town = self._world, self._world.town
        attempts = self._orders.day(day, transfers)
        rows = attempts.rows
        seed = world.options.seed

        def draws(name: str) -> Draws:
            return Draws(seed, "event", name, *day.stream)

        payers = account_institutions(town, rows["payer"])
        payees = account_institutions(town, rows["payee"])
        same_psp = payers == payees
        by_hand = rows["initiation"] == INITIATIONS.index(Initiation.MANU)
        settlement = settle_attempts(draws("settlement"), draws("analysis"), attempts, same_psp)
        settled = settlement.settled
        happened = of_day(world.facts, day)
        persons = town.census.persons
        scans = happened[happened["kind"] == FactKind.KEYS_LOOKED_UP]
        loans = happened[happened["kind"] == FactKind.LOAN_DISBURSED]
        look_ups = ask(
            day, draws("look-up"), rows, ~(by_hand | same_psp), scans, persons, self._restricted
        )
        contested = np.flatnonzero(rows["contested_at"] != NONE)
        claims, situations = claims_of(rows, contested, payers, world.typologies, seed)
        self._directory.note_settlements(settlement.at[settled], rows["payee"][settled])
        stolen = _stolen(rows, contested, situations)
        self._directory.note_claims(claims)
        self._restricted.note(claims)
        self._shared.note(claims, rows, stolen)
        return DayFacts(
            seed=seed,
            accounts=self._accounts,
            register=self._register,
            day=day,
            rows=rows,
            happened=happened,
            ids=attempts.ids,
            payer_names=account_ids(seed, rows["payer"], payers),
            payee_names=account_ids(seed, rows["payee"], payees),
            payer_places=payers,
            payee_places=payees,
            same_psp=same_psp,
            by_hand=by_hand,
            by_code=np.isin(rows["initiation"], [INITIATIONS.index(one) for one in _BY_CODE]),
            settlement=settlement,
            balances=self._balances.day(rows, settled, settlement.at, loans, day.index),
            devices=self._devices.day(day, draws("device"), rows, stolen),
            sessions=sessions_of(draws("logins"), rows, day.start),
            hits=self._shared.day(day, rows),
            look_ups=look_ups,
            statistics=self._directory.view(day, look_ups.at, look_ups.payees),
            look_up_of=_places_of(look_ups.rows, len(rows)),
            mandates=self._mandates.day(day, draws("mandate"), rows, happened, persons),
            limits=self._limits.day(day, draws("limit"), rows, happened),
            contested=contested,
            claims=claims,
            recovered_at=claims.settled_at + draws("recovery").spans(*_REFUND, len(contested)),
            situations=situations,
            key_claims=world.key_claims,
            keyed_at=_keyed_at(rows["occurred_at"], look_ups),
            trails=self._trails,
        )


def _keyed_at(occurred_at: Int64s, look_ups: LookUps) -> Int64s:
    """When the directory was asked for each payee's key; the attempt's instant where it was not."""
    at = occurred_at.copy()
    mine = look_ups.rows != NONE
    at[look_ups.rows[mine]] = look_ups.at[mine]
    return at


def _places_of(rows: Int64s, count: int) -> Int64s:
    """For each transfer the place of its entry, or NONE."""
    places = np.full(count, NONE, dtype=np.int64)
    mine = rows != NONE
    places[rows[mine]] = np.flatnonzero(mine)
    return places


def _stolen(rows: Rows, contested: Int64s, situations: Int64s) -> Int64s:
    """The places of attempts that others made in the payer's name, by claims that are accepted."""
    taken = np.isin(situations, TAKEN_OVER)
    return np.asarray(contested[taken & rows["accepted"][contested]], dtype=np.int64)
