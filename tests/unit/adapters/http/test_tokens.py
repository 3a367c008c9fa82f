"""Tokens of an issuer: whose signature, for whom, when, and with which roles."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from crivo.adapters.http.access import Role
from crivo.adapters.http.issuer_keys import IssuerKeys, check_address, parse_keys
from crivo.adapters.http.tokens import TOKEN_BYTES_MAX, Issuer, Tokens
from crivo.domain.errors import Code, Refused, Unavailable

ISSUER = Issuer("https://id.example", "crivo", "realm_access.roles", 30)
NOW = 1_795_435_200
OLD = RSAKey.generate_key(2048, {"kid": "old", "use": "sig"})
NEW = RSAKey.generate_key(2048, {"kid": "new", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})
EDWARDS = OKPKey.generate_key("Ed25519", {"kid": "edwards"})


def document(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class Provider:
    """An issuer that answers, or not, and two clocks that stand still until they are moved."""

    def __init__(self, *keys: Key) -> None:
        self.answer: bytes | OSError = document(*keys)
        self.fetched = 0
        self.monotonic = 1_000.0
        self.now = float(NOW)
        self.keys = IssuerKeys(
            self.fetch, monotonic=lambda: self.monotonic, refresh_seconds=300, retry_seconds=10
        )
        self.keys.look()
        self.tokens = Tokens(ISSUER, self.keys, now=lambda: self.now)

    def fetch(self) -> bytes:
        self.fetched += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def token(key: Key = OLD, *, algorithm: str = "RS256", header: object = None, **changes) -> bytes:
    claims = {
        "iss": "https://id.example",
        "aud": "crivo",
        "sub": "ana",
        "iat": NOW,
        "exp": NOW + 300,
        "realm_access": {"roles": ["analyst", "auditor", "elsewhere"]},
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": algorithm, "kid": key.kid, **(header or {})}
    return jwt.encode(head, kept, key, algorithms=[algorithm]).encode()


def refusal(provider: Provider, raw: bytes) -> Code:
    with pytest.raises((Refused, Unavailable)) as caught:
        provider.tokens.check(raw)
    assert raw.decode("latin-1") not in str(caught.value)
    return caught.value.code


def test_a_token_names_its_caller_and_the_roles_that_are_ours() -> None:
    caller = Provider(OLD).tokens.check(token())
    assert caller.name == "oidc:ana"
    assert caller.roles == {Role.ANALYST, Role.AUDITOR}


@pytest.mark.parametrize(
    ("key", "algorithm"), [(OLD, "RS512"), (OLD, "PS256"), (CURVE, "ES256"), (EDWARDS, "Ed25519")]
)
def test_each_kind_of_key_pair_signs(key: Key, algorithm: str) -> None:
    assert Provider(OLD, CURVE, EDWARDS).tokens.check(token(key, algorithm=algorithm)).roles


@pytest.mark.parametrize(
    "claim",
    [
        None,
        "analyst",
        7,
        {},
        {"roles": None},
        {"roles": 7},
        {"roles": [7, {}]},
        {"roles": ["king"]},
    ],
)
def test_whoever_has_none_of_our_roles_has_no_role(claim: object) -> None:
    assert Provider(OLD).tokens.check(token(realm_access=claim)).roles == frozenset()


def test_roles_may_be_words() -> None:
    tokens = Provider(OLD).tokens.check(token(realm_access={"roles": "openid ingest admin"}))
    assert tokens.roles == {Role.INGEST, Role.ADMIN}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another"]},
        {"aud": {}},
        {"iss": "https://other.example"},
        {"iss": None},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "a" * 256},
        {"sub": "ana\nroot"},
    ],
)
def test_what_is_out_of_time_for_another_or_of_nobody_is_refused(changes) -> None:
    assert refusal(Provider(OLD), token(**changes)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("changes", [{"exp": NOW - 29}, {"nbf": NOW + 29}, {"iat": NOW + 29}])
def test_clocks_may_differ_a_little(changes) -> None:
    assert Provider(OLD).tokens.check(token(**changes)).roles


def test_a_token_that_passed_is_refused_when_it_has_expired() -> None:
    provider, raw = Provider(OLD), token()
    for now, passes in ((NOW, True), (NOW + 329, True), (NOW + 331, False), (NOW, True)):
        provider.now = now
        if passes:
            assert provider.tokens.check(raw).roles
        else:
            assert refusal(provider, raw) is Code.UNAUTHENTICATED


def signed(head: dict[str, object], secret: bytes) -> bytes:
    """A token by a shared secret, made without a library that would refuse to."""
    parts = [head, {"iss": ISSUER.issuer, "aud": "crivo", "sub": "eve", "exp": NOW + 300}]
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in parts
    )
    mac = hmac.digest(secret, text, hashlib.sha256)
    return text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")


@pytest.mark.parametrize("pem", [True, False])
def test_nobody_signs_with_the_public_key_as_a_secret(pem: bool) -> None:
    public = OLD.as_pem(private=False) if pem else document(OLD)
    raw = signed({"alg": "HS256", "kid": "old"}, public)
    assert refusal(Provider(OLD), raw) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("algorithm", ["none", "NONE", "HS256", "", "RS1", 7, None])
def test_no_other_algorithm_is_taken(algorithm: object) -> None:
    raw = signed({"alg": algorithm, "kid": "old"}, b"")
    assert refusal(Provider(OLD), raw) is Code.UNAUTHENTICATED
    assert refusal(Provider(OLD), raw.rpartition(b".")[0] + b".") is Code.UNAUTHENTICATED


def test_a_key_that_the_token_brings_with_it_is_not_looked_at() -> None:
    own = RSAKey.generate_key(2048, {"kid": "old"})
    for brought in ({"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/keys"}):
        raw = token(own, header=brought)
        assert refusal(Provider(OLD), raw) is Code.UNAUTHENTICATED


def test_a_key_of_another_kind_under_the_same_name_signs_nothing() -> None:
    other = ECKey.generate_key("P-256", {"kid": "old"})
    assert refusal(Provider(OLD), token(other, algorithm="ES256")) is Code.UNAUTHENTICATED


def test_after_a_rotation_the_new_key_is_asked_for_once_and_the_old_one_is_gone() -> None:
    provider = Provider(OLD)
    provider.answer = document(NEW)
    provider.monotonic += 11
    assert refusal(provider, token(NEW)) is Code.NOT_READY
    provider.keys.look()
    assert provider.tokens.check(token(NEW)).roles
    assert refusal(provider, token(OLD)) is Code.UNAUTHENTICATED
    assert provider.fetched == 2


def test_strangers_do_not_make_it_fetch_all_day() -> None:
    provider = Provider(OLD)
    for _ in range(100):
        provider.monotonic += 1
        refusal(provider, token(NEW))
        provider.keys.look()
    assert provider.fetched <= 1 + 100 // 10


def test_keys_stay_while_the_issuer_does_not_answer_and_are_fetched_again_later() -> None:
    provider = Provider(OLD)
    provider.answer = OSError("down")
    provider.monotonic += 301
    provider.keys.look()
    assert provider.tokens.check(token()).roles
    assert refusal(provider, token(NEW)) is Code.NOT_READY
    provider.answer = document(NEW)
    provider.monotonic += 11
    provider.keys.look()
    assert provider.tokens.check(token(NEW)).roles


def test_before_any_key_was_fetched_a_token_waits() -> None:
    provider = Provider(OLD)
    provider.keys.keys = None
    assert refusal(provider, token()) is Code.NOT_READY


@pytest.mark.parametrize(
    "raw", [b"", b"[", b"[]", b"{}", b'{"keys":7}', b'{"keys":[]}', b'{"keys":[7,{"kty":"oct"}]}']
)
def test_a_document_without_keys_changes_nothing(raw: bytes) -> None:
    provider = Provider(OLD)
    provider.answer = raw
    provider.monotonic += 301
    provider.keys.look()
    assert provider.tokens.check(token()).roles


def test_of_a_document_only_public_keys_that_sign_and_have_a_name_are_taken() -> None:
    public = [key.as_dict(private=False) for key in (OLD, NEW)]
    odd = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**public[1], "use": "enc"},
        {name: value for name, value in public[1].items() if name != "kid"},
        NEW.as_dict(private=True),
        {"kty": "EC", "crv": "P-999", "kid": "odd", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "!"},
    ]
    found = parse_keys(json.dumps({"keys": [*odd, public[0]]}).encode())
    assert [key.kid for key in found.keys] == ["old"]


@given(
    st.binary(max_size=200)
    | st.lists(st.binary(max_size=40), min_size=3, max_size=3).map(b".".join)
)
def test_no_bytes_are_more_than_refused(raw: bytes) -> None:
    provider = Provider(OLD)
    with pytest.raises((Refused, Unavailable)):
        provider.tokens.check(raw)
    with pytest.raises((Refused, Unavailable)):
        provider.tokens.check(token() + raw + b"!")


def test_an_endless_token_is_not_looked_through() -> None:
    assert refusal(Provider(OLD), b"." * (TOKEN_BYTES_MAX + 1)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("url", ["http://id.example", "ftp://a", "https:///x", "", "file:///etc"])
def test_keys_come_from_https_or_this_machine(url: str) -> None:
    with pytest.raises(ValueError):
        check_address(url)
    check_address("https://id.example")
    check_address("http://127.0.0.1:8080/keys")


def test_sabotage_a_check_of_the_audience_or_the_time_left_out_is_seen(monkeypatch) -> None:
    monkeypatch.setattr(jwt.JWTClaimsRegistry, "validate", lambda *_: None)
    for changes in ({"aud": "another"}, {"exp": NOW - 31}):
        with pytest.raises(BaseException, match="DID NOT RAISE"):
            test_what_is_out_of_time_for_another_or_of_nobody_is_refused(changes)


def test_the_thread_of_keys_ends_when_it_is_told() -> None:
    stop = threading.Event()
    stop.set()
    Provider(OLD).keys.keep_up(stop)
