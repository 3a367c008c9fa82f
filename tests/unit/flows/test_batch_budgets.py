"""A batch has the time budgets of one transfer: what comes too late in it is degraded as alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.decision.reasons import ReasonCode
from crivo.decision.record import decode_record
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_degraded import Stuck

COUNT = 3
MILLISECOND = 1_000_000


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def decide_many(played, *, waited_ms=0, first=1):
    """The answers to a batch that has waited that long before it is decided."""
    made = [transfer(first + each, occurred_at=START + first + each) for each in range(COUNT)]
    pending = played.service.decide_many(
        [(each, each.occurred_at) for each in made],
        arrived_ns=played.monotonic.ns - waited_ms * MILLISECOND,
    )
    return [each.result(60) for each in pending]


def check_degraded(played, answers, *modes):
    assert [each.degraded for each in answers] == [modes] * COUNT
    assert [each.score is None for each in answers] == [bool(modes)] * COUNT
    found = replay(played.log, played.folder / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (played.log.end(), 0)


@pytest.mark.parametrize(("waited_ms", "modes"), [(0, ()), (90, ()), (91, ("TIMEOUT",))])
def test_features_that_cannot_begin_in_time_are_not_read(played, waited_ms, modes):
    answers = decide_many(played, waited_ms=waited_ms)
    check_degraded(played, answers, *modes)
    records = [decode_record(each.event.payload) for each in played.log.read(start=0, limit=COUNT)]
    assert [each.kept == b"" for each in records] == [bool(modes)] * COUNT
    assert [each.observed.waited_ns for each in records] == [waited_ms * MILLISECOND] * COUNT


@pytest.mark.parametrize(("took_ms", "modes"), [(95, ()), (96, ("NO_MODEL",))])
def test_a_model_that_cannot_begin_in_time_has_no_say(played, monkeypatch, took_ms, modes):
    engine = type(played.service._engine)
    whole = engine.vectors

    def slow(self, rows, mask):
        played.monotonic.ns += took_ms * MILLISECOND
        return whole(self, rows, mask)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "vectors", slow)
        answers = decide_many(played)
    check_degraded(played, answers, *modes)
    for each in answers:
        assert (ReasonCode.MODEL_MISSING in each.reasons) == bool(modes)


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_scorer_that_takes_too_long_degrades_the_whole_batch(played, is_slow):
    scorer = played.service.bundle.scorer

    class Slow:
        artifact = scorer.artifact
        contributions_of = scorer.contributions_of

        @staticmethod
        def score(vectors, *, plan_hash):
            played.monotonic.ns += 200 * MILLISECOND * is_slow
            return scorer.score(vectors, plan_hash=plan_hash)

    # Other tests of the process have the same bundle: this one's is a copy.
    played.service._judge.bundle = replace(played.service.bundle, scorer=Slow())
    check_degraded(played, decide_many(played), *(("TIMEOUT",) if is_slow else ()))


def test_a_log_that_is_slow_degrades_the_batch_behind(tmp_path):
    with world(tmp_path, wrap=Stuck) as played:
        decide_many(played)
        played.monotonic.ns += 1_000 * MILLISECOND
        in_time = decide_many(played, first=10)
        played.monotonic.ns += 1
        behind = decide_many(played, first=20)
        assert [each.degraded for each in in_time] == [()] * COUNT
        assert [each.degraded for each in behind] == [("LOG_SLOW",)] * COUNT
        assert [each.reasons for each in behind] == [(ReasonCode.LOG_SLOW,)] * COUNT
        played.service.log.stuck = False
        assert [each.degraded for each in decide_many(played, first=30)] == [()] * COUNT
