"""The types of fields: what each is besides integer, text or bytes, said once for all schemas."""

from __future__ import annotations

from typing import Annotated, Final

from crivo.domain.declared import Form
from crivo.domain.errors import Code, invalid
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.identifiers import (
    END_TO_END_ID_PATTERN,
    ISPB_PATTERN,
    MESSAGE_ID_PATTERN,
    RETURN_ID_PATTERN,
    TXID_PATTERN,
    check_ispb,
    check_message_id,
    check_txid,
    end_to_end_id_minute,
    return_id_minute,
)
from crivo.domain.instant import EARLIEST, LATEST, check_instant
from crivo.domain.money import CENTAVOS_MAX, check_centavos, check_centavos_or_zero

OWN_ID_CHARACTERS_MAX: Final = 64
COUNT_MAX: Final = 2**53 - 1
WORD_CHARACTERS_MAX: Final = 64
#: Whose an event is: `key:` and the name of an API key, or `oidc:` and the subject of a token. No
#: subject is longer (OpenID Connect Core 1.0, section 2).
CALLER_OF_KEY: Final = "key:"
CALLER_OF_TOKEN: Final = "oidc:"
CALLER_OWN_CHARACTERS_MAX: Final = 255
CALLER_CHARACTERS_MAX: Final = CALLER_OWN_CHARACTERS_MAX + max(
    len(CALLER_OF_KEY), len(CALLER_OF_TOKEN)
)
REAL_MAX: Final = CENTAVOS_MAX // 100
#: As much of `is_printable` as JSON Schema can say: of the first 65,536 characters no control
#: character, no mark of direction or other mark without a width, no blank but the space, and none
#: of private use (categories Cc, Cf, Zs, Zl, Zp and Co of Unicode 14).
PRINTABLE_PATTERN: Final = (
    r"^[^\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff"
    r"\ufff9-\ufffb]*$"
)


def as_word(text: str) -> str:
    """A text as a `Word` has it: its beginning, where it is longer."""
    return text[:WORD_CHARACTERS_MAX].rstrip()


def check_entity_id(entity_id: bytes, *, field: str) -> bytes:
    """The same pseudonym, if it has 128 bits.

    Raises:
        Refused: ID_INVALID.
    """
    if len(entity_id) != ENTITY_ID_BYTES:
        raise invalid(
            Code.ID_INVALID,
            field=field,
            expected=f"an entity id of {ENTITY_ID_BYTES} bytes",
            found=f"{len(entity_id)} bytes",
        )
    return entity_id


def check_own_id(own_id: str, *, field: str) -> str:
    """The same id that its source chose, if it is 1 to 64 characters.

    Raises:
        Refused: ID_INVALID.
    """
    if not 1 <= len(own_id) <= OWN_ID_CHARACTERS_MAX:
        raise invalid(
            Code.ID_INVALID,
            field=field,
            expected=f"1 to {OWN_ID_CHARACTERS_MAX} characters",
            found=own_id,
        )
    return own_id


def is_printable(text: str) -> bool:
    r"""Whether a text can be shown as it is: the rule of all ids and names that come in.

    Two ids that differ in what nobody sees would look like one, and a mark of direction shows the
    digits of an account in another order.

    >>> [is_printable(text) for text in ("0001/55501-2", "a\n", "a\u202eb", "a\u00a0b")]
    [True, False, False, False]
    """
    return text.isprintable()


def check_printable(text: str, *, field: str) -> str:
    """The same text, if it can be shown: asked of what comes in, not of what was kept before.

    Raises:
        Refused: FIELD_VALUE.
    """
    if not is_printable(text):
        raise invalid(
            Code.FIELD_VALUE, field=field, expected="printable characters alone", found=text
        )
    return text


def _between(name: str, least: int, most: int) -> Form:
    def check(number: int, *, field: str) -> int:
        if not least <= number <= most:
            raise invalid(
                Code.FIELD_VALUE, field=field, expected=f"{least} to {most}", found=number
            )
        return number

    return Form(name, check, {"minimum": least, "maximum": most})


def _characters(name: str, most: int) -> Form:
    def check(text: str, *, field: str) -> str:
        if not 1 <= len(text) <= most or not is_printable(text):
            raise invalid(
                Code.FIELD_VALUE,
                field=field,
                expected=f"1 to {most} printable characters",
                found=text,
            )
        return text

    return Form(name, check, {"minLength": 1, "maxLength": most})


def _matching(pattern: str) -> dict[str, object]:
    return {"pattern": f"^{pattern}$"}


EntityId = Annotated[
    bytes,
    Form(
        "entity_id", check_entity_id, {"minLength": ENTITY_ID_BYTES, "maxLength": ENTITY_ID_BYTES}
    ),
]
OwnId = Annotated[
    str, Form("own_id", check_own_id, {"minLength": 1, "maxLength": OWN_ID_CHARACTERS_MAX})
]
EndToEndId = Annotated[
    str, Form("end_to_end_id", end_to_end_id_minute, _matching(END_TO_END_ID_PATTERN))
]
ReturnId = Annotated[str, Form("return_id", return_id_minute, _matching(RETURN_ID_PATTERN))]
MessageId = Annotated[str, Form("message_id", check_message_id, _matching(MESSAGE_ID_PATTERN))]
TxId = Annotated[str, Form("txid", check_txid, _matching(TXID_PATTERN))]
Ispb = Annotated[str, Form("ispb", check_ispb, _matching(ISPB_PATTERN))]
Instant = Annotated[
    int, Form("instant", check_instant, {"minimum": EARLIEST, "exclusiveMaximum": LATEST})
]
Centavos = Annotated[int, Form("centavos", check_centavos, {"minimum": 1, "maximum": CENTAVOS_MAX})]
CentavosOrZero = Annotated[
    int, Form("centavos_or_zero", check_centavos_or_zero, {"minimum": 0, "maximum": CENTAVOS_MAX})
]
Count = Annotated[int, _between("count", 0, COUNT_MAX)]
WholeReais = Annotated[int, _between("whole_reais", 0, REAL_MAX)]
HourOfDay = Annotated[int, _between("hour_of_day", 0, 23)]
Layer = Annotated[int, _between("layer", 0, 15)]
Percent = Annotated[int, _between("percent", 0, 100)]
Pixels = Annotated[int, _between("pixels", 1, 65_535)]
Seconds = Annotated[int, _between("seconds", 0, 4_000_000_000)]
Milliseconds = Annotated[int, _between("milliseconds", 0, 4_000_000_000)]
MinutesEast = Annotated[int, _between("minutes_east", -14 * 60, 14 * 60)]
Microdegrees = Annotated[int, _between("microdegrees", -180_000_000, 180_000_000)]
Billionths = Annotated[int, _between("billionths", 0, 1_000_000_000)]
Word = Annotated[str, _characters("word", WORD_CHARACTERS_MAX)]
CallerName = Annotated[str, _characters("caller", CALLER_CHARACTERS_MAX)]
