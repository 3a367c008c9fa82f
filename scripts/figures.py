"""Writes what was measured: into README.md, README.pt-BR.md, and docs/reference/figures.md.

`python -m scripts.figures`. What was measured lies in `docs/reference/figures/`: a file that bears
a benchmark's name is what `python -m benchmarks NAME --json FILE` wrote; `commands.json` holds what
other commands printed, each row with its `command`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "reference" / "figures"
PAGE: Final = ROOT / "docs" / "reference" / "figures.md"
READMES: Final = {"en": ROOT / "README.md", "pt": ROOT / "README.pt-BR.md"}
#: The file of what other commands printed.
BY_HAND: Final = "commands"

BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
#: In a README's limits: what deciding over HTTP misses, of the rows that the table shows.
MISSED_BEGIN, MISSED_END = "<!-- missed -->", "<!-- end of missed -->"

_MISSES: Final = {
    "en": " Missed over HTTP (found, and the target): ",
    "pt": " Não atingido por HTTP (medido, e a meta): ",
}

_HEADS: Final = {
    "en": "| what | target | found | day | command |\n|---|---|---|---|---|\n",
    "pt": "| o quê | meta | medido | dia | comando |\n|---|---|---|---|---|\n",
}
_MISSED: Final = {"en": "**missed**", "pt": "**não atingido**"}
_NOT_RUN: Final = {"en": "not run", "pt": "não medido"}
_UNITS: Final = {
    "decisions": "decisões",
    "decisions/s": "decisões/s",
    "events/s": "eventos/s",
    "rows/s": "linhas/s",
    "mean of 4": "média de 4",
}

_PAGE_HEAD: Final = """# Figures

Made by `python -m scripts.figures` from the files in `docs/reference/figures/`; a test compares
them. Each file is what the benchmark of its name wrote with `--json`; `commands.json` holds what
other commands printed. *Found* is the median of the runs, *spread* their range over it; *beside* is
the peer that a row names, taken in the same run or, where it says so, before, and the ratio of
both. The machine is shared, and runs of one hour differ by a factor of two from those of another; a
row that was taken beside other work says so. One command takes several and ends in one table:
`python -m benchmarks engines spark lake capacity` those of Kafka, Spark, the lake and machines.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured row, its file, and the command that prints it again."""

    source: str
    command: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of README's table: its file, how its `what` begins, and its words in both languages."""

    source: str
    what: str
    en: str
    pt: str


#: Where no row depends on what else runs.
TESTS: Final = "all tests, which had precedence; no row is a time"

#: What else ran while the rows of a file were taken.
BESIDE: Final = {
    "backtest": "tests of others (a load of 9 that fell to 3, on two cores), which it had "
    "precedence over; with nothing beside it the code before read and judged 93,945 and 87,890 "
    "that morning",
    "capacity": "whatever else ran: it is reckoned from other records, and measures nothing",
    "decide": "nothing (a load of 1.2 at its first row, on two cores)",
    "decide_start": "tests and benchmarks of others (a load of 25 to 44 on two cores), which it "
    "had precedence over",
    "engines": "nothing (the load when it began is of the benchmark before it, on two cores)",
    "features": "nothing but editors (a load of 1.1 when it began, on two cores)",
    "front_door": "nothing but editors (a load of 0.7 when it began, on two cores)",
    "lake": "nothing (a load of 2.0 when it began, on two cores)",
    "learning_handbook": TESTS,
    "learning_handbook_long": TESTS,
    "learning_pix": TESTS,
    "learning_resampling": TESTS,
    "learning_speed": "nothing else (on two cores)",
    "learning_ulb": TESTS,
    "simulator": "nothing but editors (a load of 0.5 when it began, on two cores)",
    "spark": "nothing (the load when it began is of what ran before it, on two cores), as "
    "`--quick`: 40,000 events and one run each",
    "spark_ways": "tests of others (a load of 8 to 12, on two cores); times are the processor's",
    "spine": "nothing else",
}

