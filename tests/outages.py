"""Brokers of tests that end and come back, and how long whatever follows is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crivo.adapters.kafka.brokers import Broker, Brokers

#: Of whatever is waited for, on a machine that does much else.
SECONDS_MAX = 300


def await_so(is_so: Callable[[], object]) -> None:
    """Until something is so."""
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def bring_back(brokers: Brokers, node: Broker) -> None:
    """Starts a broker that ended, and waits until it answers."""
    brokers.start_one(node)
    await_so(lambda: brokers.answers(node))
