"""The facts of one day from which its events are written: transfers, and what surrounds them."""

from __future__ import annotations

from dataclasses import dataclass

from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.accounts import Accounts
from crivo.simulator.events.limit_book import LimitChanges
from crivo.simulator.events.look_ups import LookUps
from crivo.simulator.events.mandates import Mandates
from crivo.simulator.events.register import Register
from crivo.simulator.events.registry import DeviceFacts
from crivo.simulator.events.reported import Claims, Statistics
from crivo.simulator.events.sessions import Sessions
from crivo.simulator.events.settlement import Settlement
from crivo.simulator.events.shared_register import Hits
from crivo.simulator.events.tracing import Trails
from crivo.simulator.facts import Facts
from crivo.simulator.key_claims import KeyClaims
from crivo.simulator.lettering import Names
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A day of the world. Arrays have one entry an attempt unless they say otherwise."""

    seed: int
    accounts: Accounts
    register: Register  # who holds the accounts
    day: Day
    rows: Rows  # the attempts, in time order
    happened: Facts  # what campaigns did besides transfers, in time order
    ids: Names  # EndToEndIds
    payer_names: Names  # of accounts
    payee_names: Names
    payer_places: Int64s  # of institutions
    payee_places: Int64s
    same_psp: Bools
    by_hand: Bools
    by_code: Bools
    settlement: Settlement
    balances: Int64s  # the payer's before the transfer, centavos
    devices: DeviceFacts
    sessions: Sessions
    hits: Hits  # in the register that institutions share
    look_ups: LookUps
    statistics: Statistics  # one entry a look-up
    look_up_of: Int64s  # place of the transfer's look-up, or NONE
    mandates: Mandates
    limits: LimitChanges
    contested: Int64s  # places of contested transfers among the day's
    claims: Claims  # one entry a contested transfer
    recovered_at: Int64s  # when the money of a claim that is accepted came back, or did not
    situations: Int64s  # place in SITUATIONS, one entry a contested transfer
    key_claims: KeyClaims
    keyed_at: Int64s  # the instant whose directory the payee's key is from
    trails: Trails  # where money went on

    def payee_keys(self, places: Int64s) -> Names:
        """The keys by which the payees of these attempts are paid."""
        payees, by_code = self.rows["payee"][places], self.by_code[places]
        return self.key_claims.names(payees, by_code, self.keyed_at[places])

    def traced(self, until: Int64s) -> Int64s:
        """How many payments after each contested one are found before an instant of its own."""
        return self.trails.found(self.rows[self.contested], until)

    def draws(self, name: str) -> Draws:
        """The randomness of one kind of event on this day."""
        return Draws(self.seed, "event", name, *self.day.stream)
