"""A transfer that was imported is decided by nobody, and costs others no look into the log."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.streams import Stream
from crivo.features.row import transfer_row
from crivo.flows.answers import Memory
from crivo.flows.codec import encode_transfer
from crivo.flows.replica import restored
from tests.unit.decision.worlds import START, plan, transfer, world


def test_a_transfer_of_the_past_is_decided_by_nobody(tmp_path):
    with world(tmp_path) as played:
        past = transfer(1)
        played.service.append(
            history(past), [transfer_row(past, received_at=START)], lambda _: None
        )
        with pytest.raises(Refused) as caught:
            played.decide(past)
        assert caught.value.code is Code.CONFLICT
    with world(tmp_path) as again, pytest.raises(Refused) as caught:
        again.decide(past, received_at=START)
    assert caught.value.code is Code.CONFLICT


def snapshot_of(folder, past):
    """What a service keeps whose log holds this imported transfer alone."""
    with world(folder) as played:
        row = transfer_row(past, received_at=START)
        played.service.append(history(past), [row], lambda _: None)
        kept = played.service.replica.snapshot("world")
        arrays = {name: array.copy() for name, array in kept.arrays.items()}
        return dataclasses.replace(kept, arrays=arrays)


def check_a_start_from_a_snapshot_decides_no_past(folder):
    past = transfer(1)
    kept = snapshot_of(folder, past)
    with world(folder, start=restored(plan(), kept)) as again, pytest.raises(Refused) as caught:
        again.decide(past, received_at=START)
    assert caught.value.code is Code.CONFLICT


def test_a_start_from_a_snapshot_decides_no_transfer_of_the_past(tmp_path):
    check_a_start_from_a_snapshot_decides_no_past(tmp_path)


@pytest.mark.parametrize("is_lost_when", ["written", "restored"])
def test_sabotage_a_snapshot_without_the_newest_imported_minute_is_noticed(
    tmp_path, monkeypatch, is_lost_when
):
    arrays, restore = Memory.arrays, Memory.restore

    def without(made):
        times = made["order_and_history_digits"].copy()
        times[1] = 0
        return {**made, "order_and_history_digits": times}

    if is_lost_when == "written":
        monkeypatch.setattr(Memory, "arrays", lambda memory: without(arrays(memory)))
    else:
        monkeypatch.setattr(Memory, "restore", lambda memory, told: restore(memory, without(told)))
    with pytest.raises(pytest.fail.Exception):
        check_a_start_from_a_snapshot_decides_no_past(tmp_path)


class AskedLog:
    """A log that counts how often an id is looked up in it."""

    def __init__(self, log):
        self._log = log
        self.asked = 0

    def __getattr__(self, name):
        return getattr(self._log, name)

    def find(self, event_id):
        self.asked += 1
        return self._log.find(event_id)


def test_only_an_id_that_an_import_may_have_brought_is_looked_up(tmp_path):
    past = transfer(1)
    with world(tmp_path, wrap=AskedLog) as played:
        played.service.append(
            history(past), [transfer_row(past, received_at=START)], lambda _: None
        )
        played.decide(transfer(2, occurred_at=START + MINUTE)).result(60)
        assert played.service.log.asked == 0
        played.decide(transfer(3)).result(60)
        assert played.service.log.asked == 1
    with world(tmp_path, wrap=AskedLog) as again:
        again.decide(transfer(4, occurred_at=START + MINUTE)).result(60)
        assert again.service.log.asked == 0
        again.decide(transfer(5), received_at=START + MINUTE).result(60)
        assert again.service.log.asked == 1


def test_an_import_whose_ids_name_later_minutes_than_its_receipts_is_still_found(tmp_path):
    at = START + 11 * HOUR
    past = dataclasses.replace(transfer(1, occurred_at=at), occurred_at=START)
    with world(tmp_path) as played:
        played.service.append(
            history(past), [transfer_row(past, received_at=START)], lambda _: None
        )
        with pytest.raises(Refused) as caught:
            played.decide(past, received_at=at)
        assert caught.value.code is Code.CONFLICT


def history(past):
    """The event of a transfer that was imported."""
    return Event(
        stream=Stream.HISTORY,
        key=past.payer_id,
        event_id=transfer_event_id(past.end_to_end_id),
        occurred_at=past.occurred_at,
        received_at=past.occurred_at,
        schema="transfer.v1",
        source="import",
        payload=encode_transfer(past),
    )
