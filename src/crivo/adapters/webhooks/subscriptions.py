"""Who is told what: the file of subscriptions (TOML), and their secrets in files of mode 0600."""

from __future__ import annotations

import ipaddress
import re
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from crivo.adapters.webhooks.addresses import Network, url_fault
from crivo.domain.errors import Code, Misconfigured, shown
from crivo.flows.webhook_message import MessageKind
from crivo.governance.webhook_signature import SECRETS_MAX, parse_secret

#: Subscriptions of one service at most.
SUBSCRIPTIONS_MAX: Final = 32

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whom messages of these kinds go to. `authority` is a PEM file that its certificate is of."""

    name: str
    url: str
    kinds: frozenset[MessageKind]
    secret_file: Path
    networks: tuple[Network, ...] = ()
    authority: Path | None = None

    def secrets(self) -> list[bytes]:
        """Its secrets, as they stand in the file now: one, or two while they are changed.

        Raises:
            Misconfigured: FILE_UNREADABLE, KEY_INVALID.
        """
        return read_secrets(self.secret_file)

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are taken.

        Raises:
            Misconfigured: FILE_UNREADABLE.
        """
        try:
            return ssl.create_default_context(cafile=self.authority)
        except (OSError, ValueError) as error:
            raise _unreadable(self.authority, f"no certificates: {error}") from error


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    url: str
    kinds: list[str]
    secret_file: str
    networks: list[str] = []
    authority: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subscription: list[_Entry]


def read_subscriptions(path: Path) -> tuple[Subscription, ...]:
    """The subscriptions of the file; every secret and authority that it names can be read.

    Raises:
        Misconfigured: FILE_UNREADABLE, SETTING_INVALID, KEY_INVALID.
    """
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_File).subscription
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(path, "subscription", "tables [[subscription]]", str(error)) from error
    if not 1 <= len(entries) <= SUBSCRIPTIONS_MAX:
        raise _invalid(path, "subscription", f"1 to {SUBSCRIPTIONS_MAX} of them", len(entries))
    found = tuple(_subscription(path, each) for each in entries)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise _invalid(path, "name", "each name once", name)
    for each in found:
        each.secrets()
        each.trust()
    return found


def read_secrets(path: Path) -> list[bytes]:
    """The secrets of a file of mode 0600: a line each, the newest first.

    Raises:
        Misconfigured: FILE_UNREADABLE, KEY_INVALID.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, "no text that can be read") from error
    if mode & 0o077:
        raise _unreadable(path, f"of mode {mode:04o}, which others may read: run chmod 600")
    if not 1 <= len(lines) <= SECRETS_MAX:
        raise _unreadable(path, f"{len(lines)} lines, and not one secret or two")
    return [parse_secret(line, where=str(path)) for line in lines]


def _subscription(path: Path, entry: _Entry) -> Subscription:
    if not _NAME.fullmatch(entry.name):
        raise _invalid(path, "name", "lower-case letters, digits, _ and -", entry.name)
    networks = _networks(path, entry.networks)
    expected = url_fault(entry.url, networks)
    if expected is not None:
        raise _invalid(path, "url", expected, entry.url)
    if not entry.kinds:
        raise _invalid(path, "kinds", "at least one", "none")
    for kind in entry.kinds:
        if kind not in set(MessageKind):
            raise _invalid(path, "kinds", "of " + ", ".join(MessageKind), kind)
    beside = path.parent
    return Subscription(
        name=entry.name,
        url=entry.url,
        kinds=frozenset(map(MessageKind, entry.kinds)),
        secret_file=beside / entry.secret_file,
        networks=networks,
        authority=None if entry.authority is None else beside / entry.authority,
    )


def _networks(path: Path, texts: Sequence[str]) -> tuple[Network, ...]:
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise _invalid(path, "networks", "networks such as 10.1.0.0/16", text) from error
    return tuple(found)


def _invalid(path: Path, field: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.SETTING_INVALID,
        f"{path}: {field} must be {expected}, found {shown(found)}",
        hint="docs/reference/webhooks.md lists every key.",
        field=field,
        expected=expected,
        found=shown(found),
    )


def _unreadable(path: Path | None, found: str) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} holds {found}",
        hint="docs/reference/webhooks.md says what belongs there.",
        path=str(path),
    )
