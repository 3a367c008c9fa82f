"""A training set is the same bytes however it was made, whole or not there, and true to its log."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crivo.adapters.processes.pool import ProcessPool
from crivo.adapters.training_files.store import MANIFEST, TABLE, TrainingSetFiles
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.event import transfer_event_id
from crivo.domain.instant import DAY
from crivo.features import shard as sharding
from crivo.features.engine import LATE, SATURATED
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows import staged_set, training_set
from crivo.flows.build import BuildResult, Hands, build_training_set, columns_of
from crivo.flows.codec import report_fields
from crivo.flows.training_rows import dataset_of_log
from crivo.flows.training_set import Rules
from crivo.model.labels import Tier
from tests.disk_order import disk_order
from tests.integration.pasts import START, keep_log, opener, past

pytestmark = pytest.mark.slow

PLAN = compile_plan(default_feature_set())
AS_OF = START + 25 * DAY
RULES = Rules(labels_as_of=AS_OF, label_delay=7 * DAY)


class InOrder:
    """Plays `Workers` in this process."""

    def run(self, work, tasks):
        return map(work, tasks)


def quiet(stage: str, done: int, total: int) -> None:
    assert 0 <= done <= total, stage


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return keep_log(tmp_path_factory.mktemp("past"), past(1, 3_000))


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    """Chunks so short that a small log has several."""
    monkeypatch.setattr(training_set, "CHUNK_EVENTS", 1_000)
    monkeypatch.setattr(staged_set, "CHUNK_EVENTS", 1_000)


def build(log: Path, out: Path, *, rules: Rules = RULES, hands: Hands | None = None) -> BuildResult:
    hands = hands or Hands()
    sets = TrainingSetFiles(out)
    return build_training_set(opener(log), PLAN, rules, sets, hands=hands, progress=quiet)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2, 3, 5])
@pytest.mark.parametrize("workers", [None, InOrder()], ids=["stream", "staged"])
def test_any_number_of_shards_gives_the_same_bytes(log, tmp_path, shards, workers) -> None:
    build(log, tmp_path / "one")
    build(log, tmp_path / "many", hands=Hands(shards, workers))
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert sorted(contents(tmp_path / "one")) == [MANIFEST, TABLE]


@pytest.mark.slow
def test_processes_of_their_own_give_the_same_bytes(log, tmp_path, monkeypatch) -> None:
    monkeypatch.undo()  # processes have their own idea of a chunk
    build(log, tmp_path / "one")
    build(log, tmp_path / "two", hands=Hands(2, ProcessPool(2)))
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_every_entity_is_dealt_and_the_hands_are_about_even() -> None:
    words = np.random.default_rng(3).integers(0, 1 << 63, (2, 30_000)).astype(np.uint64)
    for of in (2, 3, 5):
        dealt = np.bincount(sharding.deal(list(words), of), minlength=of)
        assert dealt.min() > 0.95 * dealt.max()
    columns = Counter(place for shard in sharding.shards_of(PLAN, 3) for place in shard.columns)
    assert columns == dict.fromkeys(range(len(PLAN.names)), 3)


def test_sabotage_a_shard_that_misses_events_is_noticed(log, tmp_path, monkeypatch) -> None:
    build(log, tmp_path / "one")
    whole = sharding.Shard.folds

    def forgetful(shard, rows):
        own = whole(shard, rows)
        # All of the shard's events but one of somebody's reports.
        own[np.flatnonzero(own & (rows["kind"] == 1))[:1]] = False
        return own

    monkeypatch.setattr(sharding.Shard, "folds", forgetful)
    build(log, tmp_path / "many", hands=Hands(3))
    assert contents(tmp_path / "many")[TABLE] != contents(tmp_path / "one")[TABLE]


def test_the_table_says_of_each_transfer_what_its_reports_said_by_then(log, tmp_path) -> None:
    result = build(log, tmp_path / "set")
    table = pq.read_table(tmp_path / "set" / TABLE).to_pydict()
    claims: dict[bytes, set[str]] = {}
    with opener(log)() as reader:
        events = [stored.event for stored in reader.read(start=0, limit=10**6)]
    for event in events:
        if event.schema == "report.v1" and event.received_at <= AS_OF:
            facts = claim_of(event)
            claims.setdefault(facts[0], set()).add(facts[1])
    found = Counter()
    for event_id, tier, label, at, known_at in zip(
        *(
            table[name]
            for name in ("event_id", "label_tier", "label", "occurred_at", "label_known_at")
        ),
        strict=True,
    ):
        said = claims.get(event_id, set())
        young = int(at.timestamp() * 1e6) > AS_OF - 7 * DAY
        expected = "ACCEPTED" if "ACCEPTED" in said else "DISPUTED" if said else "SILENT"
        assert tier == ("IMMATURE" if young else expected)
        assert label == (tier == "ACCEPTED")
        assert (known_at is not None) == ("ACCEPTED" in said)
        found[tier] += 1
    assert found == result.tiers
    assert set(found) == {tier.name for tier in Tier}


def claim_of(event) -> tuple[bytes, str]:
    fields = report_fields(event.payload)
    return transfer_event_id(fields.end_to_end_id), str(fields.status)


def test_every_transfer_is_a_row_or_is_counted(log, tmp_path) -> None:
    result = build(log, tmp_path / "set")
    with opener(log)() as reader:
        stored = reader.read(start=0, limit=10**6)
    transfers = [
        each
        for each in stored
        if each.event.schema == "transfer.v1" and each.event.received_at <= AS_OF
    ]
    assert len(transfers) == result.rows + result.left_out.total()
    seqs = pq.read_table(tmp_path / "set" / TABLE, columns=["seq"])["seq"].to_pylist()
    assert seqs == sorted(seqs)
    assert set(seqs) < {each.seq for each in transfers}


def test_the_rows_to_train_on_are_those_of_the_table(log, tmp_path) -> None:
    build(log, tmp_path / "set", rules=replace(RULES, with_immature=False))
    table = pq.read_table(tmp_path / "set" / TABLE)
    with opener(log)() as reader:
        dataset = dataset_of_log(
            reader, PLAN, labels_as_of=AS_OF, label_delay=7 * DAY, progress=quiet
        )
    columns = [table[name].to_numpy() for name in PLAN.names]
    assert np.array_equal(np.stack(columns, axis=1), dataset.vectors, equal_nan=True)
    assert np.array_equal(table["label"].to_numpy(), dataset.labels())
    assert np.array_equal(table["weight"].to_numpy(), dataset.weights)


def test_a_sample_of_silent_rows_is_weighted_and_leaves_the_others(log, tmp_path) -> None:
    all_rows = build(log, tmp_path / "all")
    some = build(log, tmp_path / "some", rules=replace(RULES, silent_one_in=4))
    table = pq.read_table(tmp_path / "some" / TABLE)
    silent = np.array(table["label_tier"].to_pylist()) == "SILENT"
    assert (table["weight"].to_numpy() == np.where(silent, 4.0, 1.0)).all()
    assert some.left_out["not_drawn"] == all_rows.tiers["SILENT"] - some.tiers["SILENT"]
    assert 0.15 < some.tiers["SILENT"] / all_rows.tiers["SILENT"] < 0.35
    for tier in ("ACCEPTED", "DISPUTED", "IMMATURE"):
        assert some.tiers[tier] == all_rows.tiers[tier]


def test_the_manifest_names_what_the_set_came_from(log, tmp_path) -> None:
    result = build(log, tmp_path / "set")
    manifest = json.loads((tmp_path / "set" / MANIFEST).read_bytes())
    digest = hashlib.sha256((tmp_path / "set" / TABLE).read_bytes()).hexdigest()
    assert manifest["files"] == {TABLE: digest}
    assert manifest["feature_set_hash"] == PLAN.set_hash
    assert manifest["plan_hash"] == PLAN.plan_hash
    assert (manifest["log_id"], manifest["cut"]) == ("past", result.cut)
    assert manifest["rows"] == result.rows == pq.read_metadata(tmp_path / "set" / TABLE).num_rows
    assert manifest["labels_as_of"] == "2026-03-27T02:59:00Z"
    assert (manifest["label_delay_seconds"], manifest["silent_one_in"]) == (7 * 86_400, 1)


def test_a_row_says_whether_it_was_late_and_whether_a_window_was_too_full(log, tmp_path) -> None:
    part = training_set.no_part(PLAN)
    flags = np.array([0, LATE, SATURATED, LATE | SATURATED], dtype=np.uint8)
    columns = columns_of(replace(part, flags=flags), PLAN)
    assert columns.flags["is_late"].tolist() == [False, True, False, True]
    assert columns.flags["is_saturated"].tolist() == [False, False, True, True]
    build(log, tmp_path / "set")
    table = pq.read_table(tmp_path / "set" / TABLE).to_pydict()
    delays = [
        received - occurred
        for occurred, received in zip(table["occurred_at"], table["received_at"], strict=True)
    ]
    assert table["is_late"] == [delay > timedelta(hours=1) for delay in delays]
    assert any(table["is_late"])


def test_a_log_without_a_transfer_gives_a_table_without_a_row(tmp_path) -> None:
    empty = keep_log(tmp_path / "empty", [])
    result = build(empty, tmp_path / "set")
    table = pq.read_table(tmp_path / "set" / TABLE)
    assert (result.rows, table.num_rows) == (0, 0)
    assert set(PLAN.names) < set(table.column_names)


def test_no_set_is_written_over_another(log, tmp_path) -> None:
    build(log, tmp_path / "set")
    before = contents(tmp_path / "set")
    with pytest.raises(Refused) as refusal:
        build(log, tmp_path / "set")
    assert refusal.value.code is Code.FILE_UNWRITABLE
    assert contents(tmp_path / "set") == before


def test_a_link_to_nothing_is_in_the_way_too(tmp_path) -> None:
    (tmp_path / "set").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused) as refusal:
        TrainingSetFiles(tmp_path / "set").check_free()
    assert refusal.value.code is Code.FILE_UNWRITABLE


def test_what_a_set_is_made_of_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch) -> None:
    done = disk_order(monkeypatch)
    part = columns_of(training_set.no_part(PLAN), PLAN)
    TrainingSetFiles(tmp_path / "set").write(lambda _scratch: [part], dict)
    aside = f"set.{os.getpid()}.partial"
    at = done.index(("rename", tmp_path / "set"))
    assert [path.name for _, path in done[:at]] == [TABLE, MANIFEST, aside]
    assert done[at + 1 :] == [("sync", tmp_path)]


@pytest.mark.parametrize("cause", [Unavailable(Code.OVERLOADED, "full"), OSError("no space")])
def test_a_build_that_fails_leaves_nothing(tmp_path, cause) -> None:
    def fail(_folder: Path):
        raise cause
        yield

    with pytest.raises(Unavailable):
        TrainingSetFiles(tmp_path / "set").write(fail, dict)
    assert list(tmp_path.iterdir()) == []


def _refuse(number: int) -> int:
    if number == 3:
        raise Refused(Code.FIELD_TYPE, "three", hint="Another.", field="number", found=3)
    return number


@pytest.mark.slow
def test_an_error_keeps_its_code_on_the_way_between_processes() -> None:
    results = ProcessPool(2).run(_refuse, [1, 2, 3, 4])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(Refused) as refusal:
        next(results)
    assert refusal.value.code is Code.FIELD_TYPE
    assert refusal.value.context == {"field": "number", "found": 3}
    assert refusal.value.hint == "Another."


def test_the_page_says_what_an_event_takes_between_the_steps(log) -> None:
    with opener(log)() as reader:
        rows, seq = training_set.chunk_rows(reader, RULES, start=0, stop=10)
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "training-sets.md"
    said = re.findall(r"(\d+) bytes an event", page.read_text(encoding="utf-8"))
    assert said == [str(rows.itemsize + seq.itemsize)]


def test_what_is_drawn_depends_on_the_id_alone() -> None:
    words = np.random.default_rng(2).integers(0, 1 << 63, (5_000, 2)).astype(np.uint64)
    drawn = training_set._is_drawn(words, 10)
    assert np.array_equal(training_set._is_drawn(words[::-1], 10), drawn[::-1])
    assert 0.08 < drawn.mean() < 0.12
