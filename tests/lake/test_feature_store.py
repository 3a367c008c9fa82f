"""The feature store: the vectors of the log's replay, and nothing that was known later."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.domain.instant import DAY
from crivo.features.engine import Engine, vector_bytes
from crivo.features.row import RowKind
from crivo.flows.feature_store import FeatureStore
from crivo.flows.feature_tables import CARDS, rows_of, vectors_table
from crivo.flows.fold import fold_events
from crivo.flows.lake_log import LakeLog
from crivo.flows.replica import Replica, restored
from tests.lake.lakes import Rows, clear, lake_at, log_of, log_rows, quiet, refinery
from tests.unit.decision.worlds import plan

SEED = 31
COUNT = 240


def extended(folder, log, *, snapshots="snapshots"):
    """The vectors in a lake, by the number of their transfer, once a log is folded into it."""
    lake = lake_at(folder / "lake")
    refinery(lake).append(log, progress=quiet)
    files = SnapshotFiles(folder / snapshots)
    store = FeatureStore(lake, plan(), files, unfit=pytest.fail)
    store.extend(LakeLog(lake, clear), progress=quiet)
    return stored(lake)


def stored(lake):
    """The vectors that a lake holds, as the bytes that are hashed, by number."""
    table = lake.open(vectors_table(plan())).read()
    _, numbers, vectors, _ = rows_of(plan(), table)
    found = {int(at): vector_bytes(each) for at, each in zip(numbers, vectors, strict=True)}
    assert len(found) == table.num_rows, "each transfer has one vector"
    return found


def replayed(log):
    """The vectors that the replay of a log gives, by number."""
    rows, seq = fold_events(log.read(start=0, limit=10_000))
    wanted = rows["kind"] == RowKind.TRANSFER
    vectors, _ = Engine(plan()).vectors(rows, wanted)
    return {int(at): vector_bytes(each) for at, each in zip(seq[wanted], vectors, strict=True)}


@pytest.fixture(scope="module")
def whole(log, tmp_path_factory):
    """The vectors of a lake that took the log at once."""
    return extended(tmp_path_factory.mktemp("whole"), log)


def test_a_vector_in_the_lake_is_that_of_the_replay(log, whole):
    expected = replayed(log)
    assert len(expected) > 100
    assert whole == expected


@pytest.mark.slow
def test_sabotage_an_event_that_bronze_lacks_changes_vectors(rows, log, tmp_path):
    kept = [row for row in rows if row[0] != 40]
    lossy = [(at, *row[1:]) for at, row in enumerate(kept)]
    found = extended(tmp_path, Rows(lossy))
    expected = {at - (at > 40): bytes_ for at, bytes_ in replayed(log).items() if at != 40}
    assert found.keys() == expected.keys()
    assert found != expected


@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False], ids=["state is kept", "state is lost"])
def test_in_pieces_the_vectors_are_the_same(rows, whole, tmp_path, keeps):
    log = Rows(rows)
    for step, grown in enumerate((1, 60, 61, COUNT, COUNT)):
        log.grown = grown
        folder = "snapshots" if keeps else f"snapshots-{step}"
        found = extended(tmp_path, log, snapshots=folder)
    assert found == whole


@pytest.mark.slow
def test_beside_each_other_they_append_each_vector_once(log, whole, tmp_path):
    lake = lake_at(tmp_path / "lake")
    refinery(lake).append(log, progress=quiet)

    def work(number):
        files = SnapshotFiles(tmp_path / f"snapshots-{number}")
        own = lake_at(tmp_path / "lake")
        store = FeatureStore(own, plan(), files, unfit=pytest.fail)
        return store.extend(LakeLog(own, clear), progress=quiet)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(work, range(3)))
    assert sum(each.rows for each in done) == len(whole)
    assert {each.cut for each in done} == {log.end()}
    assert stored(lake) == whole


@pytest.mark.slow
def test_a_replica_goes_on_from_the_lakes_state_as_from_the_logs(rows, log, tmp_path):
    cut = 150
    extended(tmp_path, Rows(rows, grown=cut))
    files = SnapshotFiles(tmp_path / "snapshots")
    assert files.cuts(plan().plan_hash) == [cut]
    ours, theirs = restored(plan(), files.load(plan().plan_hash, cut)), Replica(plan())
    with closing(log_of(rows[:cut], tmp_path / "log.sqlite")) as shorter:
        theirs.catch_up(shorter, quiet)
    assert (ours.folded, ours.order_time) == (theirs.folded, theirs.order_time)
    later, _ = fold_events(log.read(start=cut, limit=10_000))
    wanted = later["kind"] == RowKind.TRANSFER
    found, _ = ours.engine.vectors(later, wanted)
    expected, _ = theirs.engine.vectors(later, wanted)
    assert wanted.sum() > 30
    assert vector_bytes(found) == vector_bytes(expected)
    # Sabotage: a state that lacks what the lake gave is told from it.
    empty, _ = Engine(plan()).vectors(later, wanted)
    assert vector_bytes(found) != vector_bytes(empty)
    for name in ("memory", "holds", "reviews", "lists", "sums"):
        mine, other = getattr(ours, name).arrays(), getattr(theirs, name).arrays()
        assert mine.keys() == other.keys()
        assert all(np.array_equal(mine[key], other[key]) for key in mine), name


def test_every_feature_of_a_table_has_its_card(tmp_path):
    lake = lake_at(tmp_path / "lake")
    extended(tmp_path, Rows(log_rows(SEED, 3)))
    cards = lake.open(CARDS).read().to_pylist()
    table = vectors_table(plan())
    ours = [card for card in cards if card["table"] == table.name]
    names = [card["name"] for card in sorted(ours, key=lambda card: card["place"])]
    assert names == list(plan().names)
    hashes = {each.name: each.hash for each in plan().feature_set.features}
    assert {card["name"]: card["hash"] for card in ours} == hashes
    assert {card["table"] for card in cards} == {table.name, "gold.account_receipts"}
    assert all(card["meaning"] and card["leakage"] for card in cards)


@pytest.mark.slow
def test_where_a_services_snapshot_has_released_too_much_the_log_is_folded_anew(
    rows, log, whole, tmp_path
):
    extended(tmp_path, Rows(rows, grown=150))
    files = SnapshotFiles(tmp_path / "snapshots")
    served = restored(plan(), files.load(plan().plan_hash, 150))
    newest = max(row[7] for row in rows)
    served.engine.release(receipts_back=-newest - 365 * DAY)
    assert served.engine.received_from > newest
    shutil.rmtree(tmp_path / "snapshots")
    files.keep(served.snapshot(log.manifest.log_id))
    assert extended(tmp_path, log) == whole
