"""No feature of the catalogue finds simulated fraud by itself, with all streams told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from crivo.adapters.files.streams import days_of_streams
from crivo.adapters.sqlite.log import open_log
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.adapters.world_files.layout import Layout
from crivo.adapters.world_files.writer import TableSet, write_world
from crivo.bootstrap.offline import read_mapping
from crivo.domain.clock import ClockKind
from crivo.domain.event import transfer_event_id
from crivo.domain.instant import LATEST
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.ingest_streams import ingest_streams
from crivo.flows.training_set import Rules, training_parts
from crivo.governance.pseudonym import Pseudonymiser
from crivo.simulator.options import SimulationOptions
from crivo.simulator.tables import TRUTH, platform_tables
from crivo.simulator.world import World, simulate
from tests.ports.logs import REFUSED
from tests.unit.decision.worlds import ROOT

#: The greatest average precision that a single feature may reach at one fraud in two hundred.
AVERAGE_PRECISION_MAX = 0.2

OPTIONS = SimulationOptions(
    seed=17, days=30, past_days=0, scale=Decimal("0.5"), prevalence=Decimal("0.005")
)
PLAN = compile_plan(default_feature_set())
MAPPING = read_mapping(ROOT / "mappings" / "simulated-events.toml")


def frauds_of(world: World) -> set[bytes]:
    """The event ids of the transfers that are frauds, whether anybody ever said so or not."""
    found: set[bytes] = set()
    for piece in platform_tables(world):
        if piece.table == TRUTH:
            columns = {column.name: column.values for column in piece.columns}
            ids = columns["end_to_end_id"][columns["is_fraud"].astype(bool)]
            found |= {transfer_event_id(each.decode()) for each in ids.tolist()}
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
    """Every feature of the transfers, nulls below all; and which transfers are frauds."""
    folder = tmp_path_factory.mktemp("difficulty")
    world = simulate(OPTIONS)
    write_world(folder / "streams", world, table_set=TableSet.EVENTS, layout=Layout(by_day=True))
    log = open_log(folder / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="difficulty")
    quarantine = SqliteQuarantine(folder / "quarantine.sqlite", REFUSED)
    try:
        days = days_of_streams(folder / "streams", MAPPING)
        ingest_streams(days, MAPPING, log, quarantine, Pseudonymiser(bytes(32)), now=0)
        rules = Rules(labels_as_of=LATEST - 1, label_delay=1)
        parts = list(
            training_parts(
                log, PLAN, rules, end=log.end(), shards=1, progress=lambda _s, _d, _t: None
            )
        )
    finally:
        log.close()
        quarantine.close()
    vectors = np.concatenate([part.vectors for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    frauds = frauds_of(world)
    is_fraud = np.array([each.tobytes() in frauds for each in ids])
    values = np.where(np.isnan(vectors), -1e18, vectors)
    return dict(zip(PLAN.names, values.T, strict=True)), is_fraud


def best_precision(values: np.ndarray, frauds: np.ndarray) -> float:
    """The better of ranking by the feature upwards and downwards."""
    return max(average_precision_score(frauds, values), average_precision_score(frauds, -values))


def offences(features: Mapping[str, np.ndarray], frauds: np.ndarray) -> Iterator[str]:
    for name, values in features.items():
        found = best_precision(values, frauds)
        if found > AVERAGE_PRECISION_MAX:
            yield f"{name} finds fraud with an average precision of {found:.3f}"


@pytest.mark.slow
def test_no_feature_of_the_catalogue_finds_fraud_by_itself(seen):
    features, frauds = seen
    assert frauds.sum() > 100
    assert list(offences(features, frauds)) == []


@pytest.mark.slow
def test_sabotage_a_feature_that_tells_is_noticed(seen):
    features, frauds = seen
    chance = np.random.default_rng(1)
    telling = frauds * (chance.random(len(frauds)) < 0.5) + chance.random(len(frauds)) * 0.4
    name = "payer_failed_login_count_24h"
    assert list(offences({**features, name: telling}, frauds)) != []
