"""Cuts: how far a log holds what another one holds, which a service of the first one follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.event import Event, make_event_id
from crivo.domain.fields import Count, Instant, OwnId

SCHEMA: Final = "cut.v1"

_FOLLOWED: Final = "log:"


def followed_from(log_id: str) -> str:
    """The source of an event that was taken from another log."""
    return _FOLLOWED + log_id


def is_followed(event: Event) -> bool:
    """Whether another log had it first: whose it is calls people for it, and ends its hold."""
    return event.source.startswith(_FOLLOWED)


@dataclass(frozen=True, slots=True)
class Cut:
    """What log `log_id` numbered below `behind` is in this one, before this or right behind it.

    The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be.
    """

    log_id: OwnId
    behind: Count
    occurred_at: Instant

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """The other log: all its cuts lie in one partition."""
        return make_event_id("log", "log", self.log_id)

    @property
    def own_id(self) -> str:
        """Which log, and how far."""
        return f"{self.log_id}/{self.behind}"
