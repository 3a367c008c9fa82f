"""Files of a policy or bundle as they are read: what is missing or is no text is told."""

from __future__ import annotations

from pathlib import Path

from crivo.domain.errors import Code, Misconfigured


def kept_bytes(path: Path) -> bytes:
    """The bytes of a file that decisions are made with.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"a file is missing or cannot be read: {error.strerror}",
            hint="Restore it from a copy; decisions made with it cannot be replayed without it.",
            path=str(path),
        ) from error


def policy_file(path: Path) -> str:
    """The text of one policy file.

    Raises:
        Misconfigured: FILE_UNREADABLE; POLICY_INVALID for bytes that are no text.
    """
    content = kept_bytes(path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Misconfigured(
            Code.POLICY_INVALID,
            f"{path.name}: the file must be text in UTF-8",
            hint="Save it as UTF-8.",
            file=path.name,
            expected="UTF-8",
            found=str(error),
        ) from None
