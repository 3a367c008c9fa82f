"""Logs that follow one another: each service knows what all others decided and were told."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import ExitStack

import pytest

from crivo.decision.record import decode_record
from crivo.decision.standing import Step
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.flows.cuts import Cuts
from crivo.flows.event_of import value_of
from crivo.flows.follow_up import FollowUpService, Told
from crivo.flows.hold_ends import HoldService
from crivo.flows.replay import replay
from crivo.flows.telling import TellingService
from crivo.flows.webhook_message import message_of
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_hold_ends import ends, held, settle


class Telemetry:
    def __init__(self):
        self.counts = Counter()

    def followed(self, events):
        self.counts["followed"] += events

    def decided_twice(self, facts):
        self.counts[facts] += 1

    def not_followed(self, code):
        self.counts[code] += 1


class Side:
    """A service with a log of its own, and how far it has followed others."""

    def __init__(self, name, folder):
        folder.mkdir()
        self.name = name
        self._opened = ExitStack()
        self.made = self._opened.enter_context(world(folder, log_id=name))
        #: Its service ends, and its log is closed.
        self.close = self._opened.close
        self.told = Telemetry()
        self.cuts = Cuts(self.made.service, self.told)
        self.reached = Counter()

    def follow(self, other, *, limit=1_000, left_out=()):
        """Takes what the other log holds that was not taken yet."""
        settle(other.made)
        start = self.reached[other.name]
        found = other.made.log.read(start=start, limit=limit)
        if found:
            self.cuts.take(other.name, [each for each in found if each.seq not in left_out])
            self.reached[other.name] = found[-1].seq + 1
        return len(found)

    def records(self):
        """By id, what was decided, of all that its log holds."""
        settle(self.made)
        found = self.made.log.read(start=0, limit=10_000, streams=frozenset({Stream.DECISIONS}))
        decided = [each.event for each in found if each.event.schema == "decision.v1"]
        return {each.end_to_end_id: each for each in (decode_record(d.payload) for d in decided)}


@pytest.fixture
def sides(tmp_path):
    with ExitStack() as opened:

        def make(name):
            side = Side(name, tmp_path / name)
            opened.callback(side.close)
            return side

        yield make


def transfers(seed, count):
    """Transfers of a few accounts within some hours, each with its receipt."""
    draw, now = random.Random(seed), START
    for number in range(count):
        now += draw.choice([1, SECOND, MINUTE, HOUR // 4])
        yield (
            transfer(
                seed * 10_000 + number,
                occurred_at=now - draw.randrange(SECOND),
                payer=draw.randrange(1, 6),
                payee=draw.randrange(1, 6),
                amount_centavos=draw.choice([1, 5_000, 20_000, 120_000]),
            ),
            now,
        )


def assert_as_one(sides, names, *, left_out=()):
    """Law: whichever service decides a transfer, once it follows it decides as the only one would,
    and what it decided is replayed from its own log alone.
    """
    alone, many = sides("alone"), [sides(name) for name in names]
    draw = random.Random(3)
    for each, now in transfers(1, 120):
        alone.made.decide(each, received_at=now).result(60)
        side = draw.choice(many)
        for other in many:
            if other is not side:
                side.follow(other, left_out=left_out)
        side.made.decide(each, received_at=now).result(60)
        if draw.random() < 0.1:
            for one in (alone, side):
                one.made.reports.report(
                    report_id=each.end_to_end_id,
                    status=ReportStatus.ACCEPTED,
                    end_to_end_id=each.end_to_end_id,
                    supplied_received_at=now,
                )
    want = {id_: (each.kept, each.derived) for id_, each in alone.records().items()}
    for side in many:
        # What was passed over on the way is there in the end: too late for what was decided before.
        side.reached.clear()
        for other in many:
            if other is not side:
                side.follow(other)
        assert {id_: (each.kept, each.derived) for id_, each in side.records().items()} == want
        own = sum(each.given.log_id == side.name for each in side.records().values())
        found = replay(side.made.log, side.made.folder / "bundles", progress=lambda *_: None)
        assert (found.compared, found.differing) == (own, 0)
        assert found.other_logs.total() == len(want) - own
        assert side.told.counts["alike"] == side.told.counts["conflict"] == 0


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_several_services_decide_as_one_would(sides, names):
    assert_as_one(sides, names)


def test_sabotage_an_event_that_was_passed_over_changes_what_is_decided(sides):
    with pytest.raises(AssertionError):
        assert_as_one(sides, ("a", "b"), left_out=set(range(5, 25)))


def test_sabotage_decisions_of_a_log_that_was_never_followed_are_no_others(sides):
    """Law: replay passes over another log's decisions only behind a cut that names it."""
    a, b = sides("a"), sides("b")
    a.made.decide(transfer(1), received_at=START).result(60)
    settle(a.made)
    (stored,) = a.made.log.read(start=0, limit=1)
    b.made.log.append([stored.event])
    found = replay(b.made.log, a.made.folder / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (1, 1)
    assert "log_id" in found.differences[0].where


def test_a_repeat_is_answered_by_whoever_follows_as_it_was_answered(sides):
    a, b = sides("a"), sides("b")
    first = a.made.decide(transfer(1), received_at=START).result(60)
    b.follow(a)
    settle(b.made)
    again = b.made.decide(transfer(1), received_at=START + SECOND).result(60)
    assert (again.outcome, again.score, again.received_at) == (
        first.outcome, first.score, first.received_at,
    )  # fmt: skip
    assert len(b.records()) == 1
    with pytest.raises(Refused) as other:
        b.made.decide(transfer(1, amount_centavos=1), received_at=START + SECOND)
    assert other.value.code == Code.CONFLICT


def test_a_repeat_of_what_was_followed_waits_for_the_disk_and_fails_nothing_beside_it(
    sides, monkeypatch
):
    """Law: a followed decision that is not on disk yet is answered as one of one's own is."""
    a, b = sides("a"), sides("b")
    first = a.made.decide(transfer(1), received_at=START).result(60)
    settle(a.made)
    writer, may_commit = b.made.log._writer, threading.Event()
    commit = writer._attempt

    def held_up(group):
        assert may_commit.wait(60)
        return commit(group)

    monkeypatch.setattr(writer, "_attempt", held_up)
    try:
        b.cuts.take("a", a.made.log.read(start=0, limit=10))
        assert b.made.log.end() == 0
        with pytest.raises(Unavailable) as waits:
            b.made.decide(transfer(1), received_at=START + SECOND)
        asked = [(transfer(number), START + SECOND) for number in (1, 2)]
        again, new = b.made.service.decide_many(asked, arrived_ns=0)
        assert waits.value.code == again.code == Code.LOG_UNAVAILABLE
    finally:
        may_commit.set()
    assert new.result(60).end_to_end_id == transfer(2).end_to_end_id
    settle(b.made)
    found = b.made.decide(transfer(1), received_at=START + SECOND).result(60)
    assert (found.outcome, found.score) == (first.outcome, first.score)
    assert len(b.records()) == 2


def test_what_was_decided_in_both_logs_stands_in_each_and_is_told(sides):
    a, b = sides("a"), sides("b")
    for side in (a, b):
        side.made.decide(transfer(1), received_at=START).result(60)
    a.made.decide(transfer(2), received_at=START).result(60)
    b.made.decide(transfer(2, amount_centavos=77), received_at=START).result(60)
    a.follow(b)
    b.follow(a)
    for side in (a, b):
        assert (side.told.counts["alike"], side.told.counts["conflict"]) == (1, 1)
        assert {each.given.log_id for each in side.records().values()} == {side.name}


def test_logs_that_follow_one_another_come_to_rest_and_start_as_they_were(sides, tmp_path):
    a, b = sides("a"), sides("b")
    for number, (each, now) in enumerate(transfers(2, 40)):
        (a, b)[number % 2].made.decide(each, received_at=now).result(60)
    for _ in range(3):
        a.follow(b)
        b.follow(a)
    ended = [settle(each.made) or each.made.log.end() for each in (a, b)]
    for _ in range(3):
        a.follow(b)
        b.follow(a)
    assert [settle(each.made) or each.made.log.end() for each in (a, b)] == ended
    # A start from the log alone reads what the service that followed reads.
    asked = transfer(9_999, occurred_at=START + 2 * HOUR, payer=1, payee=2), START + 2 * HOUR
    before = b.made.service.judge_aside(asked, 0, "initiation")
    b.close()
    with world(tmp_path / "b", log_id="b") as again:
        after = again.service.judge_aside(asked, 0, "initiation")
    assert after.kept == before.kept and after.kept != b""
    cuts = [value_of(each.event) for each in _cuts(a)]
    assert {each.log_id for each in cuts} == {"b"}
    assert max(each.behind for each in cuts) <= ended[1]


def _cuts(side):
    return side.made.log.read(start=0, limit=1_000, streams=frozenset({Stream.CUTS}))


def test_a_hold_is_ended_by_whose_decision_it_is(sides):
    a, b = sides("a"), sides("b")
    held(a.made)
    b.follow(a)
    assert (len(a.made.service.holds), len(b.made.service.holds)) == (1, 0)
    for side in (b, a):
        HoldService(side.made.service, lambda _: None).end_due()
    now = START + 2 * HOUR
    for side in (b, a):
        side.made.decide(transfer(50, occurred_at=now, payer=3), received_at=now).result(60)
        HoldService(side.made.service, lambda _: None).end_due()
        settle(side.made)
    assert (len(ends(a.made.log)), len(ends(b.made.log))) == (1, 0)
    b.follow(a)
    settle(b.made)
    assert len(ends(b.made.log)) == 1


def test_a_transfer_that_waits_for_a_worker_there_waits_for_none_here(sides, tmp_path):
    from crivo.domain.event import Event, transfer_event_id
    from crivo.flows.codec import encode_transfer

    a, b = sides("a"), sides("b")
    waiting = transfer(7)
    event = Event(
        Stream.TRANSFERS,
        waiting.payer_id,
        transfer_event_id(waiting.end_to_end_id),
        START,
        START,
        "transfer.v1",
        "inbox",
        encode_transfer(waiting),
    )
    a.made.log.append([event])
    b.follow(a)
    settle(b.made)
    found = b.made.log.find(event.event_id)
    assert found is not None and found.event.stream is Stream.HISTORY
    assert b.follow(a) == 0


def test_whose_decision_it_is_calls_people_for_it(sides):
    a, b = sides("a"), sides("b")
    held(a.made)
    b.follow(a)
    settle(b.made)
    streams = frozenset({Stream.DECISIONS})
    told = [
        message_of(each.made.log.read(start=0, limit=10, streams=streams)[0], each.made.log)
        for each in (a, b)
    ]
    assert told[0] is not None and told[1] is None


def test_what_was_told_of_other_facts_under_one_id_is_a_conflict_and_stands_in_each(sides):
    a, b = sides("a"), sides("b")
    for number, side in enumerate((a, b)):
        made = side.made.decide(transfer(number), received_at=START).result(60)
        side.made.reports.report(
            report_id="r",
            status=ReportStatus.ACCEPTED,
            end_to_end_id=made.end_to_end_id,
            supplied_received_at=START,
        )
        settle(side.made)
    a.follow(b)
    b.follow(a)
    assert [(each.told.counts["conflict"], each.told.counts["followed"]) for each in (a, b)] == [
        (1, 1)
    ] * 2


def test_state_that_could_not_fold_what_was_taken_decides_nothing_more(sides, monkeypatch):
    """Law: what is in the log and not in state is decided by nobody, until a start."""
    a, b = sides("a"), sides("b")
    a.made.decide(transfer(1), received_at=START).result(60)
    full = Unavailable(Code.OVERLOADED, "state is full on purpose", hint="Wait.")

    def fold(_self, _rows):
        raise full

    monkeypatch.setattr(Engine, "fold", fold)
    b.follow(a)
    monkeypatch.undo()
    with pytest.raises(Unavailable) as lost:
        b.made.decide(transfer(2), received_at=START + SECOND)
    assert lost.value is full


def test_how_a_hold_ended_is_said_of_the_decision_that_was_held_alone(sides):
    """Law: a transfer decided in two logs stays in each as it was decided there."""
    a, b = sides("a"), sides("b")
    held(a.made)
    held(b.made)
    now = START + 2 * HOUR
    b.made.decide(transfer(50, occurred_at=now, payer=3), received_at=now).result(60)
    HoldService(b.made.service, lambda _: None).end_due()
    settle(b.made)
    a.follow(b)
    settle(a.made)
    assert (len(ends(b.made.log)), len(ends(a.made.log))) == (1, 0)
    assert len(a.made.service.holds) == 1


def test_a_hold_that_another_service_has_to_end_is_released_by_nobody_after_its_time(sides):
    a, b = sides("a"), sides("b")
    held(a.made)
    b.follow(a)
    now = START + 2 * HOUR
    b.made.decide(transfer(50, occurred_at=now, payer=3), received_at=now).result(60)
    settle(b.made)
    holds = HoldService(b.made.service, lambda _: None)
    telling = TellingService(b.made.service, Pseudonymiser(bytes(32)))
    told = Told(transfer(1).end_to_end_id, Phase.INITIATION, Step.RELEASED, now)
    with pytest.raises(Refused) as over:
        FollowUpService(b.made.service, telling, holds).tell(told, supplied_received_at=now)
    assert over.value.code == Code.STEP_CONFLICT


def test_what_this_release_cannot_read_is_not_taken(sides):
    a, b = sides("a"), sides("b")
    a.made.decide(transfer(1), received_at=START).result(60)
    settle(a.made)
    (stored,) = a.made.log.read(start=0, limit=1)
    newer = stored.event._replace(event_id=bytes(16), schema="follow_up.v1", payload=b"\x91\xc0")
    with pytest.raises(Refused):
        b.cuts.take("a", [stored._replace(event=newer)])
    assert b.made.service.folded == b.made.log.end() == 0
