"""The backtest: decided transfers judged again a second, by two policies and by another model."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.load import service
from benchmarks.load.transfers import bodies
from crivo.adapters.http.bodies import parse_decision
from crivo.bootstrap.backtest import Wanted, backtest_home
from crivo.bootstrap.home import Paths, open_home
from crivo.bootstrap.models import named_model
from crivo.bootstrap.service import champion_bundle
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.instant import MINUTE, SECOND
from crivo.domain.report import ReportStatus
from crivo.flows.backtest_rows import Interval
from crivo.flows.decide import DecisionService
from crivo.flows.report import ReportService
from crivo.governance.backtest_figures import Backtested, figures
from crivo.model.artifact import Artifact, save_artifact
from crivo.settings import Settings

DECISIONS: Final = 400_000
DECISIONS_QUICK: Final = 20_000
RUNS: Final = 3
RESAMPLES: Final = 200
_BATCH: Final = 100
_REPORTED_ONE_IN: Final = 50


def run(setting: Setting) -> Iterator[Row]:
    """The rows: read and judged, judged alone, with another model, and the intervals."""
    count = DECISIONS_QUICK if setting.quick else DECISIONS
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        settings = Settings(
            home=service.prepare_home(Path(folder), scale="1.8"), policy=service.ROOT / "policy"
        )
        decide(settings, count)
        other = Path(shutil.copytree(settings.policy, Path(folder) / "other"))
        same, model = (settings.policy, other), ("champion", _again(settings))
        for what, policies, models, processes in (
            ("2 policies", same, (), 2),
            ("2 policies, one process", same, (), 1),
            ("2 models", (other,), model, 2),
        ):
            found = [_timed(settings, policies, models, processes) for _ in range(RUNS)]
            whole = [len(each) / taken for each, taken in found]
            judged = [len(each) / each.seconds["decide"] for each, _ in found]
            yield setting.row(
                f"{what}: read and judged again", "transfers/s", whole, at_least=100_000
            )
            yield setting.row(
                f"{what}: judged again by one core", "transfers/s", judged, at_least=100_000
            )
        begun = time.perf_counter()
        figures(found[0][0], resamples=RESAMPLES, seed=0)
        yield setting.row(f"figures, {RESAMPLES} resamples", "s", [time.perf_counter() - begun])


def _timed(
    settings: Settings, policies: tuple[Path, ...], models: tuple[str, ...], processes: int
) -> tuple[Backtested, float]:
    wanted = Wanted(policies, models, Interval(None, None), None, 0, processes=processes)
    begun = time.perf_counter()
    found = backtest_home(settings, wanted, progress=lambda _done, _end: None)
    return found, time.perf_counter() - begun


def _again(settings: Settings) -> str:
    """The champion as another model: the same trees under another hash."""
    champion = named_model(settings, "champion")
    assert isinstance(champion, Artifact)
    other = replace(champion, metadata={**champion.metadata, "note": "again"})
    save_artifact(Paths(settings.home).models, other)
    return other.hash


def decide(settings: Settings, count: int) -> None:
    """Decides so many transfers in the home's log, of which one in fifty is reported as fraud."""
    bundle = champion_bundle(settings)
    with open_home(settings, writer=True) as home:
        decisions = DecisionService(
            log=home.log,
            bundle=bundle,
            clock=LogClock(ClockKind.REPLAY, wall=lambda: 0),
            monotonic_ns=time.perf_counter_ns,
            host="benchmark",
        )
        decisions.recover(lambda _folded, _end: None)
        reports, gap = ReportService(decisions), SECOND
        lines = bodies(count, seed=1, start=service.AFTER, gap=gap)
        while batch := [
            parse_decision(line, home.pseudonyms)[:2] for line in islice(lines, _BATCH)
        ]:
            answers = decisions.decide_many(batch, arrived_ns=time.perf_counter_ns())
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
                answer.result(60)
            now = decisions.clock.now() + MINUTE
            for transfer, _ in batch[::_REPORTED_ONE_IN]:
                reports.report(
                    report_id=transfer.end_to_end_id,
                    status=ReportStatus.ACCEPTED,
                    end_to_end_id=transfer.end_to_end_id,
                    supplied_received_at=now,
                )
