"""Served vectors are recomputed from the log; parity and the cost of staleness are told apart."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ALLOWED_LATENESS, ClockKind
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.streams import Stream
from crivo.features.oracle import Oracle, differs, rows_as_mappings
from crivo.flows import replay
from crivo.flows import verify as verifying
from crivo.flows.fold import fold_rows
from crivo.flows.replay import BATCH
from crivo.flows.verify import VerifyResult, verify
from tests.unit.decision.worlds import START, plan, play, transfer, world

pytestmark = pytest.mark.slow

DERIVED, KEPT = 5, 7
AMOUNT = plan().names.index("transfer_amount_value_now")


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        play(made, 5, 150)
        yield made


def check(played, *, one_in: int = 1) -> VerifyResult:
    return verify(
        played.log, played.folder / "bundles", one_in=one_in, progress=lambda _done, _end: None
    )


def check_copy(played, events) -> VerifyResult:
    """What is found of a log that holds these events instead."""
    path = played.folder / "copy.sqlite"
    log = open_log(path, clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append(events)
        return verify(log, played.folder / "bundles", one_in=1, progress=lambda _a, _b: None)
    finally:
        log.close()


def events_of(played) -> list:
    return [stored.event for stored in played.log.read(start=0, limit=10_000)]


def test_every_served_vector_comes_out_again(played) -> None:
    result = check(played)
    records = [
        decode_record(event.payload)
        for event in events_of(played)
        if event.stream is Stream.DECISIONS
    ]
    assert result.is_equal
    assert result.sampled == len(records)
    assert result.compared == sum(record.kept != b"" for record in records) > 50
    assert result.sampled == result.compared + result.unscored
    assert result.compared == result.idealised + result.late
    assert (result.by_hash, result.out_of_reach) == (0, 0)


def test_a_sample_holds_the_same_payers_each_time_and_all_of_their_transfers(played) -> None:
    some = check(played, one_in=3)
    assert (some.sampled, some.stale) == (check(played, one_in=3).sampled, some.stale)
    assert 0 < some.sampled < check(played).sampled


def _a_kept_value(parts: list) -> None:
    vector = np.frombuffer(parts[KEPT], dtype="<f8").copy()
    vector[AMOUNT] += 1
    parts[KEPT] = vector.tobytes()


def _a_hash(parts: list) -> None:
    derived = msgspec.msgpack.decode(parts[DERIVED])
    derived[0] = bytes(32)
    parts[DERIVED] = msgspec.msgpack.encode(derived)


def _a_hash_without_a_vector(parts: list) -> None:
    _a_hash(parts)
    parts[KEPT] = b""


@pytest.mark.parametrize("forge", [_a_kept_value, _a_hash, _a_hash_without_a_vector])
def test_sabotage_one_forged_record_is_found(played, forge: Callable[[list], None]) -> None:
    events = events_of(played)
    place = next(
        at
        for at, event in enumerate(events)
        if event.stream is Stream.DECISIONS and decode_record(event.payload).kept
    )
    parts = msgspec.msgpack.decode(events[place].payload)
    forge(parts)
    events[place] = events[place]._replace(payload=msgspec.msgpack.encode(parts))
    result = check_copy(played, events)
    assert result.differing == 1
    assert result.first == [decode_record(events[place].payload).end_to_end_id]
    if forge is _a_kept_value:
        assert result.mismatches == {plan().names[AMOUNT]: 1}


def test_sabotage_an_event_that_is_missing_from_the_log_is_found(played) -> None:
    events = events_of(played)
    assert check_copy(played, events[:40] + events[41:]).differing > 0


def test_what_came_later_than_it_happened_is_a_cost_and_no_mismatch(tmp_path) -> None:
    with world(tmp_path) as made:
        first = transfer(1, occurred_at=START + HOUR)
        made.decide(first, received_at=START + HOUR).result(60)
        # It happened ten minutes before the first, and is heard of a second after it.
        delayed = transfer(2, occurred_at=START + 50 * MINUTE, amount_centavos=7)
        made.decide(delayed, received_at=START + HOUR + SECOND).result(60)
        result = check(made)
    assert (result.differing, result.idealised, result.stale) == (0, 2, 1)
    cost = result.costs["pair_transfer_count_30d"]
    assert (cost.differing, cost.nulls, cost.absolute, cost.largest) == (1, 0, 1.0, 1.0)
    assert result.costs["payer_amount_sum_24h"].largest == 7.0


@pytest.fixture(params=[BATCH, 8], ids=["batch", "batch of 8"])
def batches(request, monkeypatch) -> int:
    """The log is read in one batch, and in many, between which events must wait for later ones."""
    monkeypatch.setattr(replay, "BATCH", request.param)
    monkeypatch.setattr(verifying, "BATCH", request.param)
    return request.param


def test_what_comes_later_within_the_lateness_is_in_reach_however_the_log_is_read(
    batches, tmp_path
) -> None:
    with world(tmp_path) as made:
        for number in range(24):
            # Every second one is heard of 50 minutes late, and none of them too late.
            delay = 50 * MINUTE if number % 2 else 0
            at = START + number * MINUTE
            made.decide(transfer(number + 1, occurred_at=at - delay), received_at=at).result(60)
        result = check(made)
    assert made.log.end() > 2 * 8
    assert (result.idealised, result.out_of_reach, result.late) == (24, 0, 0)
    # To the first of those in time twelve were unknown, to the last one.
    cost = result.costs["pair_transfer_count_30d"]
    assert (cost.differing, cost.absolute) == (12, sum(range(13)))


def test_a_late_transfer_has_no_ideal_and_is_not_counted_as_out_of_reach(batches, tmp_path) -> None:
    with world(tmp_path) as made:
        for number in range(24):
            at = START + number * 10 * MINUTE
            # Some come two hours after what happened: state keeps them aside, and knows that.
            delay = 2 * HOUR if number % 6 == 5 else 0
            made.decide(transfer(number + 1, occurred_at=at - delay), received_at=at).result(60)
        result = check(made)
    assert (result.late, result.idealised, result.out_of_reach) == (4, 20, 0)


@pytest.mark.slow
def test_the_ideal_is_the_oracles_over_all_that_had_happened_by_then(batches, played) -> None:
    rows = fold_rows(played.log.read(start=0, limit=10_000))
    asked = rows_as_mappings(rows)
    served = {
        stored.seq: decode_record(stored.event.payload)
        for stored in played.log.read(start=0, limit=10_000)
        if stored.event.stream is Stream.DECISIONS
    }
    stale = idealised = 0
    for seq, record in served.items():
        row = asked[seq]
        if not record.kept or row["received_at"] - row["occurred_at"] > ALLOWED_LATENESS:
            continue
        oracle = Oracle(plan().feature_set)
        for other in asked:
            if other["occurred_at"] < row["occurred_at"]:
                oracle.fold(other)
        ideal = oracle.read(row).values
        vector = np.frombuffer(record.kept, dtype="<f8")
        idealised += 1
        stale += any(differs(float(x), y) for x, y in zip(vector, ideal, strict=True))
    found = check(played)
    assert (found.idealised, found.stale) == (idealised, stale)
    assert stale > 0
