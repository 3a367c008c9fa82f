"""What idle keys hold is given back while a service runs, some keys at a time, between requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from crivo.features.engine import Engine
from crivo.flows.decide import DecisionService

#: How long a step waits after the one before: an index of a million keys takes ten minutes so.
STEP_SECONDS: Final = 0.05

_LOGGER: Final = logging.getLogger("crivo.state")


def note_state(decisions: DecisionService) -> None:
    """Tells of the state that a start found or made, and compiles what is to release a large one:
    no transfer waits for that.
    """
    engine = decisions.replica.engine
    if decisions.replica.is_large:
        Engine(engine.plan).release(receipts_back=-1)
    facts = {"bytes": engine.counts.state_bytes, "received_from": engine.received_from}
    _LOGGER.info("state.ready", extra={"facts": facts})


def keep_released(
    decisions: DecisionService,
    hand_over: Callable[[Callable[[], None]], None],
    stop: threading.Event,
) -> None:
    """Until `stop`: a step at a time, each handed over to the thread that folds."""

    def step() -> None:
        replica = decisions.replica
        given_back = replica.release_some()
        if given_back is not None:
            facts = {"bytes": given_back, "received_from": replica.engine.received_from}
            _LOGGER.info("state.released", extra={"facts": facts})

    while not stop.wait(STEP_SECONDS):
        if decisions.replica.is_large:
            hand_over(step)
