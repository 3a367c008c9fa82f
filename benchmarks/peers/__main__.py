"""One peer on the rows of a file, in an environment of its own: prints JSON for `benchmarks`.

    python -m benchmarks.peers NAME ROWS.npy

The rows are transfers in the order in which they happened: an instant (microseconds), payer, payee
and pair as integers, an amount. Each peer makes the same 18 columns: count and sum of the amounts,
over three windows that leave out both of their ends, for three entities.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

import numpy as np

WINDOWS_MINUTES: Final = (10, 60, 1_440)
ENTITIES: Final = ("payer", "payee", "pair")

Columns = Mapping[str, np.ndarray[Any, Any]]
#: (seconds, the sum of all counts and all sums): what a peer took, and whether it agrees.
Found = tuple[float, int]


def with_pandas(columns: Columns) -> Found:
    """Grouped rolling windows of pandas."""
    import pandas

    frame = pandas.DataFrame(dict(columns))
    frame["instant"] = pandas.to_datetime(frame["instant"], unit="us")
    begun, total = time.process_time(), 0
    for entity in ENTITIES:
        grouped = frame.groupby(entity, sort=False)
        for minutes in WINDOWS_MINUTES:
            rolled = grouped.rolling(f"{minutes}min", on="instant", closed="neither")["amount"]
            total += int(rolled.count().fillna(0).sum()) + int(rolled.sum().fillna(0).sum())
    return time.process_time() - begun, total


def with_polars(columns: Columns) -> Found:
    """Rolling groups of Polars."""
    import polars

    frame = polars.DataFrame(dict(columns))
    begun, total = time.process_time(), 0
    for entity in ENTITIES:
        ordered = frame.sort(entity, "instant")
        for minutes in WINDOWS_MINUTES:
            made = ordered.rolling(
                "instant", period=f"{minutes * 60_000_000}i", closed="none", group_by=entity
            ).agg(polars.len().alias("count"), polars.col("amount").sum().alias("sum"))
            total += int(made["count"].sum()) + int(made["sum"].sum())
    return time.process_time() - begun, total


def with_duckdb(columns: Columns) -> Found:
    """Window functions of DuckDB, one query."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    names = ", ".join(columns)
    connection.register("given", dict(columns))
    connection.execute(f"CREATE TABLE transfers AS SELECT {names} FROM given")  # noqa: S608
    parts = []
    for entity in ENTITIES:
        for minutes in WINDOWS_MINUTES:
            window = (
                f"OVER (PARTITION BY {entity} ORDER BY instant RANGE BETWEEN "
                f"{minutes * 60_000_000 - 1} PRECEDING AND 1 PRECEDING)"
            )
            parts += [f"count(*) {window}", f"coalesce(sum(amount) {window}, 0)"]
    made = ", ".join(f"{part} AS c{place}" for place, part in enumerate(parts))
    whole = " + ".join(f"sum(c{place})" for place in range(len(parts)))
    begun = time.process_time()
    query = f"SELECT {whole} FROM (SELECT {made} FROM transfers)"  # noqa: S608
    (total,) = connection.execute(query).fetchall()[0]
    return time.process_time() - begun, int(total)


def with_river(columns: Columns) -> Found:
    """Rolling statistics of River, event by event. Its windows drop old events when one comes."""
    from river import stats, utils

    periods = [timedelta(minutes=minutes) for minutes in WINDOWS_MINUTES]
    windows: dict[tuple[str, int], list[Any]] = {}
    at = [
        datetime.fromtimestamp(0) + timedelta(microseconds=t) for t in columns["instant"].tolist()
    ]
    amounts = columns["amount"].tolist()
    keys = [(entity, columns[entity].tolist()) for entity in ENTITIES]
    begun, total = time.process_time(), 0
    for place, (instant, amount) in enumerate(zip(at, amounts, strict=True)):
        for entity, ids in keys:
            own = windows.get((entity, ids[place]))
            if own is None:
                own = windows[entity, ids[place]] = [
                    utils.TimeRolling(stats.Sum, period=period) for period in periods * 2
                ]
            for number, window in enumerate(own):
                total += int(window.get())
                window.update(amount if number < len(periods) else 1, t=instant)
    return time.process_time() - begun, total


PEERS: Final[Mapping[str, Callable[[Columns], Found]]] = {
    "duckdb": with_duckdb,
    "pandas": with_pandas,
    "polars": with_polars,
    "river": with_river,
}


def main(name: str, path: str) -> None:
    """Prints what the peer took."""
    rows = np.load(path, allow_pickle=False)
    columns = {column: np.ascontiguousarray(rows[column]) for column in rows.dtype.names}
    seconds, total = PEERS[name](columns)
    print(json.dumps({"seconds": seconds, "total": total, "version": version(name)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
