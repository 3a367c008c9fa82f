"""What a decision knows of the log: how slow it is just now, and what it took for one before."""

from __future__ import annotations

import msgspec

from crivo.decision.record import Observed, decode_record
from crivo.flows import judging
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_degraded import Stuck
from tests.unit.flows.test_revising import late, service, strict

MS = 1_000_000


def log_ns(played, seq):
    (stored,) = played.log.read(start=seq, limit=1)
    return decode_record(stored.event.payload).observed.log_ns


class Slow:
    """A log whose disk takes its time, by a clock that moves only then."""

    def __init__(self, log):
        self.log, self.ns, self.clock = log, 0, None

    def __getattr__(self, name):
        return getattr(self.log, name)

    def submit(self, events, done, **options):
        def late(failure):
            self.clock.ns += self.ns
            done(failure)

        return self.log.submit(events, late, **options)


def test_a_record_tells_what_the_log_took_for_a_decision_before(tmp_path):
    with world(tmp_path, wrap=Slow) as played:
        log = played.service.log
        log.clock = played.monotonic
        for number, took_ms in enumerate((7, 3, 5)):
            log.ns = took_ms * MS
            played.decide(transfer(number, occurred_at=START + number)).result(60)
        assert [log_ns(played, seq) for seq in range(3)] == [None, 7 * MS, 3 * MS]


def test_of_several_at_once_the_first_tells(tmp_path):
    with world(tmp_path, wrap=Slow) as played:
        log = played.service.log
        log.clock, log.ns = played.monotonic, 4 * MS
        asked = [(transfer(number, occurred_at=START + number), None) for number in range(3)]
        for pending in played.service.decide_many(asked, arrived_ns=0):
            pending.result(60)
        played.decide(transfer(9, occurred_at=START + 9)).result(60)
        assert [log_ns(played, seq) for seq in range(4)] == [None, None, None, 4 * MS]


def test_a_record_from_before_it_was_told_is_read(tmp_path):
    old = msgspec.msgpack.encode(("host", 1, 2, 3, "", None))
    assert msgspec.msgpack.decode(old, type=Observed) == Observed("host", 1, 2, 3)


def check_a_revision_without_effect_slows_nothing(tmp_path):
    with world(tmp_path, texts=strict()) as played:
        # It deserves its hold: it is judged again, and nothing is written.
        late(played, amount_centavos=5_000_000)
        service(played)[0].revise_some()
        assert played.log.end() == 1
        played.monotonic.ns += 60_000 * MS
        after = played.decide(transfer(2, occurred_at=START + 2), received_at=START + 2)
        assert after.result(60).degraded == ()


def test_a_revision_without_effect_makes_no_later_decision_wait_for_it(tmp_path):
    check_a_revision_without_effect_slows_nothing(tmp_path)


def test_sabotage_waiting_for_what_is_never_written_is_found_out(tmp_path, monkeypatch):
    def note(self, place, durable, now_ns):
        if self._watched[0] < durable:
            self._watched = (place, now_ns)

    monkeypatch.setattr(judging._Waits, "note", note)
    try:
        check_a_revision_without_effect_slows_nothing(tmp_path)
    except AssertionError:
        return
    raise AssertionError("the sabotage went unseen")


def test_a_log_that_is_slow_is_seen_after_a_revision_too(tmp_path):
    with world(tmp_path, wrap=Stuck) as played:
        played.decide(transfer(0)).result(60)
        played.monotonic.ns += 2_000 * MS
        behind = played.decide(transfer(1, occurred_at=START + 1)).result(60)
        assert behind.degraded == ("LOG_SLOW",)
