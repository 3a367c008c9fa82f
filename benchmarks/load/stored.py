"""Many decisions in a home: made over HTTP, copied in the table of decisions, asked for."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import httpx

from benchmarks.load.service import AFTER
from benchmarks.load.transfers import CUSTOMERS, bodies
from crivo.bootstrap.home import Paths
from crivo.cli.demo_server import Served
from crivo.domain.instant import DAY, SECOND, format_rfc3339

BATCH: Final = 1_000
_SECONDS_MAX: Final = 600.0

#: A copy of all decisions, later by whole turns of them. Ids begin with their minute, as they do.
_COPY: Final = """
INSERT INTO decisions (end_to_end_id, phase, seq, occurred_at, received_at, outcome, score,
    payer_id, amount_centavos, payee_id)
SELECT substr(end_to_end_id, 1, 9)
    || strftime('%Y%m%d%H%M', (occurred_at + :later) / 1000000, 'unixepoch')
    || printf('%05d', :copy) || substr(end_to_end_id, 27),
    phase, seq + :copy * :seqs, occurred_at + :later, received_at + :later, outcome, score,
    payer_id, amount_centavos, payee_id
FROM decisions WHERE seq <= :last ORDER BY seq LIMIT :limit
"""
_SPANS: Final = """
INSERT INTO spans SELECT span, min(received_at), max(received_at) FROM decisions WHERE true
GROUP BY span ON CONFLICT (span) DO UPDATE SET
    first_receipt = min(first_receipt, excluded.first_receipt),
    last_receipt = max(last_receipt, excluded.last_receipt)
"""


def decide(running: Served, *, count: int, seed: int) -> None:
    """Has so many transfers decided, a second apart, in batches.

    Raises:
        RuntimeError: one was not decided.
    """
    headers = {
        "authorization": f"Bearer {running.api_key}",
        "content-type": "application/json",
    }
    made = bodies(count, seed=seed, start=AFTER, gap=SECOND)
    with httpx.Client(base_url=running.address, trust_env=False, timeout=120) as client:
        while batch := [body for _, body in zip(range(BATCH), made, strict=False)]:
            content = b"[" + b",".join(batch) + b"]"
            answer = client.post("/v1/decisions:batch", content=content, headers=headers)
            answer.raise_for_status()
            statuses = {each["status"] for each in answer.json()}
            if statuses != {200}:
                raise RuntimeError(f"not every transfer was decided: {statuses}")


def wait_until_listed(home: Path, count: int) -> None:
    """Returns when the table of decisions holds so many.

    Raises:
        RuntimeError: it does not get there.
    """
    deadline = time.monotonic() + _SECONDS_MAX
    connection = apsw.Connection(str(Paths(home).decisions), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        # Each look is a transaction of its own: one around them all would see the first count.
        while time.monotonic() < deadline:
            ((found,),) = connection.execute("SELECT count(*) FROM decisions").fetchall()
            if found >= count:
                return
            time.sleep(0.2)
    finally:
        connection.close()
    raise RuntimeError(f"the table of decisions did not get to {count:,}")


def page_link(running: Served) -> str:
    """A path that opens the page once."""
    headers = {"authorization": f"Bearer {running.api_key}"}
    answer = httpx.post(f"{running.address}/v1/page-links", headers=headers, trust_env=False)
    answer.raise_for_status()
    return str(answer.json()["path"])


def fill(home: Path, wanted: int) -> tuple[int, int]:
    """Copies the decisions of the table until it holds `wanted`; the receipts it then spans.

    The table knows which number of the log it has reached, and that stays: nothing is read anew.
    """
    connection = apsw.Connection(str(Paths(home).decisions))
    connection.set_busy_timeout(60_000)
    ((count, first, last, begin, end),) = connection.execute(
        "SELECT count(*), min(seq), max(seq), min(received_at), max(received_at) FROM decisions"
    ).fetchall()
    copy, turn = 0, end - begin + SECOND
    while (missing := wanted - count * (copy + 1)) > 0:
        copy += 1
        with connection:
            connection.execute(
                _COPY,
                {
                    "copy": copy,
                    "later": copy * turn,
                    "seqs": last - first + 1,
                    "last": last,
                    "limit": min(missing, count),
                },
            )
    with connection:
        connection.execute(_SPANS)
    ((newest,),) = connection.execute("SELECT max(received_at) FROM decisions").fetchall()
    connection.close()
    return begin, newest


def questions(
    count: int, *, seed: int, span: tuple[int, int]
) -> Iterator[tuple[str, dict[str, str]]]:
    """So many questions of each kind to `GET /v1/decisions`, mixed; what comes first is warm-up."""
    dice = random.Random(seed)
    kinds = ["newest", "outcome", "payer", "payer and outcome", "unknown payer", "a day", "a hold"]
    asked = kinds * count
    dice.shuffle(asked)
    for kind in asked:
        day = dice.randrange(span[0], span[1])
        payer = f"account-{dice.randrange(CUSTOMERS)}"
        days = {"from": format_rfc3339(day), "to": format_rfc3339(day + DAY)}
        yield (
            kind,
            {
                "newest": {},
                "outcome": {"outcome": dice.choice(["ALLOW", "WARN", "STEP_UP", "HOLD"])},
                "payer": {"payer": payer},
                "payer and outcome": {"payer": payer, "outcome": "WARN"},
                "unknown payer": {"payer": f"nobody-{dice.random()}"},
                "a day": days,
                "a hold": {"outcome": "HOLD", **days},
            }[kind],
        )
