"""The front door: a fresh clone to its first decision, size and memory, pages, lists of 10 M."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import numpy as np

from benchmarks.harness import Row, Setting
from benchmarks.load import browser, fresh_clone, service, stored
from crivo.cli.demo_server import Served

SEED: Final = 7
#: Decisions that are made over HTTP, and how many the table of decisions is then filled up to.
DECIDED, FILLED = 100_000, 10_000_000
DECIDED_QUICK, FILLED_QUICK = 5_000, 100_000

#: Pages with a table of decisions, by what they are called in a row.
PAGES: Final = (("live page", "/"), ("search", "/page/search"), ("queue", "/page/reviews"))


def run(setting: Setting) -> Iterator[Row]:
    """The rows of the front door."""
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        yield from clone(setting, Path(folder) / "fresh")
        home = service.prepare_home(Path(folder), scale="1.8")
        with service.running(home) as running:
            count = DECIDED_QUICK if setting.quick else DECIDED
            stored.decide(running, count=count, seed=SEED)
            stored.wait_until_listed(home, count)
            yield from pages(setting, running, count)
            yield from lists(setting, running, home, count)


def clone(setting: Setting, folder: Path) -> Iterator[Row]:
    """A clone with an empty home folder and no caches: seconds, megabytes, and memory.

    `make demo` where the run is a whole one, `make demo-ci` where it is a quick one. The first
    decision counts when the table of decisions holds it.
    """
    verb = "demo-ci" if setting.quick else "demo"
    found = fresh_clone.run_demo(folder, verb=verb)
    what = f"fresh clone, empty caches, make {verb}"
    yield setting.row(f"{what}: first decision", "s", [found.first_decision_seconds], at_most=180.0)
    yield setting.row(f"{what}: all of it", "s", [found.seconds])
    yield setting.row("installed size of the default set", "MB", [found.megabytes], at_most=1_000.0)
    yield setting.row(f"{what}: peak memory", "MiB", [found.memory_mib], at_most=2_048.0)


def pages(setting: Setting, running: Served, count: int) -> Iterator[Row]:
    """Seconds from asking for a page to its first row, its script having run, in Chromium."""
    program = browser.find_program()
    for name, path in PAGES:
        what = f"{name} interactive, {count:,} decisions stored"
        if program is None:
            yield setting.not_run(what, "s", "no chromium", at_most=1.0)
            continue
        link = stored.page_link(running)
        runs = 2 if setting.quick else 7
        values = browser.seconds_to_rows(program, running.address, link, path, runs=runs)
        yield setting.row(what, "s", values, at_most=1.0)


def lists(setting: Setting, running: Served, home: Path, count: int) -> Iterator[Row]:
    """Milliseconds of GET /v1/decisions, one request after the other, over the kinds of questions.

    The table is filled by SQL with copies of the decisions that were made, later and under other
    ids, while the service stands still: each account has as many decisions more as there are
    copies.
    """
    wanted = FILLED_QUICK if setting.quick else FILLED
    span = stored.fill(home, wanted)
    asks = 10 if setting.quick else 150
    taken: dict[str, list[float]] = {}
    headers = {"authorization": f"Bearer {running.api_key}"}
    with httpx.Client(base_url=running.address, headers=headers, trust_env=False) as client:
        for kind, parameters in stored.questions(asks, seed=SEED, span=span):
            begun = time.perf_counter()
            answer = client.get("/v1/decisions", params=parameters)
            taken.setdefault(kind, []).append((time.perf_counter() - begun) * 1e3)
            answer.raise_for_status()
    what = f"list of decisions, {wanted:,} stored by SQL beside a log of {count:,}"
    everything = [value for values in taken.values() for value in values]
    yield setting.row(f"{what}, p95", "ms", [float(np.quantile(everything, 0.95))], at_most=50.0)
    for kind, values in taken.items():
        yield setting.row(f"{what}, {kind}, p95", "ms", [float(np.quantile(values, 0.95))])
