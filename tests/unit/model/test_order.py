"""Rows without a time are dealt so that every stretch has its share of frauds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.model.order import Order, drawn_order
from crivo.model.split import SplitOptions, split_by_time
from tests.unit.model.worlds import labelled


def test_every_stretch_of_a_drawn_order_has_its_share_of_positives():
    # All positives come first, as in a file that was sorted by its label.
    labels = np.arange(10_000) < 137
    places = drawn_order(labels)
    assert sorted(places.tolist()) == list(range(10_000))
    ordered = np.empty_like(labels)
    ordered[places] = labels
    for cut in (0.15, 0.3, 0.5, 0.8):
        assert ordered[: int(cut * 10_000)].sum() == pytest.approx(137 * cut, abs=1.5)
    # It is drawn: what is next to each other in the file is so there no longer.
    assert np.abs(np.diff(places)).mean() > 1_000
    np.testing.assert_array_equal(places, drawn_order(labels))


def test_a_split_without_time_says_so_in_places_and_names_no_date():
    dataset = replace(labelled(), label_delay=0, order=Order.DRAWN)
    places = drawn_order(dataset.labels())
    known = np.where(dataset.labels(), places, dataset.known_at)
    dataset = replace(dataset, occurred_at=places, known_at=known)
    split = split_by_time(dataset, SplitOptions())
    told = split.as_json()
    assert told["order"] == "drawn"
    assert told["train_start"] == 0
    assert told["test_end"] == len(dataset) == 6_000
    assert "of the drawn order" in told["calibration_starts"]
    assert split.said(1_234) == "place 1,234 of the drawn order"
    assert replace(split, order=Order.FILE).said(1_234) == "row 1,234"
    shares = [
        getattr(split, f"positives_{part}") / getattr(split, f"rows_{part}")
        for part in ("train", "calibration", "test")
    ]
    assert max(shares) - min(shares) < 0.003
    with pytest.raises(Refused) as refusal:
        split_by_time(dataset, SplitOptions(without_compromised=True))
    assert refusal.value.code is Code.FIELD_MISSING
