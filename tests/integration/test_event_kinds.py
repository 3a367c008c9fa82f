"""A log that holds every kind of event: what no feature reads changes no vector and no replay."""

from __future__ import annotations

import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import Record, decode_record
from crivo.decision.revision import DecisionRevised
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.flows.event_of import event_of, value_of
from crivo.flows.labels import labels_of_log
from crivo.flows.payload import encode
from crivo.flows.replay import replay
from crivo.flows.schemas import BY_VALUE, SCHEMAS
from tests.unit.decision.worlds import START, play, world
from tests.unit.domain.examples import VALUES

#: Values that no feature reads; reports and transfers change state, that is what they are for.
SIDE = [value for value in VALUES if BY_VALUE[type(value)].name not in {"transfer.v1", "report.v1"}]


#: A replay derives a revision again, and refuses one without its decision (`test_revising`).
UNREPLAYED = [value for value in SIDE if not isinstance(value, DecisionRevised)]


def side_events(values=SIDE):
    return [
        event_of(value, occurred_at=START, received_at=START, source="test") for value in values
    ]


def fill(folder, events):
    log = open_log(folder / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    log.append(events)
    log.close()


def derived_of(played):
    return [
        decode_record(stored.event.payload).derived
        for stored in played.log.read(start=0, limit=10_000)
        if stored.event.schema == "decision.v1"
    ]


def test_side_events_come_back_from_the_log_as_they_were(tmp_path):
    fill(tmp_path, side_events())
    with world(tmp_path) as played:
        found = [value_of(stored.event) for stored in played.log.read(start=0, limit=1_000)]
    assert found == SIDE
    kinds = {BY_VALUE[type(value)].name for value in found}
    assert kinds | {"transfer.v1", "report.v1", BY_VALUE[Record].name} == {
        schema.name for schema in SCHEMAS
    }


def test_a_log_with_side_events_decides_and_replays_as_one_without(tmp_path):
    plain, mixed = tmp_path / "plain", tmp_path / "mixed"
    for folder in (plain, mixed):
        folder.mkdir()
    fill(mixed, side_events(UNREPLAYED))
    with world(plain) as played:
        play(played, seed=11, count=60)
        expected = derived_of(played)
        labels = labels_of_log(played.log, end=played.log.end(), labels_as_of=2**62)
    with world(mixed) as played:
        play(played, seed=11, count=60)
        assert derived_of(played) == expected
        assert labels_of_log(played.log, end=played.log.end(), labels_as_of=2**62) == labels
        assert replay(played.log, mixed / "bundles", progress=print).is_equal
    assert len(expected) > 20 and len(labels.known) > 0


def test_sabotage_an_event_whose_schema_is_not_known_stops_the_service(tmp_path):
    value = SIDE[0]
    event = event_of(value, occurred_at=START, received_at=START, source="test")
    unknown = Event(
        event.stream,
        event.key,
        event.event_id,
        START,
        START,
        "settlement.v2",
        "test",
        encode(value),
    )
    fill(tmp_path, [unknown])
    with pytest.raises(Refused) as caught, world(tmp_path):
        pytest.fail("it was not noticed")
    assert caught.value.code is Code.SCHEMA_UNKNOWN
    assert caught.value.context["found"] == "settlement.v2"
