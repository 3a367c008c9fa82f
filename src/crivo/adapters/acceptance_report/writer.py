"""Writes an acceptance report into a folder: `acceptance.html`, `acceptance.json`, the plots."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from crivo.adapters.acceptance_report.page import page
from crivo.adapters.acceptance_report.plot import picture_of
from crivo.domain.errors import Code, Unavailable
from crivo.model.files import write_synced
from crivo.model.place import put_back, put_in_place, real_place, set_aside
from crivo.model.standing import Written, check_free
from crivo.simulator.acceptance.finding import Check, Outcome
from crivo.simulator.options import SimulationOptions

PAGE: Final = "acceptance.html"
DOCUMENT: Final = "acceptance.json"


def plot_name(check: Check) -> str:
    """The file of a check's plot."""
    return _plot_name(check.number)


def _plot_name(number: int) -> str:
    return f"check-{number:02d}.svg"


def document(
    options: SimulationOptions, transfers: int, outcomes: Sequence[Outcome]
) -> dict[str, object]:
    """The report as values of JSON."""
    return {
        "options": {
            "seed": options.seed,
            "start": options.start.isoformat(),
            "days": options.days,
            "past_days": options.past_days,
            "scale": str(options.scale),
            "prevalence": str(options.prevalence),
        },
        "transfers": transfers,
        "past_transfers": options.past_transfers,
        "window_transfers": options.window_transfers,
        "checks": [
            {
                "number": outcome.check.number,
                "name": outcome.check.name,
                "source": outcome.check.source,
                "tolerance": outcome.check.tolerance,
                "verdict": str(outcome.verdict),
                "remark": outcome.remark(transfers),
                "needed": outcome.needed(transfers),
                "sample_unit": outcome.check.sample_unit,
                "findings": [
                    {
                        "part": finding.part,
                        "unit": finding.unit,
                        "target": finding.target,
                        "low": finding.low,
                        "high": finding.high,
                        "found": finding.found,
                        "standard_error": finding.standard_error,
                        "verdict": str(finding.verdict),
                        "sample": transfers if finding.sample is None else finding.sample,
                        "needed": finding.needed(transfers),
                    }
                    for finding in outcome.findings
                ],
            }
            for outcome in outcomes
        ],
    }


class _Check(msgspec.Struct, frozen=True):
    number: int
    findings: list[object]


class _Document(msgspec.Struct, frozen=True):
    options: dict[str, object]
    transfers: int
    checks: list[_Check]


def _files(content: bytes) -> Collection[str]:
    checks = msgspec.json.decode(content, type=_Document).checks
    return [PAGE, *(_plot_name(check.number) for check in checks if check.findings)]


REPORT: Final = Written("report", DOCUMENT, _files)


def check_place(folder: Path, *, replace: bool) -> None:
    """Nothing, if a report can be written there: asked before the walk, which takes minutes.

    A folder is made beside it and removed.

    Args:
        folder: May exist if it is empty, or with `replace` if it holds a report.
        replace: Whether a report that lies there gives way, if nothing else lies there.

    Raises:
        Refused: FILE_UNWRITABLE where something else lies there.
        Unavailable: FILE_UNWRITABLE where the disk refuses.
    """
    with _made_aside(folder, replace=replace):
        pass


def write_report(
    folder: Path,
    options: SimulationOptions,
    transfers: int,
    outcomes: Sequence[Outcome],
    *,
    replace: bool = False,
) -> None:
    """Writes the report; until every file is whole and on disk, `folder` is as it was.

    Args:
        folder: Made; as `check_place` asks for.
        options: Of the world.
        transfers: That were walked through.
        outcomes: One for each check.
        replace: Whether a report that lies there gives way, if nothing else lies there.

    Raises:
        Refused: FILE_UNWRITABLE where something else lies there.
        Unavailable: FILE_UNWRITABLE where the disk refuses (full, read-only, no permission).
    """
    text = json.dumps(document(options, transfers, outcomes), indent=2) + "\n"
    contents = {PAGE: page(options, transfers, outcomes), DOCUMENT: text}
    for outcome in outcomes:
        if outcome.findings:
            contents[plot_name(outcome.check)] = picture_of(outcome) + "\n"
    with _made_aside(folder, replace=replace) as aside:
        for name, content in contents.items():
            write_synced(aside / name, content.encode())
        place = real_place(folder)
        put_in_place(aside, place, partial(check_free, place, REPORT, replace=replace))


@contextmanager
def _made_aside(folder: Path, *, replace: bool) -> Iterator[Path]:
    """A folder beside the report's, where that may be written."""
    place = real_place(folder)
    try:
        put_back(place)
        check_free(place, REPORT, replace=replace)
        with set_aside(place) as aside:
            yield aside
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"The report cannot be written to {folder}: {error.strerror or error}",
            hint="Make room or name another folder.",
            folder=str(folder),
        ) from error
