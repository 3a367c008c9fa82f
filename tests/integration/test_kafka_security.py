"""Getting into a cluster that asks who one is: TLS, certificates, passwords, by both clients."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from crivo.adapters.kafka import topics
from crivo.adapters.kafka.brokers import Brokers
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.java import LOGINS, java_options
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.bootstrap.kafka import cluster_of
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.settings import load_settings
from tests.free_port import free_port
from tests.integration.workers import await_settled
from tests.ports.kafka_logs import new_space, open_log_in
from tests.ports.logs import events

pytestmark = pytest.mark.slow

#: What ends a quoted value early, or is none of its own letters, where nobody escapes it.
PASSWORD = 'of "Zoé"; \\ back'

_PROPERTIES = """
listeners={doors},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={doors}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={papers}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={papers}/authority.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config={plain_login}
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram_login}
"""


@dataclass(frozen=True)
class Guarded:
    """A broker that lets in whoever has its password, or a certificate of its authority."""

    brokers: Brokers
    papers: Path
    sasl: int
    tls: int

    def settings(self, way: str, **other: str) -> dict[str, str]:
        """CRIVO_KAFKA__… of a way in."""
        given = {"AUTHORITY": f"{self.papers}/authority.pem"}
        if way == "SSL":
            papers = {
                "CERTIFICATE": f"{self.papers}/client.pem",
                "KEY": f"{self.papers}/client.key",
            }
            given |= {"BROKERS": f"127.0.0.1:{self.tls}", "PROTOCOL": "SSL", **papers}
        else:
            name = {"MECHANISM": way, "USERNAME": "crivo", "PASSWORD": PASSWORD}
            given |= {"BROKERS": f"127.0.0.1:{self.sasl}", "PROTOCOL": "SASL_SSL", **name}
        given |= other
        return {f"CRIVO_KAFKA__{name}": value for name, value in given.items() if value}

    def cluster(self, way: str, **other: str) -> Cluster:
        return cluster_of(load_settings(self.settings(way, **other)))


WAYS = ("PLAIN", "SCRAM-SHA-512", "SSL")


@pytest.fixture(scope="module")
def guarded(kafka: Brokers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    papers = folder / "papers"
    papers.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(papers / "authority.pem")
    trustme.CA().cert_pem.write_to_path(papers / "stranger.pem")
    broker, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("crivo.example")
    client.private_key_pem.write_to_path(papers / "client.key")
    for blob in client.cert_chain_pems:
        blob.write_to_path(papers / "client.pem", append=True)
    issued = papers / "issued.pem"
    for blob in broker.cert_chain_pems:
        blob.write_to_path(issued, append=True)
    broker.private_key_pem.write_to_path(papers / "issued.key")
    # Java takes PKCS #8 alone, for a broker's key as for a client's.
    told = java_options(
        Cluster("127.0.0.1:1", certificate=issued, key=papers / "issued.key", protocol="SSL")
    )
    whole = told["ssl.keystore.key"] + told["ssl.keystore.certificate.chain"]
    (papers / "broker.pem").write_text(whole, encoding="ascii")
    brokers = Brokers(folder / "kafka", kafka.jars)
    brokers.lay_out()
    (node,) = brokers.nodes
    properties = node.folder / "server.properties"
    text = properties.read_text(encoding="utf-8")
    controller = text.partition("CONTROLLER://127.0.0.1:")[2].partition("\n")[0]
    # No port twice, though nobody holds them meanwhile.
    ports = {node.port, int(controller)}
    while len(ports) < 4:
        ports.add(free_port())
    sasl, tls = ports - {node.port, int(controller)}
    doors = {"PLAINTEXT": node.port, "SASL_SSL": sasl, "SSL": tls}
    kept = [line for line in text.splitlines() if "listeners=PLAINTEXT" not in line]
    login = java_options(Cluster("", mechanism="PLAIN", username="crivo", password=PASSWORD))
    user = login["sasl.jaas.config"].replace("password=", "user_crivo=")
    added = _PROPERTIES.format(
        doors=",".join(f"{name}://127.0.0.1:{port}" for name, port in doors.items()),
        controller=controller,
        papers=papers,
        plain_login=_property(user),
        scram_login=f"{LOGINS}.scram.ScramLoginModule required;",
    )
    properties.write_text("\n".join(kept) + added, encoding="utf-8")
    brokers.start()
    try:
        _add_user(brokers.cluster)
        yield Guarded(brokers, papers, sasl, tls)
    finally:
        brokers.stop()


def _property(value: str) -> str:
    """As a file of Java's properties has it, where a backslash is one too many."""
    written = value.replace("\\", "\\\\").replace("\n", "\\n")
    return written.encode("ascii", "backslashreplace").decode().replace("\\xe9", "\\u00e9")


