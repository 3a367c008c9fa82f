"""Containers run what `crivo platform up` runs, in its order, and are built of what is here."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from crivo.adapters.kafka.brokers import PROPERTIES
from crivo.bootstrap.platform import HOST, PARTITIONS, Platform, parts_beside
from crivo.settings import load_settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

URL, HOME, PORT = "kafka://127.0.0.1:19092", Path("/home-of-the-platform"), 18000
JARS = "/jars-of-spark"
#: What differs between processes on one machine and containers.
BROKER, INSIDE, EVERYWHERE = "kafka://broker-1:9092", "/var/lib/crivo", "0.0.0.0"
MOVED = ((URL, BROKER), (str(HOME), INSIDE), (JARS, "/opt/spark"), (HOST, EVERYWHERE))
#: What makes the log and its topics before anything is written, and ends.
MADE = ("log",)
#: Settings of a broker that say where it lies and listens.
PLACES = {"controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"}


@pytest.fixture
def compose():
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


@pytest.fixture
def parts():
    platform = Platform(1, Path("jars"), port=PORT, spark=Path("crivo"), mlflow=Path("mlflow"))
    return parts_beside(load_settings({}, home=HOME, spark__jars=JARS), platform, URL)


def published(service):
    """The one port of a container, which this machine alone reaches."""
    (port,) = service["ports"]
    host, outside, inside = port.split(":")
    assert (host, outside) == (HOST, inside), "nobody else reaches it"
    return inside


def assert_runs(service, part):
    """Law: a container's command, settings and sign of health are the process's."""
    inside = published(service)
    (address,) = part.is_healthy.args
    port = str(urlsplit(address).port)

    def moved(text):
        for here, there in MOVED:
            text = text.replace(here, there)
        return inside if text == port else text

    words = part.command[3:] if part.command[0] == sys.executable else part.command[1:]
    program = part.command[2] if part.command[0] == sys.executable else Path(part.command[0]).name
    assert service.get("entrypoint", ["crivo"]) == [program]
    assert service["command"] == [moved(each) for each in words]
    assert service.get("environment", {}) == {k: moved(v) for k, v in part.environment.items()}
    path = urlsplit(address).path
    assert f"'http://{HOST}:{inside}{path}'" in service["healthcheck"]["test"][-1]


def assert_all_run(compose, parts):
    assert list(compose["services"]) == ["broker-1", *MADE, *(part.name for part in parts)]
    for part in parts:
        assert_runs(compose["services"][part.name], part)


def test_containers_run_what_the_platform_runs(compose, parts):
    assert [part.name for part in parts] == ["worker", "service", "spark", "mlflow"]
    assert_all_run(compose, parts)
    # Brokers let go of a log's beginning: who decides it begins with what it has kept of that.
    assert not [part.name for part in parts if "CRIVO_SNAPSHOTS__ENABLED" in part.environment]


def parts_without(*left_out):
    """The parts of a platform, and what its service is told, without some of what it may run."""
    platform = Platform(1, Path("jars"), port=PORT, **dict.fromkeys(left_out, False))
    found = parts_beside(load_settings({}, home=HOME), platform, URL)
    (service,) = (part for part in found if part.name == "service")
    return [part.name for part in found], dict(service.environment)


def test_a_part_that_is_not_wanted_is_not_run():
    relayed = {"CRIVO_RELAY__URL": URL, "CRIVO_RELAY__INBOX": "true"}
    untaken = {**relayed, "CRIVO_RELAY__INBOX": "false"}
    assert parts_without() == (["worker", "service"], relayed)
    assert parts_without("worker") == (["service"], relayed)
    assert parts_without("inbox") == (["worker", "service"], untaken)


def test_an_inbox_has_a_door_of_its_own_where_the_service_writes_another_log():
    """Law: whoever writes a log takes its inbox, and one alone does."""
    assert parts_without("relay") == (["inbox", "worker", "service"], {})
    elsewhere = load_settings({}, home=HOME, relay__url="kafka://127.0.0.1:1")
    found = parts_beside(elsewhere, Platform(1, Path("jars"), port=PORT), URL)
    assert [part.name for part in found] == ["inbox", "worker", "service"]
    assert not found[-1].environment


BENT = {
    "another mode": lambda services: services["worker"]["command"].append("--exactly-once"),
    "no snapshots": lambda services: services["worker"]["environment"].update(
        CRIVO_SNAPSHOTS__ENABLED="false"
    ),
    "everybody's port": lambda services: services["service"]["ports"].append("8001:8001"),
    "another program": lambda services: services["service"].update(entrypoint=["sh"]),
    "a part less": lambda services: services.pop("mlflow"),
    "no inbox": lambda services: services["service"]["environment"].pop("CRIVO_RELAY__INBOX"),
    "another lake": lambda services: services["spark"]["environment"].pop("CRIVO_LAKE__URL"),
    "no relay": lambda services: services["service"].pop("environment"),
}


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT)
def test_sabotage_a_container_that_runs_something_else_is_noticed(compose, parts, bend):
    bent = copy.deepcopy(compose)
    bend(bent["services"])
    with pytest.raises((AssertionError, KeyError, ValueError)):
        assert_all_run(bent, parts)


def test_each_container_waits_for_the_one_before_it(compose):
    services = compose["services"]
    always = [name for name, service in services.items() if "profiles" not in service]
    # What runs where it is asked for waits for nothing that may not be there.
    asked = [(always[-1], name) for name in services if name not in always]
    for before, name in [*pairwise(always), *asked]:
        ended = "service_completed_successfully" if before in MADE else "service_healthy"
        assert services[name]["depends_on"] == {before: {"condition": ended}}
        assert ("healthcheck" in services[before]) == (before not in MADE)


def test_the_broker_is_told_what_the_platforms_is(compose):
    text = PROPERTIES.format(
        number=1, voters="", host="", port="", controller="", data="", replicas=1, in_sync_min=1
    )
    told = dict(line.split("=", 1) for line in text.splitlines())
    broker = compose["services"]["broker-1"]
    found = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in broker["environment"].items()
    }
    assert found.keys() == told.keys()
    assert {k: v for k, v in found.items() if k not in PLACES} == {
        k: v for k, v in told.items() if k not in PLACES
    }
    assert broker["volumes"] == [f"records:{found['log.dirs']}"]
    version = re.search(r"<version>(4\.[\d.]+)</version>", pom())
    assert broker["image"] == f"apache/kafka:{version[1]}", "the broker that tests run"


def pom():
    return (ROOT / "deploy" / "engines" / "kafka" / "pom.xml").read_text(encoding="utf-8")


def test_the_log_is_made_as_the_platform_makes_it(compose):
    (log,) = (compose["services"][name] for name in MADE)
    assert log["command"] == ["log", "make", "--log", BROKER, "--home", INSIDE]
    assert log["environment"] == {
        "CRIVO_LOG__PARTITIONS": str(PARTITIONS),
        "CRIVO_KAFKA__REPLICAS": "1",
        "CRIVO_KAFKA__IN_SYNC_MIN": "1",
        "CRIVO_RELAY__URL": BROKER,
    }
    assert log["restart"] == "no"


def test_containers_may_do_no_more_than_they_must(compose):
    for name, service in compose["services"].items():
        if name != "broker-1":
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            built = service["build"]
            assert (COMPOSE.parent / built["context"] / built["dockerfile"]).resolve() == DOCKERFILE


def test_the_image_is_built_from_files_that_are_here_and_runs_as_nobody():
    text = DOCKERFILE.read_text(encoding="utf-8")
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    sources = [source.replace("${EXTRA}", "kafka") for line in copied for source in line.split()]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in kept, f"{source} does not reach the builder"
    assert "USER 10001:10001" in text.split("FROM")[-1]
    assert "--require-hashes -r requirements/uv.txt" in text


@pytest.mark.slow
def test_the_file_is_one_of_the_compose_specification():
    command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_dockerfile_has_no_fault_that_its_linter_knows():
    # DL3008: packages of Debian vanish from its mirrors; the base image is what is pinned.
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [str(hadolint), "--ignore", "DL3008", str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
