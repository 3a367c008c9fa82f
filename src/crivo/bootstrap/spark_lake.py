"""Composes the lake of a job of Spark: each batch in bronze, days refined now and then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from crivo.adapters.spark.lake import SparkLake
from crivo.adapters.spark.listener import Told, timed
from crivo.adapters.spark.session import is_local
from crivo.bootstrap.lake import LakeHouse, payload_opener
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import EventRow
from crivo.flows.gold import QUALITY, quality_rows
from crivo.flows.ports import Manifest
from crivo.flows.refine import check_conserved
from crivo.flows.silver import refine_rows, silver_tables
from crivo.lake.table import BRONZE, QUARANTINE, Table
from crivo.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: The stage of waiting, behind the last batch, for what is refined.
AWAITED: Final = "await"


@dataclass(frozen=True, slots=True)
class Bronze:
    """Lays the records of a job's batches down as they are stored, each batch once: in whichever
    process of Python Spark has it do so.

    Args:
        settings: Those of the lake.
        batches: The name of the job's batches: a new checkpoint has a new one.
    """

    settings: Settings
    batches: str

    def __call__(self, rows: Sequence[EventRow], batch: int) -> None:
        """Appends the records of a batch, which may be one that is run again.

        Raises:
            Unavailable: LAKE_BUSY, LAKE_UNAVAILABLE.
        """
        LakeHouse(self.settings).refinery.append_batch(rows, self.batches, batch)


class Refining:
    """Refines what is due once in so many batches, one time after the other.

    Args:
        refine: Does it, as of a batch.
        every_batches: How many batches.
        is_beside: Whether batches go on meanwhile. They do not where Spark's own processes refine:
            the state that decides is in one of them.
        told: Hears what it takes, and how long the job waits for it at its end.
    """

    def __init__(
        self, refine: Callable[[int], object], every_batches: int, *, is_beside: bool, told: Told
    ) -> None:
        self._refine = refine
        self._every_batches = every_batches
        self._is_beside = is_beside
        self._told = told
        self._thread = ThreadPoolExecutor(1, "refining")
        self._running: Future[None] | None = None

    def __call__(self, batch: int) -> None:
        """Begins to refine if it is time to; a failure of the last time is raised."""
        if (batch + 1) % self._every_batches:
            return
        if not self._is_beside:
            self._now(batch)
            return
        self.wait()
        self._running = self._thread.submit(self._now, batch)

    def wait(self) -> None:
        """Until nothing is being refined; a failure is raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def end(self, batch: int) -> None:
        """Refines what is still due, as of the newest batch."""
        with timed(self._told, AWAITED):
            self.wait()
            self._now(batch)

    def _now(self, batch: int) -> None:
        with timed(self._told, "refine"):
            self._refine(batch)


def open_spark_lake(
    settings: Settings,
    session: SparkSession,
    *,
    master: str,
    manifest: Manifest,
    name: str,
    checkpoint: Path,
    told: Told,
) -> tuple[Bronze, Refining]:
    """What fills the lake of the settings by a job of that name.

    On this machine days are refined by delta-rs, beside the batches that follow; on a cluster by
    Spark, whose machines share them. The rows are the same.

    Raises:
        Misconfigured: LOG_MISMATCH where a job without a checkpoint finds a lake that was filled
            before, in which each record would come twice.
    """
    house = LakeHouse(settings)
    if not checkpoint.exists() and any(house.lake.open(BRONZE).counts().values()):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the lake was filled before, and this job has no checkpoint that says how far",
            hint="Give the job a lake of its own (CRIVO_LAKE__URL), or none (CRIVO_SPARK__LAKE).",
            field="CRIVO_LAKE__URL",
            expected="an empty lake, or the checkpoint of the job that fills it",
            found="rows in bronze",
        )
    house.refinery.note_log(manifest)
    batches = f"crivo/{manifest.log_id}/{name}"

    def refine_here(_batch: int) -> None:
        house.refinery.refine(progress=lambda _done, _left: None)

    refine: Callable[[int], object] = refine_here
    is_here = is_local(master)
    if not is_here:
        refine = spark_lake(house, settings, session, application=batches).refine
    every = settings.spark.refine_batches
    return Bronze(settings, batches), Refining(refine, every, is_beside=is_here, told=told)


def spark_lake(
    house: LakeHouse, settings: Settings, session: SparkSession, *, application: str
) -> SparkLake:
    """The tables of a lake, to be refined by a session under the name of a job's batches."""
    tables = {each.table.name: each.table for each in house.silvers.values()}
    tables |= {gold.name: gold.table for gold in house.golds.values()}
    tables |= {each.name: each for each in (BRONZE, QUARANTINE, QUALITY)}

    def place(table: Table) -> str:
        house.lake.open(table)
        return house.lake.uri(table)

    def due() -> Collection[date]:
        return house.refinery.due()

    return SparkLake(
        session,
        place=place,
        has=house.lake.has,
        due=due,
        refine=partial(_refined, settings=settings),
        tables=tables,
        golds=tuple(house.golds.values()),
        application=application,
    )


def _refined(rows: pa.Table, *, settings: Settings) -> Mapping[str, pa.Table]:
    """What a day's rows of bronze give: in whichever process of Python Spark asks for it."""
    found = refine_rows(rows, silver_tables(), payload_opener(settings))
    check_conserved(rows.num_rows, found)
    return {**found, QUALITY.name: quality_rows(found)}