#: What README shows, in this order.
SHOWN: Final = (
    Shown(
        "front_door",
        "fresh clone, empty caches, make demo: first decision",
        "fresh clone, empty caches, to the first decision",
        "clone novo, caches vazios, até a primeira decisão",
    ),
    Shown("front_door", "installed size", "installed size", "tamanho instalado"),
    Shown(
        "front_door",
        "fresh clone, empty caches, make demo: peak memory",
        "peak memory of the demo",
        "pico de memória da demonstração",
    ),
    Shown(
        "front_door",
        "live page interactive",
        "live page usable, 100,000 decisions stored",
        "página ao vivo utilizável, 100.000 decisões guardadas",
    ),
    Shown(
        "front_door",
        "list of decisions, 10,000,000 stored by SQL beside a log of 100,000, p95",
        "list of decisions at 10,000,000 stored by SQL beside a log of 100,000, p95",
        "lista de decisões com 10.000.000 guardadas por SQL ao lado de um registro de 100.000, p95",
    ),
    Shown(
        "spine",
        "POST /v1/decisions, 1000/s open loop (peer: disk), p50",
        "`POST /v1/decisions`, durable, 1,000/s open loop, p50",
        "`POST /v1/decisions`, durável, 1.000/s em laço aberto, p50",
    ),
    Shown(
        "spine",
        "POST /v1/decisions, 1000/s open loop (peer: disk), p99",
        "the same, p99",
        "o mesmo, p99",
    ),
    Shown(
        "decide",
        "POST /v1/decisions, 3,000/s open loop, one core, p50",
        "`POST /v1/decisions`, 3,000/s open loop, one core, p50",
        "`POST /v1/decisions`, 3.000/s em laço aberto, um núcleo, p50",
    ),
    Shown(
        "decide",
        "POST /v1/decisions, 3,000/s open loop, one core, p99 (",
        "`POST /v1/decisions`, 3,000/s open loop, one core, p99",
        "`POST /v1/decisions`, 3.000/s em laço aberto, um núcleo, p99",
    ),
    Shown(
        "decide",
        "POST /v1/decisions, 3,000/s open loop, one core, answered",
        "`POST /v1/decisions`, 3,000/s open loop, one core, answered",
        "`POST /v1/decisions`, 3.000/s em laço aberto, um núcleo, respondidas",
    ),
    Shown(
        "decide",
        "POST /v1/decisions:batch of 100, one core",
        "`POST /v1/decisions:batch`, batches of 100, one core",
        "`POST /v1/decisions:batch`, lotes de 100, um núcleo",
    ),
    Shown(
        "spine",
        "kernel, 33 features",
        "features read and folded on one core, the first 33",
        "atributos lidos e acumulados em um núcleo, os 33 primeiros",
    ),
    Shown(
        "spine",
        "replay, decisions that differ",
        "decisions that differ when replayed",
        "decisões diferentes no replay",
    ),
    Shown(
        "features",
        "18 windowed features, one core, 1,000,000 rows",
        "18 windowed features (3 entities, 3 windows, count and sum), one core",
        "18 atributos de janela (3 entidades, 3 janelas, contagem e soma), um núcleo",
    ),
    Shown(
        "features",
        "the same, 50,000 rows, as the peers below",
        "the same, 50,000 rows",
        "o mesmo, 50.000 linhas",
    ),
    Shown(
        "features",
        "18 windowed features by polars",
        "the same, 50,000 rows, by Polars",
        "o mesmo, 50.000 linhas, com Polars",
    ),
    Shown(
        "features",
        "whole catalogue, 181 features, one core",
        "the whole catalogue of 181 features, one core",
        "o catálogo inteiro de 181 atributos, um núcleo",
    ),
    Shown(
        "features",
        "one event, whole catalogue, read and update after 500,000 events, p50",
        "one event read and folded, whole catalogue, p50",
        "um evento lido e acumulado, catálogo inteiro, p50",
    ),
    Shown(
        "learning_speed",
        "training, 1,000,000 rows × 80 features, two threads: the whole of crivo train",
        "training on 1,000,000 rows of 80 features, all of `crivo train`",
        "treino com 1.000.000 de linhas de 80 atributos, `crivo train` inteiro",
    ),
    Shown(
        "learning_speed",
        "scoring, batch, one core",
        "rows scored on one core",
        "linhas pontuadas em um núcleo",
    ),
    Shown(
        "engines",
        "worker, Kafka to Kafka, plain",
        "worker on a log in Kafka",
        "worker sobre um registro no Kafka",
    ),
    Shown(
        "engines",
        "produce to consume at 5,000/s, 1 broker, p99",
        "a record through one broker, 5,000/s, p99, warm",
        "um evento por um broker, 5.000/s, p99, já aquecido",
    ),
    Shown(
        "learning_handbook",
        "Handbook, 7 days of training, champion (peer: the book's XGBoost), AP",
        "Handbook, the book's protocol (seven days of training): average precision",
        "Handbook, o protocolo do livro (sete dias de treino): precisão média",
    ),
)


