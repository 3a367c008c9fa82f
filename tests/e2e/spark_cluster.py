"""A standalone cluster of Spark's on this machine: a master and workers, each a process of its own.

Each worker has one core, and starts an executor for a job: a process of its own again, below which
Python works. All of a worker's processes belong to its session, by which they are found.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crivo.adapters.kafka.brokers import free_ports
from tests.e2e.spark_jobs import JAVA

HOST = "127.0.0.1"
START_SECONDS_MAX = 300
STOP_SECONDS_MAX = 240

#: What every process of the cluster is told: it keeps to this machine, and is small.
ENVIRON = {
    **JAVA,
    "SPARK_LOCAL_IP": HOST,
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
}


@dataclass(slots=True)
class Standalone:
    """A cluster that runs: how a job finds it, and where its workers write."""

    url: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def executors(self) -> dict[str, str]:
        """What the executors wrote so far, by worker."""
        found: dict[str, str] = {}
        for log in sorted(self.folder.glob("worker-*/app-*/*/stderr")):
            worker = log.relative_to(self.folder).parts[0]
            found[worker] = found.get(worker, "") + log.read_text(encoding="utf-8")
        return found

    def said(self) -> str:
        """The ends of all logs, for who looks at a failure."""
        logs = [*self.folder.glob("*.log"), *self.folder.glob("worker-*/app-*/*/stderr")]
        return "\n".join(f"{log}: {log.read_text(encoding='utf-8')[-2_000:]}" for log in logs)


@contextmanager
def standalone(python: Path, folder: Path, *, workers: int) -> Iterator[Standalone]:
    """The cluster while it runs, of the distribution that this interpreter has; its end is that of
    all executors, and of what works below them.
    """
    port, page = free_ports(2)
    cluster = Standalone(f"spark://{HOST}:{port}", folder)
    program = str(python.with_name("spark-class"))
    environ = {**os.environ, **ENVIRON, "PYSPARK_PYTHON": str(python)}

    def start(name: str, kind: str, *more: str) -> None:
        command = [program, f"org.apache.spark.deploy.{kind}", "--host", HOST, *more]
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**environ, "SPARK_LOCAL_DIRS": str(folder / "local")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        cluster.processes.append(process)

    try:
        start("master", "master.Master", "--port", str(port), "--webui-port", str(page))
        for number in range(workers):
            name = f"worker-{number}"
            one = ["--cores", "1", "--memory", "1g", "--webui-port", "0"]
            start(name, "worker.Worker", *one, "--work-dir", str(folder / name), cluster.url)
        await_workers(cluster, page, workers)
        yield cluster
    finally:
        end(cluster)


def await_workers(cluster: Standalone, page: int, workers: int) -> None:
    """Until the master knows of all of them."""
    until = time.monotonic() + START_SECONDS_MAX
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    alive = 0
    while alive < workers:
        assert all(each.poll() is None for each in cluster.processes), cluster.said()
        assert time.monotonic() < until, cluster.said()
        # While a master begins, its page in HTML answers for all of its paths.
        with (
            suppress(OSError, json.JSONDecodeError),
            opener.open(f"http://{HOST}:{page}/json/", timeout=5) as answer,
        ):
            alive = json.load(answer)["aliveworkers"]
        time.sleep(0.2)


def end(cluster: Standalone) -> None:
    """Asks each process to end, workers first, and sees that nothing of them is left."""
    for process in reversed(cluster.processes):
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + STOP_SECONDS_MAX
    for process in cluster.processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
    while (left := processes_of(cluster)) and time.monotonic() < until:
        time.sleep(0.1)
    for number in left:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    for process in cluster.processes:
        process.wait()
    assert not left, f"processes outlived the cluster: {cluster.said()}"


def processes_of(cluster: Standalone) -> list[int]:
    """Every process in the sessions of the cluster's, whoever started it."""
    sessions, found = {each.pid for each in cluster.processes}, []
    for file in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while it is looked at.
        with suppress(OSError):
            state, _parent, _group, session = file.read_text().rpartition(")")[2].split()[:4]
            if int(session) in sessions and state != "Z":
                found.append(int(file.parent.name))
    return found
