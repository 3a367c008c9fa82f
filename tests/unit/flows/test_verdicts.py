"""The queue of verdicts: pages that follow each other hold all that is open, each once."""

from __future__ import annotations

import random

import pytest

from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.flows import verdicts
from crivo.flows.decision_index import IndexedDecision
from crivo.flows.report import report_event_id
from crivo.flows.verdicts import OUTCOMES, verdict_report_id, waiting_for_verdict

SEED = 7
DECISIONS = 90


class Judged:
    """Of a log what the queue asks: which verdicts it knows."""

    def __init__(self, ids: set[str]) -> None:
        self._known = {report_event_id(verdict_report_id(each)) for each in ids}

    def known(self, event_ids: list[bytes]) -> set[bytes]:
        return self._known.intersection(event_ids)


def decisions() -> list[IndexedDecision]:
    """Many of one outcome and few of another; some allowed, some of the settlement phase."""
    drawn = random.Random(SEED)
    outcomes = drawn.choices(["ALLOW", "STEP_UP", "HOLD", "REJECT"], [3, 1, 20, 5], k=DECISIONS)
    found: list[IndexedDecision] = []
    for seq, outcome in enumerate(outcomes):
        phase, end_to_end_id = "initiation", f"E{seq}"
        if drawn.random() < 0.3:
            phase = "settlement"
            # Half of them are of a transfer that was decided before, at its initiation.
            if found and found[-1].phase == "initiation" and drawn.random() < 0.5:
                end_to_end_id = found[-1].end_to_end_id
        found.append(
            IndexedDecision(
                end_to_end_id=end_to_end_id,
                phase=phase,
                seq=seq,
                occurred_at=seq,
                received_at=1_795_435_200_000_000 + seq,
                outcome=outcome,
                score=drawn.randrange(5),
                payer_id=bytes(16),
                amount_centavos=100,
                payee_id=bytes(16),
            )
        )
    return found


@pytest.fixture
def index(tmp_path):
    opened = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    opened.put(decisions(), reached=DECISIONS)
    yield opened
    opened.close()


def open_ones(judged: set[str]) -> set[str]:
    """Every transfer that either of its decisions stopped."""
    stopped = {outcome.value for outcome in OUTCOMES}
    return {each.end_to_end_id for each in decisions() if each.outcome in stopped} - judged


def check_pages(index, monkeypatch, *, judged_share: float, looked_max: int) -> None:
    """The law, over pages of many sizes."""
    drawn = random.Random(SEED)
    judged = {each.end_to_end_id for each in decisions() if drawn.random() < judged_share}
    monkeypatch.setattr(verdicts, "LOOKED_MAX", looked_max)
    for page, read in ((1, 1), (2, 5), (7, 3), (50, 4), (50, 200)):
        monkeypatch.setattr(verdicts, "PAGE", page)
        monkeypatch.setattr(verdicts, "READ", read)
        seen, before, newest = [], None, DECISIONS
        for _ in range(5 * DECISIONS):
            found = waiting_for_verdict(index, Judged(judged), before=before)
            assert len(found.waiting) <= page
            places = [each.seq for each in found.waiting]
            assert all(place < newest for place in places)
            assert found.waiting == sorted(found.waiting, key=lambda each: (-each.score, -each.seq))
            newest, before = min(places, default=newest), found.before
            seen += [each.end_to_end_id for each in found.waiting]
            if before is None:
                break
        assert before is None, "the pages have an end"
        assert len(seen) == len(set(seen))
        assert set(seen) == open_ones(judged), (page, read)


@pytest.mark.parametrize("judged_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("looked_max", [1, 10, 6_000])
def test_pages_hold_every_open_decision_once(index, monkeypatch, judged_share, looked_max):
    check_pages(index, monkeypatch, judged_share=judged_share, looked_max=looked_max)


def ends_at_the_earliest(index, before):
    """Takes all that was read, though of one outcome the rest below is not known."""
    found, _ = STRETCH(index, before)
    read = [
        index.search(verdicts.DecisionQuery(outcome=each.value, before=before, limit=verdicts.READ))
        for each in OUTCOMES
    ]
    ends = [one[-1].seq for one in read if len(one) == verdicts.READ]
    return found, min(ends, default=None)


def ends_with_the_first(index, before):
    """Says that there is nothing behind the first stretch."""
    return STRETCH(index, before)[0], None


def begins_again(index, before):
    """Never goes on."""
    return STRETCH(index, None)


STRETCH = verdicts._stretch


@pytest.mark.parametrize("fault", [ends_at_the_earliest, ends_with_the_first, begins_again])
def test_sabotage_a_queue_that_misses_or_repeats_breaks_the_law(index, monkeypatch, fault):
    monkeypatch.setattr(verdicts, "_stretch", fault)
    monkeypatch.setattr(verdicts, "LOOKED_MAX", 10)
    with pytest.raises(AssertionError):
        check_pages(index, monkeypatch, judged_share=0.5, looked_max=10)
