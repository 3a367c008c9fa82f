"""Claims of keys, as the institutions of donor and claimer and the directory see them."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.claim import ClaimStatus
from crivo.domain.pix_key import KeyType
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import mixed
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.viewpoint import PAYEE_AND_RAIL
from crivo.simulator.institutions import ISPBS
from crivo.simulator.key_claims import REASONS, TYPES
from crivo.simulator.lettering import hexadecimal, prefixed
from crivo.simulator.naming import PHONE, key_kinds, keys
from crivo.simulator.people import account_institutions

STATUSES: Final = tuple(ClaimStatus)
_CANCELLED: Final = STATUSES.index(ClaimStatus.CANCELLED)
#: The place of the state before each, and -1 where there is none.
_BEFORE: Final = (-1, 0, 1, 2, 1)
#: Of telephones and e-mail addresses.
_KEY_TYPES: Final = (KeyType.PHONE, KeyType.EMAIL)


def _draw(facts: DayFacts) -> Drawn:
    claims, town = facts.key_claims, facts.accounts.town
    mine = claims.during(facts.day)
    is_cancelled = claims.moved_at[mine] == np.iinfo(np.int64).max
    times = np.stack(
        [
            claims.opened_at[mine],
            claims.noted_at[mine],
            claims.ended_at[mine],
            claims.moved_at[mine],
            claims.ended_at[mine],
        ]
    )
    happens = np.ones((len(STATUSES), len(mine)), dtype=np.bool_)
    happens[2:_CANCELLED] = ~is_cancelled
    happens[_CANCELLED] = is_cancelled
    step, claim = np.nonzero(happens)
    of = mine[claim]
    donors = claims.donors[of]
    at, before = times[step, claim], np.asarray(_BEFORE, dtype=np.int64)[step]
    statuses, ispbs = words(STATUSES), words(ISPBS)
    is_answer = (step == STATUSES.index(ClaimStatus.CONFIRMED)) | (step == _CANCELLED)
    is_mail = (key_kinds(facts.seed, donors) != PHONE).astype(np.int64)
    return {
        "claim_id": prefixed(b"clm-", hexadecimal(mixed(donors, facts.seed ^ 0x636C6D))),
        "occurred_at": at,
        "received_at": at,
        "key": keys(facts.seed, donors, np.zeros(len(of), dtype=np.bool_)),
        "key_type": words(_KEY_TYPES)[is_mail],
        "type": words(TYPES)[claims.types[of]],
        "previous": (statuses[np.maximum(before, 0)], before < 0),
        "status": statuses[step],
        "donor_ispb": ispbs[account_institutions(town, donors)],
        "claimer_ispb": ispbs[account_institutions(town, claims.claimers[of])],
        "reason": (words(REASONS)[claims.reasons[of]], ~is_answer),
    }


EVENTS: Final = EventKind(
    name="dict_claims",
    stream="pix.dict.v1",
    key="key",
    tier=Tier.DECISION,
    meaning="Somebody claimed a key: it moves to their account, or the claim is cancelled.",
    source="DICT API 2.12 (claims): seven days to answer; how many there are is an assumption.",
    fields=(
        Field("claim_id", Kind.TEXT, PAYEE_AND_RAIL, "id of the claim, the same in all its events"),
        Field("occurred_at", Kind.INSTANT, PAYEE_AND_RAIL, "when"),
        Field("received_at", Kind.INSTANT, PAYEE_AND_RAIL, "when it was known"),
        Field("key", Kind.TEXT, PAYEE_AND_RAIL, "which key"),
        Field("key_type", Kind.WORD, PAYEE_AND_RAIL, "PHONE or EMAIL"),
        Field("type", Kind.WORD, PAYEE_AND_RAIL, "OWNERSHIP or PORTABILITY"),
        Field("previous", Kind.WORD, PAYEE_AND_RAIL, "the state before; null: none", nullable=True),
        Field(
            "status",
            Kind.WORD,
            PAYEE_AND_RAIL,
            "OPEN, WAITING_RESOLUTION, then CANCELLED, or CONFIRMED and COMPLETED",
        ),
        Field("donor_ispb", Kind.WORD, PAYEE_AND_RAIL, "where the key was"),
        Field("claimer_ispb", Kind.WORD, PAYEE_AND_RAIL, "where it shall be"),
        Field(
            "reason", Kind.WORD, PAYEE_AND_RAIL, "why it was confirmed or cancelled", nullable=True
        ),
    ),
    draw=_draw,
)
