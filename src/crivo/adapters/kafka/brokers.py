"""Kafka brokers on this machine: processes of one's own, for development and tests.

Each is broker and controller in one (KRaft); with three, each record may be held by three.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka.client import Cluster
from crivo.domain.errors import Code, Misconfigured, Unavailable

START_SECONDS_MAX: Final = 300.0
STOP_SECONDS_MAX: Final = 20.0
_HOST: Final = "127.0.0.1"
#: Below those that systems give to whoever asks for any.
_PORTS: Final = range(15_000, 32_000)

#: Small and quick to answer: a machine of two cores runs three of them.
_JAVA: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

#: What a broker is told; what differs from one to another is left open.
PROPERTIES: Final = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={data}
num.network.threads=2
num.io.threads=2
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor={replicas}
offsets.retention.minutes=43200
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync_min}
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync_min}
"""


@dataclass(slots=True)
class Broker:
    """One broker: where it listens, its folder, and its process while it runs."""

    number: int
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of its process, which runs."""
        assert self.process is not None, "it was started"
        return self.process.pid


@dataclass(slots=True)
class Brokers:
    """A cluster of this machine's own, in a folder that survives it.

    Args:
        folder: Where data and logs of each broker lie; made if needed.
        jars: The folder of jars that `make engines` fetched.
        count: How many brokers.
    """

    folder: Path
    jars: Path
    count: int = 1
    nodes: list[Broker] = field(default_factory=list)

    @property
    def cluster(self) -> Cluster:
        """How clients reach it."""
        return Cluster(",".join(f"{_HOST}:{node.port}" for node in self.nodes))

    def start(self) -> None:
        """Starts all brokers and returns once all of them answer.

        Raises:
            Misconfigured: as `lay_out`.
            Unavailable: LOG_UNAVAILABLE where one ends, or does not answer in time; the last lines
                of its log are told. None runs on then.
        """
        if not self.nodes:
            self.lay_out()
        try:
            for node in self.nodes:
                self.start_one(node)
            self._wait()
        except BaseException:
            self.stop()
            raise

    def start_one(self, node: Broker) -> None:
        """Starts a broker that does not run, on the folder and ports that it had."""
        assert node.process is None or node.process.poll() is not None, "it does not run"
        with (node.folder / "broker.log").open("ab") as said:
            node.process = subprocess.Popen(
                self.command(),
                cwd=node.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self, node: Broker) -> None:
        """Ends a broker as a power cut would: it writes nothing more."""
        assert node.process is not None, "it was started"
        os.kill(node.pid, signal.SIGKILL)
        node.process.wait()

    def stop(self) -> None:
        """Asks every broker to end, and sees to it that it does."""
        running = [node.process for node in self.nodes if node.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        for process in running:
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def command(self) -> list[str]:
        """What runs a broker in its folder."""
        return [*_java(), *_JAVA, "-cp", self._classes, "kafka.Kafka", "server.properties"]

    def lay_out(self) -> None:
        """Makes the brokers' folders; those that are there keep ports and data.

        Raises:
            Misconfigured: FILE_UNREADABLE where the jars, or Java, are not there; LOG_MISMATCH
                where the folder has another number of brokers.
            Unavailable: LOG_UNAVAILABLE where a folder cannot be made ready.
        """
        if not any(self.jars.glob("kafka_*.jar")):
            raise Misconfigured(
                Code.FILE_UNREADABLE,
                f"there is no Kafka broker in {self.jars}",
                hint="`make engines` fetches one by Maven.",
                path=str(self.jars),
            )
        java = _java()
        laid_out = _laid_out(self.folder)
        if not laid_out:
            self._make_folders(java)
        elif len(laid_out) != self.count:
            raise Misconfigured(
                Code.LOG_MISMATCH,
                f"{self.folder} has {len(laid_out)} brokers, not {self.count}",
                hint="How many there are is fixed when the folder is made: take another folder.",
                expected=self.count,
                found=len(laid_out),
            )
        else:
            self.nodes = [
                Broker(number, _port_in(file), file.parent)
                for number, file in enumerate(laid_out, start=1)
            ]

    @property
    def _classes(self) -> str:
        return f"{self.jars.resolve()}/*"

    def _make_folders(self, java: list[str]) -> None:
        ports = free_ports(2 * self.count)
        # An id that began with a dash would be taken for an option.
        cluster = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        controllers = ports[self.count :]
        voters = ",".join(f"{i + 1}@{_HOST}:{port}" for i, port in enumerate(controllers))
        for number, port in enumerate(ports[: self.count], start=1):
            folder = self.folder.resolve() / f"broker-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            text = PROPERTIES.format(
                number=number,
                voters=voters,
                host=_HOST,
                port=port,
                controller=controllers[number - 1],
                data=folder / "data",
                replicas=min(3, self.count),
                in_sync_min=min(2, self.count),
            )
            (folder / "server.properties").write_text(text, encoding="utf-8")
            command = [*java, "-cp", self._classes, "kafka.tools.StorageTool", "format"]
            command += ["-t", cluster, "-c", "server.properties"]
            made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if made.returncode != 0:
                raise _silent(number, (made.stdout + made.stderr).splitlines())
            self.nodes.append(Broker(number, port, folder))

    def _wait(self) -> None:
        """Until every broker answers."""
        until = time.monotonic() + START_SECONDS_MAX
        for node in self.nodes:
            while not self.answers(node):
                assert node.process is not None, "it was started"
                if node.process.poll() is not None or time.monotonic() > until:
                    said = (node.folder / "broker.log").read_text(encoding="utf-8")
                    raise _silent(node.number, said.splitlines())
                time.sleep(0.1)

    def answers(self, node: Broker) -> bool:
        """Whether a broker answers, and is one of those that hold records."""
        with contextlib.suppress(OSError):
            socket.create_connection((_HOST, node.port), timeout=1).close()
            with contextlib.suppress(KafkaException):
                options = Cluster(f"{_HOST}:{node.port}").options()
                admin = AdminClient({**options, "log_level": 0})
                return node.number in admin.list_topics(timeout=2).brokers
        return False


@contextlib.contextmanager
def running(folder: Path, jars: Path, *, count: int = 1) -> Iterator[Brokers]:
    """A cluster that runs as long as the block.

    Raises:
        Misconfigured, Unavailable: as `Brokers.start`.
    """
    brokers = Brokers(folder, jars, count)
    brokers.start()
    try:
        yield brokers
    finally:
        brokers.stop()


def count_in(folder: Path) -> int:
    """How many brokers a folder has; 0 where none was made there."""
    return len(_laid_out(folder))


def _laid_out(folder: Path) -> list[Path]:
    """The settings of each broker that a folder has."""
    return sorted(folder.resolve().glob("broker-*/server.properties"))


def _java() -> list[str]:
    java = shutil.which("java")
    if java is None:
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            "a Kafka broker runs on Java, and there is no program `java`",
            hint="As root on Debian: apt-get install openjdk-17-jre-headless.",
        )
    return [java]


def _port_in(properties: Path) -> int:
    """Where the broker of these settings listens for clients."""
    (listeners,) = (
        line
        for line in properties.read_text(encoding="utf-8").splitlines()
        if line.startswith("listeners=")
    )
    return int(listeners.removeprefix("listeners=PLAINTEXT://").split(",")[0].rpartition(":")[2])


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens at, no two alike. Systems give none of these to those
    who ask for any, so that a process which dies finds its own free again.
    """
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            port = secrets.choice(_PORTS)
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind((_HOST, port))
                ports.append(port)
    return ports


def _silent(number: int, said: Sequence[str]) -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"Kafka broker {number} did not start: " + " | ".join(said[-3:]),
        hint="Its folder has its log, broker.log.",
        field=f"broker-{number}",
    )
