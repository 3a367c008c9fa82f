"""Limits that customers change."""

from __future__ import annotations

from typing import Final

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.limit_book import PERIODS
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.naming import account_ids
from crivo.simulator.people import account_institutions


def _draw(facts: DayFacts) -> Drawn:
    changes = facts.limits
    places = account_institutions(facts.accounts.town, changes.persons)
    draws = facts.draws("limits")
    return {
        "change_id": event_ids(b"lim-", draws, len(changes.persons)),
        "account": account_ids(facts.seed, changes.persons, places),
        "occurred_at": changes.requested_at,
        "received_at": changes.requested_at,
        "effective_at": changes.effective_at,
        "kind": words(PERIODS)[changes.period],
        "before_centavos": changes.before,
        "after_centavos": changes.after,
    }


EVENTS: Final = EventKind(
    name="limits",
    stream="pix.limits.v1",
    key="account",
    tier=Tier.DECISION,
    meaning="A customer asked for another limit; it is in force from `effective_at`.",
    source="Res. BCB 142/2021, IN 512/2024: raises after 24 to 48 h, cuts at once.",
    fields=(
        Field("change_id", Kind.TEXT, PAYER, "id of the change"),
        Field("account", Kind.TEXT, PAYER, "of which account"),
        Field("occurred_at", Kind.INSTANT, PAYER, "when it was asked for"),
        Field("received_at", Kind.INSTANT, PAYER, "when it was known"),
        Field("effective_at", Kind.INSTANT, PAYER, "from when it is in force"),
        Field("kind", Kind.WORD, PAYER, "DAY or NIGHT (20:00 to 06:00)"),
        Field("before_centavos", Kind.INTEGER, PAYER, "the limit so far"),
        Field("after_centavos", Kind.INTEGER, PAYER, "the limit asked for"),
    ),
    draw=_draw,
)
