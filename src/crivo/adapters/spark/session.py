"""A session of Spark with Delta and Kafka: on this machine, or on a standalone cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, Misconfigured

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: The files that `make engines` fetches for Spark.
_JARS: Final = "*.jar"

_OPTIONS: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # The log of a table of days is short: fifty tasks, the default, would read it a line each.
    "spark.databricks.delta.snapshotPartitions": "2",
    # One row of a group may hold a piece of a table.
    "spark.sql.execution.arrow.maxBytesPerBatch": "1g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    # A task that runs twice at once would fold twice.
    "spark.speculation": "false",
    "spark.python.worker.reuse": "true",
    # What Java warns of is nobody's JSON: by itself it writes that to the standard output.
    "spark.driver.extraJavaOptions": "-Xlog:disable -Xlog:all=warning:stderr",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
}


def is_local(master: str) -> bool:
    """Whether that is this machine alone."""
    return master.startswith("local")


@contextmanager
def spark_session(master: str, jars: Path, *, memory: str) -> Iterator[SparkSession]:
    """A session on `local[n]`, or on `spark://host:port`, which ends with the block.

    Args:
        master: As Spark names it.
        jars: The folder of jars that `make engines` fetched.
        memory: How much Spark's own process here may take, as Java says it.

    Raises:
        Misconfigured: FILE_UNREADABLE where there are no jars.
    """
    found = sorted(jars.glob(_JARS))
    if not found:
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"{jars} holds no jars of Spark's",
            hint="`make engines` fetches them; it needs Java 17 and Maven.",
            file=str(jars),
            expected="jars of Delta and of Spark's Kafka source",
            found="none",
        )
    # Workers of Python run what this process runs.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("crivo").master(master)
    for name, value in _OPTIONS.items():
        builder = builder.config(name, value)
    builder = builder.config("spark.jars", ",".join(map(str, found)))
    builder = builder.config("spark.driver.memory", memory)
    if is_local(master):
        builder = builder.config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()
