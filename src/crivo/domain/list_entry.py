"""Lists: whom an institution lets pass, watches or stops, by pseudonym, with an end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, EntityId, Instant, OwnId

SCHEMA: Final = "list_entry.v1"


class ListKind(StrEnum):
    """What the list is for."""

    ALLOW = "ALLOW"
    WATCH = "WATCH"
    DENY = "DENY"


class ListSide(StrEnum):
    """In which role the entity is meant."""

    PAYER = "PAYER"
    PAYEE = "PAYEE"
    BOTH = "BOTH"


class ListedEntity(StrEnum):
    """What kind of id it is."""

    PERSON = "PERSON"
    ACCOUNT = "ACCOUNT"
    KEY = "KEY"
    DEVICE = "DEVICE"


class ListAction(StrEnum):
    """Whether the entity enters or leaves."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry or removal. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    entry_id: OwnId
    occurred_at: Instant
    entity_id: EntityId
    entity: ListedEntity
    kind: ListKind
    side: ListSide
    action: ListAction
    expires_at: Instant | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(
            self.expires_at is None or self.expires_at > self.occurred_at,
            "expires_at",
            "later than occurred_at",
            self.expires_at,
        )

    @property
    def subject_id(self) -> bytes:
        """The entity."""
        return self.entity_id

    @property
    def own_id(self) -> str:
        """An entry is added once and removed once."""
        return f"{self.entry_id}/{self.action}"

    @property
    def other_own_ids(self) -> list[str]:
        """What its other steps are called."""
        return [f"{self.entry_id}/{each}" for each in ListAction if each is not self.action]
