"""TLS and mutual TLS with real certificates, against a service that runs."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from crivo.bootstrap.access import tls_context
from crivo.domain.errors import CrivoError
from tests.e2e.homes import KEY, make_home, settings_of
from tests.e2e.serving import serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow


class Papers:
    """An authority, the server's certificate, and one for a client."""

    def __init__(self, folder: Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        self.authority, self.certificate = folder / "authority.pem", folder / "server.pem"
        self.key = folder / "server.key"
        authority.cert_pem.write_to_path(self.authority)
        server.private_key_pem.write_to_path(self.key)
        for blob in server.cert_chain_pems:
            blob.write_to_path(self.certificate, append=True)
        self.trusting = ssl.create_default_context(cafile=str(self.authority))
        self.client = self._with(authority)
        self.stranger = self._with(stranger)

    def _with(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority))
        authority.issue_cert("client@bank.example").configure_cert(context)
        return context

    def settings(self, *, mutual: bool) -> dict[str, str]:
        named = {"TLS__CERTIFICATE": str(self.certificate), "TLS__KEY": str(self.key)}
        return named | ({"TLS__CLIENT_AUTHORITY": str(self.authority)} if mutual else {})


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def client(address: str, context: ssl.SSLContext) -> httpx.Client:
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx.Client(
        base_url=address, headers=headers, verify=context, trust_env=False, timeout=300
    )


def test_decisions_travel_under_tls_and_nothing_else_is_spoken(tmp_path, papers: Papers) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, trust=papers.trusting, **papers.settings(mutual=False)) as running:
        assert running.address.startswith("https://")
        with client(running.address, papers.trusting) as known:
            first = known.post("/v1/decisions", json=GOOD)
            assert first.status_code == 200
            assert known.post("/v1/decisions", json=GOOD).json() == first.json()
        strict = client(running.address, ssl.create_default_context())
        with strict as distrustful, pytest.raises(httpx.ConnectError):
            distrustful.get("/health/live")
        with socket.create_connection(("127.0.0.1", running.port), timeout=300) as plain:
            plain.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"HTTP/1.1" not in plain.recv(100)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with client(running.address, old) as ancient, pytest.raises(httpx.ConnectError):
            ancient.get("/health/live")
        assert running.stop() == 0


def test_mutual_tls_lets_in_who_has_a_certificate_and_still_asks_for_a_key(
    tmp_path, papers: Papers
) -> None:
    home = make_home(tmp_path / "home")
    with serving(home, trust=papers.client, **papers.settings(mutual=True)) as running:
        with client(running.address, papers.client) as known:
            assert known.post("/v1/decisions", json=GOOD).status_code == 200
            known.headers.pop("authorization")
            assert known.post("/v1/decisions", json=GOOD).status_code == 401
        for context in (papers.trusting, papers.stranger):
            with (
                client(running.address, context) as unknown,
                pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)),
            ):
                unknown.get("/health/live")


@pytest.mark.parametrize("left_out", ["TLS__CERTIFICATE", "TLS__KEY"])
def test_half_of_it_is_no_setting(tmp_path, papers: Papers, left_out: str) -> None:
    changes = papers.settings(mutual=True)
    del changes[left_out]
    with pytest.raises(CrivoError) as caught:
        tls_context(settings_of(tmp_path, **changes))
    assert caught.value.code == "SETTING_INVALID"


def test_a_file_that_is_no_certificate_is_named(tmp_path, papers: Papers) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for name in ("TLS__CERTIFICATE", "TLS__KEY", "TLS__CLIENT_AUTHORITY"):
        for path in (bad, tmp_path / "none.pem"):
            changes = papers.settings(mutual=True) | {name: str(path)}
            with pytest.raises(CrivoError) as caught:
                tls_context(settings_of(tmp_path, **changes))
            assert caught.value.code == "FILE_UNREADABLE"
    assert tls_context(settings_of(tmp_path)) is None
