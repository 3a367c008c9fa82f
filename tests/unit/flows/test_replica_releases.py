"""A start gives back what idle keys hold, and a service that it serves decides as ever."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.sqlite.log import open_log
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.releasing import keep_released
from crivo.decision.record import decode_record
from crivo.domain.clock import RECEIPTS_BACK, ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.flows.replay import replay
from crivo.flows.replica import RELEASE_FROM_BYTES, Replica, newest_replica
from tests.integration.pasts import transfer_event
from tests.unit.decision.worlds import START, plan, transfer, world

PAST = 400


def quiet(_done: int, _end: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of transfers of 120 days, up to `START`, between accounts most of which pay once."""
    chance = random.Random(5)
    times = sorted(START - chance.randrange(120 * DAY) for _ in range(PAST - 1))
    past = [
        transfer(number, occurred_at=at, payer=chance.randrange(1, 300), payee=number % 7 + 500)
        for number, at in enumerate([*times, START])
    ]
    with closing(
        open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    ) as log:
        log.append([transfer_event(each, each.occurred_at) for each in past])
    return tmp_path


def caught_up(
    folder: Path, *, from_bytes: int, releases: bool = True, reached_by: int = 1
) -> Replica:
    replica = Replica(plan(), release_from_bytes=from_bytes)
    replica.engine = Engine(plan(), reached_by=reached_by)
    with closing(open_reader(folder / "log.sqlite")) as log:
        replica.catch_up(log, quiet, releases=releases)
    return replica


def test_a_large_state_is_released_while_it_catches_up_and_a_small_one_is_not(folder) -> None:
    released, whole = (
        caught_up(folder, from_bytes=0),
        caught_up(folder, from_bytes=RELEASE_FROM_BYTES),
    )
    assert released.engine.counts.state_bytes < whole.engine.counts.state_bytes
    assert released.engine.received_from == START - RECEIPTS_BACK
    assert whole.engine.received_from == whole.release() == 0
    for each in (released, whole):
        assert each.engine.counts.folded == PAST


def test_who_does_not_ask_for_it_keeps_all_that_the_log_told(folder) -> None:
    assert caught_up(folder, from_bytes=0, releases=False).engine.received_from == 0


def answers(folder: Path, start: Replica) -> list[bytes]:
    """What a service that starts so derives of forty transfers, and what replay says of them."""
    chance = random.Random(6)
    with world(folder, start=start) as played:
        for number in range(40):
            now = START + (number + 1) * MINUTE
            payer = chance.randrange(1, 300)
            made = transfer(10_000 + number, occurred_at=now, payer=payer, payee=number % 7 + 500)
            # The minute of its id is that of the receipt, however long ago it is said to be.
            made = replace(made, occurred_at=now - chance.choice([0, 0, 2 * HOUR, DAY, 40 * DAY]))
            played.decide(made, received_at=now).result(60)
        events = played.log.read(start=PAST, limit=100, streams=frozenset({Stream.DECISIONS}))
        again = replay(played.log, folder / "bundles", progress=quiet)
    assert (again.compared, again.is_equal) == (40, True), again.differences[:2]
    return [decode_record(each.event.payload).derived for each in events]


def test_a_service_on_a_released_snapshot_decides_what_replay_derives(folder) -> None:
    files = SnapshotFiles(folder / "snapshots")
    files.keep(caught_up(folder, from_bytes=0).snapshot("world"))
    with closing(open_reader(folder / "log.sqlite")) as log:
        usual = newest_replica(plan(), files, log, unfit=pytest.fail)
        start = newest_replica(plan(), files, log, unfit=pytest.fail, release_from_bytes=0)
    assert (usual.is_large, start.is_large) == (False, True)
    assert (start.folded, start.engine.received_from) == (PAST, START - RECEIPTS_BACK)
    assert len(answers(folder, start)) == 40


def test_a_transfer_received_long_before_the_newest_is_refused_and_nothing_is_written(
    folder,
) -> None:
    start = caught_up(folder, from_bytes=0)
    with world(folder, start=start) as played:
        at = START - RECEIPTS_BACK - 1
        with pytest.raises(Refused) as caught:
            played.decide(transfer(1_000, occurred_at=at), received_at=at)
        assert caught.value.code is Code.RECEIPT_TOO_OLD
        assert played.log.end() == PAST
        played.decide(transfer(1_001, occurred_at=at + 1), received_at=at + 1).result(60)
        assert played.log.end() == PAST + 1


@pytest.mark.parametrize(("reached_by", "is_barred"), [(1, True), (2, False)])
def test_one_transfer_received_far_ahead_bars_the_others_where_it_is_enough_to_reach_its_receipt(
    folder: Path, reached_by: int, is_barred: bool
) -> None:
    ahead, at = START + 365 * DAY, START + MINUTE
    start = caught_up(folder, from_bytes=0, releases=False, reached_by=reached_by)
    with world(folder, start=start) as played:
        played.decide(transfer(1_000, occurred_at=ahead), received_at=ahead).result(60)
        played.service.replica.release()
        other = transfer(1_001, occurred_at=at)
        if is_barred:
            with pytest.raises(Refused) as caught:
                played.decide(other, received_at=at)
            assert caught.value.code is Code.RECEIPT_TOO_OLD
        else:
            played.decide(other, received_at=at).result(60)
        assert (played.service.replica.engine.received_from > START) is is_barred


def test_what_was_decided_before_a_release_is_repeated_and_compared_after_it(
    folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crivo.flows.answers.RECENT_MAX", 2)
    with world(folder, start=caught_up(folder, from_bytes=0, releases=False)) as played:
        first = transfer(1_000, occurred_at=START)
        answer = played.decide(first, received_at=START).result(60)
        for number in range(5):
            at = START + 30 * DAY + number * MINUTE
            played.decide(transfer(2_000 + number, occurred_at=at), received_at=at).result(60)
        end = played.log.end()
        played.service.replica.release()
        assert played.service.replica.engine.received_from > START
        assert played.decide(first, received_at=START).result(60) == answer
        with pytest.raises(Refused) as caught:
            played.decide(replace(first, amount_centavos=1), received_at=START)
        assert caught.value.code is Code.CONFLICT
        assert played.log.end() == end


def test_a_service_that_runs_releases_between_requests_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = caught_up(folder, from_bytes=0, releases=False)
    stop, steps = threading.Event(), []

    def hand_over(step: Callable[[], None]) -> None:
        step()
        steps.append(start.engine.counts.state_bytes)
        if caplog.records:
            stop.set()

    with caplog.at_level("INFO", "crivo.state"), world(folder, start=start) as played:
        whole = start.engine.counts.state_bytes
        keep_released(played.service, hand_over, stop)
        played.decide(transfer(1, occurred_at=START + MINUTE)).result(60)
    assert len(steps) > 10
    assert steps == sorted(steps, reverse=True)
    (told,) = caplog.records
    assert told.message == "state.released"
    assert told.facts == {"bytes": whole - steps[-1], "received_from": START - RECEIPTS_BACK}
