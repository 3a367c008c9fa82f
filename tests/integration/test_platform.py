"""The platform as real processes: up, parts killed and begun anew, decided through, and down."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest

from crivo.adapters.kafka.client import Cluster, patiently
from crivo.adapters.kafka.tail import read_answers
from crivo.adapters.processes.supervisor import Part, Supervisor, read_state
from crivo.bootstrap.home import Paths, record_cipher
from crivo.bootstrap.platform import PARTITIONS
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Unavailable
from crivo.governance.record_cipher import Rotation
from crivo.lake.table import BRONZE
from tests.e2e.homes import KEY, environment, make_home
from tests.e2e.test_relay import ask, decisions, is_same, passed_on
from tests.integration.commands import crivo
from tests.integration.inboxes import body, id_of, produce, record
from tests.lake.lakes import lake_at
from tests.outages import SECONDS_MAX, await_so

pytestmark = pytest.mark.slow

BROKERS = ("broker-1", "broker-2", "broker-3")
#: No transfer is appended twice.
NUMBERS = itertools.count()


def platform(home, *command, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "crivo", "platform", *command, "--home", str(home), "--json"],
        env={**os.environ, **environment(home)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else json.loads(done.stdout)


def asked_for_status(home):
    """The exit code of `crivo platform status`, as another process has it."""
    command = [sys.executable, "-m", "crivo", "platform", "status", "--home", str(home)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def parts_of(home):
    return {part["name"]: part for part in read_state(home / "platform")["parts"]}


def is_alive(pid):
    """Whether it runs: who has ended may wait for its parent to hear of it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def options(kafka, require_extra, spark_jars):
    """Those of a platform with all of its parts."""
    spark, mlflow = (require_extra(each).parent for each in ("spark", "mlflow"))
    programs = ("--spark", str(spark / "crivo"), "--mlflow", str(mlflow / "mlflow"))
    return ("--brokers", "3", "--jars", str(kafka.jars), *programs)


@pytest.fixture
def home(tmp_path, options):
    """The home of a platform that is up, with all of its parts; it is down at the end."""
    folder = make_home(tmp_path / "home")
    platform(folder, "up", *options)
    try:
        yield folder
    finally:
        last = parts_of(folder)
        assert platform(folder, "down") == {"was_up": True, "orphans": []}
    assert not [part["name"] for part in last.values() if is_alive(part["pid"])]


@pytest.fixture
def cluster(home):
    """The log in Kafka: the service's own, whose inbox worker and job decide."""
    parts = parts_of(home)
    return Cluster(",".join(parts[name]["address"] for name in BROKERS))


def produced(cluster, count):
    """The ids of so many new transfers that somebody has produced to the inbox."""
    numbers = [next(NUMBERS) for _ in range(count)]
    produce(cluster, *(record(body(number)) for number in numbers))
    return {id_of(number) for number in numbers}


def answered(home, cluster):
    """How often each transfer of the log in Kafka was answered, by its id."""
    cipher = record_cipher(Paths(home), Rotation())
    # Where a broker has just ended, the others are asked again.
    patient = replace(cluster, outage_seconds=SECONDS_MAX)
    found = patiently(patient, partial(read_answers, patient, range(PARTITIONS), cipher))
    return Counter(
        decode_record(event.payload).end_to_end_id
        for _, event in found
        if event.schema == "decision.v1"
    )


def begun_anew(home, before):
    """Which parts were begun anew since, and answer."""
    now = parts_of(home)
    assert now.keys() == before.keys()
    return {
        name
        for name, part in now.items()
        if part["restarts"] > before[name]["restarts"] and part["healthy"]
    }


def nobody_else_keeps_the_parts_up(home, options):
    # On a machine that does much else a part may be slow to answer just now.
    await_so(lambda: all(part["healthy"] for part in parts_of(home).values()))
    found = read_state(home / "platform")
    assert [part["name"] for part in found["parts"]] == [
        *BROKERS,
        "worker",
        "service",
        "spark",
        "mlflow",
    ]
    for part in found["parts"]:
        said = Path(part["log"])
        assert (said.parent, said.is_file()) == (home / "platform", True)
    assert "LOG_LOCKED" in platform(home, "up", *options, code=3)


