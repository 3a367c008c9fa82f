"""The commands on data: `ingest`, `features snapshot`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.output import notes, print_facts, print_json, print_table, progress_bar
from crivo.domain.errors import Code, invalid
from crivo.domain.instant import parse_rfc3339

if TYPE_CHECKING:
    from crivo.flows.ingest import IngestResult
    from crivo.flows.mapping import Mapping


def run_ingest(
    file: Path,
    mapping: Path,
    *,
    home: Path | None,
    log: str | None,
    until: str | None,
    received: str | None,
    clock: str | None,
    as_json: bool,
) -> None:
    """`crivo ingest`."""
    from crivo.bootstrap.offline import import_streams, import_table, read_mapping
    from crivo.domain.clock import ClockKind
    from crivo.flows.row_weights import check_unweighed
    from crivo.settings import load_settings

    if clock is not None and clock not in set(ClockKind):
        raise invalid(Code.FIELD_VALUE, field="--clock", expected="wall or replay", found=clock)
    settings = load_settings(os.environ, home=home, log__clock=clock, log__url=log)
    before = None if until is None else parse_rfc3339(until, field="--until")
    receipt = None if received is None else parse_rfc3339(received, field="--received")
    described = read_mapping(mapping)
    check_described(file, described, received)
    check_unweighed(described)
    if described.told:
        with progress_bar("days", unit="days") as progress:
            result = import_streams(settings, file, described, until=before, progress=progress)
    else:
        with progress_bar("rows", unit="rows") as progress:
            result = import_table(
                settings, file, described, until=before, received_at=receipt, progress=progress
            )
    say_unnamed(result)
    if as_json:
        print_json(ingest_facts(result))
        return
    facts = {"reports": f"{result.reports:,} appended"}
    if result.reports_later:
        facts["reports left out"] = (
            f"{result.reports_later:,}, known later than --until or the log's clock"
        )
    if result.later:
        facts["left out"] = f"{result.later:,} rows, received later than --until"
    print_facts(conservation_line(result), facts)
    if result.causes:
        rows = [(code, f"{count:,}") for code, count in result.causes.most_common()]
        print_table("In quarantine (`crivo quarantine list` shows rows)", ("cause", "rows"), rows)


def ingest_facts(result: IngestResult) -> dict[str, object]:
    """The counts of an import, as JSON shows them."""
    return {
        "received": result.received,
        "accepted": result.accepted,
        "quarantined": result.quarantined,
        "duplicate": result.duplicate,
        "later": result.later,
        "reports": result.reports,
        "reports_duplicate": result.reports_duplicate,
        "reports_later": result.reports_later,
        "causes": {str(code): count for code, count in result.causes.items()},
        "unnamed_columns": list(result.unnamed),
    }


def say_unnamed(result: IngestResult) -> None:
    """A warning where a table has columns that its mapping does not name: the log has no place for
    them, and one may have been forgotten.
    """
    if result.unnamed:
        notes().print(
            f"Columns that the mapping does not name, and nothing learns from: "
            f"{', '.join(result.unnamed)}.",
            markup=False,
        )


def check_described(file: Path, mapping: Mapping, received: str | None) -> None:
    """Nothing, if the mapping is of what was given: one table, or a folder of streams.

    Raises:
        Refused: FIELD_VALUE.
    """
    if mapping.told and received is not None:
        raise invalid(
            Code.FIELD_VALUE,
            field="--received",
            expected="one table: rows of streams have receipts of their own",
            found=received,
        )
    if mapping.told and file.is_file():
        raise invalid(
            Code.FIELD_VALUE,
            field="FILE",
            expected="a folder of streams, for a mapping with sections [[told]]",
            found=file.name,
        )


def conservation_line(result: IngestResult) -> str:
    """Received = accepted + quarantined + duplicate, with the figures."""
    return (
        f"received {result.received:,} = accepted {result.accepted:,} + quarantined "
        f"{result.quarantined:,} + duplicate {result.duplicate:,}"
    )


def run_features_snapshot(*, home: Path | None, as_json: bool) -> None:
    """`crivo features snapshot`."""
    from crivo.bootstrap.offline import take_snapshot
    from crivo.settings import load_settings

    with progress_bar("events", unit="events") as progress:
        taken = take_snapshot(load_settings(os.environ, home=home), progress)
    if as_json:
        print_json(asdict(taken))
        return
    print_facts(
        f"State as of {taken.cut:,} events is kept",
        {
            "read": f"{taken.cut - taken.before:,} events after the former snapshot",
            "released": f"{taken.released:,} bytes that idle keys held",
        },
    )
