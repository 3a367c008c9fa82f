"""Schedules, and the reader behind the log: what is kept when, and what comes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.adapters.sqlite.webhook_deliveries import SqliteDeliveries
from crivo.domain.errors import Code, Unavailable
from crivo.domain.event import Event
from crivo.domain.instant import DAY, SECOND
from crivo.domain.report import Report, ReportStatus
from crivo.domain.review import Review, ReviewSide, ReviewStatus
from crivo.flows import webhooks
from crivo.flows.event_of import event_of
from crivo.flows.webhook_deliveries import Attempt, DeliveryState, Failure, Schedule
from crivo.flows.webhook_message import MessageKind
from crivo.flows.webhooks import Webhooks
from tests.ports.logs import events, open_test_log

SCHEDULE = Schedule(attempts_max=3, first_seconds=5, most_seconds=21_600)
NOW = 1_795_435_200_000_000


class Told:
    """What webhooks told of themselves."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.behind = -1
        self.waits: tuple[int, int] = (-1, -1)

    def webhook_tried(self, subscription: str, result: str, seconds: float | None) -> None:
        self.tried.append(result)

    def webhooks_wait(self, subscription: str, waiting: int, dead: int) -> None:
        self.waits = (waiting, dead)

    def webhooks_behind(self, events: int) -> None:
        self.behind = events

    def webhooks_reloaded(self, result: str) -> None:
        self.tried.append(result)


def review(number: int) -> Event:
    """The request of a review: an event that a message is made of."""
    value = Review(
        end_to_end_id=f"E12345678202611231200revw{number:07d}",
        payer_id=bytes(16),
        payee_id=bytes(15) + b"1",
        amount_centavos=1,
        transfer_occurred_at=NOW,
        occurred_at=NOW,
        previous=None,
        status=ReviewStatus.REQUESTED,
        side=ReviewSide.PAYER,
    )
    return event_of(value, occurred_at=NOW, received_at=NOW, source="http")


def report(source: str, own_id: str) -> Event:
    """A claim, as that source tells it."""
    value = Report(
        report_id=own_id,
        status=ReportStatus.CLAIMED,
        end_to_end_id="E12345678202611231200reprt000001",
        payer_id=bytes(16),
        payee_id=bytes(15) + b"1",
        amount_centavos=1,
        transfer_occurred_at=NOW,
    )
    return event_of(value, occurred_at=NOW, received_at=NOW, source=source)


