"""Limits of a day, a night and a device: decided, recorded, and replayed byte for byte."""

from __future__ import annotations

import dataclasses
import itertools
import random

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import decode_record
from crivo.decision.sums import Sums
from crivo.domain.account import CustomerSegment
from crivo.domain.clock import ClockKind
from crivo.domain.device import DeviceStatus
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from crivo.domain.list_entry import ListKind, ListSide
from crivo.domain.settlement import SettlementStatus
from crivo.domain.transfer import Initiation, Purpose
from crivo.features.told import told_rows
from crivo.flows.event_of import value_of
from crivo.flows.replay import replay
from crivo.flows.replica import Replica, restored
from crivo.flows.revising import ReviseService
from crivo.flows.settlement_phase import SettlementPhase
from tests.unit.decision.worlds import account, bundle_in, plan, policy, transfer, world
from tests.unit.flows.sums_world import DEVICES, device, follow_up, settlement
from tests.unit.flows.test_hold_ends import settle
from tests.unit.flows.test_listing import entry as list_entry
from tests.unit.flows.test_revising import strict

PERSON, MEI, LEGAL = CustomerSegment
#: 21 h of Brasília: a night in which R$ 1,000 is the most for persons and MEI.
EVENING = parse_rfc3339("2026-11-24T00:00:00Z")
#: Rules and score are of no interest here: every amount is below what they ask for.
EACH = 40_000


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def allowed(own_id, who, at):
    """An entry that lets a payer pass."""
    return list_entry(own_id, ListKind.ALLOW, who=who, at=at, side=ListSide.PAYER)


def decide(made, number, at, *, payer_segment=PERSON, **facts):
    facts.setdefault("amount_centavos", EACH)
    asked = transfer(number, occurred_at=at, payer_segment=payer_segment, **facts)
    return asked, made.decide(asked, received_at=at).result(60)


def tell(made, event):
    value = value_of(event)
    rows = []
    if event.schema != "follow_up.v1":
        rows = told_rows(value, received_at=event.received_at, event_id=event.event_id)
    made.service.append(event, rows, lambda _failure: None)


def is_over(answer, code=ReasonCode.NIGHT_TOTAL_LIMIT):
    assert (answer.outcome is Outcome.REJECT) == (code in answer.reasons)
    return code in answer.reasons


def records(made):
    read = made.log.read(start=0, limit=1_000)
    return [
        decode_record(each.event.payload) for each in read if each.event.schema == "decision.v1"
    ]


def play(made):
    """Many transfers of a few payers over three nights, with words of the rail among them."""
    chance, now, answers = random.Random(5), EVENING - 4 * HOUR, []
    for number in range(150):
        now += chance.choice([SECOND, MINUTE, 10 * MINUTE, HOUR])
        asked, answer = decide(
            made,
            number,
            now - chance.choice([0, 0, HOUR]),
            payer=chance.randrange(1, 4),
            payer_segment=chance.choice([PERSON, MEI, LEGAL, None]),
            purpose=chance.choice([None, Purpose.IPAY, Purpose.REFU]),
            initiation=chance.choice([None, Initiation.AUTO, Initiation.DICT]),
            device_id=chance.choice([None, DEVICES[0]]),
            amount_centavos=chance.choice([EACH, 90_000]),
        )
        answers.append(answer)
        if chance.random() < 0.2:
            status = chance.choice([SettlementStatus.REJECTED, SettlementStatus.SETTLED])
            tell(made, settlement(asked, status, now + 1))
        if chance.random() < 0.05:
            status = chance.choice([DeviceStatus.SEEN, DeviceStatus.REGISTERED])
            tell(made, device(f"d{number}", account(1), DEVICES[0], status, now))
    return answers


def quiet(_done, _end):
    """Progress that nobody watches."""


def test_withdrawals_of_a_day_and_a_night_are_limited_together_and_replay(tmp_path):
    """R$ 3,000 from 6 to 20 h, R$ 1,000 from 20 to 6 h, whoever withdraws."""
    day, night = EVENING - 6 * HOUR, EVENING
    with world(tmp_path) as played:
        kinds = itertools.cycle([Purpose.GSCB, Purpose.OTHR])
        said = [
            is_over(
                decide(
                    played,
                    int(start > day) * 4 + number,
                    start + number * MINUTE,
                    payer_segment=None,
                    purpose=next(kinds),
                    amount_centavos=90_000,
                )[1],
                ReasonCode.CASH_LIMIT,
            )
            for start, count in ((day, 4), (night, 2))
            for number in range(count)
        ]
        sums = [each.given.sums.cash for each in records(played)]
        found = replay(played.log, tmp_path / "bundles", progress=quiet)
    # What was rejected moved no money, and leaves room for a smaller one.
    assert said == [False, False, False, True, False, True]
    assert sums == [0, 90_000, 180_000, 270_000, 0, 90_000]
    assert (found.compared, found.differing) == (6, 0)


