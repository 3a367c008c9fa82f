"""The commands on data: `ingest`, `features snapshot`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.output import notes, print_facts, print_json, print_table, progress_bar
from crivo.domain.errors import Code, Unfit, invalid
from crivo.domain.instant import format_rfc3339, parse_rfc3339

if TYPE_CHECKING:
    from crivo.flows.ingest import IngestResult
    from crivo.flows.mapping import Mapping
    from crivo.settings import Settings


def run_ingest(
    file: Path,
    mapping: Path | None,
    *,
    home: Path | None,
    log: str | None,
    until: str | None,
    received: str | None,
    clock: str | None,
    as_json: bool,
) -> None:
    """`crivo ingest`: exit code 1 where more is in quarantine than is let pass, or all of it.

    Raises:
        Unfit: as `check_few_refused`.
    """
    from crivo.domain.clock import ClockKind
    from crivo.settings import load_settings

    if clock is not None and clock not in set(ClockKind):
        raise invalid(Code.FIELD_VALUE, field="--clock", expected="wall or replay", found=clock)
    settings = load_settings(os.environ, home=home, log__clock=clock, log__url=log)
    before = None if until is None else parse_rfc3339(until, field="--until")
    receipt = None if received is None else parse_rfc3339(received, field="--received")
    result = _imported(settings, file, mapping, until=before, received_at=receipt)
    say_unnamed(result)
    if as_json:
        print_json(ingest_facts(result))
    else:
        _print_result(result, settings)
    check_few_refused(result, settings)


def _print_result(result: IngestResult, settings: Settings) -> None:
    facts = {"reports": f"{result.reports:,} appended"}
    if result.reports_later:
        facts["reports left out"] = (
            f"{result.reports_later:,}, known later than --until or the log's clock"
        )
    if result.later:
        facts["left out"] = f"{result.later:,} rows, received later than --until"
    print_facts(conservation_line(result), facts)
    if result.causes:
        from crivo.bootstrap.quarantine import listing

        rows = [(code, f"{count:,}") for code, count in result.causes.most_common()]
        heading = f"In quarantine (`{listing(settings)}` shows rows)"
        print_table(heading, ("cause", "rows"), rows)


def check_few_refused(result: IngestResult, settings: Settings) -> None:
    """Nothing, if no more was refused than the settings' share of what was received.

    Ten rows are let pass whatever the share, where others came in or are known.

    Raises:
        Unfit: IMPORT_REFUSED; all that was accepted is in the log.
    """
    from crivo.bootstrap.quarantine import listing
    from crivo.flows.unreadable import UNREADABLE_MIN

    is_all = result.quarantined == result.received
    let_pass = settings.ingest_refused_share_max * result.received
    if not is_all:
        let_pass = max(let_pass, UNREADABLE_MIN)
    if result.quarantined <= let_pass:
        return
    others = "none came in" if is_all else "the others are in the log"
    raise Unfit(
        Code.IMPORT_REFUSED,
        f"{result.quarantined:,} of {result.received:,} rows lie in quarantine; {others}",
        hint=f"`{listing(settings)}` shows them; mend the mapping or the rows, and import again: "
        "what is there is not doubled.",
        field="CRIVO_INGEST_REFUSED_SHARE_MAX",
        expected=f"at most {int(let_pass):,} of them",
        found=f"{result.quarantined:,}",
    )


def _imported(
    settings: Settings,
    file: Path,
    mapping: Path | None,
    *,
    until: int | None,
    received_at: int | None,
) -> IngestResult:
    """What became of a table or a folder of streams, or, without a mapping, of messages."""
    check_mapping_given(file, mapping)
    if mapping is None:
        from crivo.bootstrap.orders import import_orders

        with progress_bar("messages", unit="messages") as progress:
            return import_orders(
                settings, file, until=until, received_at=received_at, progress=progress
            )
    from crivo.bootstrap.offline import import_streams, import_table, read_mapping
    from crivo.flows.row_weights import check_unweighed

    described = read_mapping(mapping)
    check_described(file, described, received_at)
    check_unweighed(described)
    if described.told:
        with progress_bar("days", unit="days") as progress:
            return import_streams(settings, file, described, until=until, progress=progress)
    with progress_bar("rows", unit="rows") as progress:
        return import_table(
            settings, file, described, until=until, received_at=received_at, progress=progress
        )


def check_mapping_given(file: Path, mapping: Path | None) -> None:
    """Nothing, if a mapping is given of what has columns, and none of messages.

    Raises:
        Refused: FIELD_MISSING, FIELD_UNKNOWN.
    """
    is_message = file.suffix.lower() == ".xml"
    if mapping is None and file.is_file() and not is_message:
        raise invalid(
            Code.FIELD_MISSING,
            field="--mapping",
            expected="a mapping, of anything but messages of pacs.008 (.xml)",
            found=None,
        )
    if mapping is not None and is_message:
        raise invalid(
            Code.FIELD_UNKNOWN,
            field="--mapping",
            expected="left out: a message of pacs.008 says itself what is what",
            found=str(mapping),
        )


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


def check_described(file: Path, mapping: Mapping, received: int | None) -> None:
    """Nothing, if the mapping is of what was given: one table, or a folder of streams.

    Raises:
        Refused: FIELD_VALUE.
    """
    if mapping.told and received is not None:
        raise invalid(
            Code.FIELD_VALUE,
            field="--received",
            expected="one table: rows of streams have receipts of their own",
            found=format_rfc3339(received),
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