class Setting:
    """A log, a delivery log and a clock, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = open_test_log(folder / "log.sqlite")
        self.now = NOW
        self.told = Told()
        self.deliveries = self.opened()

    def opened(self) -> SqliteDeliveries:
        return SqliteDeliveries(self.folder / "webhooks.sqlite", log_id="test", start=0)

    def start(self, kinds: frozenset[MessageKind] = frozenset(MessageKind)) -> Webhooks:
        """As after a start of the service, whatever the last one had in mind."""
        self.deliveries.close()
        self.deliveries = self.opened()
        return Webhooks(
            self.log,
            self.deliveries,
            kinds={"cases": kinds},
            schedule=SCHEDULE,
            now=lambda: self.now,
            draw=lambda: 0.0,
            keep_days=1,
            telemetry=self.told,
        )

    def catch_up(self, found: Webhooks) -> None:
        while found.advance():
            pass


@pytest.fixture
def setting(tmp_path: Path):
    made = Setting(tmp_path)
    yield made
    made.deliveries.close()
    made.log.close()


def test_a_wait_grows_fourfold_to_its_ceiling_and_no_receiver_is_asked_before_it():
    whole = [SCHEDULE.wait(each, 1 - 2**-53) for each in range(1, 12)]
    half = [SCHEDULE.wait(each, 0.0) for each in range(1, 12)]
    assert half[:4] == [5 * SECOND // 2, 10 * SECOND, 40 * SECOND, 160 * SECOND]
    assert all(abs(2 * one - two) <= 2 for one, two in zip(half, whole, strict=True))
    assert whole[-1] <= 21_600 * SECOND
    assert SCHEDULE.wait(1, 0.5, at_least=600) == 600 * SECOND
    assert SCHEDULE.wait(1, 0.5, at_least=10**9) == 21_600 * SECOND
    assert SCHEDULE.wait(1, 0.5, at_least=0) == SCHEDULE.wait(1, 0.5)


def test_a_message_is_made_once_however_often_its_event_is_read(setting):
    setting.log.append([review(1), *events(0, 600), review(2)])
    first = setting.start()
    setting.catch_up(first)
    # A start that knows nothing of what the last one read without keeping it.
    setting.deliveries._connection.execute("UPDATE place SET seq = 0")
    again = setting.start()
    setting.catch_up(again)
    found = again.due("cases", limit=9)
    assert [each.seq for each in found] == [0, 601]
    assert setting.told.behind == 0


def test_what_a_start_interrupts_is_due_again_under_the_same_id_and_bytes(setting):
    setting.log.append([review(1)])
    first = setting.start()
    setting.catch_up(first)
    (sent,) = first.due("cases", limit=9)
    again = setting.start()
    setting.catch_up(again)
    assert again.due("cases", limit=9) == [sent]


def test_a_place_that_alone_moves_is_kept_seldom(setting):
    setting.log.append(events(0, webhooks.UNKEPT_MAX - 1))
    first = setting.start()
    setting.catch_up(first)
    assert setting.deliveries.reached() == 0
    setting.log.append(events(webhooks.UNKEPT_MAX, webhooks.UNKEPT_MAX + 1))
    setting.catch_up(first)
    assert setting.deliveries.reached() == webhooks.UNKEPT_MAX


def test_a_subscription_gets_the_kinds_that_it_asks_for(setting):
    setting.log.append([review(1)])
    none = setting.start(frozenset({MessageKind.DECISION_HELD}))
    setting.catch_up(none)
    assert none.due("cases", limit=9) == []


def test_what_an_import_reports_is_told_to_nobody(setting):
    setting.log.append([report("bank", "1"), report("http", "2")])
    found = setting.start()
    setting.catch_up(found)
    (told,) = found.due("cases", limit=9)
    assert (told.seq, told.kind) == (1, "report.claimed")


def test_attempts_are_counted_spaced_and_given_up(setting):
    setting.log.append([review(1)])
    found = setting.start()
    setting.catch_up(found)
    for attempt in range(3):
        (due,) = found.due("cases", limit=9)
        noted = found.tried(due, Attempt(Failure.STATUS, 500))
        assert noted.attempts == attempt + 1
        if attempt < 2:
            assert found.due("cases", limit=9) == []
            setting.now = noted.due_at
    assert (noted.state, noted.ended_at) == (DeliveryState.DEAD, setting.now)
    assert setting.told.tried == ["failed", "failed", "dead"]
    setting.now += DAY * 365
    found.sweep()
    assert setting.told.waits == (0, 1), "a dead delivery was let go"


def test_what_was_delivered_is_let_go_after_its_time(setting):
    setting.log.append([review(1)])
    found = setting.start()
    setting.catch_up(found)
    (due,) = found.due("cases", limit=9)
    assert found.tried(due, Attempt(None, 200)).state is DeliveryState.DELIVERED

    def kept() -> int:
        found.sweep()
        page = setting.deliveries.page(subscription="cases", state=None, before=None, limit=9)
        return len(page)

    setting.now += DAY
    assert kept() == 1
    setting.now += 1
    assert kept() == 0


def test_beyond_what_may_wait_a_delivery_is_dead_at_once(setting, monkeypatch):
    monkeypatch.setattr(webhooks, "WAITING_MAX", 2)
    setting.log.append([review(each) for each in range(3)])
    found = setting.start()
    setting.catch_up(found)
    assert len(found.due("cases", limit=9)) == 2
    dead = DeliveryState.DEAD
    (full,) = setting.deliveries.page(subscription="cases", state=dead, before=None, limit=9)
    assert (full.failure, full.seq) == (Failure.FULL, 2)
    assert setting.told.tried == ["dead"]


def test_a_delivery_log_that_fails_loses_nothing(setting, monkeypatch):
    setting.log.append([review(1)])
    found = setting.start()

    def fail(*_: object, **__: object) -> None:
        raise Unavailable(Code.FILE_UNWRITABLE, "no room")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteDeliveries, "put", fail)
        with pytest.raises(Unavailable):
            found.advance()
    setting.catch_up(found)
    assert len(found.due("cases", limit=9)) == 1


def test_sabotage_a_reader_that_moves_before_it_keeps_loses_a_message(setting, monkeypatch):
    """The law above, broken: the place moves although nothing was kept."""
    setting.log.append([review(1)])
    found = setting.start()
    monkeypatch.setattr(SqliteDeliveries, "put", lambda *_, **__: None)
    found.advance()
    monkeypatch.undo()
    setting.catch_up(found)
    assert found.due("cases", limit=9) == []
