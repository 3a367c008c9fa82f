"""A world that was frozen is decided the same by every later program of its version.

Kernel and oracle may drift together, and a served model would read other numbers than it learnt
from. So: whoever changes what a vector, a score or an outcome means raises `KERNEL_VERSION` or
`DERIVE_VERSION`, and freezes a world of the new version (`tests/golden/freeze.py`).
"""

from __future__ import annotations

import shutil

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_derived, decode_record
from crivo.domain.clock import ClockKind
from crivo.features import engine as engine_module
from crivo.flows.bundle import PROGRAM_VERSION, RELEASES
from crivo.flows.replay import replay
from tests.golden.freeze import FROZEN, events_of, freeze

HERE = FROZEN / PROGRAM_VERSION


def replayed(tmp_path, events, *, bundles=HERE / "bundles"):
    log = open_log(tmp_path / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append(events)
        return replay(log, bundles, progress=lambda _at, _end: None)
    finally:
        log.close()


def test_a_world_of_this_version_of_the_program_was_frozen():
    assert HERE.is_dir(), "run: python -m tests.golden.freeze"
    assert {folder.name for folder in FROZEN.iterdir()} <= set(RELEASES)


def test_every_frozen_decision_is_derived_again_byte_for_byte(tmp_path):
    events = events_of(HERE)
    found = replayed(tmp_path, events)
    assert found.is_equal, (found.differences[:3], "raise the version, then freeze anew")
    decisions = sum(event.schema == "decision.v1" for event in events)
    assert (found.compared, found.other_version) == (decisions, 0)
    assert decisions > 50


def test_the_frozen_world_holds_what_can_go_wrong():
    records = [decode_record(e.payload) for e in events_of(HERE) if e.schema == "decision.v1"]
    derived = [decode_derived(each.derived) for each in records]
    assert {each.outcome for each in derived} == {"ALLOW", "WARN", "STEP_UP", "HOLD", "REJECT"}
    assert {"transfer.v1", "decision.v1", "report.v1"} == {e.schema for e in events_of(HERE)}
    assert any(each.given.degraded for each in records)
    assert {each.given.versions.kernel for each in records} == {PROGRAM_VERSION}


def test_sabotage_one_bit_of_a_frozen_vector_is_noticed(tmp_path):
    events = events_of(HERE)
    place = next(
        at
        for at, event in enumerate(events)
        if event.schema == "decision.v1" and decode_record(event.payload).kept
    )
    parts = msgspec.msgpack.decode(events[place].payload)
    parts[7] = parts[7][:-1] + bytes([parts[7][-1] ^ 1])
    events[place] = events[place]._replace(payload=msgspec.msgpack.encode(parts))
    assert replayed(tmp_path, events).differing == 1


@pytest.mark.parametrize("place", [0, 59])
def test_sabotage_one_transfer_of_the_past_less_is_noticed(tmp_path, place):
    events = events_of(HERE)
    assert replayed(tmp_path, events[:place] + events[place + 1 :]).differing > 0


def test_sabotage_a_changed_meaning_is_noticed(tmp_path, monkeypatch):
    whole = engine_module.Engine.vectors

    def off_by_one(self, rows, wanted):
        vectors, flags = whole(self, rows, wanted)
        vectors[:, self.plan.names.index("payer_amount_mean_30d")] *= 1.25
        return vectors, flags

    monkeypatch.setattr(engine_module.Engine, "vectors", off_by_one)
    found = replayed(tmp_path, events_of(HERE))
    assert found.differing > 0
    assert "kept" in found.differences[0].where


@pytest.mark.slow
def test_freezing_writes_a_world_that_replays(tmp_path):
    freeze(tmp_path / "again")
    (tmp_path / "log").mkdir()
    shutil.copytree(tmp_path / "again" / "bundles", tmp_path / "bundles")
    events = events_of(tmp_path / "again")
    assert replayed(tmp_path / "log", events, bundles=tmp_path / "bundles").is_equal
