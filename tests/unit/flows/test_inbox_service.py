"""A service that takes the inbox has one state of both doors, which a start finds in the log."""

from __future__ import annotations

import random

import pytest

from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import MINUTE, SECOND, format_rfc3339
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.flows.inbox import AskedEvent, AskedReport, AskedTransfer, Became, InboxService
from crivo.flows.replica import Replica
from crivo.governance.pseudonym import Pseudonymiser
from tests.outages import await_so
from tests.unit.decision.worlds import START, plan, transfer, world
from tests.unit.flows.test_replica import knows

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
APPENDED, DUPLICATE = Became.APPENDED, Became.DUPLICATE


def made(number, **facts):
    """A transfer of few accounts, each a second after the one before."""
    dice = random.Random(number)
    facts = {"payer": dice.randrange(1, 6), "payee": dice.randrange(1, 6), **facts}
    return transfer(number, occurred_at=START + number * SECOND, **facts)


def claimed(number):
    at = START + number * SECOND + MINUTE
    return AskedReport(f"r-{number}", ReportStatus.ACCEPTED, made(number).end_to_end_id, at)


def settled(number):
    at = START + number * SECOND + MINUTE
    fields = {"end_to_end_id": made(number).end_to_end_id, "status": "SETTLED"}
    return AskedEvent("settlement.v1", {**fields, "occurred_at": format_rfc3339(at)}, at)


def play(played, count, *, inbox):
    """So many transfers, each third of them through that inbox (None: over HTTP too)."""
    for number in range(count):
        one = made(number)
        if inbox is None or number % 3:
            played.decide(one, received_at=one.occurred_at).result(60)
        else:
            took(inbox, AskedTransfer(one, one.occurred_at))


def took(inbox, *asked):
    became, _ = inbox.take(asked)
    return [each.code if isinstance(each, Refused) else each for each in became]


def vectors(played):
    """What each decision was given, by its transfer."""
    found = played.log.read(start=0, limit=1_000, streams=frozenset({Stream.DECISIONS}))
    records = [decode_record(each.event.payload) for each in found]
    return {each.end_to_end_id: bytes(each.kept) for each in records}


def vectors_of_both_doors(folder, count=60):
    folder.mkdir()
    with world(folder) as played:
        play(played, count, inbox=InboxService(played.service, PSEUDONYMS))
        return vectors(played)


@pytest.fixture
def over_http(tmp_path):
    folder = tmp_path / "http"
    folder.mkdir()
    with world(folder) as played:
        play(played, 60, inbox=None)
        return vectors(played)


def test_a_decision_counts_what_the_inbox_brought_as_if_http_had(tmp_path, over_http):
    """Law: through which door a payer's other transfers came, no vector tells."""
    found = vectors_of_both_doors(tmp_path / "both")
    assert len(found) == 40
    assert found == {id_: over_http[id_] for id_ in found}


def test_sabotage_what_is_appended_and_not_folded_is_noticed(tmp_path, over_http, monkeypatch):
    monkeypatch.setattr(Engine, "fold", lambda _engine, _rows: None)
    found = vectors_of_both_doors(tmp_path / "both")
    assert found != {id_: over_http[id_] for id_ in found}


def known_alive_and_anew(folder):
    """What the state of a service knows at the end of a day by both doors, and a start's of it."""
    with world(folder) as played:
        inbox = InboxService(played.service, PSEUDONYMS)
        play(played, 60, inbox=inbox)
        assert took(inbox, claimed(0), claimed(1), settled(3), settled(4)) == [APPENDED] * 4
        play(played, 5, inbox=inbox)
        took(inbox, AskedTransfer(made(70)), claimed(70))
        await_so(lambda: played.log.end() == played.service.folded)
        anew = Replica(plan())
        anew.catch_up(played.log, lambda _folded, _end: None)
        alive = knows(played.service.replica, played.log)
        return alive, knows(anew, played.log)


