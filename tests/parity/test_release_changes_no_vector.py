"""What idle keys hold may be released at any points of any stream: no vector changes by it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crivo.domain.clock import READ_BACK
from crivo.domain.instant import DAY
from crivo.features.engine import Engine, vector_bytes
from crivo.features.plan import Plan
from crivo.features.row import RowKind
from tests.parity.everything import plan_of
from tests.parity.judging import PLAN, disagreements, long_stream
from tests.parity.streams import DELAYS, OFTEN_ENOUGH, START, streams
from tests.parity.test_operators_equal_oracle import some

Rows = np.ndarray[Any, Any]
Release = Callable[[Engine], None]

#: Transfers and told events that come days after they happened, among others.
LONG_DELAYS = st.one_of(DELAYS, st.sampled_from([DAY - 1, DAY, DAY + 1, 9 * DAY, 40 * DAY]))
LATE_STREAMS = streams(delays=LONG_DELAYS)


def as_much_as_can_be(engine: Engine) -> None:
    """Receipts never go back in these streams: all is released that no read needs."""
    engine.release(receipts_back=0)


def a_step_of_it(engine: Engine) -> None:
    """Nine of them look at all keys of a small index, while events go on being folded."""
    engine.release_some(500, receipts_back=0, every=1)


def a_day_too_much(engine: Engine) -> None:
    engine.release(receipts_back=-READ_BACK)
    engine._received_from = 0  # it would refuse what it can no longer tell


def differ(rows: Rows, random: Random, release: Release, *, plan: Plan = PLAN) -> bool:
    """Whether a stream that comes in parts, after each of which something may be released, gives
    another vector or flag than without. Parties are also asked about as of the earliest instant.
    """
    one, other, place = Engine(plan, reached_by=1), Engine(plan), 0
    while place < len(rows):
        part = rows[place : place + random.choice([1, 1, 2, 30])]
        wanted = part["kind"] == RowKind.TRANSFER
        found = [_bytes(engine.vectors(part, wanted)) for engine in (one, other)]
        place += len(part)
        if random.random() < 0.7:
            release(one)
            found += [_asked_late(engine, rows[:place]) for engine in (one, other)]
        if found[0] != found[1] or found[-2] != found[-1]:
            return True
    return False


def _bytes(found: tuple[Any, Any]) -> bytes:
    vectors, flags = found
    return vector_bytes(vectors) + np.asarray(flags, dtype=np.uint8).tobytes()


def _asked_late(engine: Engine, rows: Rows) -> bytes:
    """Vectors of the last transfers, had they come with the newest one, long after they happened:
    they are read as of a day before that receipt, which is as far back as can be.
    """
    transfers = rows[rows["kind"] == RowKind.TRANSFER]
    asked = transfers[-6:].copy()
    asked["received_at"] = transfers["received_at"].max(initial=START)
    asked["occurred_at"] = asked["received_at"] - 50 * DAY
    return b"".join(_bytes(engine.read(row)) for row in asked.reshape(-1, 1))


@pytest.mark.slow
@OFTEN_ENOUGH
@given(LATE_STREAMS)
def test_the_kernel_says_what_the_oracle_says_of_what_comes_days_late(rows: Rows) -> None:
    assert disagreements(rows) == []


@pytest.mark.slow
@settings(OFTEN_ENOUGH, max_examples=150)
@given(LATE_STREAMS, st.randoms(use_true_random=False), st.booleans())
def test_no_release_at_any_point_changes_a_vector(rows: Rows, random: Any, in_steps: bool) -> None:
    assert not differ(rows, random, a_step_of_it if in_steps else as_much_as_can_be)


@pytest.mark.slow
@settings(OFTEN_ENOUGH, max_examples=75)
@given(LATE_STREAMS, st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_no_release_changes_a_vector_of_any_operators(rows: Rows, random: Any, seed: int) -> None:
    assert not differ(rows, random, as_much_as_can_be, plan=plan_of(some(seed, count=120)))


class _Changed(Exception):
    """A vector is another after a release."""


@pytest.mark.slow
def test_sabotage_a_release_that_is_a_day_too_early_turns_the_law_red() -> None:
    @settings(OFTEN_ENOUGH, max_examples=400, derandomize=True, phases=[Phase.generate])
    @given(LATE_STREAMS, st.randoms(use_true_random=False))
    def law(rows: Rows, random: Any) -> None:
        if differ(rows, random, a_day_too_much):
            raise _Changed

    with pytest.raises(_Changed):
        law()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_long_stream_is_released_again_and_again(seed: int) -> None:
    rows, given_back = long_stream(seed, events=3_000), []
    assert not differ(rows, Random(seed), lambda one: given_back.append(one.release()))
    assert sum(given_back) > 10_000
