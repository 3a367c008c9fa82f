"""What Spark says of a failure becomes one error of ours: its code, words, hint and exit code."""

from __future__ import annotations

import traceback

import pytest

from crivo.adapters.spark.failure import failure
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, Unfit

BROKERS, CHECKPOINT = "127.0.0.1:9092", "/crivo/spark/checkpoint"

OURS = [
    Refused(Code.ROW_MALFORMED, "no event", hint="Look.", field="value", found="\\xff"),
    Unavailable(Code.LAKE_BUSY, "the lake is busy", hint="Ask again."),
    Unfit(Code.LAKE_DIFFERS, "rows differ", hint="Refine.", expected=3, found=2),
    Misconfigured(Code.FILE_UNREADABLE, "a file without a hint"),
]

#: As Spark tells of a query that a broker ended which had gone.
AWAY = """[STREAM_FAILED] Query [id = 6b, runId = 3f] terminated with exception: \
org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. \
Call: describeTopics SQLSTATE: XXKST

JVM stacktrace:
org.apache.spark.sql.streaming.StreamingQueryException: [STREAM_FAILED] Query ended
\tat org.apache.spark.sql.execution.streaming.StreamExecution.run(StreamExecution.scala:1)
Caused by: java.util.concurrent.ExecutionException: \
org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment.
Caused by: org.apache.kafka.common.errors.TimeoutException: Timed out waiting.
"""


#: As it tells of a process of Python that failed, with the plan of the query behind it.
PYTHON = f"""[STREAM_FAILED] Query [id = 6b, runId = 3f] terminated with exception: Reason: \
An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
  File "job.py", line 21, in work
pyspark.errors.exceptions.captured.PythonException: An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "job.py", line 19, in answers
ModuleNotFoundError: No module named 'nothing'

=== Streaming Query ===
~WriteToMicroBatchDataSourceV1 ForeachBatchSink, 11, [checkpointLocation={CHECKPOINT}], Append
"""


def meant(text):
    return failure(text, brokers=BROKERS, checkpoint=CHECKPOINT)


def wrapped(error):
    """As a traceback of a process of Python stands in an exception of Spark's."""
    lines = "".join(traceback.format_exception(error))
    return (
        f"[STREAM_FAILED] Query [id = 1] terminated with exception: {lines}\n"
        f"Caused by: org.apache.spark.api.python.PythonException: {lines}\n"
        "\tat org.apache.spark.api.python.BasePythonRunner.handle(PythonRunner.scala:1)\n"
    )


@pytest.mark.parametrize("error", OURS, ids=lambda each: each.code)
def test_an_error_of_ours_inside_keeps_its_family_code_words_and_hint(error):
    found = meant(wrapped(error))
    assert (type(found), found.code, found.hint) == (type(error), error.code, error.hint)
    assert (str(found), found.exit_code) == (str(error), error.exit_code)
    # Sabotage: without our name in it, it would be nobody's.
    assert meant(wrapped(error).replace("crivo.domain", "other")).code is Code.INTERNAL


def test_the_error_that_was_raised_last_is_told_and_not_its_cause():
    error = Unavailable(Code.LAKE_BUSY, "the lake is busy")
    error.__cause__ = OURS[0]
    text = wrapped(error)
    assert text.index(Code.ROW_MALFORMED) < text.index(Code.LAKE_BUSY)
    assert meant(text).code is Code.LAKE_BUSY


def test_brokers_that_are_away_are_named():
    found = meant(AWAY)
    assert (found.code, found.exit_code) == (Code.LOG_UNAVAILABLE, 3)
    assert BROKERS in found.message
    assert found.message.endswith("TimeoutException: Timed out waiting.")
    assert "\n" not in str(found)


def test_a_checkpoint_that_cannot_be_read_is_named():
    found = meant(
        "[STREAM_FAILED] Query [id = 6e] terminated with exception: Failed to read log file "
        f"file:{CHECKPOINT}/offsets/0. [MALFORMED_LOG_FILE] Log file was malformed. SQLSTATE: KD002"
    )
    assert (found.code, found.exit_code) == (Code.FILE_UNREADABLE, 2)
    assert CHECKPOINT in str(found)


def test_what_a_process_of_python_did_not_foresee_is_told_in_its_own_words():
    found = meant(PYTHON)
    assert found.code is Code.INTERNAL, "the plan names the checkpoint, which is not at fault"
    assert found.message == "Spark ended the job: ModuleNotFoundError: No module named 'nothing'"


def test_what_nobody_foresaw_is_internal_and_says_spark_s_own_words():
    text = "[STREAM_FAILED] Query ended\nCaused by: java.lang.OutOfMemoryError: Java heap space\n"
    found = meant(text)
    assert (found.code, found.exit_code) == (Code.INTERNAL, 1)
    assert found.message == "Spark ended the job: OutOfMemoryError: Java heap space"
    assert meant("all is lost\nmore").message == "Spark ended the job: all is lost"
