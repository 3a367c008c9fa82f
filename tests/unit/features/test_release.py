"""What idle keys hold for windows is given back; what stands ever, and every vector, stays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from crivo.domain.clock import REACHED_BY, READ_BACK, RECEIPTS_BACK
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.features import layout as k
from crivo.features.engine import BEHIND, LATE, Engine, vector_bytes
from crivo.features.oracle_terms import window_start
from crivo.features.plan import Plan
from crivo.features.row import RowKind
from crivo.features.spec import Entity, EventKind, Statistic
from crivo.features.window import NIGHT_BEGINS, Span, Window
from tests.parity.everything import WINDOWS, everything, plan_of
from tests.parity.judging import PLAN, long_stream, paid
from tests.parity.streams import START
from tests.unit.features.test_door import good_rows

Rows = np.ndarray[Any, Any]

#: Counts and sums of a payer over long windows: their tiles have more columns than a line words.
WIDE = plan_of(
    tuple(
        each
        for each in everything()
        if (each.entity, each.event) == (Entity.PAYER, EventKind.TRANSFER)
        and (each.window.minutes or 0) > 24 * 60
        and each.statistic in (Statistic.COUNT, Statistic.SUM, Statistic.STD)
    )
)

#: What is asked of first transfers of two.
NEW_PAIRS = plan_of(tuple(each for each in everything() if each.event is EventKind.NEW_PAIR))

KEYS = 2_000
#: After it nothing that happened up to START is in any window: the longest of the catalogue is of
#: 30 days, and a vector is read at most 8 days before the newest receipt.
LATER = START + 60 * DAY


def of_idle_keys(*, events: int = 1) -> Rows:
    """Transfers of accounts that pay so many times and then no more, and one long after."""
    rows = np.tile(good_rows(KEYS), events)
    rows["occurred_at"] -= np.repeat(np.arange(events)[::-1], KEYS) * 7 * HOUR
    rows["received_at"], rows["event_0"] = rows["occurred_at"], np.arange(len(rows))
    newest = good_rows(1)
    newest["payer_0"], newest["payee_0"] = 10**12, 10**12 + 1
    newest["occurred_at"] = newest["received_at"] = LATER
    newest["event_0"] = len(rows)
    return np.concatenate([rows, newest])


def folded(rows: Rows, plan: Plan = PLAN) -> Engine:
    engine = Engine(plan, reached_by=1)
    engine.fold(rows)
    return engine


def asked_of(rows: Rows, at: int = LATER) -> Rows:
    """The first row again, at another instant."""
    asked = rows[:1].copy()
    asked["occurred_at"] = asked["received_at"] = at
    asked["event_0"] = 2**40
    return asked


def read(engine: Engine, row: Rows) -> tuple[bytes, int]:
    vector, flags = engine.read(row)
    return vector_bytes(vector), flags


@pytest.mark.parametrize(("events", "share"), [(1, 0.7), (9, 0.35)])
def test_idle_keys_give_back_what_they_hold_for_windows(events: int, share: float) -> None:
    engine = folded(of_idle_keys(events=events))
    before, keys = engine.counts.state_bytes, engine.counts.keys
    released = engine.release()
    after = engine.counts
    assert released == before - after.state_bytes
    assert after.state_bytes < share * before
    assert after.keys == keys, "no key is forgotten"
    assert engine.arrays()["arena"].size * 8 < before, "a snapshot is smaller too"
    assert engine.release() == 0, "there is nothing left to give back"


def test_some_keys_at_a_time_give_back_as_much() -> None:
    at_once, in_steps = folded(of_idle_keys(events=3)), folded(of_idle_keys(events=3))
    before, steps = in_steps.counts.state_bytes, 1
    while not in_steps.release_some(1_000):
        assert in_steps.counts.state_bytes <= before
        before, steps = in_steps.counts.state_bytes, steps + 1
    assert steps > 10
    at_once.release()
    assert in_steps.counts == at_once.counts
    assert not in_steps.release_some(1_000), "the next begins a day of receipts later"
    assert in_steps.received_from == at_once.received_from
    asked = asked_of(of_idle_keys())
    assert read(in_steps, asked) == read(at_once, asked)


def test_what_some_keys_gave_back_others_take() -> None:
    rows = of_idle_keys(events=9)
    again = rows[:KEYS].copy()
    again["occurred_at"] = again["received_at"] = LATER + np.arange(KEYS)
    again["event_0"] += 10**6
    one, other = folded(rows), folded(rows)
    while not one.release_some(4_096):
        pass
    top = one.arrays()["arena"].size
    for engine in (one, other):
        engine.fold(again)
    assert one.arrays()["arena"].size == top
    assert one.counts.state_bytes < other.counts.state_bytes


def test_where_two_arenas_do_not_fit_what_is_given_back_waits_where_it_lies() -> None:
    rows = of_idle_keys()
    bytes_max = int(1.2 * folded(rows).counts.state_bytes)
    narrow = Engine(PLAN, state_bytes_max=bytes_max, reached_by=1)
    narrow.fold(rows)
    before, top = narrow.counts.state_bytes, narrow.arrays()["arena"].size
    assert narrow.release() > 0.3 * before
    assert narrow.arrays()["arena"].size == top


def test_keys_in_use_give_back_nothing_that_windows_read() -> None:
    rows = of_idle_keys()[:-1]
    engine = folded(rows)
    before = engine.counts.state_bytes
    assert (engine.release(), engine.counts.state_bytes) == (0, before)
    assert engine.received_from > 0


def test_an_engine_without_a_transfer_releases_nothing() -> None:
    engine = Engine(PLAN)
    assert (engine.release(), engine.received_from) == (0, 0)


def test_first_transfers_of_two_are_given_back_with_all_else() -> None:
    rows = of_idle_keys()
    engine = folded(rows, NEW_PAIRS)
    before = engine.counts.state_bytes
    # A payer's and a payee's levels, each of a line of eight words at least.
    lines = len({each.window.minutes for each in NEW_PAIRS.feature_set.features}) // 2
    assert engine.release() > KEYS * lines * 64
    fresh = folded(rows, NEW_PAIRS)
    assert read(engine, asked_of(rows)) == read(fresh, asked_of(rows))
    assert engine.counts.state_bytes < before


def test_a_receipt_is_reached_once_a_whole_stretch_of_transfers_lies_at_or_after_it() -> None:
    random, stretch = np.random.default_rng(3), 7
    rows = long_stream(3, events=400)
    rows["received_at"] += random.integers(0, 300 * DAY, len(rows))
    rows["occurred_at"] = rows["received_at"]
    receipts = rows["received_at"][rows["kind"] == RowKind.TRANSFER]
    place = 0
    engine = Engine(PLAN, reached_by=stretch)
    while place < len(rows):
        part = rows[place : place + random.integers(1, 60)]
        place += len(part)
        engine.fold(part)
        count = np.count_nonzero(rows["kind"][:place] == RowKind.TRANSFER)
        stretches = receipts[: count // stretch * stretch].reshape(-1, stretch)
        again = Engine(PLAN, reached_by=stretch)
        again.restore(engine.arrays())
        engine = again
        released = Engine(PLAN)
        released.restore(engine.arrays())
        released.release(receipts_back=0)
        assert released.received_from == stretches.min(axis=1, initial=2**62).max(initial=0)
    assert released.received_from < receipts.max()


@pytest.mark.parametrize("ahead", [1, REACHED_BY - 1, 2 * REACHED_BY])
def test_receipts_far_ahead_release_by_themselves_only_where_a_whole_stretch_has_them(
    ahead: int,
) -> None:
    rows = of_idle_keys()[:-1]
    others = good_rows(2 * REACHED_BY)
    others["payer_0"] += 10**12
    others["event_0"] += 10**6
    others["occurred_at"][:ahead] = others["received_at"][:ahead] = LATER
    engine = Engine(PLAN)
    engine.fold(np.concatenate([rows, others]))
    whole = engine.counts.state_bytes
    engine.release()
    if ahead < REACHED_BY:
        assert engine.received_from < START
        assert engine.counts.state_bytes == whole
        engine.read(asked_of(rows, START + DAY))
    else:
        assert engine.received_from == LATER - RECEIPTS_BACK
        assert engine.counts.state_bytes < whole


def test_what_stands_ever_is_known_of_a_released_key() -> None:
    rows = of_idle_keys(events=3)
    engine = folded(rows)
    wanted = read(engine, asked_of(rows))
    assert engine.release() > 0
    assert read(engine, asked_of(rows)) == wanted
    vector = dict(zip(PLAN.names, engine.read(asked_of(rows))[0], strict=True))
    assert (
        vector["payer_transfer_since_first_ever"] == (LATER - int(rows["occurred_at"].min())) / 1e6
    )


@pytest.mark.parametrize("kind", [kind for kind in RowKind if kind is not RowKind.TRANSFER])
def test_what_is_told_late_of_a_released_key_is_placed_as_ever(kind: RowKind) -> None:
    rows = of_idle_keys(events=3)
    told = long_stream(3, events=3_000)
    told = told[told["kind"] == kind.value][:4].copy()
    for at, row in zip((START - DAY, START, LATER - 2 * DAY, LATER), told, strict=True):
        row["occurred_at"], row["received_at"] = at, LATER
        for name in ("payer_0", "payee_0", "payee_1", "device_0"):
            row[name] = rows[name][0] if row[name] else row[name]
    one, other = folded(rows), folded(rows)
    assert one.release() > 0
    for engine in (one, other):
        engine.fold(told)
    for at in (LATER, LATER + HOUR, LATER + 40 * DAY):
        assert read(one, asked_of(rows, at)) == read(other, asked_of(rows, at))


def test_a_released_key_goes_on_like_any_other() -> None:
    rows = of_idle_keys(events=3)
    again = rows[:KEYS].copy()
    again["occurred_at"] = LATER + np.arange(KEYS)
    again["received_at"] = again["occurred_at"]
    again["event_0"] += 10**6
    one, other = folded(rows), folded(rows)
    one.release()
    found = [engine.vectors(again, np.ones(KEYS, dtype=np.bool_)) for engine in (one, other)]
    assert vector_bytes(found[0][0]) == vector_bytes(found[1][0])
    assert one.counts.state_bytes < other.counts.state_bytes


def test_a_transfer_is_refused_that_was_received_long_before_the_newest() -> None:
    rows = of_idle_keys()
    engine = folded(rows)
    engine.release()
    assert engine.received_from == LATER - RECEIPTS_BACK
    oldest = asked_of(rows, LATER - RECEIPTS_BACK)
    engine.read(oldest)
    older = asked_of(rows, LATER - RECEIPTS_BACK - 1)
    before = {name: array.tobytes() for name, array in engine.arrays().items()}
    for ask in (engine.read, lambda row: engine.vectors(row, np.ones(1, dtype=np.bool_))):
        with pytest.raises(Refused) as caught:
            ask(older)
        assert caught.value.code is Code.RECEIPT_TOO_OLD
        assert {"field", "expected", "found"} <= caught.value.context.keys()
    assert {name: array.tobytes() for name, array in engine.arrays().items()} == before
    engine.fold(older)  # what nobody asks about is folded all the same


def test_a_snapshot_of_a_released_state_is_that_state() -> None:
    rows = of_idle_keys(events=3)
    engine, again = folded(rows), Engine(PLAN)
    engine.release()
    again.restore(engine.arrays())
    assert again.received_from == engine.received_from
    assert again.counts == engine.counts
    assert read(again, asked_of(rows)) == read(engine, asked_of(rows))
    with pytest.raises(Refused):
        again.read(asked_of(rows, START))


@pytest.mark.parametrize(
    ("after", "flags"), [(6 * HOUR, LATE), (6 * HOUR - 1, LATE | BEHIND), (-DAY, LATE | BEHIND)]
)
def test_a_transfer_is_read_a_day_before_its_receipt_and_no_earlier(after: int, flags: int) -> None:
    before = paid((START, 1))
    asked = asked_of(before, START + after)
    asked["received_at"] = START + READ_BACK + 6 * HOUR
    vector, found = folded(before).read(asked)
    assert found == flags
    assert vector[PLAN.names.index("payer_transfer_count_24h")] == 1.0
    assert vector[PLAN.names.index("payer_transfer_since_last_24h")] == 6 * 3_600


def test_a_limit_that_is_told_ahead_stands_from_its_instant_on_after_a_release_too() -> None:
    told = long_stream(3, events=3_000)
    limits = told[told["kind"] == RowKind.DAY_LIMIT.value][:2].copy()
    limits["payer_0"], limits["fact_0"] = 1, (5_000, 7_000)
    limits["occurred_at"] = START - 10 * DAY, START + 2 * DAY
    limits["received_at"] = START - 10 * DAY, START
    newest = paid((START + READ_BACK + 36 * HOUR, 1))
    newest["payer_0"] = 2
    rows = np.concatenate([limits, newest])
    one, other = folded(rows), folded(rows)
    one.release(receipts_back=0)
    assert one.received_from == int(newest["received_at"][0])
    stood = []
    for at in (START + 36 * HOUR, START + 2 * DAY, START + 2 * DAY + 1):
        asked = paid((at, 1))
        asked["received_at"] = newest["received_at"]
        assert read(one, asked) == read(other, asked)
        stood.append(one.read(asked)[0][PLAN.names.index("payer_day_limit_last_ever")])
    assert stood == [5_000, 5_000, 7_000]


@pytest.mark.parametrize("plan", [PLAN, WIDE], ids=["the catalogue", "tiles of many columns"])
def test_a_released_key_that_finds_too_little_room_at_the_ceiling_reads_as_before(
    plan: Plan,
) -> None:
    rows = of_idle_keys()
    kept = folded(rows, plan)
    kept.release()
    state, again = kept.arrays(), asked_of(rows, LATER + HOUR)
    wanted = read(folded(rows, plan), asked_of(rows, LATER + 2 * HOUR))
    failed = 0
    for room in range(0, 4_000, k.LINE_WORDS):
        engine = Engine(plan)
        engine.restore(state)
        engine._state.arena = engine._state.arena[: state["arena"].size + room]
        engine._state.bytes_max = 0  # it cannot grow
        engine._aim()
        try:
            engine.fold(again)
        except Unavailable:
            failed += 1
            assert read(engine, asked_of(rows, LATER + 2 * HOUR)) == wanted
    assert 10 < failed < 4_000 // k.LINE_WORDS


@functools.cache
def of_payers(window: Window) -> Plan:
    """All that is asked of what an account paid in that window, and nothing else."""
    return plan_of(
        tuple(
            each
            for each in everything()
            if (each.entity, each.event, each.filter, each.window)
            == (Entity.PAYER, EventKind.TRANSFER, None, window)
        )
    )


SLIDING = [window for window in WINDOWS if window.span is Span.SLIDING]


def at_the_edge(window: Window, *, release_from: int | None) -> tuple[bytes, int]:
    """The vector of a payer that is read as far back as can be, of whose transfers the earliest is
    the first of that window, after a release by the receipt (None: after none).
    """
    floor = START + 3 * HOUR + 1
    first = window_start(window, floor, NIGHT_BEGINS)
    before = paid(*((first + place * MINUTE, 100 + place) for place in range(3)))
    before["payer_0"], before["payee_0"] = 1, 9 + np.arange(3)
    newest = paid((floor + READ_BACK, 1))
    newest["payer_0"] = 2
    plan = of_payers(window)
    engine = folded(np.concatenate([before, newest]), plan)
    if release_from is not None:
        engine.release(receipts_back=floor + READ_BACK - release_from)
        engine._received_from = 0  # it would refuse what it can no longer tell
    asked = paid((floor - 40 * DAY, 1))
    asked["received_at"] = floor + READ_BACK
    count = f"payer_transfer_count_{window.name}"
    assert release_from is not None or engine.read(asked)[0][plan.names.index(count)] == 3.0
    return read(engine, asked)


@pytest.mark.parametrize("window", SLIDING, ids=lambda window: window.name)
def test_what_a_window_holds_of_a_read_as_far_back_as_can_be_is_kept(window: Window) -> None:
    received_from = START + 3 * HOUR + 1 + READ_BACK
    whole = at_the_edge(window, release_from=None)
    assert at_the_edge(window, release_from=received_from) == whole


@pytest.mark.parametrize("window", SLIDING, ids=lambda window: window.name)
def test_sabotage_a_release_that_is_a_day_too_early_takes_it(window: Window) -> None:
    received_from = START + 3 * HOUR + 1 + READ_BACK + DAY
    assert at_the_edge(window, release_from=received_from) != at_the_edge(window, release_from=None)
