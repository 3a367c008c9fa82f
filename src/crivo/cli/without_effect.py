"""Flags of `crivo simulate` that were typed and would change nothing: refused, not ignored."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, invalid

if TYPE_CHECKING:
    from crivo.cli.simulate import SimulateFlags

#: What says how a world is written, by the parameter: nothing of it reaches a report.
_OF_WRITING: Final = {
    "tables": "--tables",
    "file_format": "--format",
    "compression": "--compression",
    "by_day": "--by-day",
    "keep_one_in": "--keep-one-in",
    "viewpoint": "--viewpoint",
    "fault": "--fault",
}


def check_all_count(typed: Collection[str], flags: SimulateFlags, *, writes: bool) -> None:
    """Nothing, if each of the parameters that were typed has an effect.

    Raises:
        Refused: FIELD_VALUE.
    """
    if not writes:
        idle = [flag for parameter, flag in _OF_WRITING.items() if parameter in typed]
        if idle:
            raise invalid(
                Code.FIELD_VALUE,
                field=idle[0].removeprefix("--"),
                expected="none without --out",
                found=" ".join(idle),
                hint="A report looks at all rows of the world and writes no table; add --out DIR.",
            )
    if "viewpoint" in typed and flags.tables != "events" and not flags.faults:
        raise invalid(
            Code.FIELD_VALUE,
            field="viewpoint",
            expected="none without --tables events or --fault",
            found=flags.viewpoint,
            hint=f"The tables {flags.tables} hold what all sides know.",
        )
