"""A hold of a worker's answer that nobody ends has one end, whoever tells it and when."""

from __future__ import annotations

import pytest

from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import Outcome
from crivo.decision.record import WORKER, decode_derived, decode_record
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.instant import HOUR, SECOND
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection, Settlement, SettlementStatus
from crivo.domain.streams import Stream
from crivo.flows.account_sums import AccountSums
from crivo.flows.event_of import event_of, value_of
from crivo.flows.owed_ends import OwedEnds
from tests.unit.decision.worlds import START, transfer, world

#: Large, and too late to be scored: it is held.
HELD_CENTAVOS = 5_000_000
LATER = START + 24 * HOUR


def held(number):
    return transfer(number, payer=number, occurred_at=START + number, amount_centavos=HELD_CENTAVOS)


def told_of(number):
    """The event of a transfer that waits for a worker."""
    made = held(number)
    return event_of(
        made,
        occurred_at=made.occurred_at,
        received_at=made.occurred_at,
        source="inbox",
        stream=Stream.TRANSFERS,
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What was decided of three transfers that are held and one that is not, by their numbers."""
    with world(tmp_path_factory.mktemp("world")) as played:
        for number in (1, 2, 3):
            answer = played.decide(held(number), waited_ms=500).result(60)
            assert answer.outcome is Outcome.HOLD
        played.decide(transfer(4, amount_centavos=1)).result(60)
        found = played.log.read(start=0, limit=10, streams=frozenset({Stream.DECISIONS}))
    assert len(found) == 4
    return [(each.seq, each.event) for each in found]


def nobody(payer_id, end_to_end_id):
    return False


def until_of(event):
    return decode_derived(decode_record(event.payload).derived).hold.until


def said_of(number, status):
    """What the rail said of a transfer, where it stands in the log."""
    value = Settlement(
        held(number).end_to_end_id,
        held(number).payer_id,
        held(number).payee_id,
        HELD_CENTAVOS,
        held(number).occurred_at,
        START + SECOND,
        status,
        rejection=Rejection.FRAD if status is SettlementStatus.REJECTED else None,
    )
    event = event_of(value, occurred_at=START + SECOND, received_at=START + SECOND, source="rail")
    return StoredEvent(100, 0, 0, event)


def test_each_hold_ends_once_when_its_time_is_over(answers):
    owed = OwedEnds(answers, 0, nobody)
    first = min(until_of(event) for _, event in answers[:3])
    assert owed.due(first - 1) == []
    assert len(owed.due(first)) == 1
    assert len(owed.due(LATER)) == 2
    assert owed.due(LATER) == []
    assert len(owed) == 0


def test_an_end_is_what_the_decision_said_and_names_its_transfer(answers):
    ends = OwedEnds(answers, 0, nobody).due(LATER)
    found = {value_of(each.event).end_to_end_id: each for each in ends}
    for at, (number, decided) in enumerate(answers[:3], start=1):
        each, id_ = found[held(at).end_to_end_id], held(at).end_to_end_id
        hold = decode_derived(decode_record(decided.payload).derived).hold
        expected = HoldEnd(
            id_, Phase.INITIATION, held(at).payer_id, hold.until, Outcome(hold.ends_as)
        )
        assert value_of(each.event) == expected
        assert (each.number, each.cause) == (number, transfer_event_id(id_))
        assert (each.event.occurred_at, each.event.received_at) == (hold.until, hold.until)
        assert each.outcome == hold.ends_as


def test_the_same_end_is_told_by_whoever_tells_it_and_whenever(answers):
    """Law: repeats collapse, since an end depends on its decision alone."""
    soon = [
        each
        for at in range(START, LATER, HOUR // 4)
        for each in OwedEnds(answers, 0, nobody).due(at)
    ]
    assert {each.event for each in soon} == {
        each.event for each in OwedEnds(answers, 0, nobody).due(LATER)
    }


def test_what_was_told_before_a_start_is_not_told_again(answers):
    """Sabotage: one that does not look at what was told would be noticed."""
    first, *_ = OwedEnds(answers, 0, nobody).due(LATER)
    left = OwedEnds([*answers, (first.number, first.event)], 0, nobody).due(LATER)
    assert len(left) == 2 and first not in left
    assert first in OwedEnds(answers, 0, nobody).due(LATER)
    # Nor where a kill let the decision come again behind its end.
    again = [*answers, (first.number, first.event), *answers]
    assert len(OwedEnds(again, 0, nobody).due(LATER)) == 2


@pytest.mark.parametrize(
    "status",
    [SettlementStatus.SETTLED, SettlementStatus.REJECTED, SettlementStatus.CANCELLED],
)
def test_what_the_rail_did_ends_a_hold(answers, status):
    owed = OwedEnds(answers, 0, nobody)
    owed.fold([said_of(2, status)])
    told = {value_of(each.event).end_to_end_id for each in owed.due(LATER)}
    assert told == {held(1).end_to_end_id, held(3).end_to_end_id}
    owed.fold([said_of(2, status)])
    assert owed.due(LATER) == []


def test_what_the_rail_settled_before_a_partition_came_here_is_not_held(answers):
    sums = AccountSums()
    for number in (1, 2, 3):
        sums.fold(told_of(number))
    sums.fold(said_of(2, SettlementStatus.SETTLED).event)
    assert sums.is_settled(held(2).payer_id, held(2).end_to_end_id)
    assert not sums.is_settled(held(1).payer_id, held(1).end_to_end_id)
    told = OwedEnds(answers, 1_000, sums.is_settled).due(LATER)
    assert len(told) == 2
    # What state has not folded yet it will be told.
    assert len(OwedEnds(answers, 0, sums.is_settled).due(LATER)) == 3


def test_an_end_that_a_worker_tells_ends_no_attempt_before_the_rail_does(answers):
    """Law: state is a fold of the log's numbered events alone."""

    def attempted(*events):
        sums = AccountSums()
        for each in events:
            sums.fold(each)
        # Another transfer of the same payer.
        asked = transfer(9, payer=1, occurred_at=START + HOUR)
        return sums.of(asked, START + HOUR).day

    made, told = held(1), told_of(1)
    (end,) = [
        each.event
        for each in OwedEnds(answers, 0, nobody).due(LATER)
        if value_of(each.event).end_to_end_id == made.end_to_end_id
    ]
    assert end.source == WORKER and value_of(end).outcome is Outcome.REJECT
    assert attempted(told, end) == HELD_CENTAVOS
    assert attempted(told, said_of(1, SettlementStatus.REJECTED).event) == 0
    # Sabotage: the same end by the log's own writer, which numbers it, does.
    assert attempted(told, end._replace(source="crivo")) == 0
