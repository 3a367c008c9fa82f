"""What shards make of their own keys, joined, is what the whole plan makes, whatever the deal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crivo.domain.instant import HOUR, MINUTE
from crivo.features import shard as sharding
from crivo.features.engine import Engine, vector_bytes
from crivo.features.plan import Plan, compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import RowKind
from crivo.features.shard import ROUTES, ShardFold, join, shards_of
from crivo.features.spec import Entity, Feature, FeatureSet, Statistic
from crivo.features.window import OWN_NIGHT
from tests.parity.long_stream import parts

SEED, ROWS = 8, 12_000


def plan() -> Plan:
    """The catalogue, and what it does not declare: a payee's own night, told of it as a payer."""
    features = default_feature_set().features
    counted = next(each for each in features if each.statistic is Statistic.COUNT)
    theirs = replace(counted, entity=Entity.PAYEE, window=OWN_NIGHT, filter=None)
    return compile_plan(FeatureSet((*features, theirs)))


PLAN = plan()
(STREAM,) = parts(ROWS, SEED)
# From half past five in Brasília, so that nights begin within it, at hours that are told.
for _name in ("occurred_at", "received_at"):
    STREAM[_name] -= 6 * HOUR + 30 * MINUTE
WANTED = STREAM["kind"] == RowKind.TRANSFER


def whole() -> bytes:
    vectors, flags = Engine(PLAN).vectors(STREAM, WANTED)
    return vector_bytes(vectors) + flags.tobytes()


def dealt(count: int) -> bytes:
    shards = shards_of(PLAN, count)
    made: list[tuple[Any, Any]] = [ShardFold(each).vectors(STREAM, WANTED) for each in shards]
    vectors, flags = join(shards, made, STREAM, WANTED)
    return vector_bytes(vectors) + flags.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 5])
def test_any_number_of_shards_makes_the_same_vectors(count: int) -> None:
    assert dealt(count) == whole()


@pytest.mark.slow
@pytest.mark.parametrize("entity", [name for name in ROUTES if name != "transfer"])
def test_sabotage_an_entity_that_is_dealt_by_somebody_else_is_noticed(
    monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    right = ROUTES[entity]
    party = ("event_0", "event_1")
    monkeypatch.setattr(
        sharding, "ROUTES", {**ROUTES, entity: replace(right, folds=(party,), reads=party)}
    )
    assert dealt(3) != whole()


@pytest.mark.slow
@pytest.mark.parametrize("entity", ["payee_key", "payee_person"])
def test_sabotage_a_key_or_a_person_that_is_dealt_by_the_account_is_noticed(
    monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    monkeypatch.setattr(sharding, "ROUTES", {**ROUTES, entity: ROUTES["payee"]})
    assert dealt(3) != whole()


@pytest.mark.slow
def test_sabotage_a_payees_own_night_that_the_payee_alone_is_dealt_by_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = sharding.route_of

    def forgetful(feature: Feature) -> sharding.Route:
        is_theirs = feature.window == OWN_NIGHT and feature.entity is Entity.PAYEE
        return ROUTES["payee"] if is_theirs else honest(feature)

    monkeypatch.setattr(sharding, "route_of", forgetful)
    assert dealt(3) != whole()