def _add_user(cluster: Cluster) -> None:
    admin = AdminClient(cluster.options())
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8_192)
    wanted = [UserScramCredentialUpsertion("crivo", info, PASSWORD.encode())]
    admin.alter_user_scram_credentials(wanted)["crivo"].result(300)


@pytest.mark.parametrize("way", WAYS)
def test_a_log_is_written_and_read_by_every_way_in(guarded, way):
    space = new_space(guarded.cluster(way))
    with closing(open_log_in(space)) as log:
        log.append(events(0, 20))
    await_settled(space)
    with closing(KafkaLogReader(space)) as reader:
        assert reader.end() == 20


@pytest.mark.parametrize(
    ("way", "other", "code", "word"),
    [
        ("PLAIN", {"PASSWORD": "another"}, Code.SETTING_INVALID, "Authentication failed"),
        ("SCRAM-SHA-512", {"PASSWORD": "another"}, Code.SETTING_INVALID, "invalid credentials"),
        ("PLAIN", {"AUTHORITY": "stranger.pem"}, Code.SETTING_INVALID, "certificate verify"),
        ("PLAIN", {"PROTOCOL": "SASL_PLAINTEXT"}, Code.LOG_UNAVAILABLE, "CRIVO_KAFKA__PROTOCOL"),
    ],
)
def test_who_has_no_right_paper_is_told_what_the_cluster_says(
    guarded, monkeypatch, way, other, code, word
):
    monkeypatch.setattr(topics, "ANSWER_SECONDS_MAX", 2.0)
    if code is Code.SETTING_INVALID:
        # The first word ends it.
        monkeypatch.setattr("crivo.adapters.kafka.client._CAUSE_SECONDS_MAX", 60.0)
    if "AUTHORITY" in other:
        other = {"AUTHORITY": str(guarded.papers / other["AUTHORITY"])}
    with pytest.raises(CrivoError) as raised:
        new_space(guarded.cluster(way, **other))
    assert raised.value.code is code
    assert word in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_client_without_its_certificate_is_not_let_in(guarded, monkeypatch):
    monkeypatch.setattr(topics, "ANSWER_SECONDS_MAX", 2.0)
    with pytest.raises(CrivoError) as raised:
        new_space(guarded.cluster("SSL", CERTIFICATE="", KEY=""))
    # The broker's word may come, or the connection may be gone before it is read.
    assert raised.value.code in {Code.SETTING_INVALID, Code.LOG_UNAVAILABLE}
    assert "CRIVO_KAFKA__PROTOCOL" in str(raised.value)


@pytest.mark.parametrize("way", WAYS)
def test_javas_client_gets_in_by_the_same_settings(guarded, way, tmp_path):
    said = _asked_by_java(guarded, java_options(guarded.cluster(way)), tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Dynamic configs for broker 1" in said.stdout


def test_sabotage_a_password_that_is_not_escaped_lets_javas_client_not_in(guarded, tmp_path):
    options = java_options(guarded.cluster("PLAIN"))
    plain = options["sasl.jaas.config"].replace('\\"', '"').replace("\\\\", "\\")
    said = _asked_by_java(guarded, options | {"sasl.jaas.config": plain}, tmp_path)
    assert said.returncode != 0


def test_a_key_that_is_none_is_named(tmp_path):
    key = tmp_path / "own.key"
    key.write_text("no key", encoding="ascii")
    with pytest.raises(Misconfigured) as raised:
        java_options(Cluster("127.0.0.1:1", protocol="SSL", certificate=key, key=key))
    assert raised.value.code is Code.FILE_UNREADABLE
    assert str(key) in str(raised.value)


def _asked_by_java(
    guarded: Guarded, options: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """What Kafka's own program says of the broker's settings, as a client with these options."""
    named = folder / "client.properties"
    lines = [f"{name}={_property(value)}" for name, value in options.items()]
    lines += ["default.api.timeout.ms=300000", "request.timeout.ms=60000"]
    named.write_text("\n".join(lines) + "\n", encoding="ascii")
    command = [str(shutil.which("java")), "-XX:TieredStopAtLevel=1"]
    command += ["-cp", f"{guarded.brokers.jars}/*", "kafka.admin.ConfigCommand"]
    command += ["--bootstrap-server", options["bootstrap.servers"]]
    command += ["--command-config", str(named), "--describe"]
    command += ["--entity-type", "brokers", "--entity-name", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
