"""Sums of a day, a night and of devices: what counts, until when, and the same by any path."""

from __future__ import annotations

import dataclasses
import random

import pytest

from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.decision.record import SETTLEMENT
from crivo.decision.sums import Sums
from crivo.domain.device import DeviceStatus
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, HOUR, MINUTE, parse_rfc3339
from crivo.domain.settlement import SettlementStatus
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows.account_sums import AccountSums
from tests.unit.decision.worlds import START, account, transfer
from tests.unit.flows.sums_world import (
    DEVICES,
    attempt,
    device,
    follow_up,
    hold_end,
    night_start,
    random_stream,
    reference,
    settlement,
)

PAYER = account(1)
#: Noon, 21 h and 5 h of Brasília, the latter on the day after.
NOON = parse_rfc3339("2026-11-23T15:00:00Z")
EVENING = parse_rfc3339("2026-11-24T00:00:00Z")
EARLY = parse_rfc3339("2026-11-24T08:00:00Z")


def state_of(*events):
    state = AccountSums()
    for each in events:
        state.fold(each)
    return state


def paid(number, at, outcome="ALLOW", **facts):
    facts.setdefault("amount_centavos", 100 * number)
    value = transfer(number, occurred_at=at, **facts)
    return value, attempt(value, at, outcome)


def asked(state, at, **facts):
    return state.of(transfer(999, occurred_at=at, **facts), at)


def test_a_day_is_from_midnight_to_midnight_of_brasilia():
    midnight = parse_rfc3339("2026-11-23T03:00:00Z")
    events = [paid(number, at)[1] for number, at in ((1, midnight - 1), (2, midnight), (4, NOON))]
    state = state_of(*events)
    assert asked(state, NOON).day == 600
    assert asked(state, midnight + DAY - 1).day == 600
    assert asked(state, midnight + DAY).day == 0
    assert asked(state, NOON, payer=7) == Sums(0, None, None)


def test_a_night_over_midnight_is_one_and_ends_at_six():
    nine, six = EVENING, parse_rfc3339("2026-11-24T09:00:00Z")
    state = state_of(paid(1, nine - HOUR - 1)[1], paid(2, nine)[1], paid(4, EARLY)[1])
    assert asked(state, nine - HOUR - 1).night is None
    assert asked(state_of(paid(1, nine - HOUR - 1)[1], paid(2, nine)[1]), nine).night == 200
    # What was told of the hours behind midnight before is of the same night.
    assert asked(state, nine).night == 600
    assert asked(state, EARLY + 1).night == 600
    assert asked(state, six).night is None
    assert asked(state, EARLY + 1).day == 400
    # The next evening is another night.
    assert asked(state, EVENING + DAY).night == 0


def test_an_account_that_chose_a_later_night_is_judged_by_it():
    ten = EVENING + HOUR
    chosen = night_start("n", PAYER, 22, NOON)
    state = state_of(chosen, paid(1, EVENING)[1], paid(2, ten)[1])
    assert asked(state, EVENING).night is None
    assert asked(state, ten + 1).night == 200
    assert asked(state, EARLY).night == 200
    # Before it was in force, and for anybody else, the night begins at 20 h.
    assert asked(state, EVENING - DAY).night == 0
    assert asked(state, EVENING, payer=2).night == 0


def test_a_night_may_begin_at_midnight_and_not_before_20_h():
    state = state_of(night_start("n", PAYER, 0, NOON), paid(1, EVENING)[1], paid(2, EARLY)[1])
    assert asked(state, EVENING).night is None
    assert asked(state, EARLY + 1).night == 200
    odd = state_of(night_start("n", PAYER, 7, NOON), paid(1, EVENING)[1])
    assert asked(odd, EARLY).night == 100


def test_withdrawals_and_change_have_a_day_and_a_night_of_their_own():
    six, twenty = (parse_rfc3339(f"2026-11-23T{hour}:00:00Z") for hour in ("09", "23"))
    cash, change = {"purpose": Purpose.GSCB}, {"purpose": Purpose.OTHR}
    told = ((1, six - 1, cash), (2, six, change), (4, twenty - 1, cash), (8, twenty, change))
    plain = paid(16, NOON)[1]
    state = state_of(plain, *(paid(number, at, **facts)[1] for number, at, facts in told))
    for facts in (cash, change):
        found = [asked(state, at, **facts).cash for at in (six - 1, six, twenty - 1, twenty)]
        assert found == [100, 600, 600, 800]
        # One night over midnight, also where the account's own begins later.
        state.fold(night_start("n", PAYER, 23, NOON))
        assert asked(state, EARLY, **facts).cash == 800
        assert asked(state, six + DAY, **facts).cash == 0
        # What was told of the hours behind midnight before is of the same night.
        behind = state_of(paid(32, EARLY, **cash)[1])
        assert asked(behind, twenty, **facts).cash == 3_200
        assert asked(behind, twenty - 1, **facts).cash == 0
    assert asked(state, NOON).cash is None
    assert asked(state, NOON, **cash, initiation=Initiation.AUTO).cash is None
    assert (asked(state, NOON).day, asked(state, NOON, **cash).day) == (1_600, 1_600)


