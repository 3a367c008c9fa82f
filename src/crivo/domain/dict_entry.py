"""The directory of keys (DICT): what a look-up told about a key, or what became of the key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.account import AccountType, PersonType
from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, EndToEndId, EntityId, Instant, Ispb, OwnId
from crivo.domain.pix_key import KeyType

SCHEMA: Final = "dict_entry.v1"


class DictAction(StrEnum):
    """How the entry came to be known: somebody asked, or it changed."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    RESTRICTED = "RESTRICTED"
    CREATED = "CREATED"
    MOVED = "MOVED"
    REMOVED = "REMOVED"


class DictRestriction(StrEnum):
    """Why the directory gives no entry: suspicion of fraud or a court, on the key or its owner."""

    FRAUD_ON_KEY = "FRAUD_ON_KEY"
    FRAUD_ON_PERSON = "FRAUD_ON_PERSON"
    COURT_ON_KEY = "COURT_ON_KEY"
    COURT_ON_PERSON = "COURT_ON_PERSON"


_WITH_ENTRY: Final = (DictAction.FOUND, DictAction.CREATED, DictAction.MOVED)


@dataclass(frozen=True, slots=True)
class DictEntry:
    """An entry at one moment. The order of the fields is the schema: only append.

    `payer_id`, `payer_person_id` and `end_to_end_id` say on whose behalf and for which payment it
    was asked. An account typed by hand, or a key held at the payer's own institution, is never
    looked up. What the sender may not pass on of an entry is None.
    `key_owned_since` lies after `key_created_at` where the key changed hands; `claim_opened_at` is
    that of an open claim.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    entry_id: OwnId
    occurred_at: Instant
    key_id: EntityId
    action: DictAction
    key_type: KeyType | None = None
    payer_id: EntityId | None = None
    end_to_end_id: EndToEndId | None = None
    restriction: DictRestriction | None = None
    person_id: EntityId | None = None
    person_type: PersonType | None = None
    account_id: EntityId | None = None
    account_type: AccountType | None = None
    ispb: Ispb | None = None
    account_opened_at: Instant | None = None
    key_created_at: Instant | None = None
    key_owned_since: Instant | None = None
    claim_opened_at: Instant | None = None
    payer_person_id: EntityId | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        for field in ("person_id", "account_id", "ispb"):
            found = getattr(self, field)
            refuse_unless(
                found is None or self.action in _WITH_ENTRY,
                field,
                "a fact of an entry that exists and may be told",
                found,
            )
        refuse_unless(
            (self.restriction is not None) == (self.action is DictAction.RESTRICTED),
            "restriction",
            "the reason of a restriction, and nothing else's",
            self.restriction,
        )
        created, owned = self.key_created_at, self.key_owned_since
        refuse_unless(
            created is None or owned is None or created <= owned,
            "key_owned_since",
            "no earlier than key_created_at",
            owned,
        )

    @property
    def subject_id(self) -> bytes:
        """The key."""
        return self.key_id

    @property
    def own_id(self) -> str:
        """The id of the look-up or change."""
        return self.entry_id
