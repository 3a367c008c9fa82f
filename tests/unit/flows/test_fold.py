"""Folding: the fast columns equal the row of each decoded event, in order."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from crivo.decision.record import (
    Derived,
    Given,
    Observed,
    Versions,
    decision_event_id,
    encode_derived,
    encode_record,
)
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, StoredEvent, make_event_id, transfer_event_id
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.login import Login
from crivo.domain.report import Report, ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.features.row import EVENT_ROW, RowKind, make_rows, report_row, transfer_row
from crivo.features.told import TELLERS, told_rows
from crivo.flows.codec import encode_report, encode_transfer
from crivo.flows.event_of import event_of
from crivo.flows.fold import FOLDED, TOLD, fold_events, fold_rows
from crivo.flows.schemas import BY_VALUE, SCHEMAS
from tests.unit.domain.examples import NOON, VALUES

START = 1_533_729_600_000_000


def random_transfer(rng: random.Random) -> Transfer:
    occurred_at = START + rng.randrange(10**12)
    person = rng.randbytes(16)
    has_account = rng.random() < 0.7
    return Transfer(
        derived_end_to_end_id(occurred_at, str(rng.random())),
        occurred_at,
        rng.randrange(1, 10**9),
        rng.randbytes(16) if has_account else None,
        None,
        payer_person_id=None if has_account and rng.random() < 0.5 else person,
        payee_person_id=rng.choice([None, person]),
        payee_key_id=rng.randbytes(16),
        initiation=rng.choice([None, *Initiation]),
        purpose=rng.choice([None, *Purpose]),
    )


def stored_history(seed: int, count: int) -> tuple[list[StoredEvent], list[tuple[int, ...]]]:
    """Random transfers and reports as stored, and the rows that the domain values give."""
    rng = random.Random(seed)
    events, rows = [], []
    for seq in range(count):
        transfer = random_transfer(rng)
        received_at = transfer.occurred_at + rng.randrange(10**8)
        if rng.random() < 0.3:
            report = Report(
                f"r{seq}",
                rng.choice(list(ReportStatus)),
                transfer.end_to_end_id,
                transfer.payer_id,
                transfer.payee_id,
                transfer.amount_centavos,
                transfer.occurred_at,
            )
            stream, payload, schema = Stream.REPORTS, encode_report(report), "report.v1"
            event_id = make_event_id("report", "test", report.report_id)
            rows.append(report_row(report, received_at=received_at, event_id=event_id))
        else:
            stream = rng.choice([Stream.HISTORY, Stream.TRANSFERS])
            payload, schema = encode_transfer(transfer), "transfer.v1"
            event_id = transfer_event_id(transfer.end_to_end_id)
            rows.append(transfer_row(transfer, received_at=received_at))
        event = Event(stream, transfer.payer_id, event_id, 0, received_at, schema, "test", payload)
        events.append(StoredEvent(seq, 0, seq, event))
    return events, rows


def test_folded_rows_equal_the_rows_of_the_decoded_events():
    events, rows = stored_history(seed=1, count=500)
    assert np.array_equal(fold_rows(events), make_rows(rows))


def test_folding_nothing_gives_no_rows():
    empty = fold_rows([])
    assert empty.dtype == EVENT_ROW
    assert len(empty) == 0


def test_folding_in_parts_gives_the_same_rows():
    events, _ = stored_history(seed=2, count=100)
    parts = [fold_rows(events[start : start + 7]) for start in range(0, 100, 7)]
    assert np.array_equal(np.concatenate(parts), fold_rows(events))


@pytest.mark.parametrize("in_place", [True, False])
def test_of_decisions_only_those_made_in_place_change_state(in_place):
    transfer = random_transfer(random.Random(3))
    versions = Versions("", "", "", "", "", "", "")
    payload = encode_record(
        transfer,
        given=Given(0, "log", versions),
        derived=encode_derived(Derived(b"", 0, None, None, (), (), (), (), "ALLOW")),
        observed=Observed("host", 0, 0, 0),
        kept=b"",
    )
    array = msgspec.msgpack.decode(payload)
    array[2] = in_place
    event = Event(
        Stream.DECISIONS,
        transfer.payer_id,
        decision_event_id(transfer.end_to_end_id),
        transfer.occurred_at,
        transfer.occurred_at + 7,
        "decision.v1",
        "http",
        msgspec.msgpack.encode(array),
    )
    expected = [transfer_row(transfer, received_at=transfer.occurred_at + 7)] if in_place else []
    assert np.array_equal(fold_rows([StoredEvent(0, 0, 0, event)]), make_rows(expected))


def test_what_is_told_lies_between_transfers_in_the_order_of_the_log():
    events, rows = stored_history(seed=5, count=20)
    told, expected = [], []
    for value in VALUES:
        if type(value) in TELLERS:
            event = event_of(value, occurred_at=1, received_at=NOON + 99, source="test")
            told.append(StoredEvent(0, 0, 0, event))
            expected += told_rows(value, received_at=NOON + 99, event_id=event.event_id)
    assert {each.event.schema for each in told} == TOLD
    assert np.array_equal(
        fold_rows([*events[:9], *told, *events[9:]]),
        make_rows([*rows[:9], *expected, *rows[9:]]),
    )


def test_each_row_of_an_event_has_the_place_of_the_event():
    raised = LimitChange("c-1", NOON, NOON + 9, b"p" * 16, LimitKind.DAY, 100, 200)
    event = event_of(raised, occurred_at=NOON, received_at=NOON, source="test")
    rows, places = fold_events([StoredEvent(3, 0, 0, event)])
    assert (places.tolist(), rows["kind"].tolist()) == (
        [3, 3],
        [RowKind.LIMIT_RAISE, RowKind.DAY_LIMIT],
    )
    assert rows["occurred_at"].tolist() == [NOON, NOON + 9]


def test_a_payload_that_cannot_be_is_refused_and_not_folded():
    login = next(each for each in VALUES if type(each) is Login)
    event = event_of(login, occurred_at=NOON, received_at=NOON, source="test")
    array = msgspec.msgpack.decode(event.payload)
    for place, found in ((1, "noon"), (2, b"short"), (3, "GOSSIP"), (1, -1)):
        damaged = event._replace(
            payload=msgspec.msgpack.encode([*array[:place], found, *array[place + 1 :]])
        )
        with pytest.raises(Refused):
            fold_rows([StoredEvent(0, 0, 0, damaged)])


def test_events_that_no_feature_reads_are_passed_over_and_unknown_ones_refused():
    events, rows = stored_history(seed=4, count=20)
    others = [
        StoredEvent(20, 0, 20, event_of(value, occurred_at=1, received_at=1, source="test"))
        for value in VALUES
        if BY_VALUE[type(value)].name not in FOLDED
    ]
    assert len({each.event.schema for each in others}) == len(SCHEMAS) - len(FOLDED)
    assert np.array_equal(fold_rows([*others, *events, *others]), make_rows(rows))
    newer = events[0].event._replace(schema="transfer.v2")
    with pytest.raises(Refused) as caught:
        fold_rows([StoredEvent(0, 0, 0, newer)])
    assert caught.value.code is Code.SCHEMA_UNKNOWN
