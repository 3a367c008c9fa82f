"""Keys and page sessions: what opens, once, and for how long."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest

from crivo.adapters.http.access import Caller, Role
from crivo.adapters.http.auth import (
    COOKIE,
    LINK_LIFETIME,
    SESSION_LIFETIME,
    SESSIONS_MAX,
    ApiKeys,
    KnownKey,
    PageAccess,
    fingerprint,
)
from crivo.adapters.http.key_file import LOOK_NS, KeyReader, add_key, read_keys
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable


def _scope(**headers: str) -> dict[str, object]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


def known(secret: str, name: str = "x", role: Role = Role.ADMIN) -> KnownKey:
    return KnownKey(fingerprint(secret), Caller(name, frozenset({role})))


class Time:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def _access(time: Time) -> PageAccess:
    numbers = count()
    return PageAccess(now=time, secret=lambda: f"secret-{next(numbers)}")


def test_a_known_key_passes() -> None:
    keys = ApiKeys(lambda: (known("other"), known("right", "ana")))
    keys.check(_scope(authorization="Bearer right"))
    assert keys.check(_scope(authorization="bearer right")).name == "ana"


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Basic right", "right", "Bearer"])
def test_any_other_value_is_refused(value: str) -> None:
    keys = ApiKeys(lambda: (known("right"),))
    with pytest.raises(Refused) as caught:
        keys.check(_scope(authorization=value))
    assert caught.value.code is Code.UNAUTHENTICATED
    assert "right" not in str(caught.value.context["found"])


def test_no_header_is_refused() -> None:
    with pytest.raises(Refused):
        ApiKeys(lambda: (known("right"),)).check(_scope())


def test_a_key_that_is_made_later_is_good_at_once() -> None:
    good = (known("first"),)
    keys = ApiKeys(lambda: good)
    keys.check(_scope(authorization="Bearer first"))
    good = (*good, known("second"))
    keys.check(_scope(authorization="Bearer second"))


def test_a_key_that_passed_and_is_revoked_passes_no_longer() -> None:
    good = (known("first"),)
    keys = ApiKeys(lambda: good)
    keys.check(_scope(authorization="Bearer first"))
    good = ()
    with pytest.raises(Refused):
        keys.check(_scope(authorization="Bearer first"))


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer "])
def test_nobody_passes_where_there_is_no_key(value: str) -> None:
    keys = ApiKeys(tuple)
    for _ in range(2):
        with pytest.raises(Refused):
            keys.check(_scope(authorization=value))


def test_the_file_of_keys_is_looked_at_every_tenth_of_a_second(tmp_path: Path) -> None:
    path, now = tmp_path / "keys.json", Time()
    read = KeyReader(path, monotonic_ns=now)
    assert read() == ()
    add_key(path, name="ana", secret="s", made_at="2026-01-01T00:00:00Z", role=Role.INGEST)
    now.now += LOOK_NS - 1
    assert read() == ()
    now.now += 1
    assert read() == (known("s", "key:ana", Role.INGEST),)
    assert read() is read()


@pytest.mark.parametrize("damage", ["[{", "[" * 100_000, '[{"name": "ana"}]', "7"])
def test_a_damaged_file_of_keys_lets_nobody_in_until_it_is_mended(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, now = tmp_path / "keys.json", Time()
    add_key(path, name="ana", secret="s", made_at="2026-01-01T00:00:00Z", role=Role.INGEST)
    first = known("k")
    read, good = KeyReader(path, monotonic_ns=now, known=(first,)), path.read_text()
    assert read() == (first, known("s", "key:ana", Role.INGEST))
    path.write_text(damage)
    for _ in range(3):
        now.now += LOOK_NS
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                read()
            assert caught.value.code is Code.NOT_READY
    assert [each.message for each in caplog.records] == ["keys.unreadable"]
    path.write_text(good)
    now.now += LOOK_NS
    assert read() == (first, known("s", "key:ana", Role.INGEST))


def test_a_key_of_before_there_were_roles_may_do_everything(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    row = {"name": "old", "sha256": fingerprint("s").hex(), "made_at": "2026-01-01T00:00:00Z"}
    path.write_text(json.dumps([row]))
    (kept,) = read_keys(path)
    assert kept.role is Role.ADMIN
    path.write_text(json.dumps([{**row, "role": "king"}]))
    with pytest.raises(Misconfigured):
        read_keys(path)


def test_a_folder_of_keys_that_is_a_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("no folder")
    read = KeyReader(tmp_path / "keys" / "api_keys.json", monotonic_ns=Time())
    with pytest.raises(Unavailable):
        read()


def test_a_link_opens_the_page_once() -> None:
    access = _access(Time())
    token = access.new_link_token()
    session = access.open(token)
    assert session is not None
    assert access.is_open(_scope(cookie=f"other=1; {COOKIE}={session}"))
    assert access.open(token) is None


def test_links_and_sessions_expire() -> None:
    time = Time()
    access = _access(time)
    token, other = access.new_link_token(), access.new_link_token()
    session = access.open(token)
    time.now += LINK_LIFETIME
    assert access.open(other) is None
    time.now += SESSION_LIFETIME
    assert not access.is_open(_scope(cookie=f"{COOKIE}={session}"))


def test_a_link_is_no_session_and_a_session_no_link() -> None:
    access = _access(Time())
    token = access.new_link_token()
    assert not access.is_open(_scope(cookie=f"{COOKIE}={token}"))
    session = access.open(token)
    assert session is not None
    assert access.open(session) is None


def test_sessions_have_a_ceiling_and_the_oldest_goes() -> None:
    access = _access(Time())
    sessions = [access.open(access.new_link_token()) for _ in range(SESSIONS_MAX + 1)]
    assert not access.is_open(_scope(cookie=f"{COOKIE}={sessions[0]}"))
    assert access.is_open(_scope(cookie=f"{COOKIE}={sessions[-1]}"))
