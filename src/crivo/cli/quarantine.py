"""The commands on what was refused: `quarantine list`, `show`, `dismiss`, `replay`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from crivo.cli.output import notes, print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import format_rfc3339
from crivo.flows.ports import QuarantinedRow


def run_quarantine_list(
    *, home: Path | None, log: str | None, limit: int, raw: bool, settled: bool, as_json: bool
) -> None:
    """`crivo quarantine list`; a row itself, which may name people, is shown with `raw` alone.

    With `settled` those too that came in since from another file, or were dismissed.

    Raises:
        CrivoError: why some could not be opened; all that is readable of them was shown.
    """
    from crivo.bootstrap.quarantine import quarantined
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=log)
    counts, rows = quarantined(settings, limit=limit, settled=settled)
    if as_json:
        shown = [_facts(row, raw=raw) for row in rows]
        print_json({"counts": {str(code): n for code, n in counts.items()}, "rows": shown})
    else:
        _print_rows(counts, rows, raw=raw, settled=settled)
    if unopened := next((row.unopened for row in rows if row.unopened is not None), None):
        raise unopened


def _print_rows(
    counts: Mapping[Code, int], rows: Sequence[QuarantinedRow], *, raw: bool, settled: bool
) -> None:
    print_table("Causes", ("cause", "rows"), [(code, f"{n:,}") for code, n in counts.items()])
    columns = (
        *("source", "data row", "cause", "field", "column", "expected", "found"),
        *("mended", "dismissed", "by") * settled,
    )
    print_table(
        "Rows (data row 1 is the one after a header; of a topic it is the offset)",
        (*columns, "raw") if raw else columns,
        [
            (r.source, r.row_number, r.code, r.field, r.column, r.expected, r.found)
            + (_when(r.mended_at) or "", _when(r.dismissed_at) or "", r.dismissed_by) * settled
            + (r.raw,) * raw
            for r in rows
        ],
    )
    if not settled:
        notes().print(
            "A file's row leaves this list when it comes in mended under its own id, or by "
            "`crivo quarantine dismiss`: see --all."
        )


def run_quarantine_show(
    source: str, row: int, *, home: Path | None, log: str | None, raw: bool, as_json: bool
) -> None:
    """`crivo quarantine show`; what was refused, which may name people, with `raw` alone.

    Raises:
        CrivoError: why it could not be opened.
    """
    from crivo.bootstrap.quarantine import quarantined_row
    from crivo.settings import load_settings

    found = quarantined_row(load_settings(os.environ, home=home, log__url=log), source, row)
    if found.unopened is not None:
        raise found.unopened
    facts = _facts(found, raw=raw)
    if as_json:
        print_json(facts)
        return
    del facts["source"], facts["row_number"], facts["unopened"]
    facts["at"] = format_rfc3339(found.at)
    print_facts(f"{found.source}, row {row}", {name: str(each) for name, each in facts.items()})


def run_quarantine_dismiss(
    source: str, row: int, *, by: str, home: Path | None, log: str | None, as_json: bool
) -> None:
    """`crivo quarantine dismiss`."""
    from crivo.bootstrap.quarantine import dismiss_row
    from crivo.settings import load_settings

    found = dismiss_row(load_settings(os.environ, home=home, log__url=log), source, row, by=by)
    if as_json:
        print_json(_facts(found, raw=False))
        return
    print_facts(
        f"{found.source}, row {row}",
        {"cause": str(found.code), "dismissed": str(_when(found.dismissed_at)), "by": by.strip()},
    )


def run_quarantine_replay(
    source: str | None, *, home: Path | None, log: str | None, as_json: bool
) -> None:
    """`crivo quarantine replay`.

    Raises:
        Unfit: ROW_MALFORMED where some are no events still; the others are appended.
    """
    from crivo.bootstrap.quarantine import readmit_dead_letters
    from crivo.settings import load_settings

    done = readmit_dead_letters(load_settings(os.environ, home=home, log__url=log), source)
    refused = [(where, refusal.code, str(refusal)) for where, refusal in done.refused]
    if as_json:
        names = ("where", "code", "words")
        print_json(
            {
                "received": done.received,
                "appended": done.appended,
                "duplicate": done.duplicate,
                "refused": [dict(zip(names, each, strict=True)) for each in refused],
            }
        )
    else:
        print_facts(
            f"received {done.received:,} = appended {done.appended:,} + duplicate "
            f"{done.duplicate:,} + refused {len(refused):,}",
            {where: words for where, _, words in refused},
        )
    if refused:
        raise Unfit(
            Code.ROW_MALFORMED,
            f"{len(refused)} of {done.received} dead letters are no events still",
            hint="A newer release may read them; else whoever produced them sends them anew.",
        )


def _facts(row: QuarantinedRow, *, raw: bool) -> dict[str, object]:
    names = [name for name in QuarantinedRow.__slots__ if raw or name != "raw"]
    facts = {name: getattr(row, name) for name in names if name != "identity"}
    facts["unopened"] = None if row.unopened is None else row.unopened.code
    facts["mended_at"], facts["dismissed_at"] = _when(row.mended_at), _when(row.dismissed_at)
    return facts


def _when(instant: int) -> str | None:
    return format_rfc3339(instant) if instant else None
