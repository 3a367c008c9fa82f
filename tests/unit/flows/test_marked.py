"""Fraud markers as a state beside the lists: exact by person, key and instant, and replayed."""

from __future__ import annotations

import itertools

import pytest

from crivo.decision.lists import HitKind, ListHit
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.instant import HOUR, SECOND
from crivo.domain.list_entry import ListedEntity, ListSide
from crivo.flows.event_of import event_of
from crivo.flows.listing import ListState
from crivo.flows.replay import replay
from crivo.flows.replica import Replica, restored
from tests.unit.decision.worlds import START, account, plan, transfer, world
from tests.unit.flows.test_listing import decide, events_of, replayed, state_of, tell
from tests.unit.flows.test_listing import entry as list_entry
from tests.unit.flows.test_listing import removal as list_removal

PERSON, KEY, OTHER = account(21), account(22), account(23)


def marker(own_id="m", *, at=START, person=PERSON, key=None, cancelled=False):
    before = MarkerStatus.REGISTERED if cancelled else None
    after = MarkerStatus.CANCELLED if cancelled else MarkerStatus.REGISTERED
    value = FraudMarker(own_id, at, person, FraudType.MULE_ACCOUNT, before, after, key_id=key)
    return event_of(value, occurred_at=at, received_at=at, source="bank")


def hits(state, at=START + 1, **facts):
    return state.of(transfer(1, occurred_at=at, **facts), at)


@pytest.mark.parametrize(
    ("facts", "side"),
    [
        ({"payer_person_id": PERSON}, ListSide.PAYER),
        ({"payee_person_id": PERSON}, ListSide.PAYEE),
        ({"payee_key_id": KEY}, ListSide.PAYEE),
        ({"payee_person_id": OTHER}, None),
        ({"payee_key_id": PERSON}, None),
        ({"device_id": PERSON}, None),
    ],
)
def test_a_marker_holds_for_its_person_and_its_key_in_either_role(facts, side):
    found = hits(state_of(marker(key=KEY)), **facts)
    assert found == (() if side is None else (ListHit(HitKind.MARKED, side, "m"),))


def test_a_marker_holds_after_it_was_registered_and_up_to_its_cancellation():
    """Also of its key, which the cancellation need not name."""
    events = [marker(key=KEY), marker(at=START + HOUR, cancelled=True)]
    for order in itertools.permutations(events):
        state = state_of(*order)
        for facts in ({"payee_person_id": PERSON}, {"payee_key_id": KEY}):
            held = [bool(hits(state, START + at, **facts)) for at in (0, 1, HOUR, HOUR + 1)]
            assert held == [False, True, True, False]


def test_one_marker_s_end_leaves_another_and_lists_of_the_same_id_are_apart():
    facts = {"payee_person_id": PERSON}
    listed = list_entry("m", who=PERSON, entity=ListedEntity.PERSON)
    events = [marker(), marker("n"), listed, marker(at=START + 1, cancelled=True)]
    found = [hit.text for hit in hits(state_of(*events), START + HOUR, **facts)]
    assert found == ["DENY/PAYEE/m", "MARKED/PAYEE/n"]
    gone = list_removal("m", START + 1, who=PERSON, entity=ListedEntity.PERSON)
    found = [hit.text for hit in hits(state_of(marker(), listed, gone), START + HOUR, **facts)]
    assert found == ["MARKED/PAYEE/m"]
    foreign = marker(person=OTHER, at=START + 1, cancelled=True)
    assert hits(state_of(marker(), foreign), START + HOUR, **facts)


def test_a_snapshot_holds_the_markers_and_one_of_before_them_is_refused():
    replica = Replica(plan())
    for event in (marker(key=KEY), marker("n"), marker("n", at=START + 1, cancelled=True)):
        replica.lists.fold(event)
    again = restored(plan(), replica.snapshot("world")).lists
    (array,), (before,) = again.arrays().values(), replica.lists.arrays().values()
    assert (array.tobytes(), again.added) == (before.tobytes(), 3)
    found = [hit.text for hit in hits(again, START + HOUR, payer_person_id=PERSON)]
    assert found == ["MARKED/PAYER/m"]
    with pytest.raises(Misconfigured) as caught:
        ListState().restore({"lists": array})
    assert caught.value.code is Code.SNAPSHOT_INVALID


def play(made):
    """Decisions before, while and after the payee is marked, by a person's id and by a key's."""
    facts = ({"payee_person_id": PERSON}, {"payee_key_id": KEY})
    answers = [decide(made, 1, START + SECOND, **facts[0])]
    tell(made, marker(at=START + 2 * SECOND, key=KEY))
    answers += [decide(made, n, START + (1 + n) * SECOND, **facts[n - 2]) for n in (2, 3)]
    tell(made, marker(at=START + 6 * SECOND, cancelled=True))
    answers += [decide(made, n, START + (3 + n) * SECOND, **facts[n - 4]) for n in (4, 5)]
    return [answer.outcome.value for answer in answers]


def test_a_marked_user_is_stopped_and_the_decisions_replay_byte_for_byte(tmp_path):
    with world(tmp_path) as made:
        outcomes = play(made)
        records = [each for each in events_of(made.log) if each.schema == "decision.v1"]
        found = replay(made.log, tmp_path / "bundles", progress=lambda *_: None)
    assert outcomes[1:3] == ["REJECT"] * 2 and "REJECT" not in {outcomes[0], *outcomes[3:]}
    said = [decode_record(each.payload).given.lists for each in records]
    assert said == [(), ("MARKED/PAYEE/m",), ("MARKED/PAYEE/m",), (), ()]
    assert (found.compared, found.differing) == (5, 0)


def test_a_start_knows_who_is_marked(tmp_path):
    with world(tmp_path) as made:
        tell(made, marker())
    with world(tmp_path) as again:
        assert decide(again, 1, START + 1, payer_person_id=PERSON).outcome.value == "REJECT"


def test_sabotage_a_marker_that_was_lost_or_forged_is_noticed(tmp_path):
    with world(tmp_path) as made:
        play(made)
        events = events_of(made.log)
    assert replayed(tmp_path, events).is_equal
    for other in (marker("m", at=START + 2 * SECOND), marker("x", at=START + 2 * SECOND, key=KEY)):
        (tmp_path / "copy.sqlite").unlink()
        found = replayed(tmp_path, [events[0], other, *events[2:]])
        assert any("lists" in each.where for each in found.differences)
