"""Marked users: they pay and receive nothing but returns (BCB Resolutions 506/2025, 587/2026)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from crivo.decision.lists import HitKind, ListHit
from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind, PolicyValue
from crivo.decision.reasons import ReasonCode
from crivo.domain.list_entry import ListSide

#: In the order of `MarkedTerms`.
_OUTCOMES: Final = ("blocks.marked.payer.outcome", "blocks.marked.payee.outcome")

MARKED_KEYS: Final = tuple(Key(name, Kind.OUTCOME, optional=True) for name in _OUTCOMES)


class MarkedTerms(NamedTuple):
    """The least that is answered on one date where a party is marked, by its role."""

    payer: Outcome
    payee: Outcome

    def said(self, hits: Sequence[ListHit]) -> tuple[Outcome, tuple[ReasonCode, ...]]:
        """The least that is answered for what stands out about the parties, and why."""
        sides = {hit.side for hit in hits if hit.kind is HitKind.MARKED}
        least, why = Outcome.ALLOW, []
        for side, asked, reason in (
            (ListSide.PAYER, self.payer, ReasonCode.PAYER_MARKED),
            (ListSide.PAYEE, self.payee, ReasonCode.PAYEE_MARKED),
        ):
            if side in sides and asked > Outcome.ALLOW:
                least = max(least, asked)
                why.append(reason)
        return least, tuple(why)


def bind_marked(value: Callable[[str], PolicyValue | None]) -> MarkedTerms:
    """The terms of one date, by what `value` says of the keys in force then."""
    found = [value(name) or Outcome.ALLOW for name in _OUTCOMES]
    outcomes = [each for each in found if isinstance(each, Outcome)]
    assert len(outcomes) == len(_OUTCOMES)
    return MarkedTerms(*outcomes)
