"""Log-ins and other proofs of identity that a holder's application asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, EntityId, Instant, OwnId

SCHEMA: Final = "login.v1"


class LoginAction(StrEnum):
    """What the proof was for."""

    LOGIN = "LOGIN"
    CONFIRMATION = "CONFIRMATION"
    CREDENTIAL_RESET = "CREDENTIAL_RESET"


class LoginMethod(StrEnum):
    """What was shown."""

    PASSWORD = "PASSWORD"
    PIN = "PIN"
    BIOMETRY = "BIOMETRY"
    TOKEN = "TOKEN"


class LoginResult(StrEnum):
    """What came of it; LOCKED is a failure that shut the account."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    LOCKED = "LOCKED"


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt. The order of the fields is the schema: only append.

    `device_id` is None where none was collected, as with many failures.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    login_id: OwnId
    occurred_at: Instant
    account_id: EntityId
    action: LoginAction
    method: LoginMethod
    result: LoginResult
    person_id: EntityId | None = None
    device_id: EntityId | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def subject_id(self) -> bytes:
        """The holder's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """The id that the application gave the attempt."""
        return self.login_id
