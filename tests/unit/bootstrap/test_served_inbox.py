"""The inbox of a service: what is taken waits for the disk, and for a log that takes nothing."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.inbox import Arrived
from crivo.bootstrap import served_inbox
from crivo.bootstrap.home import open_home
from crivo.bootstrap.inbox import Parser
from crivo.bootstrap.served_inbox import TAKEN_AT_ONCE, OpenInbox, open_inbox
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.flows.inbox import Became
from crivo.governance.pseudonym import Pseudonymiser
from tests.e2e.homes import settings_of
from tests.unit.adapters.http.bodies import decision_body

PARSE = Parser(Pseudonymiser(bytes(range(32))), 16_384)
SOMEWHERE = "kafka://127.0.0.1:1"


class Disk:
    """A log of which so much is durable."""

    def __init__(self, end=0):
        self._end = end
        self.asked = threading.Event()

    def end(self):
        self.asked.set()
        return self._end

    def sync(self, end):
        self._end = end


class Service:
    """Takes all that could be read, in turns whose sizes it keeps; `refuses` so often before."""

    def __init__(self, refuses=0, fails: Callable[[], Exception] | None = None):
        self.refuses, self.fails = refuses, fails
        self.turns: list[int] = []

    def take(self, asked):
        if self.fails is not None:
            raise self.fails()
        if self.refuses:
            self.refuses -= 1
            raise Unavailable(Code.OVERLOADED, "full", hint="Wait.")
        self.turns.append(len(asked))
        became = [each if isinstance(each, Refused) else Became.APPENDED for each in asked]
        return became, sum(self.turns)


class Told:
    """How often it waited, by code."""

    def __init__(self):
        self.codes: Counter[Code] = Counter()

    def inbox_waits(self, code):
        self.codes[code] += 1


def inbox_of(service, disk, told, *, hand_over=lambda run: run()):
    return OpenInbox(Cluster("127.0.0.1:1"), disk, PARSE, service, hand_over, None, None, told)


def arrived(count):
    return [Arrived(decision_body(), {}) for _ in range(count)]


def test_records_are_taken_in_turns_and_each_is_answered_in_its_place():
    service, told = Service(), Told()
    records = [*arrived(2 * TAKEN_AT_ONCE), Arrived(b"bad", {}), *arrived(1)]
    became = inbox_of(service, Disk(end=1_000), told).take(threading.Event(), records)
    assert service.turns == [TAKEN_AT_ONCE, TAKEN_AT_ONCE, 2]
    assert [isinstance(each, Refused) for each in became] == [False] * 32 + [True, False]
    assert not told.codes


def taken_before_the_disk_has_it(seconds):
    """Whether a turn is over, after so long, although the disk has but a part of it."""
    disk, over = Disk(end=2), threading.Event()
    inbox = inbox_of(Service(), disk, Told())

    def work():
        inbox.take(threading.Event(), arrived(3))
        over.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert disk.asked.wait(60) or over.wait(0)
    is_over = over.wait(seconds)
    disk.sync(3)
    thread.join(300)
    assert over.is_set()
    return is_over


def test_nothing_is_settled_before_the_disk_has_it():
    assert not taken_before_the_disk_has_it(0.1)


def test_sabotage_a_door_that_does_not_wait_for_the_disk_is_noticed(monkeypatch):
    monkeypatch.setattr(Disk, "end", lambda disk: disk.asked.set() or 1_000)
    assert taken_before_the_disk_has_it(60)


def test_a_log_that_takes_nothing_is_asked_again_and_each_record_counts_once(monkeypatch):
    monkeypatch.setattr(served_inbox, "AGAIN_SECONDS", 0.01)
    service, told = Service(refuses=3), Told()
    became = inbox_of(service, Disk(end=9), told).take(threading.Event(), arrived(9))
    assert (became, service.turns) == ([Became.APPENDED] * 9, [9])
    assert told.codes == {Code.OVERLOADED: 3}


@pytest.mark.parametrize("refuses", [0, 1_000], ids=["the disk", "the log"])
def test_a_service_that_is_to_end_settles_nothing_that_still_waits_for(refuses):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Unavailable) as raised:
        inbox_of(Service(refuses=refuses), Disk(), Told()).take(stop, arrived(1))
    assert raised.value.code is Code.LOG_UNAVAILABLE


def test_what_nobody_foresaw_breaks_the_thread_and_does_not_hang_it():
    met = []

    def hand_over(run):
        try:
            run()
        except RuntimeError as error:
            met.append(error)

    inbox = inbox_of(Service(fails=lambda: RuntimeError("?")), Disk(), Told(), hand_over=hand_over)
    with pytest.raises(IndexError):
        inbox.take(threading.Event(), arrived(1))
    assert len(met) == 1


def opened(tmp_path, **changes):
    settings = settings_of(tmp_path, **changes)
    with open_home(settings, writer=True) as home:
        return open_inbox(settings, home, None, None, None)


def test_an_inbox_is_taken_only_where_that_is_asked_for(tmp_path):
    assert opened(tmp_path, RELAY__URL=SOMEWHERE) is None


def test_an_inbox_whose_transfers_no_worker_would_see_is_not_taken(tmp_path):
    with pytest.raises(Misconfigured, match="CRIVO_RELAY__URL") as refused:
        opened(tmp_path, RELAY__INBOX="true")
    assert refused.value.code is Code.SETTING_INVALID


def test_without_a_client_of_kafka_a_service_that_is_to_take_an_inbox_does_not_start(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(Misconfigured, match="make extra NAME=kafka"):
        opened(tmp_path, RELAY__URL=SOMEWHERE, RELAY__INBOX="true")
