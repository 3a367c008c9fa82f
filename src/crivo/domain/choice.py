"""A choice by its name: one of the members of an enumeration of texts."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from crivo.domain.errors import Code, invalid

Choice = TypeVar("Choice", bound=StrEnum)


def parse_choice(choices: type[Choice], text: str, *, field: str) -> Choice:
    """The member of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        return choices(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field=field, expected=" or ".join(choices), found=text
        ) from None