@pytest.mark.parametrize(
    ("segment", "is_limited"), [(PERSON, True), (MEI, True), (LEGAL, False), (None, False)]
)
def test_a_night_has_a_total_by_segment(played, segment, is_limited):
    said = [
        is_over(decide(played, number, EVENING + number, payer_segment=segment)[1])
        for number in range(4)
    ]
    assert said == [False, False, is_limited, is_limited]
    # What was rejected used nothing: a smaller one passes, and the morning begins anew.
    fits = decide(played, 9, EVENING + HOUR, payer_segment=segment, amount_centavos=20_000)[1]
    assert not is_over(fits)
    assert not is_over(decide(played, 10, EVENING + 9 * HOUR, payer_segment=segment)[1])
    assert not is_over(decide(played, 11, EVENING + DAY, payer_segment=segment)[1])


def test_a_total_is_in_force_from_the_date_of_its_norm_on(tmp_path):
    procedure = bundle_in(tmp_path).procedure
    for moment, night, by_device in (
        ("2021-10-03T12:00:00Z", None, None),
        ("2021-10-04T12:00:00Z", 100_000, None),
        ("2024-10-31T12:00:00Z", 100_000, None),
        ("2024-11-01T12:00:00Z", 100_000, 100_000),
    ):
        periods = procedure.at(parse_rfc3339(moment)).limits.periods
        assert [periods[each].night for each in (PERSON, MEI, LEGAL)] == [night, night, None]
        assert [periods[each].device for each in periods] == [by_device] * 4
        assert [periods[each].day for each in periods] == [None] * 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (('"limits.night.mei"', '"limits.night.sme"'), "key"),
        (('"limits.day.unstated"\nvalue = "none"', '"limits.day.unstated"\nvalue = 1'), "value"),
        (('"limits.night.mei"\nvalue = "none"', '"limits.night.mei"\nvalue = "-1"'), "value"),
    ],
)
def test_a_total_that_is_missing_or_no_amount_is_refused_with_its_key(tmp_path, change, field):
    text = policy()["decision.toml"]
    changed = text.replace(*change)
    assert changed != text
    with pytest.raises(Misconfigured) as caught:
        bundle_in(tmp_path, texts={**policy(), "decision.toml": changed})
    assert caught.value.code is Code.POLICY_INVALID
    assert caught.value.context["key"].startswith("limits.")
    assert caught.value.context["field"] == field


def test_devices_that_are_not_registered_have_a_total_of_a_day(played):
    noon = EVENING - 9 * HOUR
    tell(played, device("d", account(1), DEVICES[0], DeviceStatus.SEEN, noon - HOUR))
    facts = {"device_id": DEVICES[0], "payer_segment": LEGAL, "amount_centavos": 19_000}
    code = ReasonCode.DEVICE_DAY_LIMIT
    said = [is_over(decide(played, each, noon + each, **facts)[1], code) for each in range(7)]
    assert said == [False] * 5 + [True, True]
    automatic = decide(played, 20, noon + MINUTE, initiation=Initiation.AUTO, **facts)[1]
    assert not is_over(automatic, code)
    tell(played, device("e", account(1), DEVICES[0], DeviceStatus.REGISTERED, noon + HOUR))
    assert not is_over(decide(played, 21, noon + 2 * HOUR, **facts)[1], code)


def test_a_device_that_is_not_registered_pays_little_at_once_and_no_list_lets_more_pass(
    tmp_path,
):
    noon = EVENING - 9 * HOUR
    code = ReasonCode.DEVICE_UNREGISTERED_LIMIT
    with world(tmp_path) as played:
        tell(played, device("d", account(1), DEVICES[0], DeviceStatus.SEEN, noon - HOUR))
        tell(played, allowed("a", account(1), noon - HOUR))
        said = [
            is_over(decide(played, number, noon + number, device_id=at, **facts)[1], code)
            for number, (at, facts) in enumerate(
                [
                    (DEVICES[0], {"amount_centavos": 60_000}),
                    (DEVICES[0], {"amount_centavos": 20_001}),
                    (DEVICES[0], {"amount_centavos": 20_000}),
                    (DEVICES[0], {"amount_centavos": 60_000, "initiation": Initiation.AUTO}),
                    (DEVICES[1], {"amount_centavos": 60_000}),
                    (None, {"amount_centavos": 60_000}),
                ]
            )
        ]
        found = replay(played.log, tmp_path / "bundles", progress=quiet)
    assert said == [True, True, False, False, False, False]
    assert (found.compared, found.differing) == (6, 0)


