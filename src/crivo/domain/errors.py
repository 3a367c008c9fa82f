"""Every error that Crivo raises on purpose: one root, four families, one closed list of codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

#: Characters of a value that a message shows.
SHOWN_CHARACTERS_MAX: Final = 80


class Code(StrEnum):
    """The stable name of a failure: the same in answers, quarantine, metrics and docs."""

    # What a value of the domain may be.
    AMOUNT_INVALID = "AMOUNT_INVALID"
    AMOUNT_RANGE = "AMOUNT_RANGE"
    TIME_INVALID = "TIME_INVALID"
    TIME_RANGE = "TIME_RANGE"
    ID_INVALID = "ID_INVALID"
    ID_TIME = "ID_TIME"
    PAYEE_IS_PAYER = "PAYEE_IS_PAYER"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_TYPE = "FIELD_TYPE"
    FIELD_VALUE = "FIELD_VALUE"
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    STEP_INVALID = "STEP_INVALID"
    SCHEMA_UNKNOWN = "SCHEMA_UNKNOWN"
    # What the doors accept.
    BODY_MALFORMED = "BODY_MALFORMED"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    BODY_TOO_SLOW = "BODY_TOO_SLOW"
    CONTENT_TYPE = "CONTENT_TYPE"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    HTTP_VERSION = "HTTP_VERSION"
    ROW_MALFORMED = "ROW_MALFORMED"
    CLOCK_AHEAD = "CLOCK_AHEAD"
    RECEIPT_TOO_OLD = "RECEIPT_TOO_OLD"
    CONFLICT = "CONFLICT"
    STEP_CONFLICT = "STEP_CONFLICT"
    DUPLICATE = "DUPLICATE"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    MODEL_NOT_FOR_TRANSFERS = "MODEL_NOT_FOR_TRANSFERS"
    # What the log and the files around it can say.
    LOG_LOCKED = "LOG_LOCKED"
    LOG_ORDER = "LOG_ORDER"
    LOG_UNAVAILABLE = "LOG_UNAVAILABLE"
    LOG_MISMATCH = "LOG_MISMATCH"
    KEY_MISSING = "KEY_MISSING"
    KEY_INVALID = "KEY_INVALID"
    SEAL_BROKEN = "SEAL_BROKEN"
    RETENTION = "RETENTION"
    LEDGER_BROKEN = "LEDGER_BROKEN"
    IMPORT_TOO_LARGE = "IMPORT_TOO_LARGE"
    IMPORT_REFUSED = "IMPORT_REFUSED"
    OVERLOADED = "OVERLOADED"
    INDEX_UNAVAILABLE = "INDEX_UNAVAILABLE"
    NOT_READY = "NOT_READY"
    PORT_TAKEN = "PORT_TAKEN"
    INTERNAL = "INTERNAL"
    # What definitions, artifacts and checks can say.
    DEFINITION_INVALID = "DEFINITION_INVALID"
    PLAN_MISMATCH = "PLAN_MISMATCH"
    SNAPSHOT_INVALID = "SNAPSHOT_INVALID"
    ARTIFACT_INVALID = "ARTIFACT_INVALID"
    MODEL_MISSING = "MODEL_MISSING"
    POLICY_INVALID = "POLICY_INVALID"
    MAPPING_INVALID = "MAPPING_INVALID"
    SETTING_INVALID = "SETTING_INVALID"
    FILE_UNREADABLE = "FILE_UNREADABLE"
    FILE_UNWRITABLE = "FILE_UNWRITABLE"
    DATA_TOO_SMALL = "DATA_TOO_SMALL"
    LEAK_SUSPECTED = "LEAK_SUSPECTED"
    REPLAY_DIFFERS = "REPLAY_DIFFERS"
    GATE_FAILED = "GATE_FAILED"
    WORLD_DIFFERS = "WORLD_DIFFERS"
    # What the lake can say.
    LAKE_DIFFERS = "LAKE_DIFFERS"
    LAKE_BUSY = "LAKE_BUSY"
    LAKE_UNAVAILABLE = "LAKE_UNAVAILABLE"


class CrivoError(Exception):
    """The root: a stable `code`, what happened, what to do about it, and where it was found.

    `context` holds plain values; `field`, `expected` and `found` are used where they apply.
    """

    exit_code: int = 1

    def __init__(self, code: Code, message: str, *, hint: str = "", **context: object) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        self.hint: Final = hint
        self.context: Final[Mapping[str, object]] = context

    def __reduce__(self) -> tuple[object, ...]:
        """What another process makes the same error of."""
        return _again, (type(self), self.code, self.message, self.hint, dict(self.context))

    def __str__(self) -> str:
        # What the message says already is not said twice.
        new = {name: str(value) for name, value in self.context.items()}
        where = ", ".join(f"{name}: {text}" for name, text in new.items() if not self._says(text))
        parts = [f"{self.code}: {self.message}"]
        if where:
            parts.append(f"({where})")
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        return " ".join(parts)

    def _says(self, text: str) -> bool:
        return text in self.message


def _again(
    family: type[CrivoError], code: Code, message: str, hint: str, context: Mapping[str, object]
) -> CrivoError:
    return family(code, message, hint=hint, **context)


class Refused(CrivoError):
    """The outside sent something that is not accepted; sending it again does not help."""

    exit_code = 2


class Unavailable(CrivoError):
    """A dependency did not answer, or is not ready; the same call may succeed later."""

    exit_code = 3


class Unfit(CrivoError):
    """A gate, an audit or a parity check answered no."""

    exit_code = 1


class Misconfigured(CrivoError):
    """A setting, a definition or an installed file is wrong; found before work starts."""

    exit_code = 2


def invalid(code: Code, *, field: str, expected: str, found: object, hint: str = "") -> Refused:
    """A refusal of one value: says the field, what was expected, and what was found (shortened)."""
    text = shown(found)
    return Refused(
        code,
        f"{field} must be {expected}, found {text}",
        hint=hint,
        field=field,
        expected=expected,
        found=text,
    )


def shown(value: object) -> str:
    """A value in words that need no Python: as JSON writes it, at most 80 characters.

    >>> [shown(value) for value in (None, True, 1.5, "a", b"a")]
    ['nothing', 'true', '1.5', '"a"', '"a"']
    """
    if value is None:
        return "nothing"
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    try:
        written = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of too many digits"
    text = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in written
    )
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."
