"""The same cluster for Java's client, whose words for getting in are others: Spark speaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from crivo.adapters.kafka.client import Cluster
from crivo.domain.errors import Code, Misconfigured

#: The package of the modules that log in.
LOGINS: Final = "org.apache.kafka.common.security"

#: What would end a quoted value of JAAS, which Java reads by its StreamTokenizer.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def java_options(cluster: Cluster) -> dict[str, str]:
    """The options of a client of this cluster, by the names of Kafka's Java client.

    Raises:
        Misconfigured: FILE_UNREADABLE for a certificate, or a key, that cannot be read.
    """
    found = {"bootstrap.servers": cluster.brokers, "security.protocol": cluster.protocol}
    if cluster.mechanism is not None:
        kind = "plain.Plain" if cluster.mechanism == "PLAIN" else "scram.Scram"
        found["sasl.mechanism"] = cluster.mechanism
        found["sasl.jaas.config"] = (
            f"{LOGINS}.{kind}LoginModule required "
            f"username={_quoted(cluster.username)} password={_quoted(cluster.password)};"
        )
    if cluster.authority is not None:
        found["ssl.truststore.type"] = "PEM"
        found["ssl.truststore.location"] = str(cluster.authority)
    if cluster.certificate is not None and cluster.key is not None:
        found["ssl.keystore.type"] = "PEM"
        found["ssl.keystore.certificate.chain"] = _read(cluster.certificate).decode()
        found["ssl.keystore.key"] = _key(cluster.key)
    return found


def _quoted(value: str | None) -> str:
    return '"' + ("" if value is None else value).translate(_ESCAPES) + '"'


def _key(path: Path) -> str:
    """The key as PKCS #8, the one form that Java takes."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise _unreadable(path, str(error)) from error
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error


def _unreadable(path: Path, found: str) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is no certificate or key that can be read: {found}",
        hint="CRIVO_KAFKA__CERTIFICATE and CRIVO_KAFKA__KEY name PEM files without a password.",
        file=str(path),
        expected="a certificate chain, or a private key, as PEM",
        found=found[:80],
    )
