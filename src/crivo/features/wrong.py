"""The error of a definition: it names the field and the choices."""

from __future__ import annotations

from crivo.domain.errors import Code, Misconfigured


def wrong(name: str, expected: str, found: object) -> Misconfigured:
    """The error of a definition: which field, what it must be, what was found."""
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"{name} must be {expected}, found {found!r}",
        field=name,
        expected=expected,
        found=str(found),
    )
