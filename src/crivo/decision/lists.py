"""Lists: what is asked of a transfer whose parties an institution lets pass, watches or stops.

Membership is exact: by side, at the receipt or the transfer's own instant where that is later,
until removed or run out. What follows is the policy's; an entry that lets pass outweighs rules and
score up to what the policy says, and neither a limit, nor a degraded answer, nor an entry that
stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from crivo.decision.outcome import Outcome
from crivo.domain.list_entry import ListSide


class HitKind(StrEnum):
    """Why a party stands out: by an entry of that kind of list, or by a fraud marker."""

    ALLOW = "ALLOW"
    WATCH = "WATCH"
    DENY = "DENY"
    MARKED = "MARKED"


class ListHit(NamedTuple):
    """A party of a transfer stands out: why, in which role, by which entry or marker."""

    kind: HitKind
    side: ListSide
    entry_id: str

    @property
    def text(self) -> str:
        """As a record holds it."""
        return f"{self.kind.value}/{self.side.value}/{self.entry_id}"


class ListTerms(NamedTuple):
    """What the lists ask for on one date: the least that is answered for who is stopped or watched,
    and the gravest that rules and score may ask for and an entry lets pass.
    """

    deny: Outcome
    watch: Outcome
    pass_rules: Outcome
    pass_score: Outcome

    def said(self, hits: Sequence[ListHit]) -> ListSaid:
        """What these entries come to."""
        kinds = {hit.kind for hit in hits}
        denied = self.deny if HitKind.DENY in kinds else Outcome.ALLOW
        watched = self.watch if HitKind.WATCH in kinds else Outcome.ALLOW
        is_passed = HitKind.ALLOW in kinds and HitKind.DENY not in kinds
        return ListSaid(
            least=max(denied, watched),
            pass_rules=self.pass_rules if is_passed else Outcome.ALLOW,
            pass_score=self.pass_score if is_passed else Outcome.ALLOW,
        )


class ListSaid(NamedTuple):
    """The least that is answered, and up to what rules and score are let pass."""

    least: Outcome
    pass_rules: Outcome
    pass_score: Outcome


#: Nobody stands on a list.
NOT_LISTED: Final = ListSaid(Outcome.ALLOW, Outcome.ALLOW, Outcome.ALLOW)
