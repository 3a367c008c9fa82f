"""A session of Spark with Delta and Kafka: one that is there, or one of its own on a master."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.adapters.spark.failure import coded
from crivo.adapters.spark.preconditions import (
    not_begun,
    require_jars,
    require_java,
    require_master,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: With which jars a session is made, which is nobody else's to say of one that is there.
_DELTA: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
_OPTIONS: Final = {
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
    "spark.driver.extraJavaOptions": (
        "-XX:+DisplayVMOutputToStderr -Xlog:disable -Xlog:all=warning:stderr"
    ),
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
}


def is_local(master: str) -> bool:
    """Whether that is this machine alone."""
    return master.startswith("local")


@contextmanager
def spark_session(master: str, jars: Path, *, memory: str) -> Iterator[SparkSession]:
    """A session on a master, which ends with the block.

    Where this process has a session already, as one that Databricks starts has, it is a session
    beside that one, which is asked for nothing below and goes on.

    Args:
        master: As Spark names it.
        jars: The folder of jars that `make engines` fetched.
        memory: How much Spark's own process here may take, as Java says it.

    Raises:
        Misconfigured, Unavailable: as `require_java`, `require_jars` and `require_master`.
        CrivoError: as `not_begun`.
    """
    from pyspark.sql import SparkSession

    if (there := SparkSession.getActiveSession()) is not None:
        session = there.newSession()
        for name, value in _OPTIONS.items():
            if session.conf.isModifiable(name):
                session.conf.set(name, value)
        yield session
        return
    require_master(master)
    require_java(os.environ)
    found = require_jars(jars, version("pyspark"))
    # Workers of Python run what this process runs.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName("crivo").master(master)
    for name, value in (_DELTA | _OPTIONS).items():
        builder = builder.config(name, value)
    builder = builder.config("spark.jars", ",".join(map(str, found)))
    builder = builder.config("spark.driver.memory", memory)
    if is_local(master):
        builder = builder.config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    with coded(partial(not_begun, master=master)):
        session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()
