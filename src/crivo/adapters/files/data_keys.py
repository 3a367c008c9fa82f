"""Data keys in one file of mode 0600, each wrapped by the master key in its own file beside it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from crivo.adapters.files.private import make_private_folder, replace_private
from crivo.adapters.files.secret import load_key, load_or_create_key
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.governance.record_cipher import DataKey, unwrap, wrap


class DataKeyFile:
    """`DataKeys` on disk. The log's writer alone adds to it; readers may be other processes.

    Args:
        path: The file of wrapped keys.
        master: The file of the master key, which is made with the first data key.
        make: So many random bytes (`secrets.token_bytes` outside tests).
    """

    def __init__(self, path: Path, master: Path, *, make: Callable[[int], bytes]) -> None:
        self._path: Final = path
        self._master: Final = master
        self._make: Final = make

    def read(self) -> tuple[DataKey, ...]:
        """All keys, the oldest first; none where nothing was sealed yet.

        Raises:
            Misconfigured: FILE_UNREADABLE for a file that `add` did not write, KEY_MISSING without
                a master key, KEY_INVALID with another one.
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
            Unavailable: FILE_UNWRITABLE. Misconfigured: as `read`.
        """
        make_private_folder(self._path.parent)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._add(key)

    def _add(self, key: DataKey) -> None:
        rows = self._rows()
        if any(row.get("number") == key.number for row in rows):
            return
        master = (
            load_key(self._master) if rows else load_or_create_key(self._master, make=self._make)
        )
        row = {
            "number": key.number,
            "made_at": format_rfc3339(key.made_at),
            "first_seq": key.first_seq,
            "wrapped": wrap(master, key.secret).hex(),
        }
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

    def _rows(self) -> Sequence[dict[str, Any]]:
        try:
            rows = json.loads(self._path.read_text())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            raise self._unreadable(str(error)) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._unreadable("no list of keys")
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