def test_a_withdrawal_that_did_not_happen_uses_nothing():
    value, event = paid(5, NOON, purpose=Purpose.GSCB)
    undone = settlement(value, SettlementStatus.REJECTED, NOON + 1)
    part = settlement(value, SettlementStatus.RETURNED, NOON + 1, returned=200)
    for said, left in ((undone, 0), (part, 300)):
        assert asked(state_of(event, said), NOON + 2, purpose=Purpose.OTHR).cash == left


@pytest.mark.parametrize("is_said_first", [False, True])
def test_what_was_returned_of_an_attempt_counts_no_longer(is_said_first):
    value, event = paid(5, NOON, "ALLOW")
    back = [
        settlement(value, SettlementStatus.RETURNED, NOON + n, returned=100 * n, number=n)
        for n in (1, 2)
    ]
    events = [*back, event] if is_said_first else [event, *back]
    # Each return is told twice, and comes back once.
    assert asked(state_of(*events, *events), NOON + HOUR).day == 200
    # What is over the whole takes nothing from others.
    more = settlement(value, SettlementStatus.RETURNED, NOON + 3, number=3)
    other = paid(6, NOON, "ALLOW")[1]
    assert asked(state_of(*events, more, other), NOON + HOUR).day == 600


@pytest.mark.parametrize(
    ("outcome", "said", "counted"),
    [
        ("ALLOW", (), True),
        ("HOLD", (), True),
        ("REJECT", (), False),
        (None, (), True),
        ("ALLOW", ("SETTLED",), True),
        ("ALLOW", ("REJECTED",), False),
        ("ALLOW", ("CANCELLED",), False),
        ("ALLOW", ("REJECTED", "CANCELLED"), False),
        ("ALLOW", ("RETURNED",), False),
        ("ALLOW", ("SETTLED", "RETURNED"), False),
        # The rail's word stands, whatever was asked.
        ("REJECT", ("SETTLED",), True),
        ("HOLD", ("hold_end/REJECT", "SETTLED"), True),
        ("HOLD", ("hold_end/REJECT",), False),
        ("HOLD", ("hold_end/ALLOW",), True),
        ("HOLD", ("released",), True),
        ("HOLD", ("cancelled",), False),
        ("WARN", ("warn_abandoned",), False),
        ("WARN", ("warn_confirmed",), True),
        ("STEP_UP", ("step_up_failed",), False),
        ("STEP_UP", ("step_up_passed",), True),
        ("ALLOW", ("settlement/REJECT",), False),
        ("ALLOW", ("settlement/HOLD",), True),
    ],
)
@pytest.mark.parametrize("is_said_first", [False, True])
def test_an_attempt_counts_until_it_came_to_nothing(outcome, said, counted, is_said_first):
    value, event = paid(5, NOON, outcome)
    words = [_word(value, each) for each in said]
    events = [*words, event] if is_said_first else [event, *words]
    state = state_of(*events, *events)
    assert asked(state, NOON + 1).day == (500 if counted else 0)


def _word(value, said):
    at = value.occurred_at + MINUTE
    kind, _, outcome = said.partition("/")
    if kind == "hold_end":
        return hold_end(value, Outcome(outcome), at)
    if kind == "settlement":
        return attempt(value, at, outcome, SETTLEMENT)
    if said.isupper():
        return settlement(value, SettlementStatus(said), at)
    return follow_up(value, FollowUpKind(said), at)


@pytest.mark.parametrize(
    ("facts", "day", "device_day"),
    [
        ({}, 100, 100),
        ({"purpose": Purpose.IPAY}, 100, 100),
        ({"purpose": Purpose.GSCB}, 0, 100),
        ({"purpose": Purpose.OTHR}, 0, 100),
        ({"initiation": Initiation.AUTO}, 0, 0),
        ({"purpose": Purpose.REFU}, 0, 0),
        ({"purpose": Purpose.IPRT}, 0, 0),
    ],
)
def test_what_has_limits_of_its_own_counts_in_no_other(facts, day, device_day):
    seen = device("d", PAYER, DEVICES[0], DeviceStatus.SEEN, NOON - HOUR)
    state = state_of(seen, paid(1, NOON, device_id=DEVICES[0], **facts)[1])
    assert asked(state, NOON + 1, device_id=DEVICES[0]) == Sums(day, None, device_day)


def test_a_return_has_no_sums_and_what_comes_after_the_next_day_neither():
    state = state_of(paid(1, NOON)[1])
    assert state.of(transfer(2, occurred_at=NOON, purpose=Purpose.REFU), NOON) is None
    late = transfer(2, occurred_at=NOON)
    assert state.of(late, NOON + DAY) == Sums(100, None, None)
    assert state.of(late, NOON + 2 * DAY) is None
    # Whoever came two days later made it so for those that come back.
    state.fold(paid(3, NOON + 2 * DAY)[1])
    assert state.of(late, NOON) is None
    assert state.of(dataclasses.replace(late, occurred_at=NOON + DAY), NOON) == Sums(0, None, None)


