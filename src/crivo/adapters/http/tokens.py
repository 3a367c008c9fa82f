"""Tokens of an OpenID provider: JWTs (RFC 7519) whose signature, times and audience are checked.

Only signatures by a key pair are taken, each with the kind of key its algorithm asks for,
so that nobody signs with what is public (RFC 8725 §3.1).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from crivo.adapters.http.access import Caller, Role
from crivo.adapters.http.issuer_keys import IssuerKeys
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.fields import CALLER_OF_TOKEN, CALLER_OWN_CHARACTERS_MAX

#: Signatures that are taken: all by a key pair, none by a shared secret, never `none`.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip

TOKEN_BYTES_MAX: Final = 8 * 1024

#: Tokens that passed and are not looked through again before they expire.
PASSED_MAX: Final = 1_024


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken, for whom they are, and where in them the roles stand.

    `roles_claim` may lead into objects by dots. Clocks may differ by `skew_seconds`.
    """

    issuer: str
    audience: str
    roles_claim: str
    skew_seconds: int


class Tokens:
    """Checks tokens; `now` gives seconds since 1970."""

    def __init__(self, issuer: Issuer, keys: IssuerKeys, *, now: Callable[[], float]) -> None:
        self._issuer: Final = issuer
        self._keys: Final = keys
        self._now: Final = now
        self._passed: OrderedDict[bytes, tuple[Caller, float, KeySet]] = OrderedDict()

    def check(self, token: bytes) -> Caller:
        """Whoever the token names, with the roles that it gives.

        Raises:
            Refused: UNAUTHENTICATED.
            Unavailable: NOT_READY while the provider's keys are being fetched.
        """
        keys = self._keys.keys
        passed = self._passed.get(token)
        if passed is not None and passed[2] is keys and self._now() < passed[1]:
            return passed[0]
        if len(token) > TOKEN_BYTES_MAX:
            raise _refused("a token of sane size")
        if keys is None:
            self._keys.want()
            raise _fetching()
        claims = self._claims(token, keys)
        caller = Caller(
            f"{CALLER_OF_TOKEN}{claims['sub']}", _roles(claims, self._issuer.roles_claim)
        )
        self._passed[token] = (caller, claims["exp"] + self._issuer.skew_seconds, keys)
        if len(self._passed) > PASSED_MAX:
            self._passed.popitem(last=False)
        return caller

    def _claims(self, token: bytes, keys: KeySet) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, _by_id(keys), algorithms=list(ALGORITHMS))
        except _UnknownKey:
            if self._keys.want():
                raise _fetching() from None
            raise _refused("signed by a key of the issuer") from None
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("a token that the issuer signed") from None
        claims = decoded.claims
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now()),
            leeway=self._issuer.skew_seconds,
            iss={"essential": True, "value": self._issuer.issuer},
            aud={"essential": True, "value": self._issuer.audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            # The claim's name, never its value.
            raise _refused(f"of this issuer and audience, and in time ({error})") from None
        subject = claims["sub"]
        if not (isinstance(subject, str) and _is_subject(subject)):
            raise _refused(f"a token with a subject of 1 to {CALLER_OWN_CHARACTERS_MAX} characters")
        return claims


class _UnknownKey(Exception):
    """The token names a key that was not fetched."""


def _by_id(keys: KeySet) -> Callable[[Any], Any]:
    """The key that a token's header names: never one that it brings with it (RFC 8725 §3.10)."""

    def find(guest: Any) -> Any:
        kid = guest.headers().get("kid")
        found = [key for key in keys.keys if key.kid == kid]
        if not found:
            raise _UnknownKey
        return found[0]

    return find


def _is_subject(text: str) -> bool:
    return 1 <= len(text) <= CALLER_OWN_CHARACTERS_MAX and text.isprintable()


def _roles(claims: Mapping[str, Any], path: str) -> frozenset[Role]:
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    names = found.split() if isinstance(found, str) else found
    given = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return frozenset(role for role in Role if role.value in given)


def _refused(expected: str) -> Refused:
    return Refused(
        Code.UNAUTHENTICATED,
        "the token is not taken",
        field="authorization",
        expected=expected,
        found="another",
        hint="Ask the issuer for a new token; its audience and times must be right.",
    )


def _fetching() -> Unavailable:
    return Unavailable(
        Code.NOT_READY,
        "the keys of the token's issuer are being fetched",
        hint="Ask again in a moment.",
    )
