"""The faulted stream of a world, as it is written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from crivo.adapters.world_files.faulted import write_faulted
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import SMALL

RATES = {"duplicated": 100_000, "malformed": 100_000}


def test_each_thing_that_is_done_is_a_line_and_progress_is_told_until_the_last_day(tmp_path: Path):
    world = simulate(replace(SMALL, days=2))
    told: list[tuple[int, int]] = []
    written = write_faulted(
        tmp_path / "faulted",
        world,
        Viewpoint.PAYER_PSP,
        RATES,
        lambda made, of: told.append((made, of)),
    )
    lines = (tmp_path / "faulted" / "done.jsonl").read_text().splitlines()
    done = [json.loads(line) for line in lines]
    assert Counter(one["fault"] for one in done) == written.done
    assert set(done[0]) == {"fault", "number", "copy", "how", "by"}
    assert {one["copy"] for one in done if one["fault"] == "malformed"} == {0, 1}
    assert {one["copy"] for one in done if one["fault"] == "duplicated"} == {1}
    assert written.received == written.sent + written.done["duplicated"]
    made, of = told[-1]
    assert made == of == world.options.transfers
