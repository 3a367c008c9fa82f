"""Composes the platform: brokers, a worker, the service and MLflow's server, kept up together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from crivo.adapters.processes.supervisor import (
    START_SECONDS_MAX,
    Part,
    Supervisor,
    end_supervisor,
    read_state,
)
from crivo.bootstrap.home import Paths, require_home
from crivo.bootstrap.kafka import SCHEME, make_kafka_log
from crivo.bootstrap.service import champion_bundle
from crivo.domain.errors import Code, Unavailable
from crivo.settings import Settings, load_settings

HOST: Final = "127.0.0.1"

#: Of each topic, on one machine.
PARTITIONS: Final = 4

#: How many parts may be waited for, one after the other.
_PARTS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Platform:
    """What is kept up.

    Args:
        brokers: How many brokers: one, or three that hold each record.
        jars: The folder of jars that `make engines` fetched.
        port: The service's; 0 picks a free one.
        mlflow: The program `mlflow` of an environment with its server; None leaves it out.
    """

    brokers: int
    jars: Path
    port: int = 0
    mlflow: Path | None = None


def folder_of(settings: Settings) -> Path:
    """Where lock, state and logs of a home's platform lie."""
    return settings.home / "platform"


def supervise(settings: Settings, platform: Platform, should_stop: Callable[[], bool]) -> None:
    """Brings all parts up, one after the other, and keeps them up until `should_stop`.

    The service and the worker read one home; the worker keeps no snapshots there, since those are
    of the service's own log. What runs beside it reads CRIVO_LOG__URL from the brokers' addresses.

    Raises:
        Unavailable: LOG_LOCKED beside another one, NOT_READY, MODEL_MISSING.
        Misconfigured: as `Brokers.lay_out`, `champion_bundle`.
    """
    from crivo.adapters.kafka.brokers import Brokers

    champion_bundle(settings)
    supervisor = Supervisor(folder_of(settings))
    try:
        brokers = Brokers(folder_of(settings) / "brokers", platform.jars, platform.brokers)
        brokers.lay_out()
        nodes = [
            Part(
                f"broker-{node.number}",
                tuple(brokers.command()),
                f"{HOST}:{node.port}",
                partial(brokers.answers, node),
                folder=node.folder,
            )
            for node in brokers.nodes
        ]
        # A broker of several answers once it knows the others: they begin together.
        supervisor.start(*nodes)
        url = f"{SCHEME}{brokers.cluster.brokers}"
        _make_log(settings, url, platform.brokers)
        for part in parts_beside(settings, platform, url):
            supervisor.start(part)
        supervisor.watch(should_stop)
    finally:
        supervisor.stop()


def bring_up(settings: Settings, arguments: list[str]) -> dict[str, Any]:
    """The state of a platform that was begun as a process of its own, and whose parts answer.

    `arguments` are those of the command that supervises.

    Raises:
        Unavailable: NOT_FOUND without a home, LOG_LOCKED beside another one, NOT_READY with what it
            said.
    """
    folder = folder_of(settings)
    require_home(settings)
    folder.mkdir(exist_ok=True)
    if read_state(folder) is not None:
        raise Unavailable(
            Code.LOG_LOCKED,
            f"the platform of {settings.home} is up",
            hint="`crivo platform status` shows it; `crivo platform down` ends it.",
            file=str(folder),
        )
    log = folder / "supervisor.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "crivo", "platform", "supervise", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS_MAX * _PARTS_MAX
    while process.poll() is None and time.monotonic() < until:
        state = read_state(folder)
        if state is not None and state["pid"] == process.pid:
            return state
        time.sleep(0.1)
    process.terminate()
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-4:]
    raise Unavailable(
        Code.NOT_READY,
        "the platform did not come up: " + " | ".join(words),
        hint=f"Each part has its log in {folder}.",
        file=str(log),
    )


def bring_down(settings: Settings) -> bool:
    """Whether it was up; it is down.

    Raises:
        Unavailable: NOT_READY.
    """
    return end_supervisor(folder_of(settings))


def state_of(settings: Settings) -> dict[str, Any] | None:
    """The parts of a platform that is up; None where none is."""
    return read_state(folder_of(settings))


def _make_log(settings: Settings, url: str, brokers: int) -> None:
    own = load_settings(
        os.environ,
        home=settings.home,
        log__url=url,
        log__partitions=settings.log.partitions or PARTITIONS,
        kafka__replicas=brokers,
        kafka__in_sync_min=min(2, brokers),
    )
    make_kafka_log(own)


def parts_beside(settings: Settings, platform: Platform, url: str) -> list[Part]:
    """The parts that run beside the brokers, in the order in which they begin."""
    home = str(settings.home.resolve())
    crivo = (sys.executable, "-m", "crivo")
    metrics, port = _free_port(), platform.port or _free_port()
    parts = [
        Part(
            "worker",
            (*crivo, "decide", "--log", url, "--home", home, "--metrics-port", str(metrics)),
            f"http://{HOST}:{metrics}/metrics",
            partial(_answers, f"http://{HOST}:{metrics}/metrics"),
            environment={"CRIVO_SNAPSHOTS__ENABLED": "false", "CRIVO_HTTP__HOST": HOST},
        ),
        Part(
            "service",
            (*crivo, "serve", "--home", home, "--host", HOST, "--port", str(port)),
            f"http://{HOST}:{port}",
            partial(_answers, f"http://{HOST}:{port}/health/ready"),
        ),
    ]
    if platform.mlflow is not None:
        pages = _free_port()
        store = f"sqlite:///{Paths(settings.home.resolve()).tracking / 'mlflow.db'}"
        command = (str(platform.mlflow), "server", "--backend-store-uri", store, "--workers", "1")
        parts.append(
            Part(
                "mlflow",
                (*command, "--host", HOST, "--port", str(pages)),
                f"http://{HOST}:{pages}",
                partial(_answers, f"http://{HOST}:{pages}/health"),
            )
        )
    return parts


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port
