"""Numbers in a file of their own, which may be deleted: what they say is found again elsewhere."""

from __future__ import annotations

from pathlib import Path

from crivo.domain.errors import Code, Unavailable


def read_numbers(path: Path, count: int) -> tuple[int, ...]:
    """The numbers that are kept there; zeros where none are."""
    words = path.read_text(encoding="ascii").split() if path.is_file() else []
    if len(words) != count or not all(word.isdigit() for word in words):
        return (0,) * count
    return tuple(map(int, words))


def keep_numbers(path: Path, *numbers: int) -> None:
    """Keeps them; a power cut may bring back earlier ones.

    Raises:
        Unavailable: FILE_UNWRITABLE.
    """
    aside = path.with_suffix(".new")
    try:
        aside.write_text(" ".join(map(str, numbers)), encoding="ascii")
        aside.replace(path)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"{path} cannot be written: {error.strerror}",
            hint="Look at the disk and the folder's permissions.",
            file=str(path),
        ) from error
