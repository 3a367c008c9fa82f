"""What a declaration's fields are made of: checked when it is declared, whatever mypy was told."""

from __future__ import annotations

from enum import StrEnum

from crivo.features.wrong import wrong


def check_member(name: str, found: object, kind: type[StrEnum]) -> None:
    """Nothing, if it is a member of the enumeration: its text alone is none.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field and the choices.
    """
    if not isinstance(found, kind):
        choices = ", ".join(member.value for member in kind)
        raise wrong(name, f"a {kind.__name__} of {choices}", found)


def check_kind(name: str, found: object, *kinds: type) -> None:
    """Nothing, if it is of one of the classes, and of none that is made of them (True is no int).

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field and the classes.
    """
    if type(found) not in kinds:
        raise wrong(name, "of type " + " or ".join(kind.__name__ for kind in kinds), found)


def check_text(name: str, found: object) -> None:
    """Nothing, if it is a text with something in it.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field.
    """
    if not isinstance(found, str) or not found.strip():
        raise wrong(name, "a text", found)