def test_a_day_has_the_total_that_the_institution_sets(tmp_path):
    was = 'key = "limits.day.mei"\nvalue = "none"'
    text = policy()["decision.toml"]
    assert was in text
    text = text.replace(was, was.replace('"none"', '"900.00"'))
    noon = EVENING - 9 * HOUR
    with world(tmp_path, texts={**policy(), "decision.toml": text}) as made:
        code = ReasonCode.DAY_TOTAL_LIMIT
        for payer, segment, said in ((3, MEI, [False, False, True]), (4, PERSON, [False] * 3)):
            facts = {"payer": payer, "payer_segment": segment}
            answers = [decide(made, 10 * payer + n, noon + n, **facts)[1] for n in range(3)]
            assert [is_over(each, code) for each in answers] == said


def test_what_came_to_nothing_and_what_was_returned_gives_its_amount_back(played):
    first, _ = decide(played, 1, EVENING)
    second, _ = decide(played, 2, EVENING + 1)
    assert is_over(decide(played, 3, EVENING + 2)[1])
    part = settlement(first, SettlementStatus.RETURNED, EVENING + MINUTE, returned=1)
    tell(played, part)
    assert is_over(decide(played, 4, EVENING + MINUTE + 1)[1])
    tell(played, settlement(second, SettlementStatus.REJECTED, EVENING + 2 * MINUTE))
    assert not is_over(decide(played, 5, EVENING + 3 * MINUTE)[1])
    assert is_over(decide(played, 6, EVENING + 4 * MINUTE)[1])
    tell(played, follow_up(first, FollowUpKind.CANCELLED, EVENING + 5 * MINUTE))
    assert not is_over(decide(played, 7, EVENING + 6 * MINUTE)[1])


def test_a_repeat_counts_once(played):
    asked, answer = decide(played, 1, EVENING)
    for _ in range(3):
        assert played.decide(asked, received_at=EVENING).result(60) == answer
    assert not is_over(decide(played, 2, EVENING + 1)[1])
    assert records(played)[-1].given.sums == Sums(EACH, EACH, None)


def test_the_settlement_phase_is_judged_without_its_own_attempt(played):
    facts = {"amount_centavos": 60_000}
    asked, first = decide(played, 1, EVENING, **facts)
    assert not is_over(first)
    phase = SettlementPhase(played.service)
    again = dataclasses.replace(asked, occurred_at=EVENING + MINUTE)
    found = phase.decide(again, arrived_ns=0, supplied_received_at=EVENING + MINUTE).result(60)
    assert not is_over(found)
    assert records(played)[-1].given.sums == Sums(0, 0, None)
    # It is no attempt: the night holds the one that was initiated.
    assert is_over(decide(played, 2, EVENING + 2 * MINUTE, **facts)[1])


def test_a_batch_is_decided_as_one_by_one(tmp_path):
    asked = [
        transfer(number, occurred_at=EVENING + number, payer_segment=PERSON, amount_centavos=EACH)
        for number in range(5)
    ]
    for name in ("many", "one"):
        (tmp_path / name).mkdir()
    with world(tmp_path / "many") as made:
        pending = made.service.decide_many(
            [(each, each.occurred_at) for each in asked], arrived_ns=0
        )
        many = [each.result(60) for each in pending]
        sums = [each.given.sums for each in records(made)]
        found = replay(made.log, tmp_path / "many" / "bundles", progress=quiet)
    with world(tmp_path / "one") as made:
        ones = [made.decide(each, received_at=each.occurred_at).result(60) for each in asked]
        assert [each.given.sums for each in records(made)] == sums
    assert [each.outcome for each in many] == [each.outcome for each in ones]
    assert [is_over(each) for each in many] == [False, False, True, True, True]
    assert sums[-1] == Sums(2 * EACH, 2 * EACH, None)
    assert (found.compared, found.differing) == (5, 0)


