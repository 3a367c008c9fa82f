"""A world whose first days are a service's past, and whose last days are what it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.load.service import DAYS, FIRST_DAY, MAPPING, crivo, prepare_home
from crivo.domain.instant import DAY, format_rfc3339, parse_rfc3339

#: Days of the world that are the service's past, and that are left to be asked for.
PAST_DAYS: Final = 11
ASKED_DAYS: Final = 3
#: Claims of one world come up to some months later, and an import must not reach back.
CLAIMS_END: Final = 120 * DAY

#: Columns of the world's table and the fields of a body that they become.
_FIELDS: Final = {
    "end_to_end_id": "end_to_end_id",
    "amount_centavos": "amount_centavos",
    "payer_account": "payer_account_id",
    "payee_account": "payee_account_id",
    "payee_key": "payee_key_id",
    "device": "device_id",
    "payer_ispb": "payer_ispb",
    "payee_ispb": "payee_ispb",
    "initiation": "initiation",
    "purpose": "purpose",
}


@dataclass(frozen=True, slots=True)
class Played:
    """A home with a past of `transfers` of `payers`, and a file of one JSON body a line."""

    home: Path
    bodies: Path
    count: int
    transfers: int
    payers: int


def prepare(folder: Path, *, scale: str) -> Played:
    """A home with a champion, whose log holds the first days of a world; the rest are its bodies.

    The champion learns from a small world of its own, since it wants weeks of labels, where the
    state wants many payers of few transfers each.
    """
    home, world, past = prepare_home(folder, scale="1.8"), folder / "state", folder / "past.parquet"
    first = parse_rfc3339(f"{FIRST_DAY}T03:00:00Z") + DAYS * DAY + CLAIMS_END
    simulate = ["simulate", "--out", str(world), "--days", str(PAST_DAYS + ASKED_DAYS), "--start"]
    simulate += [format_rfc3339(first)[:10], "--past-days", "0", "--tables", "platform"]
    crivo(home, *simulate, "--format", "parquet", "--scale", scale)
    table = pq.read_table(world / "transfers.parquet")
    cut = datetime.fromtimestamp((first + PAST_DAYS * DAY) / 1e6, tz=UTC)
    is_past = pc.less(table["occurred_at"], cut)
    before = table.filter(is_past)
    pq.write_table(before, past)
    crivo(home, "ingest", str(past), "--mapping", str(MAPPING))
    asked = table.filter(pc.invert(is_past)).sort_by("occurred_at")
    bodies = folder / "bodies.jsonl"
    with bodies.open("w", encoding="utf-8") as out:
        for row in asked.to_pylist():
            out.write(json.dumps(_body(row)) + "\n")
    payers = len(before["payer_account"].unique())
    return Played(home, bodies, asked.num_rows, before.num_rows, payers)


def _body(row: dict[str, Any]) -> dict[str, object]:
    body = {field: row[column] for column, field in _FIELDS.items() if row[column] is not None}
    # Microseconds since 1970, in integers: a float of them is not exact.
    since = row["occurred_at"] - datetime(1970, 1, 1, tzinfo=UTC)
    instant = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return {**body, "occurred_at": format_rfc3339(instant), "received_at": format_rfc3339(instant)}
