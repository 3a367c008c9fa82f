"""A secret kept in a file that only its owner may read (0600)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from crivo.adapters.files.private import replace_private, sync_folder
from crivo.domain.errors import Code, Misconfigured

SECRET_BYTES: Final = 32


def load_or_create_key(path: Path, *, make: Callable[[int], bytes]) -> bytes:
    """The 32 bytes at `path`; where there is no file, `make(32)` is kept there first.

    `make` is the source of randomness (`secrets.token_bytes` outside tests). The file is written
    aside, synced and linked into place, so that of two processes one wins and both read the same.

    Raises:
        Misconfigured: FILE_UNREADABLE where it is readable by others, or is no such secret;
            FILE_UNWRITABLE where it cannot be made.
    """
    try:
        if not path.exists():
            _create(path, make(SECRET_BYTES))
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNWRITABLE,
            f"{path} cannot be made: {error.strerror}",
            hint="The folder of the keys must be writable.",
        ) from error
    return load_key(path)


def load_lasting_key(
    path: Path, *, fingerprint: Path, make: Callable[[int], bytes], is_used: bool
) -> bytes:
    """As `load_or_create_key`, for a key that nothing may take the place of once it `is_used`.

    The file `fingerprint` keeps its SHA-256 in hexadecimal, which tells another key.

    Raises:
        Misconfigured: KEY_MISSING where it is gone, KEY_INVALID where another is in its place;
            else as `load_or_create_key`.
    """
    known = known_hash(fingerprint)
    if not path.exists() and (is_used or known is not None):
        raise lost_key(path, needed_by="what was written here was made under it")
    key = load_or_create_key(path, make=make)
    check_known(path, key, fingerprint=fingerprint, known=known)
    return key


def known_hash(fingerprint: Path) -> str | None:
    """The SHA-256 that the file tells of, in hexadecimal; None where there is no such file yet.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    try:
        return fingerprint.read_text("ascii").strip() if fingerprint.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(fingerprint, str(error), "Restore the file.") from error


def check_known(path: Path, key: bytes, *, fingerprint: Path, known: str | None) -> None:
    """Nothing, if what `path` holds has the hash that is `known`; where none is, it is kept now.

    Raises:
        Misconfigured: KEY_INVALID where it has another, FILE_UNWRITABLE.
    """
    found = hashlib.sha256(key).hexdigest()
    if known is None:
        _keep(fingerprint, found)
    elif known != found:
        raise Misconfigured(
            Code.KEY_INVALID,
            f"{path} is not the key that {fingerprint} tells of",
            hint="Restore the key that what was written here was made under.",
            path=str(path),
            expected=f"a key whose SHA-256 is {known}",
            found=found,
        )


def lost_key(path: Path, *, needed_by: str) -> Misconfigured:
    """The refusal to make a key anew: KEY_MISSING."""
    return Misconfigured(
        Code.KEY_MISSING,
        f"the key {path} is gone, and {needed_by}",
        hint="Restore it from the copy of keys/; another one cannot take its place.",
        path=str(path),
        expected="the key as it was made",
        found="no file",
    )


def _keep(fingerprint: Path, found: str) -> None:
    try:
        replace_private(fingerprint, found.encode() + b"\n")
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNWRITABLE,
            f"{fingerprint} cannot be made: {error.strerror}",
            hint="The home folder must be writable.",
            path=str(fingerprint),
        ) from error


def _create(path: Path, secret: bytes) -> None:
    assert len(secret) == SECRET_BYTES
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, secret.hex().encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(aside, path)
    except FileExistsError:
        # Another process made it in the meantime: its key is the key.
        return
    finally:
        aside.unlink()
    sync_folder(path.parent)


def load_key(path: Path) -> bytes:
    """The 32 bytes at `path`, which is there.

    Raises:
        Misconfigured: FILE_UNREADABLE where it is readable by others, or is no such secret.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error), "Restore the file.") from error
    if mode & 0o077:
        raise _unreadable(path, f"its mode is {mode:04o}", f"Run chmod 600 {path}.")
    try:
        secret = bytes.fromhex(text)
    except ValueError as error:
        raise _unreadable(path, "it is not hexadecimal", "Restore the file.") from error
    if len(secret) != SECRET_BYTES:
        raise _unreadable(path, f"it holds {len(secret)} bytes", "Restore the file.")
    return secret


def _unreadable(path: Path, found: str, hint: str) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is no secret of Crivo: {found}",
        hint=hint,
        expected="a file of mode 0600 with 64 hexadecimal digits",
        found=found,
    )
