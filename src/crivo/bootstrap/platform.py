"""Composes the platform: brokers, inbox, worker, service, Spark's job, MLflow's server, kept up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.mlflow.tracker import DATABASE
from crivo.adapters.processes.supervisor import (
    START_SECONDS_MAX,
    Part,
    Supervisor,
    end_left,
    end_supervisor,
    orphans,
    read_state,
)
from crivo.bootstrap.copying import make_kafka_log
from crivo.bootstrap.home import Paths, require_home
from crivo.bootstrap.kafka import SCHEME
from crivo.bootstrap.service import champion_bundle
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.settings import Settings, load_settings

HOST: Final = "127.0.0.1"

#: Of each topic, on one machine.
PARTITIONS: Final = 4

#: How many parts may be waited for, one after the other.
_PARTS_MAX: Final = 7


@dataclass(frozen=True, slots=True)
class Platform:
    """What is kept up.

    Args:
        brokers: How many brokers: one, or three that hold each record; None for as many as the
            home has, or one where it has none.
        jars: The folder of jars that `make engines` fetched.
        port: The service's; 0 picks a free one.
        inbox: Whether the inbox of the log in Kafka is taken: by the service, where that is its own
            log; else by a door, which is its writer then.
        worker: Whether a worker decides the log in Kafka.
        relay: Whether the service passes its own log on to the brokers, as the log there.
        spark: The program `crivo` of an environment with Spark, whose job decides the log in Kafka;
            None leaves it out.
        mlflow: The program `mlflow` of an environment with its server; None leaves it out.
    """

    brokers: int | None
    jars: Path
    port: int = 0
    inbox: bool = True
    worker: bool = True
    relay: bool = True
    spark: Path | None = None
    mlflow: Path | None = None


def installed(platform: Platform) -> Platform:
    """The platform with its programs where they lie.

    Raises:
        Misconfigured: SETTING_INVALID for what is not installed, with the extra that has it.
    """
    try:
        import confluent_kafka  # noqa: F401
    except ImportError as error:
        raise _missing("a client of Kafka", "kafka", "crivo", "platform") from error
    return replace(
        platform,
        spark=None if platform.spark is None else _program(platform.spark, "spark", "crivo"),
        mlflow=None if platform.mlflow is None else _program(platform.mlflow, "mlflow", "mlflow"),
    )


def _program(program: Path, extra: str, name: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise _missing(f"a program {program}", extra, name, f"--{extra}")
    return Path(found).absolute()


def _missing(what: str, extra: str, name: str, field: str) -> Misconfigured:
    return Misconfigured(
        Code.SETTING_INVALID,
        f"the platform asks for {what}, which is not installed",
        hint=f"`make extra NAME={extra}`, then .tools/{extra}/bin/{name}.",
        field=field,
    )


def folder_of(settings: Settings) -> Path:
    """Where lock, state and logs of a home's platform lie."""
    return settings.home / "platform"


def supervise(settings: Settings, platform: Platform, should_stop: Callable[[], bool]) -> None:
    """Brings all parts up, one after the other, and keeps them up until `should_stop`.

    All of them read one home. Who decides the log in Kafka keeps snapshots of it there, since
    brokers let go of its beginning; those of the service, which sees no answers, lie apart.

    Raises:
        Unavailable: LOG_LOCKED beside another one, NOT_READY, MODEL_MISSING.
        Misconfigured: as `installed`, `Brokers.lay_out`, `champion_bundle`; LOG_MISMATCH where the
            brokers hold another log than the one that is passed on.
    """
    platform = installed(platform)
    from crivo.adapters.kafka.brokers import Brokers, count_in

    champion_bundle(settings)
    supervisor = Supervisor(folder_of(settings))
    try:
        folder = folder_of(settings) / "brokers"
        brokers = Brokers(folder, platform.jars, platform.brokers or count_in(folder) or 1)
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
        # Of three brokers two must run before one answers: they begin together.
        supervisor.start(*nodes)
        url = f"{SCHEME}{brokers.cluster.brokers}"
        _make_log(settings, platform, url, brokers.count)
        for part in parts_beside(settings, platform, url):
            if part.folder is not None:
                make_private_folder(part.folder)
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


