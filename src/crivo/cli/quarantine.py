"""The commands on what was refused: `quarantine list`, `show`, `replay`."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.cli.output import notes, print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import format_rfc3339
from crivo.flows.ports import QuarantinedRow


def run_quarantine_list(
    *, home: Path | None, log: str | None, limit: int, raw: bool, mended: bool, as_json: bool
) -> None:
    """`crivo quarantine list`; a row itself, which may name people, is shown with `raw` alone.

    With `mended` those too that came in since from another file.
    """
    from crivo.bootstrap.quarantine import quarantined
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=log)
    counts, rows = quarantined(settings, limit=limit, mended=mended)
    if as_json:
        shown = [_facts(row, raw=raw) for row in rows]
        print_json({"counts": {str(code): n for code, n in counts.items()}, "rows": shown})
        return
    print_table("Causes", ("cause", "rows"), [(code, f"{n:,}") for code, n in counts.items()])
    columns = (
        *("source", "data row", "cause", "field", "column", "expected", "found"),
        *("mended",) * mended,
    )
    print_table(
        "Rows (data row 1 is the one after a header; of a topic it is the offset)",
        (*columns, "raw") if raw else columns,
        [
            (r.source, r.row_number, r.code, r.field, r.column, r.expected, r.found)
            + (format_rfc3339(r.mended_at) if r.mended_at else "",) * mended
            + (r.raw,) * raw
            for r in rows
        ],
    )
    if not mended and settings.log.url is None:
        notes().print("A row leaves this list when it comes in mended under its own id: see --all.")


def run_quarantine_show(
    source: str, row: int, *, home: Path | None, log: str | None, raw: bool, as_json: bool
) -> None:
    """`crivo quarantine show`; what was refused, which may name people, with `raw` alone."""
    from crivo.bootstrap.quarantine import quarantined_row
    from crivo.settings import load_settings

    found = quarantined_row(load_settings(os.environ, home=home, log__url=log), source, row)
    facts = _facts(found, raw=raw)
    if as_json:
        print_json(facts)
        return
    del facts["source"], facts["row_number"]
    facts["at"] = format_rfc3339(found.at)
    print_facts(f"{found.source}, row {row}", {name: str(each) for name, each in facts.items()})


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
    facts["mended_at"] = format_rfc3339(row.mended_at) if row.mended_at else None
    return facts
