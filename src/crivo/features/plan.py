"""A plan: a feature set, the tables that drive the kernel, and the hashes that name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.errors import Code, Misconfigured
from crivo.features import layout as k
from crivo.features.compiler import Compiler
from crivo.features.expression import from_canonical
from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import (
    Card,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Statistic,
    VisibleTo,
    sha256_of,
)
from crivo.features.window import Span, Window

#: A window with this many events or more is saturated: its sums could leave 63 bits.
SATURATION_EVENTS: Final = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What an engine runs. `table` is int64, read by the kernel alone; the hashes name the plan."""

    feature_set: FeatureSet
    table: NDArray[np.int64]
    saturation_events: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the vector's columns."""
        return self.feature_set.names

    @property
    def set_hash(self) -> str:
        """SHA-256 (hex) of the ordered feature hashes."""
        return self.feature_set.hash

    @property
    def plan_hash(self) -> str:
        """SHA-256 (hex) of the set hash and the kernel's version (and an unusual saturation)."""
        parts: list[object] = [self.set_hash, k.KERNEL_VERSION]
        if self.saturation_events != SATURATION_EVENTS:
            parts.append(self.saturation_events)
        return sha256_of(parts)

    def to_json(self) -> str:
        """The plan as text, with the cards: what a bundle keeps."""
        return json.dumps(
            {
                "kernel_version": k.KERNEL_VERSION,
                "set_hash": self.set_hash,
                "plan_hash": self.plan_hash,
                "saturation_events": self.saturation_events,
                "features": [_feature_to(feature) for feature in self.feature_set.features],
            },
            indent=1,
            sort_keys=True,
            ensure_ascii=False,
        )


def compile_plan(feature_set: FeatureSet, *, saturation_events: int = SATURATION_EVENTS) -> Plan:
    """The plan of a feature set; equal sets give equal tables.

    `saturation_events` is lowered only by tests, which cannot fold eight million events.
    """
    assert 2 <= saturation_events <= SATURATION_EVENTS
    table = Compiler(saturation_events).compile(feature_set)
    table.flags.writeable = False
    return Plan(feature_set=feature_set, table=table, saturation_events=saturation_events)


def plan_from_json(text: str) -> Plan:
    """The plan that `Plan.to_json` wrote, compiled again and compared by its hashes.

    Raises:
        Misconfigured: PLAN_MISMATCH where this release's kernel or meaning of a declaration is
            another; DEFINITION_INVALID where the text is no plan.
    """
    try:
        document = json.loads(text)
        features = tuple(_feature_from(item) for item in document["features"])
        plan = compile_plan(FeatureSet(features), saturation_events=document["saturation_events"])
        expected = {name: document[name] for name in ("kernel_version", "set_hash", "plan_hash")}
    except (ValueError, KeyError, TypeError) as cause:
        raise Misconfigured(
            Code.DEFINITION_INVALID, "the text is not a plan", field="plan", found=repr(cause)[:80]
        ) from cause
    found = {
        "kernel_version": k.KERNEL_VERSION,
        "set_hash": plan.set_hash,
        "plan_hash": plan.plan_hash,
    }
    for name, value in expected.items():
        if found[name] != value:
            raise Misconfigured(
                Code.PLAN_MISMATCH,
                f"the plan's {name} is {value!r}, and here {found[name]!r}",
                hint="Run the release that wrote the bundle, or train on this one.",
                field=name,
                expected=value,
                found=found[name],
            )
    return plan


def _feature_to(feature: Feature) -> dict[str, object]:
    card = feature.card
    return {
        "name": feature.name,
        "hash": feature.hash,
        **feature.canonical(),
        "filter_name": None if feature.filter is None else feature.filter.name,
        "card": {name: str(getattr(card, name)) for name in Card.__dataclass_fields__},
    }


def _feature_from(item: Mapping[str, Any]) -> Feature:
    span, minutes = item["window"]
    tree, card = item["filter"], dict(item["card"])
    card["visible_to"] = VisibleTo(card["visible_to"])
    if "rationale" not in card:
        # Bundles made before purposes were a closed list kept the rationale under that name.
        card["rationale"], card["purpose"] = card["purpose"], LawfulPurpose.FRAUD_PREVENTION.value
    card["purpose"] = LawfulPurpose(card["purpose"])
    return Feature(
        entity=Entity(item["entity"]),
        event=EventKind(item["event"]),
        measure=Measure(item["measure"]),
        statistic=Statistic(item["statistic"]),
        window=Window(Span(span), minutes),
        filter=None if tree is None else Filter(str(item["filter_name"]), from_canonical(tree)),
        card=Card(**card),
    )