def end_left_parts(settings: Settings) -> list[str]:
    """The names of parts that ran though the platform's supervisor had died; they have ended."""
    return end_left(folder_of(settings))


def left_parts(settings: Settings) -> list[str]:
    """The names of parts that run though the platform's supervisor died."""
    return orphans(folder_of(settings))


def state_of(settings: Settings) -> dict[str, Any] | None:
    """The parts of a platform that is up; None where none is."""
    return read_state(folder_of(settings))


def _make_log(settings: Settings, platform: Platform, url: str, brokers: int) -> None:
    """The log in Kafka: the service's own as it stands, or else one that a door writes."""
    make_kafka_log(
        load_settings(
            os.environ,
            home=settings.home,
            log__url=url,
            log__partitions=settings.log.partitions or PARTITIONS,
            kafka__replicas=brokers,
            kafka__in_sync_min=min(2, brokers),
            relay__url=url if _passes_on(settings, platform) else None,
        )
    )


def _passes_on(settings: Settings, platform: Platform) -> bool:
    """Whether the service passes its log on to these brokers, and not to others already."""
    return platform.relay and settings.relay.url is None


def _of_service(settings: Settings, platform: Platform, url: str) -> dict[str, str]:
    """What the service is told of the brokers."""
    if not _passes_on(settings, platform):
        return {}
    return {"CRIVO_RELAY__URL": url, "CRIVO_RELAY__INBOX": str(platform.inbox).lower()}


def parts_beside(settings: Settings, platform: Platform, url: str) -> list[Part]:
    """The parts that run beside the brokers, in the order in which they begin."""
    home = settings.home.resolve()
    crivo = (sys.executable, "-m", "crivo")
    is_apart = platform.inbox and not _passes_on(settings, platform)
    parts = [_beside("inbox", (*crivo, "receive"), home, url)] if is_apart else []
    if platform.worker:
        parts.append(_beside("worker", (*crivo, "decide"), home, url))
    port = platform.port or _free_port()
    parts.append(
        Part(
            "service",
            (*crivo, "serve", "--home", str(home), "--host", HOST, "--port", str(port)),
            f"http://{HOST}:{port}",
            partial(_answers, f"http://{HOST}:{port}/health/ready"),
            environment=_of_service(settings, platform, url),
        )
    )
    if platform.spark is not None:
        program = (str(platform.spark), "decide", "--spark", "local[2]")
        job = _beside("spark", program, home, url)
        more = {
            "CRIVO_SPARK__JARS": str(settings.spark.jars.absolute()),
            # The home's own lake is of the service's log, without answers.
            "CRIVO_LAKE__URL": settings.lake.url or str(home / "platform" / "lake"),
        }
        parts.append(replace(job, environment={**job.environment, **more}))
    if platform.mlflow is not None:
        parts.append(_mlflow(platform.mlflow, Paths(home).tracking))
    return parts


def _beside(name: str, command: Sequence[str], home: Path, url: str) -> Part:
    """What works on the log in Kafka, and answers with its metrics."""
    port = _free_port()
    told = f"http://{HOST}:{port}/metrics"
    return Part(
        name,
        (*command, "--log", url, "--home", str(home), "--metrics-port", str(port)),
        told,
        partial(_answers, told),
        environment={"CRIVO_HTTP__HOST": HOST},
    )


def _mlflow(program: Path, folder: Path) -> Part:
    """MLflow's server over the runs of a home; it tells nobody that it runs."""
    port = _free_port()
    store = f"sqlite:///{folder / DATABASE}"
    command = (str(program), "server", "--backend-store-uri", store, "--workers", "1")
    return Part(
        "mlflow",
        (*command, "--host", HOST, "--port", str(port)),
        f"http://{HOST}:{port}",
        partial(_answers, f"http://{HOST}:{port}/health"),
        folder=folder,
        environment={
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Processes that would run MLflow's own jobs, of which there are none.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
    )


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    from crivo.adapters.kafka.brokers import free_ports

    return free_ports(1)[0]
