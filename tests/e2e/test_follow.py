"""Services with logs of their own that follow one another: each knows what the others decided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crivo.adapters.kafka.brokers import Brokers
from crivo.adapters.kafka.client import Cluster
from tests.e2e.homes import environment, make_home
from tests.e2e.relayed import ask, decide, stored
from tests.e2e.serving import Served, refused, serving
from tests.outages import await_so
from tests.ports.kafka_logs import new_space, url_of

pytestmark = pytest.mark.slow


def of_brokers_first(own: Cluster) -> dict[str, str]:
    return {
        "RELAY__URL": url_of(own),
        "RELAY__FIRST": "brokers",
        # On a machine that does much else brokers may take seconds.
        "HTTP__ANSWER_SECONDS_MAX": "20",
    }


def following(home: Path, own: Cluster, other: Cluster):
    """The service of a home that answers once brokers have a record, and follows another log."""
    return serving(home, FOLLOW__URLS=url_of(other), **of_brokers_first(own))


def decided_in(home: Path) -> list[bytes]:
    """The ids of all decisions of a home's log, in its order."""
    return [row[4] for row in stored(home) if row[8] == "decision.v1"]


def value_of(served: Served, name: str) -> float:
    with served.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(float(each.rsplit(" ", 1)[1]) for each in lines if each.startswith(name))


def replayed(home: Path) -> dict:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")}
    run = subprocess.run(
        [sys.executable, "-m", "crivo", "replay", "--json"],
        env={**kept, **environment(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def test_two_services_decide_at_once_and_know_of_each_other(brokers: Brokers, tmp_path: Path):
    """Law: each log holds every decision once, whoever made it and whenever a service was killed,
    and what a service decided is replayed from its own log.
    """
    here, there = (new_space(brokers.cluster) for _ in range(2))
    one, two = make_home(tmp_path / "one"), make_home(tmp_path / "two")
    with following(one, here, there) as first:
        (two / "keys").symlink_to(one / "keys", target_is_directory=True)
        with following(two, there, here) as second:
            decide(first, range(20))
            await_so(lambda: len(decided_in(two)) == 20)
            with first.client() as client, second.client() as other:
                for number in range(20):
                    assert ask(other, number).json() == ask(client, number).json()
            decide(second, range(20, 40))
            decide(first, range(40, 60))
            second.kill()
        decide(first, range(60, 80))
        with following(two, there, here) as second:
            decide(second, range(80, 100))
            await_so(lambda: len(decided_in(one)) == len(decided_in(two)) == 100)
            # A thread of its own counts.
            await_so(lambda: value_of(second, "crivo_decisions_total") >= 20)
            assert value_of(second, "crivo_decisions_total") == 20
            assert value_of(second, "crivo_decided_twice_total") == 0
            assert second.stop() == 0
        assert first.stop() == 0
    assert set(decided_in(one)) == set(decided_in(two))
    for home, own, others in ((one, 60, 40), (two, 40, 60)):
        found = replayed(home)
        assert (found["compared"], found["differing"]) == (own, 0)
        assert sum(found["other_logs"].values()) == others


def test_a_log_that_is_ones_own_is_not_followed(brokers: Brokers, tmp_path: Path):
    here, home = new_space(brokers.cluster), make_home(tmp_path / "one")
    code, said = refused(home, FOLLOW__URLS=url_of(here), **of_brokers_first(here))
    assert (code, "crivo: SETTING_INVALID" in said) == (2, True), said


def test_a_service_that_follows_a_log_whose_topics_are_missing_ends_and_says_so(
    brokers: Brokers, tmp_path: Path
):
    """And soon: what it decided would be without the other's history for ever."""
    nowhere = replace(brokers.cluster, space="nowhere")
    code, said = refused(make_home(tmp_path / "one"), FOLLOW__URLS=url_of(nowhere))
    assert (code, "crivo: LOG_MISMATCH" in said) == (2, True), said
    assert "no topic nowhere.pix.manifest.v1" in said and "Traceback" not in said
