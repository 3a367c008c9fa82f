"""Tables that nobody here made go through the whole product, over its command line and HTTP."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from crivo.cli.demo_server import served

pytestmark = pytest.mark.slow

#: The stated slice of the Handbook: one customer in five, eight weeks, the first played day.
CUSTOMERS = 1_000
FROM, TO = dt.datetime(2018, 6, 14), dt.datetime(2018, 8, 9)


def crivo(root: Path, *arguments: str) -> Any:
    """What a command prints as JSON."""
    answer = subprocess.run(
        [sys.executable, "-m", "crivo", *arguments, "--json"],
        cwd=root,
        env={name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_day_of_the_handbook_is_decided_ranked_and_replayed(
    root: Path, data: Path, tmp_path: Path
) -> None:
    table = pq.read_table(data / "handbook" / "simulated_raw.parquet")
    ids = pc.cast(table["CUSTOMER_ID"], "int64")
    times = pc.cast(table["TX_DATETIME"], "timestamp[us]")
    kept = pc.and_(
        pc.less(ids, CUSTOMERS), pc.and_(pc.greater_equal(times, FROM), pc.less(times, TO))
    )
    pq.write_table(table.filter(kept), tmp_path / "slice.parquet")
    mapping = str(root / "mappings" / "handbook.toml")
    home = ("--home", str(tmp_path / "home"))
    found = crivo(
        root,
        "demo",
        "--data",
        str(tmp_path / "slice.parquet"),
        "--mapping",
        mapping,
        *home,
        "--no-stay",
    )
    played = found["quality"]["transfers"]
    assert played > 1_000
    assert found["decided"] + sum(found["refused"].values()) == played
    assert found["conserved"]
    assert found["replay"] == {"compared": found["decided"], "differing": 0, "other_version": 0}
    # On this slice 0.43 was measured, with 17 frauds: half of it is far from chance (0.009) and
    # from what such few frauds may cost.
    assert found["quality"]["average_precision"] > 0.2


def test_card_rows_train_a_model_that_answers_predict(
    root: Path, data: Path, tmp_path: Path
) -> None:
    table = data / "ulb" / "ulb_subset.parquet"
    mapping = str(root / "mappings" / "ulb.toml")
    home = ("--home", str(tmp_path / "home"))
    trained = crivo(root, "train", "--data", str(table), "--mapping", mapping, *home)
    assert trained["became_champion"]
    rows = pq.read_table(table)
    fraud = rows.filter(pc.equal(rows["Class"], 1)).slice(0, 1).to_pylist()[0]
    names = [f"V{number}" for number in range(1, 29)] + ["Amount"]
    with served(tmp_path / "home", port=0, environ=os.environ) as service:
        status, answer = post(service, "/predict", {name: float(fraud[name]) for name in names})
        assert status == 200, answer
        assert 0 <= answer["score"] <= 10**9
        status, problem = post(service, "/predict", {"V1": 0.0})
        assert (status, problem["code"], problem["field"]) == (422, "FIELD_MISSING", "rows[0].V2")
        status, problem = post(service, "/v1/decisions", DECISION)
        assert (status, problem["code"]) == (409, "MODEL_NOT_FOR_TRANSFERS")


DECISION = {
    "end_to_end_id": "E00038166202611231200abcdefghijk",
    "occurred_at": "2026-11-23T12:00:00Z",
    "amount_centavos": 100,
    "payer_account_id": "1",
    "payee_account_id": "2",
}


def post(service: Any, path: str, body: dict[str, object]) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    request = urllib.request.Request(
        service.address + path,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {service.api_key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
