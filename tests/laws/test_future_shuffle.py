"""The future never changes the past: no vector at t knows of t or later, no label comes early.

The law is that of a training set: change, drop, add or reorder anything that is received at or
after an instant, or that claims to happen then, and what was known before it stays as it was.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crivo.domain.event import Event, StoredEvent, transfer_event_id
from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.report import ReportStatus
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import RowKind
from crivo.flows import training_set
from crivo.flows.codec import decode_transfer, report_fields
from crivo.flows.training_set import Rules, training_parts
from tests.integration.pasts import START, in_order, moved, past, report_event, transfer_event

PLAN = compile_plan(default_feature_set())
LONG, DENSE = 12 * DAY, 4 * HOUR
EVENTS = 300

SLOWLY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Held:
    """A log in memory."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._stored = [StoredEvent(seq, 0, seq, event) for seq, event in enumerate(events)]

    def end(self) -> int:
        return len(self._stored)

    def read(self, *, start: int, limit: int, streams=None) -> list[StoredEvent]:
        found = [s for s in self._stored[start:] if streams is None or s.event.stream in streams]
        return found[:limit]


@lru_cache(maxsize=8)
def events_of(seed: int) -> tuple[Event, ...]:
    """Some pasts are long, others dense: there, many wait to be heard of at any instant."""
    return tuple(past(seed, EVENTS, span=LONG if is_long(seed) else DENSE))


def is_long(seed: int) -> bool:
    return seed % 2 == 0


def instant_of(seed: int, share: int) -> int:
    """An instant at so many thousandths of a past."""
    return START + (LONG if is_long(seed) else DENSE) * share // 1_000


def rows_by_id(events: Sequence[Event], labels_as_of: int) -> dict[bytes, bytes]:
    """What a training set as of T says of each transfer: everything but its place in the log."""
    log = Held(events)
    rules = Rules(labels_as_of=labels_as_of, label_delay=2 * DAY)
    found = {}
    for part in training_parts(
        log, PLAN, rules, end=log.end(), shards=1, progress=lambda _s, _d, _t: None
    ):
        for at in range(len(part)):
            columns = (
                part.vectors,
                part.flags,
                part.payer_ids,
                part.received_at,
                part.accepted_at,
                part.tier,
                part.weights,
            )
            found[part.ids[at].tobytes()] = b"".join(
                np.ascontiguousarray(column[at]).tobytes() for column in columns
            )
    return found


def vectors_by_id(events: Sequence[Event], *, before: int) -> dict[bytes, bytes]:
    """The vectors of the transfers that happened, and were received, before an instant."""
    log, rules = Held(events), Rules(labels_as_of=START + 40 * DAY)
    found = {}
    for part in training_parts(
        log, PLAN, rules, end=log.end(), shards=1, progress=lambda _s, _d, _t: None
    ):
        for at in np.flatnonzero((part.received_at < before) & (part.occurred_at <= before)):
            found[part.ids[at].tobytes()] = part.vectors[at].tobytes()
    return found


def another_future(events: Sequence[Event], at: int, chance: random.Random) -> list[Event]:
    """The events with everything from an instant on changed, dropped, doubled and reordered."""
    changed = [event for event in events if event.received_at < at]
    for event in events:
        fate = chance.random()
        if event.received_at < at or fate < 0.2:
            continue
        if event.schema == "transfer.v1" and fate < 0.7:
            changed.append(another_transfer(event, at, chance))
        else:
            changed.append(moved(event, chance.randrange(3 * HOUR)))
        if event.schema == "transfer.v1" and fate > 0.9:
            claim = decode_transfer(event.payload)
            name = f"x{event.event_id.hex()[:12]}"
            known_at = event.received_at + chance.randrange(DAY)
            changed.append(report_event(claim, ReportStatus.ACCEPTED, known_at, name))
    return in_order(changed)


def another_transfer(event: Event, at: int, chance: random.Random) -> Event:
    """Another amount and payee, perhaps said to have happened up to an hour earlier."""
    value = replace(
        decode_transfer(event.payload),
        amount_centavos=chance.randrange(1, 10**7),
        payee_account_id=chance.randrange(1, 60).to_bytes(16, "big"),
        occurred_at=max(event.received_at - chance.choice([0, 1, 40 * MINUTE]), START),
    )
    return transfer_event(value, event.received_at)


