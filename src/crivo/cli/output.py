"""What the command line prints: results on stdout, progress and notes on stderr, JSON on demand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, Unavailable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.table import Table

#: The width of what is no terminal: wider than any row.
PIPED_COLUMNS: Final = 100_000
#: A table wider than this stands as names and values there: nobody reads lines of 270 columns.
TABLE_COLUMNS_MAX: Final = 160

#: Called with (done, total) in the unit of the step; total 0 means unknown.
Progress = Callable[[int, int], None]


def notes() -> Console:
    """A console on stderr, for progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def results() -> Console:
    """A console on stdout, for results; in a pipe or file no line is ever cut or folded."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_COLUMNS
    return Console(highlight=False, soft_wrap=True, width=width)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def write_page(file: Path, page: str) -> None:
    """Writes a page to a file, and says so on stderr.

    Raises:
        Unavailable: FILE_UNWRITABLE.
    """
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"{file} cannot be written: {error.strerror}",
            hint="Name another file.",
            path=str(file),
        ) from error
    notes().print(f"written: {file}", markup=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout; numbers should come formatted.

    Where its longest words do not fit beside each other, each row stands as names and values.
    """
    from rich.text import Text

    console = results()
    cells = [[str(cell) for cell in row] for row in rows]
    table = _table(title, columns, cells)
    measured = table.__rich_measure__(console, _unbounded(console))
    is_narrow = console.is_terminal or measured.maximum <= TABLE_COLUMNS_MAX
    if is_narrow and measured.minimum <= console.width:
        console.print(table)
        return
    console.print(Text(title, "bold"))
    for row in cells:
        width = max(map(len, columns))
        for name, cell in zip(columns, row, strict=True):
            console.print(f"  {name:<{width}}  {cell}", markup=False)
        console.print()


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    # Text, and no markup: a cell may hold brackets.
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _unbounded(console: Console) -> ConsoleOptions:
    return console.options.update(width=PIPED_COLUMNS)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Names and values, one a line, on stdout."""
    console = results()
    console.print(f"[bold]{title}[/bold]")
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        console.print(f"  {name:<{width}}  {value}", markup=False)


@contextmanager
def progress_bar(label: str, *, unit: str) -> Iterator[Progress]:
    """A callback that draws a bar on a terminal, and one closing line where there is none."""
    console = notes()
    if not console.is_terminal:
        state = {"done": 0}

        def count(done: int, _total: int) -> None:
            state["done"] = done

        yield count
        console.print(f"{label}: {state['done']:,} {unit}", markup=False)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console) as bars:
        task = bars.add_task(label, total=None)

        def draw(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total or None)

        yield draw
