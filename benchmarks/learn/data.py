"""Where data from elsewhere lies, and what says that it does not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness import Row, Setting


def data_folder() -> Path:
    """The folder that CRIVO_DATA names, else `data` of the working folder."""
    return Path(os.environ.get("CRIVO_DATA", "data"))


def absent(setting: Setting, doc: str | None, files: Iterable[str]) -> Row | None:
    """The row that stands for a whole benchmark whose files are not all there; None where they are.

    `doc` is its docstring, whose first line names it; `files` are names below the folder of data.
    """
    assert doc is not None
    folder = data_folder()
    lacking = [name for name in files if not (folder / name).is_file()]
    if not lacking:
        return None
    why = f"set CRIVO_DATA to the folder that holds {' and '.join(lacking)}; {folder} does not"
    return setting.not_run(doc.splitlines()[0], "", why)
