"""The rows of a job of Spark count every second that a decision costs, and every transfer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import lake, spark
from benchmarks.harness import Setting
from crivo.domain.streams import Stream
from crivo.flows.codec import decode_report, decode_transfer

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")

#: 1,000 records: a cold batch of 250 in 9 s, 750 in 3 s, and refining in 5 s, of them 2 behind all.
FIRST = spark.Ran(
    decided=800,
    batches=4,
    records=1_000,
    first_records=250,
    first_seconds=9.0,
    seconds={
        "triggerExecution": 12.0,
        "decide": 4.0,
        "read": 0.5,
        "publish": 1.5,
        "bronze": 2.0,
        "refine": 5.0,
        "await": 2.0,
    },
)
#: What was decided: a cold batch of 400 in 3 s, 400 in 1 s, and refining as long.
SECOND = spark.Ran(
    decided=0,
    batches=2,
    records=800,
    first_records=400,
    first_seconds=3.0,
    seconds={**FIRST.seconds, "triggerExecution": 4.0},
)


def rows(first=FIRST, second=SECOND):
    """The rows of one run, by their words."""
    made = spark.job_rows(SETTING, [(first, second)], decided=800, peer=50.0)
    return {row.what: row for row in made}


def test_a_decision_costs_what_warm_batches_take_and_what_is_refined_behind_them():
    assert (FIRST.taken, SECOND.taken) == (6.0, 4.0)
    whole = rows()[spark.WHOLE]
    assert (whole.found, whole.ratio, whole.holds) == (80.0, 1.6, False)


@pytest.mark.parametrize("stage", ["triggerExecution", "await"])
@pytest.mark.parametrize("place", [0, 1])
def test_sabotage_a_slower_stage_of_either_job_lowers_the_rate(stage, place):
    ran = [FIRST, SECOND]
    slower = {**ran[place].seconds, stage: ran[place].seconds[stage] + 1.0}
    ran[place] = replace(ran[place], seconds=slower)
    assert rows(*ran)[spark.WHOLE].found < rows()[spark.WHOLE].found


def test_the_stages_of_a_batch_add_up_to_it():
    found = rows()
    stages = [*spark.STAGES, "the rest of batches"]
    million = 1e6 / 800
    assert sum(found[f"a million decisions: {name}"].found for name in stages) == 12.0 * million


def test_behind_every_so_many_transfers_there_is_a_claim_about_the_last():
    transfers = [
        event._replace(stream=Stream.TRANSFERS)
        for event in lake.log_events(200)
        if event.stream is Stream.HISTORY
    ]
    events = spark.with_claims(transfers)
    assert [event for event in events if event.stream is Stream.TRANSFERS] == transfers
    claims = [at for at, event in enumerate(events) if event.stream is Stream.REPORTS]
    assert claims == [49, 99, 149, 199]
    about = [decode_report(events[at].payload).end_to_end_id for at in claims]
    assert about == [decode_transfer(events[at - 1].payload).end_to_end_id for at in claims]
