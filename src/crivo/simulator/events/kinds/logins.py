"""Sessions in the payer's app: before payments, for a look at the balance, and failed attempts."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Int64s
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.timing import lead
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.facts import FactKind
from crivo.simulator.naming import account_ids, device_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.signals import Signal

ACTIONS: Final = ("LOGIN", "CREDENTIAL_RESET")
METHODS: Final = ("BIOMETRY", "PASSWORD", "PIN", "TOKEN")
RESULTS: Final = ("FAILED", "SUCCEEDED")
_METHOD_STEPS: Final = (680, 900)

#: For each thousand sessions with payments, those without one; and of all, the failed attempts.
_IDLE_PER_MILLE: Final = 450
_IDLE_BEFORE: Final = (20 * MINUTE, 300 * MINUTE)
_FAILED_PER_MILLE: Final = 35
_FAILED_BEFORE: Final = (3 * SECOND, 25 * SECOND)
_RESET_BEFORE: Final = (5 * MINUTE, 20 * 60 * MINUTE)


def resets_before(rows: Rows) -> Int64s:
    """The first payment of each account on which a fresh credential was noticed that day."""
    noticed = np.flatnonzero(
        ((rows["signals"] & Signal.CREDENTIAL_RESET) != 0) & (rows["device"] != NONE)
    )
    return noticed[np.unique(rows["payer"][noticed], return_index=True)[1]]


def _draw(facts: DayFacts) -> Drawn:
    rows, start = facts.rows, facts.day.start
    draws = facts.draws("logins")
    paying = facts.sessions.first
    idle = paying[draws.chance(_IDLE_PER_MILLE, len(paying))]
    draws.begin_at(2 * len(paying))  # when each session began was drawn with the sessions
    at = np.concatenate(
        [
            facts.sessions.began_at,
            lead(rows["occurred_at"][idle], start, draws.spans(*_IDLE_BEFORE, len(idle))),
        ]
    )
    of = np.concatenate([paying, idle])
    failed = np.flatnonzero(draws.chance(_FAILED_PER_MILLE, len(of)))
    failed_at = lead(at[failed], start, draws.spans(*_FAILED_BEFORE, len(failed)))
    told = facts.happened[facts.happened["kind"] == FactKind.CREDENTIAL_RESET]
    reset = resets_before(rows)
    reset = reset[~np.isin(rows["payer"][reset], told["account"])]
    reset_at = lead(rows["occurred_at"][reset], start, draws.spans(*_RESET_BEFORE, len(reset)))
    at = np.concatenate([at, failed_at, reset_at])
    of = np.concatenate([of, of[failed], reset])
    sessions = len(of) - len(failed) - len(reset)
    places = np.arange(len(of))
    succeeded = (places < sessions) | (places >= len(of) - len(reset))
    resets = (places >= len(of) - len(reset)).astype(np.int64)
    at = np.concatenate([at, told["occurred_at"]])
    succeeded = np.concatenate([succeeded, np.ones(len(told), dtype=np.bool_)])
    resets = np.concatenate([resets, np.ones(len(told), dtype=np.int64)])
    payers = np.concatenate([rows["payer"][of], told["account"]])
    devices = np.concatenate([rows["device"][of], np.full(len(told), NONE)])
    method = np.searchsorted(_METHOD_STEPS, draws.below(1000, len(at)), side="right")
    town = facts.accounts.town
    return {
        "login_id": event_ids(b"log-", draws, len(at)),
        "account": account_ids(facts.seed, payers, account_institutions(town, payers)),
        "device": (device_ids(facts.seed, devices), devices == NONE),
        "occurred_at": at,
        "received_at": at,
        "action": words(ACTIONS)[resets],
        "method": words(METHODS)[np.where(resets == 1, METHODS.index("TOKEN"), method)],
        "result": words(RESULTS)[succeeded.astype(np.int64)],
    }


EVENTS: Final = EventKind(
    name="logins",
    stream="pix.logins.v1",
    key="account",
    tier=Tier.DECISION,
    meaning="Somebody opened a session of an account, failed to, or set its credential anew.",
    source="An assumption: a session serves payments that follow within a quarter of an hour.",
    fields=(
        Field("login_id", Kind.TEXT, PAYER, "id of the attempt"),
        Field("account", Kind.TEXT, PAYER, "whose session"),
        Field("device", Kind.TEXT, PAYER, "null where it was not seen", nullable=True),
        Field("occurred_at", Kind.INSTANT, PAYER, "when"),
        Field("received_at", Kind.INSTANT, PAYER, "when it was known"),
        Field("action", Kind.WORD, PAYER, "LOGIN, or CREDENTIAL_RESET"),
        Field("method", Kind.WORD, PAYER, "BIOMETRY, PASSWORD, PIN; TOKEN for a reset"),
        Field("result", Kind.WORD, PAYER, "SUCCEEDED or FAILED"),
    ),
    draw=_draw,
)
