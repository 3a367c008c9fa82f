"""Composes the lake by Spark: the records of each batch in bronze, days refined now and then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import place_of
from crivo.adapters.spark.lake import SparkLake, spark_schema
from crivo.adapters.spark.listener import Told, timed
from crivo.bootstrap.lake import LakeHouse, payload_opener
from crivo.bootstrap.spark_records import headers_of, record_row
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.gold import QUALITY, quality_rows
from crivo.flows.ports import Manifest
from crivo.flows.refine import bronze_rows, check_conserved
from crivo.flows.silver import refine_rows, silver_tables
from crivo.lake.table import BRONZE, QUARANTINE, Table
from crivo.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class Bronze:
    """Rows of bronze of records: each that is ours, as it is stored."""

    cluster: Cluster

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of some records, in whichever process of Python Spark has it do so."""
        for batch in batches:
            rows = []
            for record in batch.to_pylist():
                place = place_of(headers_of(record))
                if place is not None:
                    rows.append(record_row(self.cluster, record, place.number))
            if rows:
                yield from bronze_rows(rows).to_batches()


@dataclass(frozen=True, slots=True)
class LaidDown:
    """What is done with a batch's records once its answers are published."""

    lake: SparkLake
    bronze: Bronze
    refine_batches: int
    told: Told

    def __call__(self, records: DataFrame, batch: int) -> None:
        """Appends them to bronze, and refines what is due once in so many batches."""
        rows = records.mapInArrow(self.bronze, spark_schema(BRONZE))
        with timed(self.told, "bronze"):
            self.lake.append(rows, batch)
        if (batch + 1) % self.refine_batches == 0:
            self.refine(batch)

    def refine(self, batch: int) -> None:
        """Refines what is due, as of a batch."""
        with timed(self.told, "refine"):
            self.lake.refine(batch)


def open_spark_lake(
    settings: Settings,
    session: SparkSession,
    *,
    cluster: Cluster,
    manifest: Manifest,
    name: str,
    checkpoint: Path,
    told: Told,
) -> LaidDown:
    """The lake of the settings, to be filled by a stream of batches of that name.

    Raises:
        Misconfigured: LOG_MISMATCH where a stream without a checkpoint finds a lake that was
            filled before, in which each record would come twice.
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
    lake = spark_lake(house, settings, session, application=f"crivo/{manifest.log_id}/{name}")
    return LaidDown(lake, Bronze(cluster), settings.spark.refine_batches, told)


def spark_lake(
    house: LakeHouse, settings: Settings, session: SparkSession, *, application: str
) -> SparkLake:
    """The tables of a lake, to be written by a session under the name of a stream of batches."""
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