def test_a_degraded_answer_and_its_revision_know_the_sums(tmp_path):
    with world(tmp_path, texts=strict()) as made:
        decide(made, 1, EVENING)
        asked = transfer(2, occurred_at=EVENING + 1, payer_segment=PERSON, amount_centavos=EACH)
        held = made.decide(asked, received_at=EVENING + 1, waited_ms=500).result(60)
        assert held.outcome is Outcome.HOLD
        assert is_over(decide(made, 3, EVENING + 2)[1])
        revising = ReviseService(made.service, lambda _outcome: None, monotonic_ns=made.monotonic)
        revising.revise_some()
        settle(made)
        # Judged again, it is not held against itself.
        names = [each.event.schema for each in made.log.read(start=0, limit=10)]
        assert names[-1] == "decision_revised.v1"
        revision = value_of(made.log.read(start=len(names) - 1, limit=1)[0].event)
        assert revision.outcome is not Outcome.REJECT
        found = replay(made.log, tmp_path / "bundles", progress=quiet)
    assert (found.compared, found.revisions, found.differing) == (3, 1, 0)


def test_decisions_of_three_nights_replay_byte_for_byte(played, tmp_path):
    answers = play(played)
    assert sum(ReasonCode.NIGHT_TOTAL_LIMIT in each.reasons for each in answers) > 5
    found = replay(played.log, tmp_path / "bundles", progress=quiet)
    assert (found.compared, found.differing) == (len(answers), 0)


def test_a_start_and_a_snapshot_know_the_sums_again(tmp_path):
    with world(tmp_path) as made:
        play(made)
        end = made.log.end()
        asks = [
            transfer(900 + each, occurred_at=EVENING + 8 * DAY, payer=each) for each in (1, 2, 3)
        ]
        newest = max(each.event.received_at for each in made.log.read(start=0, limit=1_000))
        asks += [dataclasses.replace(each, occurred_at=newest) for each in asks]
        said = [made.service.replica.sums.of(each, newest) for each in asks]
    assert any(each and each.day for each in said)
    with world(tmp_path) as again:
        assert [again.service.replica.sums.of(each, newest) for each in asks] == said
        whole = again.service.replica
        early = Replica(plan())
        early.sums.begin_at(0)
        for stored in again.log.read(start=0, limit=end // 2):
            early.sums.fold(stored.event)
        early.folded = end // 2
        kept = dataclasses.replace(early.snapshot("world"), cut=end // 2)
        start = restored(plan(), kept)
        for stored in again.log.read(start=end // 2, limit=end):
            start.sums.fold(stored.event)
        assert [start.sums.of(each, newest) for each in asks] == said
        assert start.sums.held == whole.sums.held


def test_another_policy_takes_hold_while_it_serves(tmp_path):
    with world(tmp_path) as made:
        decide(made, 1, EVENING)
        decide(made, 2, EVENING + 1)
        assert is_over(decide(made, 3, EVENING + 2)[1])
        text = policy()["decision.toml"]
        higher = text.replace(
            'value = "1000.00"\nfrom = 2021-10-04', 'value = "1500.00"\nfrom = 2021-10-04'
        )
        assert higher != text
        made.service.adopt(bundle_in(tmp_path, texts={**policy(), "decision.toml": higher}))
        assert not is_over(decide(made, 4, EVENING + 3)[1])
        assert is_over(decide(made, 5, EVENING + 4)[1])
        found = replay(made.log, tmp_path / "bundles", progress=quiet)
    assert (found.compared, found.differing) == (5, 0)


def test_sabotage_forged_sums_and_a_changed_word_are_noticed(tmp_path):
    with world(tmp_path) as made:
        first, _ = decide(made, 1, EVENING)
        tell(made, settlement(first, SettlementStatus.REJECTED, EVENING + 1))
        for number in (2, 3):
            decide(made, number, EVENING + number)
        events = [each.event for each in made.log.read(start=0, limit=10)]
    assert _where(tmp_path, events) == []
    parts = msgspec.msgpack.decode(events[2].payload)
    parts[4][5][1] -= 1
    forged = events[2]._replace(payload=msgspec.msgpack.encode(parts))
    assert _where(tmp_path, [*events[:2], forged, events[3]]) == [("sums",)]
    # Had the rail settled the first one, nothing would follow as it was recorded.
    other = settlement(first, SettlementStatus.SETTLED, EVENING + 1)
    where = _where(tmp_path, [events[0], other, *events[2:]])
    assert len(where) == 2 and all("sums" in each for each in where)


def _where(folder, events):
    path = folder / "copy.sqlite"
    path.unlink(missing_ok=True)
    log = open_log(path, clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append(events)
        found = replay(log, folder / "bundles", progress=quiet)
        return [each.where for each in found.differences]
    finally:
        log.close()