def of_each_record_two_of_three_brokers_have_it(capsys, monkeypatch, cluster):
    monkeypatch.setenv("CRIVO_LOG__URL", f"kafka://{cluster.brokers}")
    monkeypatch.setenv("CRIVO_LOG__PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("CRIVO_KAFKA__REPLICAS", "3")
    monkeypatch.setenv("CRIVO_KAFKA__IN_SYNC_MIN", "2")
    said = crivo(capsys, "topics", "diff")
    assert said.code == 0, said.out
    monkeypatch.setenv("CRIVO_KAFKA__IN_SYNC_MIN", "1")
    assert crivo(capsys, "topics", "diff").code == 1


def who_is_killed_comes_again_while_the_platform_decides(home, cluster, name):
    before = parts_of(home)
    asked = produced(cluster, 5)
    await_so(lambda: answered(home, cluster).keys() >= asked)
    os.kill(before[name]["pid"], signal.SIGKILL)
    for _ in range(10):
        asked |= produced(cluster, 5)
        time.sleep(0.2)
    await_so(lambda: begun_anew(home, before) == {name})
    asked |= produced(cluster, 5)
    await_so(lambda: answered(home, cluster).keys() >= asked)
    after = parts_of(home)
    assert after[name]["pid"] != before[name]["pid"]
    assert {each for each in after if after[each]["pid"] != before[each]["pid"]} == {name}


def the_job_of_spark_decides_beside_the_worker_and_lays_its_log_down(home, cluster):
    asked = produced(cluster, 20)
    await_so(lambda: all(answered(home, cluster)[id_] >= 2 for id_ in asked))
    lake = lake_at(home / "platform" / "lake")
    await_so(lambda: sum(lake.open(BRONZE).counts().values()) >= len(asked))
    assert not (home / "lake").exists(), "the home's own lake is of the service's file"


def what_is_decided_over_http_reaches_the_brokers(home, cluster):
    address = parts_of(home)["service"]["address"]
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(
        base_url=address, headers=headers, timeout=SECONDS_MAX, trust_env=False
    ) as client:
        for number in range(20):
            answer = ask(client, number)
            assert answer.status_code == 200, answer.text
    await_so(lambda: is_same(home, cluster))
    assert decisions(passed_on(cluster)) == 20


def mlflow_answers_and_status_tells_when_it_does_not(home):
    mlflow = parts_of(home)["mlflow"]
    asked = f"{mlflow['address']}/api/2.0/mlflow/experiments/search"
    found = httpx.post(asked, json={"max_results": 9}, timeout=SECONDS_MAX, trust_env=False)
    assert [each["name"] for each in found.json()["experiments"]] == ["Default"]
    assert (home / "mlflow" / "mlflow.db").is_file()
    os.killpg(mlflow["pid"], signal.SIGSTOP)
    try:
        await_so(lambda: not parts_of(home)["mlflow"]["healthy"])
        said = platform(home, "status", code=1)
        assert "mlflow" in said.partition("these do not answer: ")[2]
    finally:
        os.killpg(mlflow["pid"], signal.SIGCONT)
    await_so(lambda: asked_for_status(home) == 0)
    assert parts_of(home)["mlflow"]["pid"] == mlflow["pid"], "it was left alone"


def test_the_platform_keeps_all_of_its_parts_up_and_decides(
    subtests, capsys, monkeypatch, home, cluster, options
):
    """One platform does for all of it, since it is long in coming up."""
    with subtests.test("nobody else keeps the parts up"):
        nobody_else_keeps_the_parts_up(home, options)
    for name in ("broker-2", "service", "worker"):
        with subtests.test("who is killed comes again", name=name):
            who_is_killed_comes_again_while_the_platform_decides(home, cluster, name)
    with subtests.test("what is decided over HTTP reaches the brokers"):
        what_is_decided_over_http_reaches_the_brokers(home, cluster)
    with subtests.test("Spark decides beside the worker"):
        the_job_of_spark_decides_beside_the_worker_and_lays_its_log_down(home, cluster)
    with subtests.test("MLflow answers, and status tells when it does not"):
        mlflow_answers_and_status_tells_when_it_does_not(home)
    with subtests.test("two of three brokers have each record"):
        of_each_record_two_of_three_brokers_have_it(capsys, monkeypatch, cluster)


def test_where_no_platform_is_up_status_and_down_say_so(tmp_path):
    home = make_home(tmp_path / "home")
    assert "no platform is up" in platform(home, "status", code=1)
    assert platform(home, "down") == {"was_up": False, "orphans": []}


@pytest.mark.parametrize("extra", ["spark", "mlflow"])
def test_a_part_that_is_not_installed_is_named_with_its_extra(capsys, tmp_path, extra):
    home = make_home(tmp_path / "home")
    said = crivo(capsys, "platform", "up", "--home", home, f"--{extra}", tmp_path / "nothing")
    assert (said.code, f"make extra NAME={extra}" in said.err) == (2, True), said.err
    assert not (home / "platform").exists()


def test_a_client_of_kafka_that_is_not_installed_is_named_with_its_extra(tmp_path):
    home = make_home(tmp_path / "home")
    without = "import sys; sys.modules['confluent_kafka'] = None; from crivo.cli.main import main"
    done = subprocess.run(
        [sys.executable, "-c", f"{without}; main()", "platform", "up", "--home", str(home)],
        env={**os.environ, **environment(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "make extra NAME=kafka" in done.stderr) == (2, True), done.stderr


def part(name, *command, is_healthy, folder=None):
    return Part(name, command, "nowhere", is_healthy, folder=folder)


def test_a_part_that_ends_at_once_is_named_with_what_it_said(tmp_path):
    supervisor = Supervisor(tmp_path)
    try:
        with pytest.raises(Unavailable, match="no such luck") as raised:
            supervisor.start(
                part("bad", "sh", "-c", "echo no such luck; exit 3", is_healthy=lambda: False)
            )
        assert raised.value.code is Code.NOT_READY
        with pytest.raises(Unavailable) as raised:
            Supervisor(tmp_path)
        assert raised.value.code is Code.LOG_LOCKED
    finally:
        supervisor.stop()
    assert read_state(tmp_path) is None


def test_a_part_that_does_not_listen_to_its_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("crivo.adapters.processes.supervisor.STOP_SECONDS_MAX", 0.3)
    deaf, ready = "trap '' TERM; touch ready; while :; do sleep 0.05; done", tmp_path / "ready"
    supervisor = Supervisor(tmp_path)
    supervisor.start(part("deaf", "sh", "-c", deaf, is_healthy=ready.exists, folder=tmp_path))
    seen = []

    def should_stop():
        seen.append(read_state(tmp_path))
        return len(seen) > 1

    supervisor.watch(should_stop)
    supervisor.stop()
    assert not is_alive(seen[-1]["parts"][0]["pid"])


def test_parts_end_in_the_order_opposite_to_their_beginning(tmp_path):
    def noting(name):
        ready = tmp_path / f"{name}-is-ready"
        words = f"trap 'echo {name} >> ended; exit' TERM; touch {ready}; while :; do sleep 0.05; "
        return part(name, "sh", "-c", f"{words}done", is_healthy=ready.exists, folder=tmp_path)

    supervisor = Supervisor(tmp_path)
    for name in ("first", "second", "third"):
        supervisor.start(noting(name))
    supervisor.stop()
    assert (tmp_path / "ended").read_text().split() == ["third", "second", "first"]


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
def test_what_a_part_had_begun_itself_ends_with_it(tmp_path, is_killed):
    """Else it would hold the port that the part needs when it is begun anew."""
    left = tmp_path / "left"
    words = "sleep 600 & echo $! >> left; wait"
    supervisor = Supervisor(tmp_path)
    begun = part("parent", "sh", "-c", words, is_healthy=left.exists, folder=tmp_path)
    supervisor.start(begun)
    seen = []

    def should_stop():
        seen.extend(read_state(tmp_path)["parts"] if (tmp_path / "state.json").exists() else [])
        if is_killed and len(seen) == 1:
            os.kill(seen[0]["pid"], signal.SIGKILL)
        return bool(seen) and (not is_killed or seen[-1]["restarts"] > 0)

    supervisor.watch(should_stop)
    first, *again = map(int, left.read_text().split())
    assert is_alive(first) != is_killed
    supervisor.stop()
    await_so(lambda: not any(map(is_alive, (first, *again))))
