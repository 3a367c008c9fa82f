"""Histograms with fixed edges that take equal values together: the client's own take one a call."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Spread:
    """The values of one set of labels by edge. Safe in several threads."""

    __slots__ = ("_counts", "_edges", "_lock", "_sum")

    def __init__(self, edges: Sequence[float]) -> None:
        self._edges: Final = edges
        self._counts = [0] * (len(edges) + 1)
        self._sum = 0.0
        self._lock: Final = threading.Lock()

    def observe(self, value: float, times: int = 1) -> None:
        """The value was seen so many times; an edge's own value lies below it."""
        place = bisect_left(self._edges, value)
        with self._lock:
            self._counts[place] += times
            self._sum += times * value

    def told(self) -> tuple[list[int], float]:
        """How many lie at or below each edge, and then all of them; and their sum."""
        with self._lock:
            return list(accumulate(self._counts)), self._sum


class Histogram(Collector):
    """The spreads of one metric by its labels, for a registry of the client."""

    def __init__(
        self, name: str, meaning: str, labels: Sequence[str], edges: Sequence[float]
    ) -> None:
        self._told: Final = (name, meaning)
        self._names: Final = labels
        self._edges: Final = tuple(edges)
        self._spreads: dict[tuple[str, ...], Spread] = {}
        if not labels:
            self.labels()

    def labels(self, *values: str) -> Spread:
        """The spread of these labels, in the order of their names."""
        assert len(values) == len(self._names), self._told
        return self._spreads.setdefault(values, Spread(self._edges))

    def describe(self) -> list[HistogramMetricFamily]:
        """The metric without a value: its names are its own."""
        return [self._family()]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The metric with all its spreads."""
        family = self._family()
        edges = [*map(repr, self._edges), "+Inf"]
        for values, spread in list(self._spreads.items()):
            counts, total = spread.told()
            family.add_metric(values, list(zip(edges, counts, strict=True)), total)
        yield family

    def _family(self) -> HistogramMetricFamily:
        name, meaning = self._told
        return HistogramMetricFamily(name, meaning, labels=self._names)
