"""The public keys of an OpenID provider (RFC 7517): fetched by a thread of their own, and kept.

A request never waits for them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

#: How often the thread looks whether keys are wanted.
LOOK_SECONDS: Final = 0.1

#: A discovery document or key set is a few kilobytes.
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
FETCH_SECONDS_MAX: Final = 5.0

_LOGGER: Final = logging.getLogger("crivo.oidc")


class IssuerKeys:
    """The provider's public keys as they were fetched last, and when to fetch them again.

    `fetch` gives the key set's document; `monotonic` counts seconds. An unknown key asks for a new
    fetch, but for no more than one in `retry_seconds`: a stranger cannot make it fetch all day.

    Laws: keys that were fetched stay while the provider does not answer; one that it withdrew is
    gone with the next fetch.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        *,
        monotonic: Callable[[], float],
        refresh_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._refresh_seconds: Final = refresh_seconds
        self._retry_seconds: Final = retry_seconds
        self._wanted = threading.Event()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self.keys: KeySet | None = None

    def want(self) -> bool:
        """Asks for a fetch; false where the last one is too recent to find anything new."""
        if self._wanted.is_set():
            return True
        if self._monotonic() - self._tried_at < self._retry_seconds:
            return False
        self._wanted.set()
        return True

    def look(self) -> None:
        """Fetches the keys where that is due."""
        now = self._monotonic()
        is_due = now - self._fetched_at >= self._refresh_seconds or self._wanted.is_set()
        if not is_due or now - self._tried_at < self._retry_seconds:
            return
        self._tried_at = now
        # Until they are here, whoever asks for one of them hears that it is being fetched.
        self._wanted.set()
        try:
            self.keys = parse_keys(self._fetch())
        except (OSError, ValueError, HTTPException, msgspec.DecodeError) as error:
            facts = {"cause": type(error).__name__}
            _LOGGER.warning("oidc.keys_not_fetched", extra={"facts": facts})
            return
        self._fetched_at = now
        self._wanted.clear()

    def keep_up(self, stop: threading.Event) -> None:
        """Fetches whenever that is due, until the event is set."""
        while not stop.is_set():
            self.look()
            stop.wait(LOOK_SECONDS)


def parse_keys(raw: bytes) -> KeySet:
    """The keys of a document that sign and are public; what else is in it is left out.

    Raises:
        ValueError: it is no key set, or none of its keys is of use.
    """
    entries = _document(raw).get("keys")
    if not isinstance(entries, list):
        raise ValueError("no key set")
    usable = [
        each
        for each in entries
        if isinstance(each, dict)
        and each.get("kty") in {"RSA", "EC", "OKP"}
        and each.get("use", "sig") == "sig"
        and isinstance(each.get("kid"), str)
        and "d" not in each
    ]
    keys = [key for key in map(_read_key, usable) if key is not None]
    if not keys:
        raise ValueError("no key that signs")
    return KeySet(keys)


def _document(raw: bytes) -> dict[str, Any]:
    """The object of a document.

    Raises:
        ValueError: it is none.
    """
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except RecursionError as error:
        raise ValueError(str(error)) from None


def _read_key(entry: dict[str, Any]) -> Key | None:
    """The key; None for one of a kind that is not known here, beside which others may be."""
    try:
        return import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def fetch_keys(issuer: str, jwks_url: str | None) -> bytes:
    """The issuer's key set: from its address, or from where its discovery document says.

    Raises:
        OSError: it does not answer. ValueError: it answers something else.
    """
    if jwks_url is None:
        raw = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        document = _document(raw)
        if document.get("issuer") != issuer:
            raise ValueError("the discovery document is another issuer's")
        jwks_url = str(document.get("jwks_uri"))
        check_address(jwks_url)
    return _get(jwks_url)


def check_address(url: str) -> None:
    """Nothing, if it is an https address, or one of this machine.

    Raises:
        ValueError: anybody between could answer in the issuer's name.
    """
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or is_here):
        raise ValueError("no https address")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """An answer that leads elsewhere is an error: keys come from where the setting says."""
        raise HTTPError(req.full_url, code, "redirects are not followed", headers, fp)


def _get(url: str) -> bytes:
    check_address(url)
    # The proxies of the environment are the machine's way out, so they are taken.
    opener = build_opener(_NoRedirect())
    with opener.open(url, timeout=FETCH_SECONDS_MAX) as answer:
        body = bytes(answer.read(DOCUMENT_BYTES_MAX + 1))
    if len(body) > DOCUMENT_BYTES_MAX:
        raise ValueError("the document is too long")
    return body
