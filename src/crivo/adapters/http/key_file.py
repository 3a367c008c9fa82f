"""API keys on disk: names and SHA-256 fingerprints in one file of mode 0600, never a key."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from crivo.adapters.http.access import Caller, Role
from crivo.adapters.http.auth import KnownKey, fingerprint
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, invalid
from crivo.domain.fields import CALLER_OF_KEY, CALLER_OWN_CHARACTERS_MAX
from crivo.model.files import held_alone


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What is kept of a key: who uses it, its fingerprint, when it was made (RFC 3339), its role.

    A key of a file that was written before there were roles may do what it could then: everything.
    """

    name: str
    sha256: str
    made_at: str
    role: Role = Role.ADMIN


_LOGGER: Final = logging.getLogger("crivo.keys")

#: How often a service looks whether keys were made or revoked.
LOOK_NS: Final = 100_000_000

_NAME: Final = re.compile(r"[\w][\w.@ -]{0,63}")
_NAME_EXPECTED: Final = "1 to 64 letters, digits, blanks and . _ - @, the first a letter or digit"


def read_keys(path: Path) -> tuple[KeptKey, ...]:
    """The keys in the file; none where there is no file.

    Raises:
        Misconfigured: FILE_UNREADABLE where it is not one that `add_key` writes.
    """
    try:
        rows = json.loads(path.read_text())
        keys = tuple(_kept(**row) for row in rows)
        for key in keys:
            if len(bytes.fromhex(key.sha256)) != 32:
                raise ValueError(key.name)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"{path} is not a file of API keys",
            hint="Delete it: the next start makes a new key, and old keys stop working.",
            path=str(path),
        ) from error
    return keys


def _kept(*, name: object, sha256: str, made_at: str, role: str = Role.ADMIN.value) -> KeptKey:
    # Older files may hold other names than are given now; what a caller tells is kept with its own.
    if not (
        isinstance(name, str) and name.isprintable() and 1 <= len(name) <= CALLER_OWN_CHARACTERS_MAX
    ):
        raise ValueError(name)
    return KeptKey(name, sha256, made_at, Role(role))


def add_key(path: Path, *, name: str, secret: str, made_at: str, role: Role) -> KeptKey:
    """The key as it is kept, on disk; `secret` itself is nowhere.

    Raises:
        Misconfigured: FILE_UNREADABLE.
        Refused: ID_INVALID for a name that is none; CONFLICT where a key has it already.
    """
    if not _NAME.fullmatch(name):
        raise invalid(Code.ID_INVALID, field="name", expected=_NAME_EXPECTED, found=name)
    key = KeptKey(name, fingerprint(secret).hex(), made_at, role)
    with _held(path):
        keys = read_keys(path)
        if any(each.name == name for each in keys):
            raise Refused(
                Code.CONFLICT,
                f"there is a key of {name} already",
                hint=f"Give another name, or `crivo keys revoke {name}` first.",
                field="name",
                expected="a name that no key has",
                found=name,
            )
        _write(path, [*keys, key])
    return key


def remove_key(path: Path, *, name: str) -> KeptKey:
    """The key of that name, which is good no longer; a service that runs forgets it at once.

    Raises:
        Misconfigured: FILE_UNREADABLE. Refused: NOT_FOUND.
    """
    with _held(path):
        keys = read_keys(path)
        found = [key for key in keys if key.name == name]
        if not found:
            raise Refused(
                Code.NOT_FOUND,
                f"there is no key of {name}",
                hint="`crivo keys list` shows them.",
                field="name",
                expected="the name of a key",
                found=name,
            )
        _write(path, [key for key in keys if key.name != name])
    return found[0]


def _held(path: Path) -> AbstractContextManager[None]:
    """Whoever changes the file at the same time waits: else a revoked key could come back."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return held_alone(path)


def _write(path: Path, keys: Sequence[KeptKey]) -> None:
    rows = [asdict(each) for each in keys]
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(rows, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


class KeyReader:
    """Gives the keys in the file, and those known besides; the same tuple while they stay.

    It looks at the file every tenth of a second and reads it again only where that has changed,
    since every request asks. While the file is damaged nobody passes, and the log tells once why.
    """

    def __init__(
        self, path: Path, *, monotonic_ns: Callable[[], int], known: tuple[KnownKey, ...] = ()
    ) -> None:
        self._path = path
        self._monotonic_ns = monotonic_ns
        self._known = known
        self._look_at = 0
        self._seen: object = None
        self._kept: tuple[KnownKey, ...] | None = known

    def __call__(self) -> tuple[KnownKey, ...]:
        """The keys.

        Raises:
            Unavailable: NOT_READY while the file cannot be read.
        """
        now = self._monotonic_ns()
        if now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._look()
        if self._kept is None:
            raise Unavailable(
                Code.NOT_READY,
                "the service cannot read its API keys",
                hint="Whoever runs it finds the cause in its log and in `crivo keys list`.",
            )
        return self._kept

    def _look(self) -> None:
        try:
            status = self._path.stat()
            state: object = (status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            state = None
        except OSError as error:
            state = str(error)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._kept = (*self._known, *map(_known, read_keys(self._path)))
        except Misconfigured as error:
            self._kept = None
            _LOGGER.warning(
                "keys.unreadable", extra={"code": error.code, "facts": {"words": str(error)}}
            )


def _known(key: KeptKey) -> KnownKey:
    return KnownKey(
        bytes.fromhex(key.sha256), Caller(f"{CALLER_OF_KEY}{key.name}", frozenset({key.role}))
    )