def check_vectors(seed: int, share: int, chance: random.Random) -> Counter[bool]:
    """How many vectors of before an instant are the same under another future, and how many not."""
    events, at = events_of(seed), instant_of(seed, share)
    mine = vectors_by_id(events, before=at)
    other = vectors_by_id(another_future(events, at, chance), before=at)
    return Counter(mine.get(name) == other.get(name) for name in mine.keys() | other.keys())


@SLOWLY
@given(st.integers(0, 5), st.integers(300, 900), st.randoms(use_true_random=False))
def test_whatever_is_received_at_or_after_t_changes_no_vector_of_before_t(
    seed: int, share: int, chance: random.Random
) -> None:
    assert check_vectors(seed, share, chance)[False] == 0


@pytest.mark.slow
@SLOWLY
@given(st.integers(0, 5), st.integers(300, 900), st.randoms(use_true_random=False))
def test_a_training_set_as_of_t_is_the_same_under_every_future(
    seed: int, share: int, chance: random.Random
) -> None:
    events, as_of = events_of(seed), instant_of(seed, share)
    mine = rows_by_id(events, as_of)
    assert mine == rows_by_id(another_future(events, as_of + 1, chance), as_of)
    assert mine


@SLOWLY
@given(st.integers(0, 5), st.integers(-2, 2))
def test_a_label_is_there_from_the_instant_at_which_it_was_known(seed: int, after: int) -> None:
    events = events_of(seed)
    first, about = first_acceptance(seed)
    as_of = first.received_at + after
    said = rows_by_id(events, as_of)
    other = rows_by_id([event for event in events if event is not first], as_of)
    assert said.keys() == other.keys()
    differing = {name for name in said if said[name] != other[name]}
    assert differing == ({about} if after >= 0 else set())


@lru_cache(maxsize=8)
def first_acceptance(seed: int) -> tuple[Event, bytes]:
    """The first report that was accepted of a transfer that is a row, and the transfer's id."""
    rows = rows_by_id(events_of(seed), START + 40 * DAY)
    for event in events_of(seed):
        if event.schema == "report.v1":
            fields = report_fields(event.payload)
            about = transfer_event_id(fields.end_to_end_id)
            if fields.status is ReportStatus.ACCEPTED and about in rows:
                return event, about
    raise AssertionError("a past without an accepted report proves nothing")


def _sorts_by_when_things_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most natural leak: what was late is put where it belongs, before anybody knew of it."""
    honest = training_set.chunk_rows

    def sorting(log, rules, *, start, stop):
        rows, seq = honest(log, rules, start=start, stop=stop)
        order = np.argsort(rows["occurred_at"], kind="stable")
        return rows[order], seq[order]

    monkeypatch.setattr(training_set, "chunk_rows", sorting)


def _knows_reports_at_their_transfers(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = training_set.chunk_rows

    def leaking(log, rules, *, start, stop):
        rows, seq = honest(log, rules, start=start, stop=stop)
        order = np.argsort(rows["kind"] != RowKind.REPORT, kind="stable")
        rows = rows[order]
        reports = rows["kind"] == RowKind.REPORT
        rows["occurred_at"][reports] -= 8 * DAY
        return rows, seq[order]

    monkeypatch.setattr(training_set, "chunk_rows", leaking)


@pytest.mark.parametrize(
    "leak", [_sorts_by_when_things_happened, _knows_reports_at_their_transfers]
)
def test_sabotage_a_vector_that_knows_the_future_is_noticed(
    monkeypatch: pytest.MonkeyPatch, leak: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert check_vectors(1, 500, random.Random(1))[False] == 0
    leak(monkeypatch)
    assert check_vectors(1, 500, random.Random(1))[False] > 0


def test_sabotage_a_label_that_comes_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    events, as_of = events_of(0), instant_of(0, 500)
    honest = training_set.labels_of_log

    def eager(log, *, end, labels_as_of):
        return honest(log, end=end, labels_as_of=labels_as_of + 5 * DAY)

    monkeypatch.setattr(training_set, "labels_of_log", eager)
    mine = rows_by_id(events, as_of)
    assert mine != rows_by_id(another_future(events, as_of + 1, random.Random(1)), as_of)