def figures() -> Iterator[Figure]:
    """Every measured row, file by file."""
    for path in sorted(FOLDER.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            command = row.get("command", f"python -m benchmarks {path.stem}")
            yield Figure(path.stem, command, row)


def find(shown: Shown) -> Figure:
    """The one measured row that is shown.

    Raises:
        LookupError: there is none, or more than one.
    """
    exact = [each for each in figures() if each.source == shown.source]
    found = [each for each in exact if each.row["what"] == shown.what]
    found = found or [each for each in exact if each.row["what"].startswith(shown.what)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows of {shown.source}.json begin with {shown.what!r}")
    return found[0]


def number(value: float, language: str) -> str:
    """Three figures, or all before the point; grouped and pointed as the language does."""
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def _with_unit(value: float, row: dict[str, Any], language: str) -> str:
    unit = row["unit"] if language == "en" else _UNITS.get(row["unit"], row["unit"])
    return f"{number(value, language)} {unit}".rstrip()


def _bound(row: dict[str, Any]) -> str:
    """Which side of its target is good; of older rows, which do not say it, as it was found."""
    if "bound" in row:
        return str(row["bound"])
    is_at_most = row["found"] is None or (row["found"] <= row["target"]) == bool(row["holds"])
    return "at most" if is_at_most else "at least"


def _target(row: dict[str, Any], language: str) -> str:
    if row["target"] is None:
        return ""
    sign = "≤" if _bound(row) == "at most" else "≥"
    return f"{sign} {_with_unit(row['target'], row, language)}"


def _found(row: dict[str, Any], language: str) -> str:
    if row["found"] is None:
        return _NOT_RUN[language]
    text = _with_unit(row["found"], row, language)
    is_missed = row["holds"] is False and row["target"] is not None
    return f"{text}, {_MISSED[language]}" if is_missed else text


def _beside(row: dict[str, Any]) -> str:
    if row["peer"] is None:
        return ""
    ratio = "" if row["ratio"] is None else f" (ratio {number(row['ratio'], 'en')})"
    return f"{_with_unit(row['peer'], row, 'en')}{ratio}"


def table(language: str) -> str:
    """The table of a README."""
    lines = [_HEADS[language]]
    for shown in SHOWN:
        figure = find(shown)
        row, words = figure.row, shown.en if language == "en" else shown.pt
        cells = [words, _target(row, language), _found(row, language), row["date"]]
        lines.append(f"| {' | '.join(cells)} | `{figure.command}` |\n")
    return "".join(lines)


def limits() -> list[Shown]:
    """The rows of the table that a README's limits speak of."""
    return [each for each in SHOWN if each.source == "decide" and "/v1/decisions" in each.what]


def missed(language: str) -> str:
    """What a README's limits say of it; nothing where it misses nothing."""
    said = []
    for shown in limits():
        row, words = find(shown).row, shown.en if language == "en" else shown.pt
        if row["holds"] is False:
            found = _with_unit(row["found"], row, language)
            said.append(f"{words}: {found} ({_target(row, language)})")
    return f"{_MISSES[language]}{'; '.join(said)}." if said else ""


def with_figures(text: str, language: str) -> str:
    """A README with its table and the line of its limits as the record has them."""
    text = _between(text, BEGIN, END, table(language))
    return _between(text, MISSED_BEGIN, MISSED_END, missed(language))


def _between(text: str, begin: str, end: str, content: str) -> str:
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    assert len(pattern.findall(text)) == 1, f"one place between {begin} and its end"
    return pattern.sub(lambda _: begin + content + end, text)


def page() -> str:
    """The page of all figures."""
    lines, source = [_PAGE_HEAD], ""
    for figure in figures():
        row = figure.row
        if figure.source != source:
            source = figure.source
            lines.append(f"\n## {source}\n\n")
            if source in BESIDE:
                lines.append(f"Beside {BESIDE[source]}.\n\n")
            lines.append(
                "| what | target | found | beside | spread | runs | day | machine | command |\n"
            )
            lines.append("|---|---|---|---|---|---|---|---|---|\n")
        spread = "" if row["spread"] is None else f"{row['spread']:.2f}"
        cells = [row["what"], _target(row, "en"), _found(row, "en"), _beside(row)]
        cells += [spread, str(row["runs"])]
        lines.append(
            f"| {' | '.join([*cells, row['date'], row['machine']])} | `{figure.command}` |\n"
        )
    return "".join(lines)


def main() -> None:
    """Writes the page, and what both READMEs have of it."""
    PAGE.write_text(page(), encoding="utf-8")
    for language, path in READMES.items():
        path.write_text(with_figures(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
