"""The inbox while the only broker is silent, or ends and comes back: nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial

import pytest

from tests.integration.inboxes import (
    body,
    id_of,
    letters_of,
    produce,
    record,
    start_receiving,
    transfers_of,
    transfers_so_far,
)
from tests.integration.workers import refused_of
from tests.outages import SECONDS_MAX, bring_back
from tests.ports.kafka_logs import new_space, open_log_in

pytestmark = pytest.mark.slow


def test_a_door_goes_on_when_its_only_broker_is_back(monkeypatch, tmp_path, brokers, node):
    monkeypatch.setenv("CRIVO_KAFKA__OUTAGE_SECONDS", str(SECONDS_MAX))
    cluster = new_space(brokers.cluster)
    open_log_in(cluster).close()
    letters = partial(letters_of, cluster, refused_of(tmp_path))
    with ExitStack() as held:
        door = start_receiving(held, tmp_path, cluster)
        produce(cluster, *(record(body(number)) for number in range(20)), record(b"bad"))
        door.await_so(lambda: len(transfers_so_far(cluster)) == 20 and letters())
        # What comes now, the door may have read, appended or settled by half.
        produce(cluster, *(record(body(number)) for number in range(20, 400)), record(b"worse"))
        os.kill(node.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(node.pid, signal.SIGCONT)
        door.await_so(lambda: len(transfers_so_far(cluster)) == 400 and letters()[1:])
        # Killed before it has marked what it committed, a broker may never do so (KAFKA-20734).
        brokers.kill(node)
        bring_back(brokers, node)
        produce(cluster, *(record(body(number)) for number in range(400, 420)), record(b"worst"))
        door.await_so(lambda: len(transfers_so_far(cluster)) == 420 and letters()[2:])
        said = door.stopped()
    assert transfers_of(cluster) == Counter(id_of(number) for number in range(420))
    assert [each.value for each in letters()] == [b"bad", b"worse", b"worst"]
    assert (said["received"], said["duplicate"]) == (423, 0)
