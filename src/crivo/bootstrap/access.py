"""Who may call the service: API keys of the home folder, an OpenID provider, TLS."""

from __future__ import annotations

import secrets
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.http.access import EVERYTHING, Caller, Role
from crivo.adapters.http.auth import ApiKeys, KnownKey, fingerprint
from crivo.adapters.http.issuer_keys import IssuerKeys, check_address, fetch_keys
from crivo.adapters.http.key_file import KeptKey, KeyReader, add_key, read_keys, remove_key
from crivo.adapters.http.tokens import Issuer, Tokens
from crivo.bootstrap.home import Paths, require_home, wall_clock
from crivo.domain.errors import Code, Misconfigured, invalid
from crivo.domain.instant import format_rfc3339
from crivo.settings import OidcSettings, Settings

_BYTES_OF_A_KEY: Final = 32


@dataclass(frozen=True, slots=True)
class Access:
    """What the door asks callers for. `keys` is None where everybody is let in.

    `issuer_keys` are to be kept up while the service runs; `new_key` was made by this start.
    """

    keys: ApiKeys | None
    issuer_keys: IssuerKeys | None
    new_key: str | None


def make_access(settings: Settings) -> Access:
    """The keys that are good, and a first one where there is none.

    Raises:
        Misconfigured: FILE_UNREADABLE for the file of keys; SETTING_INVALID for the issuer.
        Unavailable: FILE_UNWRITABLE.
    """
    http = settings.http
    if not http.api_key_required:
        return Access(None, None, None)
    path = Paths(settings.home).api_keys
    known: tuple[KnownKey, ...] = ()
    if http.api_key is not None:
        digest = fingerprint(http.api_key.get_secret_value())
        known = (KnownKey(digest, Caller("setting", EVERYTHING)),)
    tokens, issuer_keys = _tokens(settings.oidc)
    is_first = not known and not read_keys(path)
    new_key = new_api_key(settings, "first", Role.ADMIN) if is_first else None
    reader = KeyReader(path, monotonic_ns=time.perf_counter_ns, known=known)
    return Access(ApiKeys(reader, tokens=tokens), issuer_keys, new_key)


def parse_role(text: str) -> Role:
    """The role of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        return Role(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="role", expected="one of " + ", ".join(Role), found=text
        ) from None


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What the server speaks TLS with; None where it speaks plain HTTP.

    Raises:
        Misconfigured: SETTING_INVALID, FILE_UNREADABLE.
    """
    tls = settings.tls
    if tls.certificate is None and tls.key is None and tls.client_authority is None:
        return None
    if tls.certificate is None or tls.key is None:
        raise _misset("CRIVO_TLS__CERTIFICATE", "both CRIVO_TLS__CERTIFICATE and CRIVO_TLS__KEY")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise _unreadable(tls.certificate, "a certificate with its key", error) from error
    if tls.client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(tls.client_authority)
        except (OSError, ValueError) as error:
            raise _unreadable(tls.client_authority, "certificates", error) from error
    return context


def _no_password() -> str:
    """A key under a password would ask for it on the terminal, which a service has not."""
    raise ValueError("the key is under a password")


def _tokens(oidc: OidcSettings) -> tuple[Tokens | None, IssuerKeys | None]:
    if oidc.issuer is None:
        return None, None
    if oidc.audience is None:
        raise _misset("CRIVO_OIDC__AUDIENCE", "an audience, since there is an issuer")
    issuer, keys_url = oidc.issuer, oidc.keys_url
    for name, url in (("ISSUER", issuer), ("KEYS_URL", keys_url or issuer)):
        try:
            check_address(url)
        except ValueError as error:
            raise _misset(f"CRIVO_OIDC__{name}", "an https address") from error
    keys = IssuerKeys(
        lambda: fetch_keys(issuer, keys_url),
        monotonic=time.monotonic,
        refresh_seconds=oidc.refresh_seconds,
        retry_seconds=oidc.retry_seconds,
    )
    asked = Issuer(issuer, oidc.audience, oidc.roles_claim, oidc.skew_seconds_max)
    return Tokens(asked, keys, now=time.time), keys


def _misset(field: str, expected: str) -> Misconfigured:
    return Misconfigured(
        Code.SETTING_INVALID,
        f"{field} must be {expected}",
        hint="docs/reference/settings.md says what belongs together.",
        field=field,
        expected=expected,
    )


def _unreadable(path: Path, expected: str, error: Exception) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} holds no {expected}: {error}",
        hint="PEM is asked for: the server's certificate first, then those between; a key without "
        "a password.",
        path=str(path),
    )


def new_api_key(settings: Settings, name: str, role: Role = Role.ADMIN) -> str:
    """A new API key: 256 random bits. Only its SHA-256 is kept: this is the one time it is seen.

    Raises:
        Misconfigured: FILE_UNREADABLE. Unavailable: FILE_UNWRITABLE.
        Refused: ID_INVALID, CONFLICT for the name.
    """
    make_private_folder(settings.home)
    secret = secrets.token_urlsafe(_BYTES_OF_A_KEY)
    path = Paths(settings.home).api_keys
    add_key(path, name=name, secret=secret, made_at=format_rfc3339(wall_clock()), role=role)
    return secret


def api_keys(settings: Settings) -> tuple[KeptKey, ...]:
    """The API keys of the home folder: names, fingerprints, when each was made.

    Raises:
        Misconfigured: FILE_UNREADABLE. Unavailable: NOT_FOUND where there is no home folder.
    """
    return read_keys(Paths(require_home(settings)).api_keys)


def revoke_api_key(settings: Settings, name: str) -> None:
    """Makes the key of that name worthless.

    Raises:
        Misconfigured: FILE_UNREADABLE. Refused: NOT_FOUND.
        Unavailable: NOT_FOUND where there is no home folder.
    """
    remove_key(Paths(require_home(settings)).api_keys, name=name)
