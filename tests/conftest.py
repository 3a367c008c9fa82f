"""What every test shares: where outside data lies, and what a missing part of the system means."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from crivo.adapters.kafka.brokers import Broker, Brokers

ROOT = Path(__file__).resolve().parent.parent

# As `crivo` itself does: threads that wait leave the processors to those that work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A busy machine is no failure; a failure prints what repeats it.
hypothesis.settings.register_profile("crivo", deadline=None, print_blob=True)
hypothesis.settings.load_profile("crivo")


def _missing(what: str) -> None:
    """A skip that says loudly what is missing; a failure where everything is required."""
    if os.environ.get("CRIVO_REQUIRE") == "all":
        pytest.fail(f"missing part: {what} (CRIVO_REQUIRE=all)")
    pytest.skip(f"missing part: {what}")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return ROOT


@pytest.fixture
def data() -> Path:
    """The folder `CRIVO_DATA` of data sets from elsewhere."""
    folder = os.environ.get("CRIVO_DATA", "")
    if not folder or not Path(folder).is_dir():
        _missing("CRIVO_DATA (a folder with the public data sets)")
    return Path(folder)


@pytest.fixture(scope="session")
def require_program():
    """A function: the path of a system program, else the test is left out loudly."""

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            _missing(f"the program {name} (scripts/system.sh installs it)")
        return str(path)

    return require


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of this test run's own."""
    from tests.ports.postgres import database, find_programs

    programs = find_programs()
    if programs is None:
        _missing("a PostgreSQL server (scripts/system.sh installs it)")
        return
    with database(programs) as url:
        yield url


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A Kafka cluster of one broker, of this test run's own."""
    from crivo.adapters.kafka.brokers import running

    jars = ROOT / ".tools" / "engines" / "kafka"
    if not jars.is_dir() or shutil.which("java") is None:
        _missing("a Kafka broker (Java 17 and Maven, then: make engines)")
    with running(tmp_path_factory.mktemp("kafka"), jars) as brokers:
        yield brokers


@pytest.fixture(scope="module")
def brokers(kafka: Brokers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A cluster of one broker, which tests end: the run's own has others' partitions to look at."""
    from crivo.adapters.kafka.brokers import running

    with running(tmp_path_factory.mktemp("one"), kafka.jars) as own:
        yield own


@pytest.fixture
def node(brokers: Brokers) -> Iterator[Broker]:
    """The only broker of `brokers`; it runs again when the test has ended."""
    from tests.outages import bring_back

    (node,) = brokers.nodes
    yield node
    if node.process is not None and node.process.poll() is not None:
        bring_back(brokers, node)


@pytest.fixture(scope="session")
def spark_jars() -> Path:
    """The jars of Spark's, else the test is left out loudly."""
    folder = ROOT / ".tools" / "engines" / "spark"
    if not folder.is_dir():
        _missing("Spark's jars (Java 17 and Maven, then: make engines)")
    return folder


@pytest.fixture(scope="session")
def require_extra():
    """A function: the interpreter of an extra's environment, else the test is left out loudly."""

    def require(name: str) -> Path:
        python = ROOT / ".tools" / name / "bin" / "python"
        if not python.exists():
            _missing(f"the extra {name} (make extra NAME={name})")
        return python

    return require


def _policy_fault() -> str:
    """What is wrong with the repository's own policy; empty where nothing is."""
    from crivo.decision.explanation import feature_reasons
    from crivo.decision.procedure import Procedure
    from crivo.decision.rule import declared_rules
    from crivo.domain.errors import Misconfigured
    from crivo.features.registry import default_feature_set
    from crivo.flows.bundle import read_policy

    features = default_feature_set()
    try:
        Procedure(
            rules=declared_rules(),
            texts=read_policy(ROOT / "policy"),
            columns=features.names,
            feature_reasons=feature_reasons(features),
        )
    except Misconfigured as error:
        return str(error)
    return ""


def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Ends the run where `policy/` is not valid: every test after would fail of it, slowly."""
    error = None if call.excinfo is None else call.excinfo.value
    if getattr(error, "code", None) == "POLICY_INVALID" and (fault := _policy_fault()):
        node.session.shouldfail = (
            f"policy/ is not valid, so no test after this one can tell anything: {fault}"
        )
