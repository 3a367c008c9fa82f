"""The laws of `Deliveries`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from crivo.adapters.sqlite.webhook_deliveries import SqliteDeliveries
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.webhook_deliveries import Delivery, DeliveryState, Failure
from tests.ports.disk import Disk


def delivery(seq: int, subscription: str = "cases") -> Delivery:
    return Delivery(
        subscription=subscription,
        webhook_id=f"evt_{seq}",
        seq=seq,
        kind="decision.held",
        body=b"{}",
        made_at=1_000 + seq,
        state=DeliveryState.WAITING,
        attempts=0,
        due_at=1_000 + seq,
    )


def opened(path: Path, **options: str) -> SqliteDeliveries:
    return SqliteDeliveries(path, log_id="test", start=7, **options)


def all_of(deliveries: SqliteDeliveries, subscription: str = "cases") -> list[Delivery]:
    return deliveries.page(subscription=subscription, state=None, before=None, limit=1_000)


@pytest.fixture(params=["sqlite"])
def deliveries(tmp_path: Path) -> Iterator[SqliteDeliveries]:
    found = opened(tmp_path / "webhooks.sqlite")
    yield found
    found.close()


def test_a_new_log_of_deliveries_begins_where_it_is_told_and_an_old_one_where_it_was(tmp_path):
    for _ in range(2):
        first = opened(tmp_path / "webhooks.sqlite")
        assert first.reached() == 7
        first.close()
    first = opened(tmp_path / "webhooks.sqlite")
    first.put([], reached=9)
    first.put([], reached=8)
    assert first.reached() == 9, "the place went back"
    first.close()
    again = SqliteDeliveries(tmp_path / "webhooks.sqlite", log_id="test", start=100)
    assert again.reached() == 9
    again.close()


def test_deliveries_of_another_log_are_refused(tmp_path):
    opened(tmp_path / "webhooks.sqlite").close()
    with pytest.raises(Misconfigured) as caught:
        SqliteDeliveries(tmp_path / "webhooks.sqlite", log_id="another", start=0)
    assert caught.value.code is Code.LOG_MISMATCH


def test_a_message_is_kept_once_a_subscription(deliveries):
    deliveries.put([delivery(1), delivery(1, "other")], reached=2)
    tried = replace(delivery(1), attempts=3, status=500, failure=Failure.STATUS)
    deliveries.note(tried)
    deliveries.put([delivery(1), delivery(2)], reached=3)
    assert all_of(deliveries) == [delivery(2), tried]
    assert all_of(deliveries, "other") == [delivery(1, "other")]


def test_what_is_due_comes_the_longest_due_first(deliveries):
    later = replace(delivery(1), due_at=2_000)
    done = replace(delivery(4), state=DeliveryState.DELIVERED, ended_at=1)
    deliveries.put([later, delivery(2), delivery(3), done, delivery(5, "other")], reached=6)
    assert deliveries.due("cases", now=1_002, limit=9) == [delivery(2)]
    assert deliveries.due("cases", now=2_000, limit=9) == [delivery(2), delivery(3), later]
    assert deliveries.due("cases", now=2_000, limit=1) == [delivery(2)]


def test_the_dead_wait_again_where_somebody_asks(deliveries):
    dead = [
        replace(delivery(seq), state=DeliveryState.DEAD, attempts=12, ended_at=5)
        for seq in range(3)
    ]
    deliveries.put([*dead, delivery(3)], reached=4)
    assert deliveries.counts("cases") == {DeliveryState.WAITING: 1, DeliveryState.DEAD: 3}
    assert deliveries.resend(subscription="other", webhook_id=None, now=9) == 0
    assert deliveries.resend(subscription="cases", webhook_id="evt_1", now=9) == 1
    (again,) = deliveries.due("cases", now=9, limit=9)
    assert (again.webhook_id, again.attempts, again.ended_at) == ("evt_1", 0, None)
    assert deliveries.resend(subscription="cases", webhook_id=None, now=9) == 2
    assert deliveries.counts("cases") == {DeliveryState.WAITING: 4, DeliveryState.DEAD: 0}


def test_only_what_was_delivered_long_ago_is_let_go(deliveries):
    states = (DeliveryState.DELIVERED, DeliveryState.DELIVERED, DeliveryState.DEAD)
    deliveries.put(
        [
            replace(delivery(seq), state=state, ended_at=10 * seq)
            for seq, state in enumerate(states)
        ],
        reached=3,
    )
    assert deliveries.forget(before=10) == 1
    assert deliveries.forget(before=10**9) == 1
    assert [each.seq for each in all_of(deliveries)] == [2]


def test_a_page_goes_on_behind_the_one_before(deliveries):
    deliveries.put([delivery(seq) for seq in range(5)], reached=5)
    first = deliveries.page(subscription="cases", state=None, before=None, limit=3)
    rest = deliveries.page(subscription="cases", state=None, before=first[-1].seq, limit=3)
    assert [each.seq for each in first + rest] == [4, 3, 2, 1, 0]
    dead = DeliveryState.DEAD
    assert deliveries.page(subscription="cases", state=dead, before=None, limit=3) == []


def test_place_and_deliveries_survive_a_power_cut_together_or_not_at_all(tmp_path):
    disk = Disk("webhooks")
    first = opened(tmp_path / "log.sqlite", vfs=disk.name)
    for seq in range(20):
        first.put([delivery(seq)], reached=8 + seq)
        left = disk.cut_power(tmp_path / f"cut-{seq}")
        if left.stat().st_size == 0:
            continue
        survived = opened(left)
        kept = sorted(each.seq for each in all_of(survived))
        assert kept == list(range(survived.reached() - 7)), "a message is lost"
        survived.close()
    first.close()


def test_a_disk_that_fails_keeps_nothing_and_says_so(tmp_path):
    disk = Disk("webhooks-broken")
    found = opened(tmp_path / "log.sqlite", vfs=disk.name)
    found.put([delivery(1)], reached=8)
    disk.broken = apsw.FullError
    with pytest.raises(Unavailable) as caught:
        found.put([delivery(2)], reached=9)
    assert caught.value.code is Code.FILE_UNWRITABLE
    disk.broken = None
    assert (found.reached(), all_of(found)) == (8, [delivery(1)])
    found.close()
