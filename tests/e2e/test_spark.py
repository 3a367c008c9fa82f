"""Spark on a real broker: the service's decisions and delta-rs's lake, though a driver is killed.

One job does for all of it, since a session of Spark takes long to start: on `local[2]` until its
driver is killed, and from there on, from the same checkpoint, on a standalone cluster of two
workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import closing

import pytest

from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.stored import KafkaStoredLog
from crivo.bootstrap.lake import payload_opener
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.arrow import arrow_schema
from crivo.flows.gold import QUALITY
from crivo.flows.refine import Refinery
from crivo.flows.silver import silver_tables
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE, PLACE
from tests.e2e.homes import ROOT, settings_of
from tests.e2e.spark_cluster import HOST, standalone
from tests.e2e.spark_jobs import job, told
from tests.integration.workers import answers, make_decided_home, served, waiting_of
from tests.lake.lakes import Rows, contents, lake_at, quiet
from tests.ports.kafka_logs import forget_space, new_space, open_log_in

pytestmark = pytest.mark.slow

ANSWERED = {Stream.DECISIONS.value, Stream.ALERTS.value}

#: Of each run, on a machine that does much else: what has come to a stop ends so.
SECONDS_MAX = 1_800


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, require_extra):
    """A standalone cluster of two workers of one core each."""
    with standalone(require_extra("spark"), tmp_path_factory.mktemp("cluster"), workers=2) as made:
        yield made


@pytest.fixture(scope="module")
def decided(tmp_path_factory, kafka, require_extra, spark_jars, cluster):
    """A home, and a log that Spark decided; its first driver was killed when it had published, and
    the second one, on the cluster, names its folders as they are called where it works.

    The log's second half comes when the first driver is gone: it may have decided all of the first.
    """
    python = require_extra("spark")
    home = make_decided_home(tmp_path_factory.mktemp("home"), 450)
    where = new_space(kafka.cluster)
    waiting = waiting_of(home)
    half = len(waiting) // 2
    append(where, waiting[:half])
    environ = told(home, spark_jars, SPARK__BATCH_RECORDS=200, SPARK__REFINE_BATCHES=2)
    until = time.monotonic() + SECONDS_MAX
    first = subprocess.Popen(
        job(python, "local[2]", where),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not published(where):
        assert first.poll() is None, first.communicate()[1][-4_000:]
        assert time.monotonic() < until, "the first driver published nothing"
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    append(where, waiting[half:])
    beside = {
        **environ,
        "CRIVO_HOME": home.name,
        "CRIVO_POLICY": os.path.relpath(ROOT / "policy", home.parent),
        "SPARK_LOCAL_IP": HOST,
    }
    second = subprocess.run(
        job(python, cluster.url, where),
        cwd=home.parent,
        env=beside,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert second.returncode == 0, second.stderr[-4_000:] + cluster.said()
    assert second.stdout.startswith("{"), second.stdout[:2000] + second.stderr[-3000:]
    yield home, where, json.loads(second.stdout)
    forget_space(where)


def append(where, events):
    """Lays events down as the log's one writer."""
    with closing(open_log_in(where)) as log:
        log.append(events)


def published(where):
    """How far the topic of decisions goes."""
    rank = STREAM_RANK[Stream.DECISIONS]
    return sum(end for (of, _), (_, end) in read_ends(where, 4).items() if of == rank)


def test_spark_decides_as_the_service_did_though_its_driver_was_killed(decided):
    home, where, said = decided
    derived, _ = answers(home, where)
    expected = served(home)
    assert len(expected) > 300
    assert derived == expected
    assert said["decided"] > 0
    assert said["records"] >= said["first_records"] > 0
    assert said["batches"] >= 2 and said["seconds"].keys() >= {"decide", "bronze", "refine"}
    # Sabotage: one other byte would be noticed.
    some = next(iter(expected))
    assert derived != {**expected, some: expected[some] + b"\x00"}


def idle(executors):
    """The workers whose executors ran no task to its end."""
    return {name for name, said in executors.items() if "Finished task" not in said}


def test_both_workers_of_a_standalone_cluster_had_a_part_in_it(decided, cluster):
    executors = cluster.executors()
    assert executors.keys() == {"worker-0", "worker-1"}
    assert idle(executors) == set()
    # Sabotage: a worker that did nothing would be noticed.
    assert idle({**executors, "worker-1": ""}) == {"worker-1"}


def taken(home, where):
    """The records of the log that Spark took into bronze, as another client reads them."""
    rows = lake_at(home / "lake").open(BRONZE).read(PLACE).to_pylist()
    places = {tuple(row.values()) for row in rows}
    assert len(places) == len(rows), "no record is twice in bronze"
    log = KafkaStoredLog(where)
    found = [row for some in log.rows_after({}, limit=10_000) for row in some]
    taken = [row for row in found if row[1:4] in places]
    assert len(taken) == len(places)
    # What was answered by the last batch comes with the next: of each partition the end is missing.
    newest = {row[1:3]: row[3] for row in taken}
    left = [row for row in found if row[1:4] not in places]
    assert all(row[1] in ANSWERED and row[3] > newest.get(row[1:3], -1) for row in left)
    assert {row[0] for row in taken if row[9] != "worker"} == {row[0] for row in found}
    return Rows(taken, log_id=log.manifest.log_id)


def refined_beside(home, rows, folder):
    """What a lake of these rows holds that delta-rs refined."""
    other = lake_at(folder)
    works = Refinery(other, silver_tables(), gold_tables(), payload_opener(settings_of(home)))
    works.append(rows, progress=quiet)
    works.refine(progress=quiet)
    return contents(other)


def assert_same_lake(home, expected):
    """Law: the job's lake is row by row the one of the same records by delta-rs."""
    found = contents(lake_at(home / "lake"))
    for logs in (found, expected):
        logs["bronze.logs"] = [row["log_id"] for row in logs["bronze.logs"]]
    assert {"silver.transfer", "silver.decision", "gold.account_profiles", "gold.quality"} <= set(
        expected
    )
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert found[name] == rows, name
    assert any(row["decisions"] for row in found["gold.transfers"])


def test_the_lake_by_spark_is_row_by_row_the_one_by_delta_rs(decided, tmp_path):
    home, where, _ = decided
    rows = taken(home, where)
    assert_same_lake(home, refined_beside(home, rows, tmp_path / "whole"))
    # Sabotage: a record that Spark lacked would be noticed.
    less = refined_beside(home, Rows(rows.rows[:-1], log_id=rows.log_id), tmp_path / "less")
    found = contents(lake_at(home / "lake"))
    assert {name for name in less if found[name] != less[name]} >= {"bronze.events", "gold.quality"}


def test_on_this_machine_a_job_refines_what_is_due_to_the_same_rows(
    decided, require_extra, spark_jars, tmp_path
):
    home, where, _ = decided
    quality = lake_at(home / "lake").open(QUALITY)
    assert quality.replace(arrow_schema(QUALITY).empty_table(), None), "now every day is due"
    done = subprocess.run(
        job(require_extra("spark"), "local[2]", where),
        env=told(home, spark_jars, SPARK__BATCH_RECORDS=300),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    assert json.loads(done.stdout)["decided"] == 0, "all was decided before"
    assert_same_lake(home, refined_beside(home, taken(home, where), tmp_path))
