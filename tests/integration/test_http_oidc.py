"""Tokens at the door of a service, with an issuer that listens on a port of this machine."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from crivo.bootstrap.access import make_access
from crivo.bootstrap.service import Service, build_service
from crivo.domain.errors import Misconfigured
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller, called


class Issuer:
    """A provider with a discovery document and keys that the test changes."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": "one"})]
        outer = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(outer.document(self.path)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self, path: str) -> object:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def token(self, *roles: str, **changes: object) -> str:
        claims = {
            "iss": self.url,
            "aud": "crivo",
            "sub": "ana",
            "exp": int(time.time()) + 300,
            "roles": list(roles),
            **changes,
        }
        return jwt.encode({"alg": "RS256", "kid": self.keys[0].kid}, claims, self.keys[0])


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def service(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Service:
    settings = settings_of(
        make_home(tmp_path_factory.mktemp("oidc") / "home"),
        OIDC__ISSUER=issuer.url,
        OIDC__AUDIENCE="crivo",
        OIDC__RETRY_SECONDS="0.05",
    )
    return build_service(settings)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Caller]:
    with called(service) as caller:
        yield caller


def asked(client: Caller, path: str, token: str, *, statuses: set[int]) -> int:
    """The status of a path once it is one of these: keys are fetched beside the requests."""
    deadline = time.monotonic() + 300
    while True:
        answer = client.get(path, headers={"authorization": f"Bearer {token}"})
        if answer.status_code in statuses or time.monotonic() > deadline:
            return answer.status_code
        if answer.status_code == 503:
            assert answer.headers["retry-after"] == "1"
        time.sleep(0.02)


def test_a_token_opens_what_its_roles_may_ask_for(issuer: Issuer, client: Caller) -> None:
    assert asked(client, "/v1/decisions", issuer.token("analyst"), statuses={200}) == 200
    assert asked(client, "/metrics", issuer.token("analyst"), statuses={403}) == 403
    assert asked(client, "/metrics", issuer.token("analyst", "auditor"), statuses={200}) == 200
    assert asked(client, "/v1/model", issuer.token(), statuses={403}) == 403
    late = issuer.token("admin", exp=int(time.time()) - 60)
    assert asked(client, "/v1/model", late, statuses={401}) == 401
    headers = {"authorization": f"Bearer {KEY}"}
    assert client.get("/metrics", headers=headers).status_code == 200


def test_after_a_rotation_the_new_tokens_pass_and_the_old_ones_do_not(
    issuer: Issuer, client: Caller
) -> None:
    before = issuer.token("analyst")
    assert asked(client, "/v1/model", before, statuses={200}) == 200
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "two"})]
    assert asked(client, "/v1/model", issuer.token("analyst"), statuses={200}) == 200
    assert asked(client, "/v1/model", before, statuses={401}) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"OIDC__ISSUER": "https://id.example"},
        {"OIDC__ISSUER": "http://id.example", "OIDC__AUDIENCE": "crivo"},
        {
            "OIDC__ISSUER": "https://id.example",
            "OIDC__AUDIENCE": "crivo",
            "OIDC__KEYS_URL": "http://id.example/keys",
        },
    ],
)
def test_an_issuer_without_an_audience_or_in_the_clear_is_no_setting(tmp_path, changes) -> None:
    with pytest.raises(Misconfigured):
        make_access(settings_of(tmp_path, **changes))
