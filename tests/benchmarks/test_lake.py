"""What the lake's benchmark times is a lake that takes and refines every row of its log."""

from __future__ import annotations

from benchmarks import lake


def test_every_row_of_the_log_is_taken_and_refined_and_each_stage_is_timed():
    rows = lake.log_rows(lake.log_events(500))
    took = lake.refined(rows)
    assert min(took.append, took.refine, took.processor) > 0
    layers = {layer for _, _, layer in (stage.partition(" ") for stage in took.stages)}
    assert {"bronze", "silver", "gold"} <= layers
