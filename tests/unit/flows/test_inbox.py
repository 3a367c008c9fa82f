"""What outsiders produced is judged as over HTTP: once in the log, a repeat, or refused."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import Code, Refused
from crivo.domain.event import transfer_event_id
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import HOUR, MINUTE, SECOND, format_rfc3339
from crivo.domain.report import ReportStatus
from crivo.domain.settlement import Settlement
from crivo.domain.streams import Stream
from crivo.flows import inbox
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.event_of import event_of, value_of
from crivo.flows.inbox import AskedEvent, AskedReport, AskedTransfer, Became, Door
from crivo.flows.newest import newest_receipt
from crivo.flows.verdicts import verdict_report_id
from crivo.governance.pseudonym import Pseudonymiser
from tests.ports.logs import open_test_log
from tests.unit.decision.worlds import START, transfer, world

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
APPENDED, DUPLICATE = Became.APPENDED, Became.DUPLICATE


@pytest.fixture
def log(tmp_path):
    with closing(open_test_log(tmp_path / "log.sqlite")) as opened:
        yield opened


def door_of(log, *, wall=lambda: 0):
    clock = LogClock(log.manifest.clock, wall=wall, start=newest_receipt(log))
    return Door(log, PSEUDONYMS, clock)


def took(log, *asked, door=None):
    """What became of these, refusals by their codes, once the log has what is new."""
    door = door or door_of(log)
    judged = door.judge(asked)
    if judged.fresh:
        log.append(judged.fresh)
    return [each.code if isinstance(each, Refused) else each for each in judged.became]


def asked(number, **facts):
    return AskedTransfer(transfer(number, **facts))


def settled(number, **changes):
    """That a transfer was settled a second after it was made."""
    return AskedEvent(
        "settlement.v1",
        {
            "end_to_end_id": transfer(number).end_to_end_id,
            "occurred_at": format_rfc3339(START + SECOND),
            "status": "SETTLED",
            **changes,
        },
    )


def claimed(number, report_id="r-1", status=ReportStatus.CLAIMED, supplied=START + HOUR):
    return AskedReport(report_id, status, transfer(number).end_to_end_id, supplied)


def test_a_transfer_awaits_its_decision_once_whoever_repeats_it(log):
    assert took(log, asked(1), asked(2), asked(1)) == [APPENDED, APPENDED, DUPLICATE]
    assert took(log, asked(2), asked(3)) == [DUPLICATE, APPENDED]
    found = [each.event for each in log.read(start=0, limit=9)]
    assert [decode_transfer(each.payload) for each in found] == [transfer(n) for n in (1, 2, 3)]
    assert {each.stream for each in found} == {Stream.TRANSFERS}
    assert {each.source for each in found} == {inbox.SOURCE}


def test_other_facts_under_one_id_are_a_conflict_and_the_first_stand(log):
    other = asked(1, amount_centavos=1)
    assert took(log, asked(1), other) == [APPENDED, Code.CONFLICT]
    assert took(log, other, asked(1)) == [Code.CONFLICT, DUPLICATE]
    assert log.end() == 1


def test_what_could_not_be_read_keeps_its_refusal_and_its_place(log):
    unread = Refused(Code.BODY_MALFORMED, "no JSON")
    judged = door_of(log).judge([unread, asked(1), unread])
    assert judged.became == [unread, APPENDED, unread]
    assert len(judged.fresh) == 1


def test_a_payer_that_pays_itself_and_an_id_of_another_day_are_refused(log):
    one = transfer(1)
    itself = AskedTransfer(replace(one, payee_account_id=one.payer_account_id))
    stale = AskedTransfer(one, START + 13 * HOUR)
    ahead = AskedTransfer(one, START - 2 * MINUTE)
    assert took(log, itself, stale, ahead) == [Code.PAYEE_IS_PAYER, Code.ID_TIME, Code.CLOCK_AHEAD]
    assert log.end() == 0


def test_a_replayed_log_takes_the_receipt_that_is_supplied_else_the_transfers_instant(log):
    took(log, AskedTransfer(transfer(1), START + MINUTE), asked(2))
    receipts = [each.event.received_at for each in log.read(start=0, limit=9)]
    assert receipts == [START + MINUTE, START]


def test_a_wall_clock_stamps_and_takes_no_receipt_and_a_repeat_of_long_ago_is_one(tmp_path):
    now = START + MINUTE
    with closing(open_log(tmp_path / "w", clock=ClockKind.WALL, new_log_id="wall")) as log:
        door = door_of(log, wall=lambda: now)
        told = AskedTransfer(transfer(1), START)
        assert took(log, told, asked(1), door=door) == [Code.FIELD_UNKNOWN, APPENDED]
        assert log.read(start=0, limit=1)[0].event.received_at == now
        now += 13 * HOUR
        assert took(log, asked(1), asked(2), door=door) == [DUPLICATE, Code.ID_TIME]
        report = claimed(1, supplied=None)
        assert took(log, report, claimed(1, "r-2"), door=door) == [APPENDED, Code.FIELD_UNKNOWN]
        assert log.read(start=1, limit=1)[0].event.received_at == now


def test_what_an_import_brought_is_decided_by_nobody(log):
    one = transfer(1)
    log.append(
        [event_of(one, occurred_at=START, received_at=START, source="past", stream=Stream.HISTORY)]
    )
    assert took(log, asked(1), asked(1, amount_centavos=1)) == [Code.CONFLICT] * 2


def test_what_was_decided_in_place_awaits_no_second_decision(tmp_path):
    with world(tmp_path) as played:
        played.decide(transfer(1), received_at=START).result(60)
        (stored,) = played.log.read(start=0, limit=9)
        assert decode_record(stored.event.payload).in_place
        assert took(played.log, asked(1), asked(1, amount_centavos=1)) == [
            DUPLICATE,
            Code.CONFLICT,
        ]


def test_an_identity_part_goes_with_its_transfer_for_the_log_to_seal(log):
    judged = door_of(log).judge([AskedTransfer(transfer(1), identity=b"\0part"), asked(2)])
    assert [each.sealed for each in judged.fresh] == [b"\0part", None]


def test_what_is_about_a_transfer_has_its_facts_also_where_both_come_together(log):
    assert took(log, settled(1), claimed(1)) == [Code.NOT_FOUND] * 2
    assert took(log, asked(1), settled(1), claimed(1)) == [APPENDED] * 3
    assert took(log, settled(1), claimed(1)) == [DUPLICATE] * 2
    _, settlement, report = [each.event for each in log.read(start=0, limit=9)]
    told, claim = value_of(settlement), decode_report(report.payload)
    assert isinstance(told, Settlement)
    for each in (told, claim):
        assert each.payer_id == transfer(1).payer_id
        assert each.amount_centavos == transfer(1).amount_centavos
    assert (report.received_at, claim.caller) == (START + HOUR, None)


def test_a_claim_of_another_status_or_of_a_verdicts_name_is_refused(log):
    verdict = verdict_report_id(transfer(1).end_to_end_id)
    assert took(
        log,
        asked(1),
        claimed(1),
        claimed(1, status=ReportStatus.ACCEPTED),
        claimed(1, verdict),
        claimed(1, "before", supplied=START - HOUR),
    ) == [APPENDED, APPENDED, Code.CONFLICT, Code.FIELD_VALUE, Code.TIME_RANGE]


def login(number, **changes):
    return AskedEvent(
        "login.v1",
        {
            "login_id": f"l-{number}",
            "occurred_at": format_rfc3339(START),
            "account_id": "12345678/0001/1",
            "action": "LOGIN",
            "method": "PIN",
            "result": "FAILED",
            **changes,
        },
    )


def test_an_event_beside_transfers_is_told_once_with_pseudonyms(log):
    other = login(1, result="SUCCEEDED")
    assert took(log, login(1), login(2), login(1), other) == [
        APPENDED,
        APPENDED,
        DUPLICATE,
        Code.CONFLICT,
    ]
    assert {each.event.key for each in log.read(start=0, limit=9)} == {
        PSEUDONYMS.account("12345678/0001/1")
    }


@pytest.mark.parametrize("kind", ["decision.v1", "login", "", "x" * 500])
def test_a_kind_that_outsiders_do_not_write_is_named_with_those_that_they_do(log, kind):
    (refusal,) = door_of(log).judge([AskedEvent(kind, {})]).became
    assert refusal.code is Code.SCHEMA_UNKNOWN
    assert "login.v1" in refusal.context["expected"]


def entry(at, action, key):
    document = {
        "entry_id": "e-1",
        "occurred_at": format_rfc3339(at),
        "entity_id": key,
        "entity": "KEY",
        "kind": "DENY",
        "side": "PAYEE",
        "action": action,
    }
    return AskedEvent("list_entry.v1", document)


def test_a_step_that_names_another_party_than_one_before_it_is_refused(log):
    added, wrong = entry(START, "ADDED", "ana@x.com"), entry(START + HOUR, "REMOVED", "rui@x.com")
    assert took(log, added, wrong) == [APPENDED, Code.CONFLICT]
    assert took(log, entry(START + HOUR, "REMOVED", "ana@x.com")) == [APPENDED]


def mixed(seed, count=200):
    """Transfers and what is about them: good, repeated, conflicting, too early, unread."""
    chance = random.Random(seed)
    for _ in range(count):
        number, kind = chance.randrange(40), chance.randrange(6)
        match kind:
            case 0 | 1:
                yield asked(number)
            case 2:
                yield asked(number, amount_centavos=chance.choice([1, 10_000]))
            case 3:
                yield settled(number)
            case 4:
                yield claimed(number, f"r-{number}", chance.choice(list(ReportStatus)))
            case _:
                yield Refused(Code.BODY_MALFORMED, "no JSON")


def check_each_is_accounted_for_and_in_the_log_once(log, seed):
    """Law: received = appended + duplicate + refused, and the log has what was appended, once."""
    counts, chance, door = Counter(), random.Random(seed), door_of(log)
    waiting = list(mixed(seed))
    received = len(waiting)
    while waiting:
        turn = [waiting.pop(0) for _ in range(min(len(waiting), chance.randrange(1, 30)))]
        counts.update(took(log, *turn, door=door))
    assert counts.total() == received
    assert min(counts[APPENDED], counts[DUPLICATE], counts[Code.CONFLICT]) > 0
    ids = [each.event.event_id for each in log.read(start=0, limit=1_000)]
    assert len(ids) == len(set(ids)) == counts[APPENDED]


@pytest.mark.parametrize("seed", range(5))
def test_each_is_accounted_for_and_in_the_log_once(log, seed):
    check_each_is_accounted_for_and_in_the_log_once(log, seed)


def test_sabotage_a_door_that_forgets_what_comes_with_it_is_noticed(log, monkeypatch):
    monkeypatch.setattr(inbox._Together, "find", lambda self, id_: self._log.find(id_))
    with pytest.raises((AssertionError, Refused)):
        check_each_is_accounted_for_and_in_the_log_once(log, 1)


def test_sabotage_a_door_that_compares_no_facts_is_noticed(log, monkeypatch):
    monkeypatch.setattr(inbox, "check_same_facts", lambda *_: None)
    with pytest.raises(AssertionError):
        test_other_facts_under_one_id_are_a_conflict_and_the_first_stand(log)


def test_judging_changes_nothing(log):
    door = door_of(log)
    turn = [asked(1), settled(1), claimed(1), asked(1, amount_centavos=1)]
    first, again = door.judge(turn), door.judge(turn)
    assert first.fresh == again.fresh
    assert log.known([transfer_event_id(derived_end_to_end_id(START, "test", "1"))]) == set()
