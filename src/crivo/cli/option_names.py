"""Refusals of a value in the words of the command line: by the option that it was typed for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crivo.domain.errors import Refused


@contextmanager
def refused_by_option() -> Iterator[None]:
    """Runs a command whose options are named as the fields are, with hyphens.

    Raises:
        Refused: What was raised inside, with `--past-days` where the field is `past_days`.
    """
    try:
        yield
    except Refused as error:
        field = error.context.get("field")
        if not isinstance(field, str) or not error.message.startswith(f"{field} must be "):
            raise  # of a folder or a file, which the message names
        option = f"--{field.replace('_', '-')}"
        message = option + error.message.removeprefix(field)
        context = {**error.context, "field": option}
        raise Refused(error.code, message, hint=error.hint, **context) from error
