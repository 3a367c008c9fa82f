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
                expected="left out where no --out names a folder for the world",
                found=" ".join(idle),
                hint="A report looks at all rows and writes no table; add --out or drop these.",
            )
    if "viewpoint" in typed and flags.tables != "events" and not flags.faults:
        raise invalid(
            Code.FIELD_VALUE,
            field="viewpoint",
            expected=f"left out with --tables {flags.tables}, where no --fault is asked for",
            found=flags.viewpoint,
            hint="These tables hold what all sides know; --tables events what one side knows.",
        )
    if flags.faults:
        _check_lines("format", "jsonl", flags.file_format, is_typed="file_format" in typed)
        packed = flags.compression or "none"
        _check_lines("compression", "none", packed, is_typed="compression" in typed)


def _check_lines(option: str, kept: str, asked: str, *, is_typed: bool) -> None:
    """Nothing, if a faulted stream is written as was asked: as lines of text, since some of them
    can be no row of a table.
    """
    if is_typed and asked != kept:
        raise invalid(
            Code.FIELD_VALUE,
            field=option,
            expected=f"{kept} or left out with --fault",
            found=asked,
            hint="A faulted stream is plain JSON lines. Write the tables by a command of their "
            "own: the same seed gives the same world.",
        )