def test_a_start_finds_the_state_that_the_service_had(tmp_path):
    """Law: state at a cut is a function of the events below it, whichever door they came by."""
    alive, anew = known_alive_and_anew(tmp_path)
    # Nobody keeps the newest receipt of a service that runs: its snapshots are of a start.
    assert (len(alive), [alive[0], *alive[2:]]) == (len(anew), [anew[0], *anew[2:]])


def test_sabotage_an_event_that_only_the_log_has_is_noticed(tmp_path, monkeypatch):
    real = Replica.note_followed

    def forgets_the_sums(replica, events):
        real(replica, [each for each in events if each.stream is not Stream.TRANSFERS])
        replica.folded += sum(each.stream is Stream.TRANSFERS for each in events)

    monkeypatch.setattr(Replica, "note_followed", forgets_the_sums)
    alive, anew = known_alive_and_anew(tmp_path)
    assert alive[2:] != anew[2:]


def test_what_waits_for_a_worker_is_decided_over_http_by_nobody(tmp_path):
    with world(tmp_path) as played:
        inbox = InboxService(played.service, PSEUDONYMS)
        assert took(inbox, AskedTransfer(made(1))) == [APPENDED]
        with pytest.raises(Refused, match="a worker decides it") as refused:
            played.decide(made(1), received_at=made(1).occurred_at)
        assert refused.value.code is Code.CONFLICT
        played.decide(made(2), received_at=made(2).occurred_at).result(60)
    with world(tmp_path) as started, pytest.raises(Refused) as refused:
        started.decide(made(1), received_at=made(1).occurred_at)
    assert refused.value.code is Code.CONFLICT


def test_what_http_decided_or_was_told_comes_through_the_inbox_as_a_duplicate(tmp_path):
    with world(tmp_path) as played:
        inbox = InboxService(played.service, PSEUDONYMS)
        played.decide(made(1), received_at=made(1).occurred_at).result(60)
        asked = AskedTransfer(made(1)), AskedTransfer(made(1, amount_centavos=1)), claimed(1)
        assert took(inbox, *asked) == [DUPLICATE, Code.CONFLICT, APPENDED]
        await_so(lambda: played.log.end() == 2)
        again = played.reports.report(
            report_id="r-1",
            status=ReportStatus.ACCEPTED,
            end_to_end_id=made(1).end_to_end_id,
            supplied_received_at=made(1).occurred_at + MINUTE,
        )
        assert took(inbox, claimed(1)) == [DUPLICATE]
        assert (again.result(60).seq, played.service.folded) == (1, 2)


class Full:
    """A log that takes nothing just now."""

    def __init__(self, log):
        self._log = log
        self.is_full = False

    def __getattr__(self, name):
        return getattr(self._log, name)

    def submit(self, events, done, **words):
        if self.is_full:
            raise Unavailable(Code.OVERLOADED, "full", hint="Wait.")
        return self._log.submit(events, done, **words)


def test_a_log_that_takes_nothing_leaves_state_as_it_was_and_takes_the_same_later(tmp_path):
    with world(tmp_path, wrap=Full) as played:
        inbox = InboxService(played.service, PSEUDONYMS)
        full = played.service.log
        asked = AskedTransfer(made(1)), AskedTransfer(made(2))
        full.is_full = True
        with pytest.raises(Unavailable):
            inbox.take(asked)
        assert (played.service.folded, played.service.counts.folded) == (0, 0)
        full.is_full = False
        assert took(inbox, *asked) == [APPENDED, APPENDED]
        assert (played.service.folded, played.service.counts.folded) == (2, 2)


def test_a_duplicate_of_what_is_not_on_disk_yet_says_that_the_disk_must_have_it_first(tmp_path):
    with world(tmp_path) as played:
        inbox = InboxService(played.service, PSEUDONYMS)
        _, end = inbox.take([AskedTransfer(made(1)), AskedTransfer(made(2))])
        became, again = inbox.take([AskedTransfer(made(2))])
        assert (became, end, again) == ([DUPLICATE], 2, 2)
