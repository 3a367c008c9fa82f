"""Histograms tell what the client's own would tell of the same values, one call each."""

from __future__ import annotations

import random
import threading
from bisect import bisect_right

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as Clients
from prometheus_client.registry import Collector

from crivo.adapters.telemetry import histogram as histograms
from crivo.adapters.telemetry.histogram import Histogram, Spread

EDGES = (0.25, 0.5, 1.0, 4.0)
#: Below, on, between and above the edges, and how often each was seen.
SEEN = {0.0: 3, 0.1: 1, 0.25: 2, 0.3: 5, 0.5: 1, 1.0: 4, 1.5: 2, 4.0: 3, 4.25: 1, 99.0: 2}


def samples(collector: Collector) -> list[tuple[str, dict[str, str], float]]:
    """What a registry finds, but for when the client's own was made."""
    return [
        (each.name, each.labels, each.value)
        for family in collector.collect()
        for each in family.samples
        if not each.name.endswith("_created")
    ]


def two(labels: tuple[str, ...]) -> tuple[Histogram, Clients]:
    ours = Histogram("waited", "How long.", labels, EDGES)
    theirs = Clients("waited", "How long.", labels, buckets=EDGES, registry=None)
    return ours, theirs


def differ() -> bool:
    """Whether the two tell of the same values otherwise."""
    ours, theirs = two(("stage",))
    for stage in ("log", "model"):
        for value, times in SEEN.items():
            ours.labels(stage).observe(value, times)
            for _ in range(times):
                theirs.labels(stage).observe(value)
    return samples(ours) != samples(theirs)


def test_equal_values_together_are_told_as_one_by_one():
    assert not differ()


def test_sabotage_an_edge_that_lies_above_its_own_value_is_noticed(monkeypatch):
    monkeypatch.setattr(histograms, "bisect_left", bisect_right)
    assert differ()


def test_a_histogram_without_labels_is_there_before_its_first_value():
    ours, theirs = two(())
    assert samples(ours) == samples(theirs)
    ours.labels().observe(0.3)
    theirs.observe(0.3)
    assert samples(ours) == samples(theirs)


def test_two_of_one_name_are_not_registered():
    registry = CollectorRegistry()
    registry.register(two(())[0])
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(two(())[0])


def test_values_of_several_threads_are_all_counted():
    spread, seed = Spread(EDGES), 11
    values = random.Random(seed).choices(list(SEEN), k=2_000)
    threads = [
        threading.Thread(target=lambda: [spread.observe(value, 2) for value in values])
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    counts, total = spread.told()
    assert counts[-1] == 16_000
    assert total == pytest.approx(8 * sum(values))
