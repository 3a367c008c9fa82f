"""Data keys in one file of mode 0600, each wrapped by the master key in its own file beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from crivo.adapters.files.private import make_private_folder, replace_private
from crivo.adapters.files.secret import check_known, known_hash, load_key, lost_key
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.governance.record_cipher import DataKey, unwrap, wrap


class DataKeyFile:
    """`DataKeys` on disk, for several processes: who seals adds to it, and all read it.

    Args:
        path: The file of wrapped keys.
        master: The file of the master key.
        fingerprint: The file that tells its first key, so that none is made in a lost one's place.
        load: The master key for another data key, made where there may be none yet.
    """

    def __init__(
        self, path: Path, master: Path, *, fingerprint: Path, load: Callable[[], bytes]
    ) -> None:
        self._path: Final = path
        self._master: Final = master
        self._fingerprint: Final = fingerprint
        self._load: Final = load

    def read(self) -> tuple[DataKey, ...]:
        """All keys, the oldest first; none where nothing was sealed yet.

        Raises:
            Misconfigured: FILE_UNREADABLE for a file that `add` did not write, KEY_MISSING for one
                that holds no key or without a master key, KEY_INVALID with another one.
        """
        rows = self._rows()
        if not rows:
            return ()
        if not self._master.exists():
            raise Misconfigured(
                Code.KEY_MISSING,
                f"the master key {self._master} is gone, and {self._path} needs it",
                hint="Restore it: without it no decision of this home can be read again.",
                path=str(self._master),
            )
        master = load_key(self._master)
        try:
            return tuple(
                DataKey(
                    number=row["number"],
                    made_at=parse_rfc3339(row["made_at"], field="made_at"),
                    first_seq=row["first_seq"],
                    secret=unwrap(master, bytes.fromhex(row["wrapped"]), number=row["number"]),
                )
                for row in rows
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unreadable(str(error)) from error

    def add(self, key: DataKey) -> None:
        """Keeps one more key, and the master key first if it is the first.

        Of two processes that make a key of one number, the first one's stands.

        Raises:
            Unavailable: FILE_UNWRITABLE. Misconfigured: as `read`, and as `load`; KEY_MISSING where
                the file is gone, KEY_INVALID where it is another.
        """
        make_private_folder(self._path.parent)
        beside = os.open(self._path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(beside, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._add(key)

    def _add(self, key: DataKey) -> None:
        rows = self._rows()
        if any(row.get("number") == key.number for row in rows):
            return
        known = known_hash(self._fingerprint)
        if not rows and known is not None:
            raise lost_key(self._path, needed_by="what was sealed here lies under it")
        row = {
            "number": key.number,
            "made_at": format_rfc3339(key.made_at),
            "first_seq": key.first_seq,
            "wrapped": wrap(self._load(), key.secret).hex(),
        }
        first = (rows or [row])[0]
        if known is not None:
            self._check_first(first, known)
        text = json.dumps([*rows, row], indent=1) + "\n"
        try:
            replace_private(self._path, text.encode())
        except OSError as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"{self._path} cannot be written: {error.strerror}",
                hint="No record is written without its key on disk: look at the disk.",
                path=str(self._path),
            ) from error
        if known is None:
            self._check_first(first, None)

    def _check_first(self, first: dict[str, Any], known: str | None) -> None:
        wrapped = str(first.get("wrapped")).encode()
        check_known(self._path, wrapped, fingerprint=self._fingerprint, known=known)

    def _rows(self) -> Sequence[dict[str, Any]]:
        try:
            rows = json.loads(self._path.read_text())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            raise self._unreadable(str(error)) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._unreadable("no list of keys")
        if not rows:
            # Never written so: it has lost its keys, and a new one would take the first's number.
            raise Misconfigured(
                Code.KEY_MISSING,
                f"{self._path} is there and holds no key",
                hint="Restore it from the copy of keys/; another key cannot take its place.",
                path=str(self._path),
                expected="at least one key, as it was made with",
                found="an empty list",
            )
        return rows

    def _unreadable(self, found: str) -> Misconfigured:
        return Misconfigured(
            Code.FILE_UNREADABLE,
            f"{self._path} is no file of data keys: {found}",
            hint="Restore it: without it no decision of this home can be read again.",
            path=str(self._path),
            expected="what this program wrote",
            found=found,
        )
