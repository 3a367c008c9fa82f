"""Progress of a work of several stages: which one runs, how far it is, and for how long already."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from crivo.cli.output import notes

if TYPE_CHECKING:
    from rich.console import Console

    from crivo.bootstrap.training import StagedProgress

#: Where there is no terminal, a stage that goes on is told of this often.
_LINE_SECONDS: Final = 10.0


@contextmanager
def staged_progress() -> Iterator[StagedProgress]:
    """A callback that shows each stage: a moving line on a terminal, else a line as it begins and
    now and then while it goes on.
    """
    console = notes()
    if not console.is_terminal:
        yield _by_line(console)
        return
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        running: list[tuple[str, TaskID]] = []

        def end() -> None:
            for _, task in running:
                bars.update(task, completed=1, total=1)

        def show(stage: str, done: int, total: int) -> None:
            if not running or running[-1][0] != stage:
                end()
                running[:] = [(stage, bars.add_task(stage, total=None))]
            if total > 1 and done > 0:
                bars.update(running[-1][1], completed=done, total=total)

        yield show
        end()


def _by_line(console: Console) -> StagedProgress:
    begun = time.monotonic()
    state = {"at": begun}
    stages: set[str] = set()

    def say(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage in stages and now - state["at"] < _LINE_SECONDS:
            return
        count = f", {done:,} of {total:,}" if stage in stages and total > 1 else ""
        stages.add(stage)
        state["at"] = now
        console.print(f"  {now - begun:5.1f} s  {stage}{count} …", markup=False)

    return say
