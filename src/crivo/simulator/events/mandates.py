"""Authorisations of automatic payments: one before a pair's first, and some that nobody wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.sorted_pairs import SortedPairs, firsts, paired
from crivo.simulator.events.timing import lead
from crivo.simulator.facts import FactKind, Facts
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import INITIATIONS, Rows

#: Thousandths of pairs that had agreed before the world began.
_AGREED_BEFORE_PER_MILLE: Final = 400
#: Requests that lead to nothing, for a million transfers (an assumption); those refused of them.
_UNWANTED_OF_MILLION: Final = 400
_REFUSED_PER_MILLE: Final = 600

_REQUESTED_BEFORE: Final = (5 * MINUTE, 180 * MINUTE)
_ANSWERED_AFTER: Final = (MINUTE, 4 * MINUTE)

_ASKED_WITHIN: Final = 120 * MINUTE
_REFUSED_AFTER: Final = (MINUTE, 240 * MINUTE)

STATUSES: Final = ("REQUESTED", "AUTHORISED", "REJECTED", "EXPIRED")


@dataclass(frozen=True, slots=True)
class Mandates:
    """Requests of a day: two entries in the stream each, the request and its end."""

    payers: Int64s
    payees: Int64s
    requested_at: Int64s
    ended_at: Int64s
    ends: Int64s  # place in STATUSES
    limits: Int64s  # centavos a payment


class MandateBook:
    """Remembers the pairs that have agreed."""

    def __init__(self, seed: int) -> None:
        self._agreed = SortedPairs()
        self._salt = seed ^ 0x6D616E64

    def day(self, day: Day, draws: Draws, rows: Rows, happened: Facts, persons: int) -> Mandates:
        """The requests of the day whose transfers and campaign facts these are, in time order.

        `persons` is how many accounts a campaign may ask, from 0.
        """
        grants = happened[happened["kind"] == FactKind.AUTHORISATION_GRANTED]
        self._remember(grants["account"], grants["other"], grants["occurred_at"])
        asked = happened[happened["kind"] == FactKind.AUTHORISATIONS_ASKED]
        return _joined(
            _granted(day, draws, grants),
            _pestered(draws, asked, persons),
            self._of_rows(day, draws, rows),
        )

    def _remember(self, payers: Int64s, payees: Int64s, at: Int64s) -> Int64s:
        """Notes pairs that have agreed; the places of those that had not, each pair once."""
        pairs = paired(payers, payees)
        known, _ = self._agreed.look_up(pairs)
        fresh = np.flatnonzero(~known)
        first = fresh[firsts(pairs[fresh])]
        self._agreed.add(pairs[first], at[first])
        return first

    def _of_rows(self, day: Day, draws: Draws, rows: Rows) -> Mandates:
        automatic = np.flatnonzero(rows["initiation"] == INITIATIONS.index(Initiation.AUTO))
        mine = rows[automatic]
        first = automatic[self._remember(mine["payer"], mine["payee"], mine["occurred_at"])]
        fresh_pairs = paired(rows["payer"][first], rows["payee"][first])
        granted = first[spread(fresh_pairs, self._salt, 1000) >= _AGREED_BEFORE_PER_MILLE]
        unwanted = _unwanted(draws, rows)
        asked = np.concatenate([granted, unwanted])
        spans = draws.spans(*_REQUESTED_BEFORE, len(asked))
        requested_at = lead(rows["occurred_at"][asked], day.start, spans)
        quick = lead(
            rows["occurred_at"][asked], day.start, draws.spans(*_ANSWERED_AFTER, len(asked))
        )
        ends = np.ones(len(asked), dtype=np.int64)
        refused = draws.chance(_REFUSED_PER_MILLE, len(unwanted))
        ends[len(granted) :] = np.where(refused, 2, 3)
        return Mandates(
            payers=rows["payer"][asked],
            payees=rows["payee"][asked],
            requested_at=requested_at,
            ended_at=np.where(
                ends == 3, requested_at + DAY, np.maximum(quick, requested_at + 1000)
            ),
            ends=ends,
            limits=rows["amount_centavos"][asked] * draws.between(100, 400, len(asked)) // 100,
        )


def _granted(day: Day, draws: Draws, grants: Facts) -> Mandates:
    """Requests of a campaign that were granted."""
    spans = draws.spans(*_ANSWERED_AFTER, len(grants))
    return Mandates(
        payers=grants["account"],
        payees=grants["other"],
        requested_at=lead(grants["occurred_at"], day.start, spans),
        ended_at=grants["occurred_at"],
        ends=np.ones(len(grants), dtype=np.int64),
        limits=np.maximum(grants["amount_centavos"], 1),
    )


def _pestered(draws: Draws, asked: Facts, persons: int) -> Mandates:
    """Requests of a campaign to very many, who refuse or forget."""
    of = np.repeat(np.arange(len(asked)), asked["count"].astype(np.int64))
    requested_at = asked["occurred_at"][of] + draws.spans(0, _ASKED_WITHIN, len(of))
    refused = draws.chance(_REFUSED_PER_MILLE, len(of))
    answered_at = requested_at + draws.spans(*_REFUSED_AFTER, len(of))
    return Mandates(
        payers=draws.below(persons, len(of)),
        payees=asked["account"][of],
        requested_at=requested_at,
        ended_at=np.where(refused, answered_at, requested_at + DAY),
        ends=np.where(refused, 2, 3),
        limits=np.maximum(asked["amount_centavos"][of], 1),
    )


def _joined(*parts: Mandates) -> Mandates:
    return Mandates(
        payers=np.concatenate([part.payers for part in parts]),
        payees=np.concatenate([part.payees for part in parts]),
        requested_at=np.concatenate([part.requested_at for part in parts]),
        ended_at=np.concatenate([part.ended_at for part in parts]),
        ends=np.concatenate([part.ends for part in parts]),
        limits=np.concatenate([part.limits for part in parts]),
    )


def _unwanted(draws: Draws, rows: Rows) -> Int64s:
    """Transfers beside which a request came that led to nothing: same payer, same payee."""
    whole, rest = divmod(len(rows) * _UNWANTED_OF_MILLION, 1_000_000)
    count = whole + (draws.one(0, 1_000_000) < rest)
    return np.sort(draws.below(max(1, len(rows)), min(count, len(rows))))
