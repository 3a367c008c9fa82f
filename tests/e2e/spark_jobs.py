"""Jobs of Spark in tests: the command of one, and what it is told."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.adapters.kafka.client import Cluster
from tests.e2e.homes import ROOT
from tests.ports.kafka_logs import url_of

#: What Java is told: a job of some seconds ends before its best code would pay.
JAVA = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def job(python: Path, master: str, where: Cluster) -> list[str]:
    """The command that decides a log up to its end."""
    command = [str(python), "-m", "crivo", "decide", "--spark", master, "--until-end", "--json"]
    return [*command, "--log", url_of(where)]


def told(home: Path, jars: Path, **changes: object) -> dict[str, str]:
    """The variables of a job on this home; changes are named as after `CRIVO_`."""
    return {
        **os.environ,
        **JAVA,
        "CRIVO_HOME": str(home),
        "CRIVO_POLICY": str(ROOT / "policy"),
        "CRIVO_SPARK__JARS": str(jars),
        **{f"CRIVO_{name}": str(value) for name, value in changes.items()},
    }
