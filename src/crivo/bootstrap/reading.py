"""Opening a log's file in another process, which imports no more than that takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crivo.bootstrap.collecting import seldom_collected
from crivo.bootstrap.home import open_log_reader
from crivo.flows.ports import BulkReader


@contextmanager
def reading(path: Path) -> Iterator[BulkReader]:
    """The log at `path`, open for a while; other processes are sent this function and a path."""
    reader = open_log_reader(path)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def reading_much(path: Path) -> Iterator[BulkReader]:
    """As `reading`, for whoever goes through millions of events."""
    with seldom_collected(), reading(path) as log:
        yield log
