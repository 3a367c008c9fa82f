"""What Kafka's library says of a broker that is away floods no terminal, and stays in a log."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

RUN = """
import contextlib, socket, sys
from confluent_kafka import KafkaException
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import open_consumer
from crivo.bootstrap.logs import configure_logging
if sys.argv[1] != "nothing":
    configure_logging(json_lines=sys.argv[1] == "lines")
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    consumer = open_consumer(Cluster("127.0.0.1:%d" % free.getsockname()[1]))
    with contextlib.suppress(KafkaException):
        consumer.list_topics(timeout=1.0)
    consumer.poll(0.1)
    consumer.close()
"""


def said(how: str) -> str:
    """What stderr has after a second with a broker that refuses."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, how], capture_output=True, text=True, check=True
    )
    return done.stderr


@pytest.mark.parametrize("how", ["nothing", "people"])
def test_no_try_to_connect_is_told_to_people(how):
    assert said(how) == ""


def test_sabotage_the_library_does_say_them_where_the_log_is_lines():
    assert "Connection refused" in said("lines")
