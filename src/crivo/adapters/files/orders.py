"""Payment orders in files: one pacs.008 message a file, or a folder of such files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from crivo.adapters.files.digest import file_sha256
from crivo.domain.errors import Code, Refused

ENDING: Final = ".xml"


class MessageFile:
    """An `OrderFile`.

    Args:
        path: Where it lies.
        name: What people call it; bytes that are no UTF-8 are escaped in `name`.
        bytes_max: Of a message.
    """

    def __init__(self, path: Path, name: str, *, bytes_max: int) -> None:
        self._path: Final = path
        self.name: Final = name.encode("utf-8", "surrogateescape").decode(
            "utf-8", "backslashreplace"
        )
        self._bytes_max: Final = bytes_max

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex.

        Raises:
            Refused: FILE_UNREADABLE.
        """
        with self._told():
            return file_sha256(self._path)

    def read(self) -> bytes:
        """The message, or what of it is one byte longer than any may be.

        Raises:
            Refused: FILE_UNREADABLE.
        """
        with self._told(), self._path.open("rb") as file:
            return file.read(self._bytes_max + 1)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tells what the system says of a file that it does not read."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise Refused(
                Code.FILE_UNREADABLE,
                f"{self._path} cannot be read: {reason}",
                hint="See to its permissions, or to what it links to, and import it again: what is "
                "there is not doubled.",
                file=str(self._path),
                expected="a file that can be read",
                found=reason,
            ) from error


def message_files(path: Path, *, bytes_max: int) -> list[MessageFile]:
    """The messages of a file, or of a folder and the folders in it, by their paths.

    Raises:
        Refused: FILE_UNREADABLE where there is none, or a file has another ending than .xml.
    """
    if not path.is_dir():
        if not path.is_file():
            raise _unreadable(path, "a file, or a folder of files", "nothing there")
        return [MessageFile(path, path.name, bytes_max=bytes_max)]
    files = sorted(each for each in path.rglob("*") if not each.is_dir())
    for each in files:
        if each.suffix.lower() != ENDING:
            raise _unreadable(path, f"files ending in {ENDING} alone", each.name)
    if not files:
        raise _unreadable(path, f"files ending in {ENDING}", "none")
    return [
        MessageFile(each, each.relative_to(path).as_posix(), bytes_max=bytes_max) for each in files
    ]


def _unreadable(path: Path, expected: str, found: str) -> Refused:
    return Refused(
        Code.FILE_UNREADABLE,
        f"{path} must hold {expected}, found {found}",
        hint="Messages of pacs.008 lie in files ending in .xml, one in each; tables and folders of "
        "streams are imported with --mapping.",
        file=str(path),
        expected=expected,
        found=found,
    )
