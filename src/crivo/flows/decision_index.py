"""Decisions as they are looked up: a projection of the log, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from crivo.domain.instant import EARLIEST, LATEST

#: Decisions of one page at most, and where nobody says how many.
PAGE_MAX: Final = 1_000
PAGE_DEFAULT: Final = 100


#: Above every sequence number that a log reaches.
LAST: Final = (1 << 62) - 1


class IndexedDecision(msgspec.Struct, frozen=True, gc=False):
    """A decision as it is looked up: a few columns; `seq` finds the record in the log.

    `payer_id` and `payee_id` are pseudonyms of 16 bytes.
    """

    end_to_end_id: str
    phase: str
    seq: int
    occurred_at: int
    received_at: int
    outcome: str
    score: int
    payer_id: bytes
    amount_centavos: int
    payee_id: bytes


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions are asked for: those of a payer, a payee, an outcome, received in
    `[since, until)`.

    None asks for all. `before` is the `seq` of the last decision of the page before: the list goes
    on behind it, and what was decided since then does not move it.
    """

    payer_id: bytes | None = None
    outcome: str | None = None
    since: int = EARLIEST
    until: int = LATEST
    before: int | None = None
    limit: int = PAGE_DEFAULT
    payee_id: bytes | None = None


class DecisionIndex(Protocol):
    """Decisions by id: a projection of the log, which may be deleted and made again.

    Laws:
        1. What `put` was given and the sequence it reached become visible together.
        2. Of two records of one (EndToEndId, phase) the one with the lower `seq` stands.
        3. `reached` never goes back.
        4. `search` gives what the query asks for, by `seq`, the newest first; pages that follow
           each other are the whole list, each decision once.
        5. `counts` are those of the whole list.
    """

    def put(self, decisions: Sequence[IndexedDecision], *, reached: int) -> int:
        """Keeps the decisions; `reached` is the sequence number to read on from.

        Returns:
            How many stand under their id and phase since then; the others stood, or are later ones.
        """
        ...

    def get(self, end_to_end_id: str, *, phase: str = "initiation") -> IndexedDecision | None:
        """The decision that stands under this id and phase."""
        ...

    def latest(self, limit: int) -> list[IndexedDecision]:
        """The newest decisions, newest first."""
        ...

    def search(self, query: DecisionQuery) -> list[IndexedDecision]:
        """One page of what the query asks for; any thread may ask.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        ...

    def counts(self) -> dict[str, int]:
        """How many decisions there are of each outcome that there is one of; any thread may ask.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        ...

    def reached(self) -> int:
        """The sequence number that the projection has to be read on from; 0 when it is new."""
        ...
