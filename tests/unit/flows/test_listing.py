"""Lists as a state: exact by side, kind of id and instant; the same by any path, and replayed."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.lists import ListHit
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.features.told import told_rows
from crivo.flows.event_of import event_of, value_of
from crivo.flows.listing import ListState
from crivo.flows.replay import replay
from crivo.flows.replica import Replica, restored
from tests.unit.decision.worlds import START, account, plan, transfer, world

PAYER, PAYEE = account(1), account(2)


def entry(own_id, kind=ListKind.DENY, *, who=PAYEE, action=ListAction.ADDED, at=START, **facts):
    facts.setdefault("side", ListSide.PAYEE)
    facts.setdefault("entity", ListedEntity.ACCOUNT)
    value = ListEntry(
        entry_id=own_id, occurred_at=at, entity_id=who, kind=kind, action=action, **facts
    )
    return event_of(value, occurred_at=at, received_at=at, source="bank")


def removal(own_id, at, **facts):
    return entry(own_id, at=at, action=ListAction.REMOVED, **facts)


def state_of(*events):
    state = ListState()
    for each in events:
        state.fold(each)
    return state


def ids(state, at=START + 1, **facts):
    return [hit.entry_id for hit in state.of(transfer(1, occurred_at=at, **facts), at)]


def test_an_entry_holds_after_it_was_added_and_before_it_runs_out():
    state = state_of(entry("a", expires_at=START + HOUR))
    held = [bool(ids(state, START + at)) for at in (0, 1, HOUR - 1, HOUR)]
    assert held == [False, True, True, False]


@pytest.mark.parametrize("confirmed", [START - 7 * 365 * DAY, START - DAY, START, START + DAY])
def test_a_transfer_meets_what_stands_when_it_comes_however_long_ago_it_was_confirmed(confirmed):
    """Scheduled for later or told as of another day, it is paid now."""
    events = [
        entry("denied", at=START),
        entry("ended", at=START - 9 * DAY, expires_at=START + 1),
        entry("removed", at=START - 9 * DAY),
        removal("removed", START),
    ]
    asked = transfer(1, occurred_at=confirmed)
    found = state_of(*events).of(asked, START + SECOND)
    assert [hit.entry_id for hit in found] == ["denied"]


def test_a_removal_counts_for_what_comes_after_it_whichever_is_read_first():
    events = [entry("a"), removal("a", START + HOUR)]
    for order in itertools.permutations(events):
        state = state_of(*order)
        held = [bool(ids(state, START + at)) for at in (1, HOUR, HOUR + 1)]
        assert held == [True, True, False]


def test_a_removal_ends_its_own_entry_alone():
    state = state_of(entry("a"), entry("b"), removal("a", START + 1))
    assert ids(state, START + HOUR) == ["b"]
    other = state_of(entry("a"), removal("a", START + 1, who=PAYER))
    assert ids(other, START + HOUR) == ["a"]


@pytest.mark.parametrize(
    ("side", "who", "held"),
    [
        (ListSide.PAYEE, PAYEE, True), (ListSide.PAYER, PAYEE, False),
        (ListSide.BOTH, PAYEE, True), (ListSide.PAYER, PAYER, True),
        (ListSide.PAYEE, PAYER, False), (ListSide.BOTH, PAYER, True),
        (ListSide.BOTH, account(3), False),
    ],
)  # fmt: skip
def test_an_entry_holds_for_its_side(side, who, held):
    assert bool(ids(state_of(entry("a", who=who, side=side)))) is held


@pytest.mark.parametrize(
    ("entity", "field", "side"),
    [
        (ListedEntity.PERSON, "payee_person_id", ListSide.PAYEE),
        (ListedEntity.KEY, "payee_key_id", ListSide.PAYEE),
        (ListedEntity.PERSON, "payer_person_id", ListSide.PAYER),
        (ListedEntity.DEVICE, "device_id", ListSide.PAYER),
    ],
)
def test_an_entry_holds_for_its_kind_of_id(entity, field, side):
    state = state_of(entry("a", who=account(9), entity=entity, side=ListSide.BOTH))
    found = state.of(transfer(1, occurred_at=START + 1, **{field: account(9)}), START + 1)
    assert found == (ListHit(ListKind.DENY, side, "a"),)
    assert ids(state, payee=9) == [], "the same bytes as another kind of id"


def test_state_is_a_function_of_the_set_of_events():
    events = [
        entry("a"),
        entry("b", ListKind.ALLOW),
        removal("a", START + 5),
        entry("c", who=PAYER),
    ]
    arrays = {
        state_of(*order).arrays()["lists_and_markers"].tobytes()
        for order in itertools.permutations(events)
    }
    assert len(arrays) == 1


def test_a_snapshot_holds_the_lists_and_a_foreign_one_is_refused():
    replica = Replica(plan())
    replica.lists.fold(entry("a"))
    replica.lists.fold(removal("b", START))
    again = restored(plan(), replica.snapshot("world"))
    assert again.lists.added == 1 and ids(again.lists) == ["a"]
    assert (
        again.lists.arrays()["lists_and_markers"].tobytes()
        == replica.lists.arrays()["lists_and_markers"].tobytes()
    )
    with pytest.raises(Misconfigured) as caught:
        ListState().restore({})
    assert caught.value.code is Code.SNAPSHOT_INVALID


def tell(made, event):
    value = value_of(event)
    rows = told_rows(value, received_at=event.received_at, event_id=event.event_id)
    made.service.append(event, rows, lambda _failure: None)


def decide(made, number, at, **facts):
    return made.decide(transfer(number, occurred_at=at, **facts), received_at=at).result(60)


def play_lists(made):
    """Decisions before, while and after the payee is denied."""
    tell(made, entry("x", who=account(7)))
    answers = [decide(made, 1, START + SECOND)]
    tell(made, entry("a", at=START + 2 * SECOND))
    answers += [decide(made, 2, START + 3 * SECOND), decide(made, 3, START + 2 * SECOND)]
    batch = [(transfer(10 + each, occurred_at=START + 4 * SECOND), None) for each in range(3)]
    answers += [each.result(60) for each in made.service.decide_many(batch, arrived_ns=0)]
    tell(made, removal("a", START + 5 * SECOND))
    answers += [decide(made, 4, START + 6 * SECOND)]
    return [answer.outcome.value for answer in answers]


def events_of(log):
    return [each.event for each in log.read(start=0, limit=1_000)]


def replayed(folder, events):
    log = open_log(folder / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append(events)
        return replay(log, folder / "bundles", progress=lambda _at, _end: None)
    finally:
        log.close()


def test_decisions_follow_the_lists_are_recorded_and_replay_byte_for_byte(tmp_path):
    with world(tmp_path) as made:
        outcomes = play_lists(made)
        events = events_of(made.log)
        found = replay(made.log, tmp_path / "bundles", progress=lambda _at, _end: None)
    # What happened at the instant of the entry, or before it, is not yet denied.
    assert "REJECT" not in {outcomes[0], outcomes[2], outcomes[6]}
    assert [outcomes[1], *outcomes[3:6]] == ["REJECT"] * 4
    records = [decode_record(each.payload) for each in events if each.schema == "decision.v1"]
    said = [each.given.lists for each in records]
    assert said == [(), ("DENY/PAYEE/a",), (), *[("DENY/PAYEE/a",)] * 3, ()]
    assert (found.compared, found.differing) == (7, 0)


def test_a_transfer_confirmed_before_an_entry_and_paid_after_it_is_stopped_and_replays(tmp_path):
    paid = START + DAY
    with world(tmp_path) as made:
        tell(made, entry("a"))
        asked = [
            dataclasses.replace(transfer(number, occurred_at=paid), occurred_at=confirmed)
            for number, confirmed in enumerate((START - DAY, START - 7 * 365 * DAY, START - DAY))
        ]
        pending = [made.decide(each, received_at=paid) for each in asked[:2]]
        pending += made.service.decide_many([(asked[2], paid)], arrived_ns=0)
        answers = [each.result(60) for each in pending]
        found = replay(made.log, tmp_path / "bundles", progress=lambda _at, _end: None)
    assert [each.outcome.value for each in answers] == ["REJECT"] * 3
    assert [each.lists for each in answers] == [("DENY/PAYEE/a",)] * 3
    assert (found.compared, found.differing) == (3, 0)


def test_a_start_knows_the_lists_again(tmp_path):
    with world(tmp_path) as made:
        tell(made, entry("a"))
    with world(tmp_path) as again:
        assert again.service.replica.lists.added == 1
        assert decide(again, 1, START + 1).outcome.value == "REJECT"


def test_sabotage_a_list_that_was_forged_or_lost_is_noticed(tmp_path):
    with world(tmp_path) as made:
        play_lists(made)
        events = events_of(made.log)
    assert replayed(tmp_path, events).is_equal
    place = next(at for at, each in enumerate(events) if each.schema == "decision.v1" and at > 2)
    parts = msgspec.msgpack.decode(events[place].payload)
    parts[4][4] = []
    forged = events[place]._replace(payload=msgspec.msgpack.encode(parts))
    (tmp_path / "copy.sqlite").unlink()
    found = replayed(tmp_path, [*events[:place], forged, *events[place + 1 :]])
    assert [each.where for each in found.differences] == [("lists",)]
    other = entry("other", who=account(8), at=events[2].occurred_at)
    (tmp_path / "copy.sqlite").unlink()
    found = replayed(tmp_path, [*events[:2], other, *events[3:]])
    # The entry is gone, and its decisions follow from nothing.
    assert sum("lists" in each.where for each in found.differences) == 4
