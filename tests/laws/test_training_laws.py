"""What a model learns from is what it will be asked with: a vector is the same in both places."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.event import transfer_event_id
from crivo.domain.instant import HOUR
from crivo.features.engine import vector_bytes
from crivo.flows.training_rows import dataset_of_log
from tests.unit.decision.worlds import plan, play, world


def quiet(stage, done, total):
    assert 0 <= done <= total, stage


def learnt(log):
    """The vectors to learn from, by the event id of their transfer; and how many were behind."""
    newest = max(each.event.received_at for each in log.read(start=0, limit=10**6))
    dataset = dataset_of_log(log, plan(), labels_as_of=newest, label_delay=0, progress=quiet)
    vectors = [vector_bytes(vector) for vector in dataset.vectors]
    ids = [row.tobytes() for row in dataset.ids]
    assert len(set(ids)) == len(ids)
    return dict(zip(ids, vectors, strict=True)), dataset.left_out["behind"]


def served(log):
    """The vectors that decisions were made with, by the event id of their transfer."""
    records = [
        decode_record(each.event.payload)
        for each in log.read(start=0, limit=10**6)
        if each.event.schema == "decision.v1"
    ]
    return {transfer_event_id(each.end_to_end_id): each.kept for each in records if each.kept}


def unequal(taught, asked):
    """The transfers that are in both, and those of them whose vectors differ."""
    both = taught.keys() & asked.keys()
    return both, {each for each in both if taught[each] != asked[each]}


@pytest.mark.parametrize("seed", range(4))
def test_the_vector_that_is_learnt_from_is_the_vector_that_was_served(tmp_path, seed):
    with world(tmp_path) as played:
        play(played, seed, 250)
        taught, behind = learnt(played.log)
        asked = served(played.log)
    both, differing = unequal(taught, asked)
    assert not differing
    # Behind ones alone are served and not learnt from; some of them were not scored either.
    assert 0 < len(asked) - len(both) <= behind
    assert len(both) > 100


def _without_its_first(events):
    return events[1:]


def _with_later_reports(events):
    later = [
        event._replace(received_at=event.received_at + 6 * HOUR)
        if event.schema == "report.v1"
        else event
        for event in events
    ]
    return sorted(later, key=lambda event: event.received_at)


@pytest.mark.parametrize("break_one_thing", [_without_its_first, _with_later_reports])
def test_sabotage_a_log_with_one_thing_broken_teaches_other_vectors(tmp_path, break_one_thing):
    with world(tmp_path) as played:
        play(played, 5, 250)
        asked = served(played.log)
        events = [each.event for each in played.log.read(start=0, limit=10**6)]
    (tmp_path / "broken").mkdir()
    log = open_log(tmp_path / "broken/log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    log.append(break_one_thing(events))
    taught, _ = learnt(log)
    log.close()
    both, differing = unequal(taught, asked)
    assert differing
    assert len(both) > 100


def test_sabotage_a_vector_of_one_other_bit_is_noticed(tmp_path):
    with world(tmp_path) as played:
        play(played, 6, 60)
        taught, _ = learnt(played.log)
        asked = served(played.log)
    both, _ = unequal(taught, asked)
    one = min(both)
    vector = np.frombuffer(taught[one], np.float64).copy()
    vector[0] = np.nextafter(vector[0], np.inf)
    assert unequal(taught | {one: vector_bytes(vector)}, asked)[1] == {one}