def test_a_device_counts_while_the_newest_word_on_it_is_not_registered():
    other = paid(1, NOON, device_id=DEVICES[1])[1]
    mine = paid(2, NOON + 1, device_id=DEVICES[0])[1]
    words = [
        device("a", PAYER, DEVICES[0], DeviceStatus.SEEN, NOON - HOUR),
        device("b", PAYER, DEVICES[1], DeviceStatus.SEEN, NOON - HOUR),
        device("c", PAYER, DEVICES[0], DeviceStatus.REGISTERED, NOON + HOUR),
    ]
    for order in (words, words[::-1]):
        for events in ([*order, other, mine], [other, mine, *order]):
            state = state_of(*events)
            assert asked(state, NOON + 2, device_id=DEVICES[0]).device == 300
            assert asked(state, NOON + HOUR + 1, device_id=DEVICES[0]).device is None
            # Nothing was told of this one, and nobody can say.
            assert asked(state, NOON + 2, device_id=DEVICES[2]).device is None
            assert asked(state, NOON + 2).device is None


def test_a_transfer_never_counts_against_itself():
    value, event = paid(5, EVENING)
    state = state_of(event, paid(1, EVENING + 1)[1])
    assert state.of(value, EVENING + MINUTE) == Sums(100, 100, None)
    early = dataclasses.replace(value, occurred_at=EARLY)
    assert state.of(early, EARLY) == Sums(0, 100, None)
    undone = state_of(event, settlement(value, SettlementStatus.REJECTED, EVENING + 1))
    assert undone.of(value, EVENING + MINUTE) == Sums(0, 0, None)


@pytest.mark.parametrize("seed", range(6))
def test_sums_are_those_of_a_plain_reference(seed):
    events, made = random_stream(seed, 220)
    chance = random.Random(seed)
    state, before = AccountSums(), []
    for event in events:
        if chance.random() < 0.3:
            value = chance.choice(made)
            at = event.received_at - chance.choice([0, 1, 4 * HOUR, 26 * HOUR])
            value = dataclasses.replace(value, occurred_at=at)
            if chance.random() < 0.5:
                other = transfer(7, occurred_at=at).end_to_end_id
                value = dataclasses.replace(value, end_to_end_id=other)
            found = state.of(value, event.received_at)
            assert found == reference(before, value, event.received_at), f"seed {seed}"
        state.fold(event)
        before.append(event)
    assert state.held <= len(made)


@pytest.mark.parametrize("seed", range(4))
def test_state_is_a_function_of_the_set_of_events(seed):
    events, made = random_stream(seed, 80)
    chance, newest = random.Random(seed), max(each.received_at for each in events)
    asks = [(value, newest) for value in made if value.occurred_at > newest - 2 * DAY]
    assert any(state_of(*events).of(*ask) for ask in asks)
    said = [state_of(*events).of(*ask) for ask in asks]
    for _ in range(6):
        shuffled = chance.sample(events, len(events))
        assert [state_of(*shuffled).of(*ask) for ask in asks] == said
    begun = AccountSums()
    begun.begin_at(newest)
    for event in events:
        begun.fold(event)
    assert [begun.of(*ask) for ask in asks] == said


@pytest.mark.parametrize(
    "schema", ["decision.v1", "transfer.v1", "settlement.v1", "device_change.v1", "hold_end.v1"]
)
def test_sabotage_what_was_lost_is_another_sum(schema):
    for seed in range(40):
        events, made = random_stream(seed, 200)
        newest = max(each.received_at for each in events)
        asks = [(value, newest) for value in made if value.occurred_at > newest - 2 * DAY]
        lost = [each for each in events if each.schema != schema]
        state, without = state_of(*events), state_of(*lost)
        if any(state.of(*ask) != without.of(*ask) for ask in asks):
            return
    pytest.fail("nobody noticed")


def test_a_snapshot_holds_the_sums_and_a_foreign_one_is_refused():
    events, made = random_stream(3, 200)
    newest = max(each.received_at for each in events)
    state, again = state_of(*events), AccountSums()
    again.restore(state.arrays())
    (one,), (other,) = again.arrays().values(), state.arrays().values()
    assert one.tobytes() == other.tobytes()
    assert [again.of(each, newest) for each in made] == [state.of(each, newest) for each in made]
    assert 0 < again.held <= len(made)
    with pytest.raises(Misconfigured) as caught:
        AccountSums().restore({})
    assert caught.value.code is Code.SNAPSHOT_INVALID


def test_days_that_are_over_are_let_go_a_few_accounts_at_a_time():
    state = AccountSums()
    for number in range(1, 21):
        state.fold(paid(number, NOON, payer=number)[1])
    assert state.held == 20
    for day in range(3, 13):
        state.fold(paid(100 + day, NOON + day * DAY, payer=1)[1])
    assert state.held == 3
    assert asked(state, START) is None
