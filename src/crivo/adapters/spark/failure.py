"""What a failure of Spark's means: an error of ours in it, or a log or checkpoint that fails.

Code of ours runs in processes of Python that Spark starts, and in its own calls back. Of what fails
there Spark hands on the text alone, a traceback in an exception of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from crivo.domain.errors import (
    Code,
    CrivoError,
    Misconfigured,
    Refused,
    Unavailable,
    Unfit,
)

_FAMILIES: Final = {each.__name__: each for each in (Refused, Unavailable, Unfit, Misconfigured)}

#: An error of ours as the last line of a traceback has it: family, code, and its words.
_OURS: Final = re.compile(
    rf"\b{re.escape(CrivoError.__module__)}\.({'|'.join(_FAMILIES)}): ([A-Z_]+): (.*)"
)
_HINT: Final = " Hint: "
#: Stands in the names of all exceptions of Kafka's own client.
_KAFKA: Final = "org.apache.kafka."
#: An exception of Java's or Python's by its name, and what it says.
_NAMED: Final = re.compile(
    r"(?:^|\b(?:[a-z]\w*\.)+)([A-Z]\w*(?:Exception|Error)): *(.*)", re.MULTILINE
)
#: Letters of Spark's own words that are shown.
_SHOWN_MAX: Final = 300


#: The error of ours for the text of an exception of Spark's.
Meant = Callable[[str], CrivoError]


@contextmanager
def coded(meant: Meant) -> Iterator[None]:
    """A block whose failures of Spark's are errors of ours; a session is there.

    Raises:
        CrivoError: what `meant` makes of the text.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as raised:
        raise meant(str(raised)) from raised


def failure(text: str, *, brokers: str, checkpoint: str) -> CrivoError:
    """The error of ours for the text of an exception of Spark's.

    One of ours that it holds keeps its family, code, words and hint. Else it is a log that does not
    answer, a checkpoint that cannot be read, or INTERNAL.

    Args:
        text: What the exception says, with all traces.
        brokers: Where the log is.
        checkpoint: The folder of Spark's checkpoint.
    """
    ours = [found for found in _OURS.findall(text) if found[1] in set(Code)]
    if ours:
        family, code, words = ours[-1]
        message, _, hint = words.strip().partition(_HINT)
        return _FAMILIES[family](Code(code), message, hint=hint)
    words = _words(text)
    if _KAFKA in text:
        return Unavailable(
            Code.LOG_UNAVAILABLE,
            f"Kafka at {brokers} did not serve a job of Spark: {words}",
            hint="See that its brokers run and can be reached; another start goes on from there.",
            field="CRIVO_KAFKA__BROKERS",
        )
    # Spark names the folder in every failure, and a file in it where that is at fault.
    if f"{checkpoint}/" in text:
        return Misconfigured(
            Code.FILE_UNREADABLE,
            f"Spark cannot go on from its checkpoint: {words}",
            hint="Restore the folder spark of the home, checkpoint and waiting together. Without "
            "it a job begins at the log's beginning, with a lake of its own.",
            file=checkpoint,
            expected="the checkpoint as Spark wrote it",
            found="one that it cannot read",
        )
    return CrivoError(
        Code.INTERNAL,
        f"Spark ended the job: {words}",
        hint="The line spark.failed of the job's own log holds all that Spark said; another start "
        "goes on from the last whole batch.",
    )


def _words(text: str) -> str:
    """What the innermost exception says, else the first line."""
    named = _NAMED.findall(text)
    words = ": ".join(filter(None, named[-1])) if named else text.strip().partition("\n")[0]
    return words.strip()[:_SHOWN_MAX]
