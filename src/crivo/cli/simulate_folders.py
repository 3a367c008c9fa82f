"""The folders of `crivo simulate`: that of the world and that of the report, named and apart."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.domain.errors import Code, invalid


def parse_folder(text: str | None, *, field: str) -> Path | None:
    """The folder of that name, or None where none was asked for.

    Raises:
        Refused: FIELD_VALUE for an empty name, which paths take for the current folder.
    """
    if text == "":
        raise invalid(
            Code.FIELD_VALUE,
            field=field,
            expected="the name of a folder",
            found=text,
            hint="Is a variable of the shell empty? The current folder is written as a point.",
        )
    return None if text is None else Path(text)


def check_apart(out: Path, report: Path) -> None:
    """Nothing, if a report leaves the world's folder to the world.

    What `world.json` does not name is never replaced, so a world with a report among its files
    could not give way to another.

    Raises:
        Refused: FIELD_VALUE.
    """
    if Path(os.path.realpath(report)).is_relative_to(os.path.realpath(out)):
        raise invalid(
            Code.FIELD_VALUE,
            field="report",
            expected=f"a folder outside of {out}, where the world lies",
            found=str(report),
            hint="Name a folder beside it: --replace overwrites a world that lies alone.",
        )
