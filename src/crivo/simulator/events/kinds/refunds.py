"""What became of the money of an accepted claim: the refund's result, and how much came back."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.simulator.columns import Kind, words
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.institutions import ISPBS
from crivo.simulator.naming import report_ids
from crivo.simulator.recoveries import Recovery

STATUSES: Final = ("OPEN", "CLOSED")
#: The refund is asked for at once; it ends after ten minutes to three days.
_OPENED_AFTER: Final = 5 * MINUTE
#: By outcome: the result of the refund, and why it was refused.
RESULTS: Final = ("TOTALLY_ACCEPTED", "PARTIALLY_ACCEPTED", "REJECTED")
REASONS: Final = ("NO_BALANCE", "ACCOUNT_CLOSURE", "OTHER")


def _draw(facts: DayFacts) -> Drawn:
    accepted = np.flatnonzero(facts.claims.accepted)
    places = facts.contested[accepted]
    rows = facts.rows[places]
    outcome = rows["recovery"].astype(np.int64)
    result = np.minimum(outcome - Recovery.FULL, RESULTS.index("REJECTED"))
    refused = outcome >= Recovery.NO_BALANCE
    reason = np.where(refused, outcome - Recovery.NO_BALANCE, 0)
    count = len(places)
    twice = np.tile(np.arange(count), 2)
    opened = np.arange(2 * count) < count
    at = np.concatenate(
        [facts.claims.settled_at[accepted] + _OPENED_AFTER, facts.recovered_at[accepted]]
    )
    payers = facts.payer_names[places]
    payees = facts.payee_names[places]
    return {
        "refund_id": report_ids(facts.ids[places], b"3")[twice],
        "end_to_end_id": facts.ids[places][twice],
        "status": words(STATUSES)[(~opened).astype(np.int64)],
        "occurred_at": at,
        "received_at": at,
        "requested_centavos": rows["amount_centavos"][twice],
        "result": (words(RESULTS)[result][twice], opened),
        "rejection": (words(REASONS)[reason][twice], opened | ~refused[twice]),
        "refunded_centavos": (rows["returned_centavos"][twice], opened),
        "payer_account": payers[twice],
        "payee_account": payees[twice],
        "payee_ispb": words(ISPBS)[facts.payee_places[places]][twice],
        "transfer_occurred_at": rows["occurred_at"][twice],
        "is_same_psp": facts.same_psp[places][twice],
    }


EVENTS: Final = EventKind(
    name="refunds",
    stream="pix.reports.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="The return of an accepted claim was asked for, and ended: how much came back.",
    source="DICT API 2.12 (refund): result and reason of rejection; started within 72 h.",
    fields=(
        Field("refund_id", Kind.TEXT, ALL, "id of the refund, the same in both its events"),
        Field("end_to_end_id", Kind.TEXT, ALL, "of which transfer"),
        Field("status", Kind.WORD, ALL, "OPEN, then CLOSED"),
        Field("occurred_at", Kind.INSTANT, ALL, "when"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known"),
        Field("requested_centavos", Kind.INTEGER, ALL, "all of the transfer"),
        Field("result", Kind.WORD, ALL, f"once closed: {', '.join(RESULTS)}", nullable=True),
        Field("rejection", Kind.WORD, ALL, "why nothing came back", nullable=True),
        Field("refunded_centavos", Kind.INTEGER, ALL, "what came back, once closed", nullable=True),
        Field("payer_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payee_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payee_ispb", Kind.WORD, ALL, "who gave back, or could not"),
        Field("transfer_occurred_at", Kind.INSTANT, ALL, "instant of the transfer"),
        Field("is_same_psp", Kind.FLAG, BOTH, "inside one institution"),
    ),
    draw=_draw,
)
