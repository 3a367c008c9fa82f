"""Who calls: API keys and tokens for programs, a one-time link and a cookie for the page."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import Scope

from crivo.adapters.http.access import Caller
from crivo.adapters.http.receive import header
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR, MINUTE

COOKIE: Final = "crivo_page"

LINK_LIFETIME: Final = 10 * MINUTE
SESSION_LIFETIME: Final = 12 * HOUR
LINKS_MAX: Final = 64
SESSIONS_MAX: Final = 64

_BEARER: Final = b"bearer "
_VERDICT: Final = b"verdict"


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a secret of 256 random bits: all that is kept of it."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is good: its fingerprint, and whose it is."""

    sha256: bytes
    caller: Caller


class TokenCheck(Protocol):
    """Who a bearer token is of, where it is no API key."""

    def check(self, token: bytes) -> Caller:
        """Whoever the token names.

        Raises:
            Refused: UNAUTHENTICATED. Unavailable: NOT_READY.
        """
        ...


class ApiKeys:
    """Checks `Authorization: Bearer …` against the kept fingerprints, each in constant time.

    `read` gives the keys as they are now, the same tuple while they stay, and is asked each time: a
    key that is made or revoked while the service runs is good, or worthless, from then on.
    `tokens` hears of what has the form of a JWT and is no key.
    """

    def __init__(
        self, read: Callable[[], tuple[KnownKey, ...]], *, tokens: TokenCheck | None = None
    ) -> None:
        self._read = read
        self._tokens = tokens
        # The header that passed last, among which keys: most services have one caller.
        self._passed: tuple[bytes, tuple[KnownKey, ...], Caller] | None = None

    def check(self, scope: Scope) -> Caller:
        """Whoever sent the request.

        Raises:
            Refused: UNAUTHENTICATED. Unavailable: NOT_READY.
        """
        value = header(scope, b"authorization") or b""
        kept, passed = self._read(), self._passed
        if passed and kept is passed[1] and hmac.compare_digest(value, passed[0]):
            return passed[2]
        if value[:7].lower() == _BEARER:
            secret = value[7:].strip()
            caller = _known(kept, secret)
            if caller is not None:
                self._passed = (value, kept, caller)
                return caller
            if self._tokens is not None and secret.count(b".") == 2:
                return self._tokens.check(secret)
        raise Refused(
            Code.UNAUTHENTICATED,
            "this path needs an API key",
            field="authorization",
            expected="Bearer followed by a valid key",
            found="nothing" if not value else "a value that is no valid key",
            hint="The first start printed a key; `crivo keys new NAME --role ROLE --home HOME` "
            "makes another, where HOME is the folder of the service.",
        )


def _known(kept: tuple[KnownKey, ...], secret: bytes) -> Caller | None:
    digest = hashlib.sha256(secret).digest()
    # Every key is compared, so that the time does not tell which one was near.
    found = [each.caller for each in kept if hmac.compare_digest(digest, each.sha256)]
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A link or a session: until when it is good, and as whom its holder gives verdicts.

    None where it gives none.
    """

    expires_at: int
    reviewer: str | None


class PageAccess:
    """One-time links that become page sessions. Both live in memory only and expire.

    A session reads; where whoever asked for its link may give verdicts, it gives them in that name.

    `now` gives instants and `secret` fresh random text; both come from the composition root.
    """

    def __init__(self, *, now: Callable[[], int], secret: Callable[[], str]) -> None:
        self._now = now
        self._secret = secret
        self._links: dict[bytes, _Kept] = {}
        self._sessions: dict[bytes, _Kept] = {}

    def new_link_token(self, *, reviewer: str | None = None) -> str:
        """A token that opens the page once within ten minutes; `reviewer` may give verdicts."""
        return self._issue(self._links, LINK_LIFETIME, LINKS_MAX, reviewer)

    def open(self, token: str) -> str | None:
        """The secret of a new session if the token is fresh and unused; it is used from here on."""
        link = self._links.pop(fingerprint(token), None)
        if link is None or link.expires_at <= self._now():
            return None
        return self._issue(self._sessions, SESSION_LIFETIME, SESSIONS_MAX, link.reviewer)

    def is_open(self, scope: Scope) -> bool:
        """Whether the request carries the cookie of a session that has not expired."""
        return self._session(scope) is not None

    def verdict_token(self, scope: Scope) -> str | None:
        """What a form of this session carries (a CSRF token); None where it may give no verdict."""
        session, secret = self._session(scope), _cookie(scope, COOKIE)
        if session is None or session.reviewer is None or secret is None:
            return None
        return hmac.new(secret.encode("latin-1"), _VERDICT, hashlib.sha256).hexdigest()

    def reviewer(self, scope: Scope, token: str) -> str:
        """Who gives a verdict, if the form was made for this session, and it may give any.

        Raises:
            Refused: FORBIDDEN.
        """
        session, expected = self._session(scope), self.verdict_token(scope)
        is_own = expected is not None and hmac.compare_digest(expected.encode(), token.encode())
        if session is None or session.reviewer is None or not is_own:
            raise Refused(
                Code.FORBIDDEN,
                "this session may not give that verdict",
                field="csrf",
                expected="the token of a form that this session was shown, and a link of an "
                "analyst or admin",
                found="a session that reads only" if expected is None else "another token",
                hint="Open the page by a link of an analyst's key, and send its own form.",
            )
        return session.reviewer

    def _session(self, scope: Scope) -> _Kept | None:
        secret = _cookie(scope, COOKIE)
        found = None if secret is None else self._sessions.get(fingerprint(secret))
        return None if found is None or found.expires_at <= self._now() else found

    def _issue(
        self, kept: dict[bytes, _Kept], lifetime: int, count_max: int, reviewer: str | None
    ) -> str:
        now = self._now()
        for old in [digest for digest, each in kept.items() if each.expires_at <= now]:
            del kept[old]
        while len(kept) >= count_max:
            del kept[next(iter(kept))]
        secret = self._secret()
        kept[fingerprint(secret)] = _Kept(now + lifetime, reviewer)
        return secret


def _cookie(scope: Scope, name: str) -> str | None:
    value = header(scope, b"cookie")
    if value is None:
        return None
    for part in value.decode("latin-1").split(";"):
        key, _, content = part.strip().partition("=")
        if key == name:
            return content
    return None
