"""The commands on the lake: `crivo lake …`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crivo.cli.output import print_facts, print_json, print_table, progress_bar
from crivo.domain.errors import Code, invalid
from crivo.domain.instant import format_rfc3339, parse_rfc3339

if TYPE_CHECKING:
    from crivo.bootstrap.lake import LakeHouse, Tidied
    from crivo.flows.lake import Refined


def run_lake_refine(*, home: Path | None, log: str | None, as_json: bool) -> None:
    """`crivo lake refine`.

    Raises:
        As `LakeHouse.refine`.
    """
    with progress_bar("rows", unit="rows") as progress:
        done = _open(home, log).refine(progress=progress)
    _print_refined(done, as_json=as_json)


def run_lake_rebuild(layer: str, *, source: str, home: Path | None, as_json: bool) -> None:
    """`crivo lake rebuild silver --from bronze`.

    Raises:
        Refused: FIELD_VALUE for other layers. Else as `Refinery.rebuild`.
    """
    for field, found, expected in (("layer", layer, "silver"), ("--from", source, "bronze")):
        if found != expected:
            raise invalid(Code.FIELD_VALUE, field=field, expected=expected, found=found)
    with progress_bar("rows", unit="rows") as progress:
        done = _open(home).refinery.rebuild(progress=progress)
    _print_refined(done, as_json=as_json)


def run_lake_show(
    table: str,
    *,
    version: int | None,
    at: str | None,
    where: Sequence[str],
    limit: int,
    home: Path | None,
    as_json: bool,
) -> None:
    """`crivo lake show TABLE`.

    Raises:
        As `LakeHouse.rows`; Refused: FIELD_VALUE for a condition that is none.
    """
    conditions = _pairs(where, "--where")
    moment = None if at is None else _moment(at)
    is_version, rows = _open(home).rows(table, version=version, at=moment, where=conditions)
    shown = [
        {name: _text(cell) for name, cell in row.items()}
        for row in rows.slice(0, limit).to_pylist()
    ]
    if as_json:
        print_json({"table": table, "version": is_version, "rows": rows.num_rows, "shown": shown})
        return
    title = f"{table}, version {is_version}: {rows.num_rows:,} rows"
    print_table(title, rows.column_names, [list(row.values()) for row in shown])


def run_lake_lineage(
    table: str, *, key: Sequence[str], limit: int, home: Path | None, as_json: bool
) -> None:
    """`crivo lake lineage TABLE --key name=value`.

    Raises:
        As `LakeHouse.trace`; Refused: FIELD_VALUE for a key that is none.
    """
    origin = _open(home).trace(table, _pairs(key, "--key"))
    names = ("stream", "partition", "offset")
    if as_json:
        places = [dict(zip(names, place, strict=True)) for place in origin.places]
        print_json({"table": table, "events": places, "versions": dict(origin.versions)})
        return
    title = f"{table}: made of {len(origin.places):,} events of bronze"
    print_table(title, names, origin.places[:limit])


def run_lake_tables(*, home: Path | None, as_json: bool) -> None:
    """`crivo lake tables`.

    Raises:
        Unavailable: LAKE_UNAVAILABLE.
    """
    house = _open(home)
    found = []
    for each in house.tables():
        handle = house.lake.at(each)
        facts: dict[str, Any] = {"table": each.name, "version": handle.version}
        facts["retention_days"] = each.retention_days
        facts["rules"] = [f"{rule.column}: {rule.words}" for rule in each.rules]
        found.append(facts)
    if as_json:
        print_json({"tables": found})
        return
    rows = [[facts["table"], facts["version"], "; ".join(facts["rules"])] for facts in found]
    print_table("Tables of the lake", ("table", "version", "rules"), rows)


def run_lake_compact(*, home: Path | None, as_json: bool) -> None:
    """`crivo lake compact`.

    Raises:
        Unavailable: LAKE_UNAVAILABLE.
    """
    _print_tidied(_open(home).compact(), as_json=as_json)


def run_lake_vacuum(*, hours: int, home: Path | None, as_json: bool) -> None:
    """`crivo lake vacuum`.

    Raises:
        Unavailable: LAKE_UNAVAILABLE.
    """
    _print_tidied(_open(home).vacuum(hours=hours), as_json=as_json)


def _open(home: Path | None, log: str | None = None) -> LakeHouse:
    from crivo.bootstrap.lake import LakeHouse
    from crivo.settings import load_settings

    return LakeHouse(load_settings(os.environ, home=home, log__url=log))


def _print_refined(done: Refined, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    print_facts(
        f"{done.appended:,} records appended to bronze, {done.days:,} days refined",
        {
            "rows of these days": f"{done.rows:,}",
            "in silver": f"{done.silver:,}",
            "in quarantine": f"{done.quarantined:,}",
        },
    )


def _print_tidied(done: Sequence[Tidied], *, as_json: bool) -> None:
    if as_json:
        print_json({"tables": [asdict(each) for each in done]})
        return
    rows = [(each.table, f"{each.rows:,}", f"{each.files:,}") for each in done]
    print_table("What was removed", ("table", "rows", "files"), rows)


def _pairs(texts: Sequence[str], field: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise invalid(Code.FIELD_VALUE, field=field, expected="NAME=VALUE", found=text)
        found[name] = value
    return found


def _moment(text: str) -> str:
    """An instant as RFC 3339 has it; of a date, its midnight in UTC.

    Raises:
        Refused: TIME_INVALID, TIME_RANGE.
    """
    is_date = len(text) == len("2026-11-23")
    return format_rfc3339(parse_rfc3339(f"{text}T00:00:00Z" if is_date else text, field="--at"))


def _text(cell: object) -> object:
    return cell.hex() if isinstance(cell, bytes) else cell
