"""What the rail did with a blocked credit: part of it back ends nothing, all of it back does."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.rail import ON_RAIL
from crivo.decision.standing import standing
from crivo.domain.errors import Code
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.settlement import SettlementStatus
from crivo.flows.following import followed
from crivo.flows.holds import OpenHolds
from crivo.flows.replica import restored
from tests.unit.decision.worlds import START, world
from tests.unit.flows.test_blocks import (
    SETTLEMENT,
    blocked,
    credit,
    ends,
    give_back,
    holds_of,
    messages,
    over,
    replayed,
    texts,
    told_by_rail,
    written,
)
from tests.unit.flows.test_follow_up import Told2
from tests.unit.flows.test_review import report_of

CENTAVOS = credit().amount_centavos


@pytest.fixture
def played(tmp_path):
    with world(tmp_path, texts=texts()) as made:
        yield made


def looked(played):
    """What ends holds had its turn."""
    service, told = holds_of(played)
    service.end_due()
    written(played)
    return told


def steps(played, answer):
    return [each.name for each in followed(played.log, answer.end_to_end_id, SETTLEMENT)]


def stands(played, answer):
    events = followed(played.log, answer.end_to_end_id, SETTLEMENT)
    return standing(Outcome.HOLD, (each.step for each in events), is_block=True)


@pytest.mark.parametrize("parts", [[1], [CENTAVOS - 1], [1, CENTAVOS - 2]])
def test_a_return_of_a_part_leaves_the_block_until_its_time_is_over(played, tmp_path, parts):
    answer = blocked(played)
    for number, part in enumerate(parts):
        give_back(played, part, number)
    assert looked(played) == []
    assert (stands(played, answer), len(played.service.holds)) == ("BLOCKED", 1)
    assert over(played) == ["ALLOW"]
    assert steps(played, answer) == ["hold_end"]
    assert stands(played, answer) == "SETTLED"
    assert replayed(played, tmp_path).is_equal


@pytest.mark.parametrize("parts", [[CENTAVOS], [1, CENTAVOS - 1], [2, CENTAVOS - 3, 1]])
def test_a_block_ends_once_all_of_it_went_back_and_is_released_no_more(played, tmp_path, parts):
    answer, told = blocked(played), Told2(played)
    told.tell(answer, "settled", at=SECOND, phase=SETTLEMENT)
    for number, part in enumerate(parts):
        give_back(played, part, number, at=(number + 2) * SECOND)
    refusal = told.refused(answer, "released", at=MINUTE, phase=SETTLEMENT)
    written(played)
    assert (refusal.code, refusal.context["expected"]) == (Code.STEP_CONFLICT, "nothing more")
    assert steps(played, answer) == ["settled", "returned"]
    (event,) = followed(played.log, answer.end_to_end_id, SETTLEMENT)[1:]
    assert (event.occurred_at, event.caller) == (START + (len(parts) + 1) * SECOND, None)
    assert stands(played, answer) == "STOPPED"
    assert over(played) == [], "nobody counts it as a block that nobody ended"
    assert (ends(played.log), len(played.service.holds)) == ([], 0)
    assert messages(played)[1:] == [("hold.ended", "RETURNED", "REJECT")]
    assert replayed(played, tmp_path).is_equal


def test_who_returned_it_first_said_so_once(played):
    answer, told = blocked(played), Told2(played)
    told.tell(answer, "returned", at=SECOND, phase=SETTLEMENT)
    give_back(played, CENTAVOS, at=MINUTE)
    assert looked(played) == []
    assert steps(played, answer) == ["returned"]
    assert messages(played)[1:] == [("hold.ended", "RETURNED", "REJECT")]


def test_a_return_after_the_time_of_the_block_is_no_end_of_it(played):
    answer = blocked(played)
    give_back(played, CENTAVOS, at=72 * HOUR)
    assert over(played) == ["ALLOW"]
    assert steps(played, answer) == ["hold_end"]


def test_a_start_and_a_snapshot_know_what_went_back_so_far(tmp_path):
    with world(tmp_path, texts=texts()) as played:
        answer = blocked(played)
        give_back(played, 1, 1)
        snapshot, bundle = played.service.replica.snapshot("world"), played.service.bundle
        written(played)
    for start in (None, restored(bundle.plan, snapshot)):
        with world(tmp_path, bundle=bundle, start=start) as again:
            if start is None:
                give_back(again, CENTAVOS - 1, 2)
                written(again)
            else:
                # The process ended before it said that all of it went back.
                assert looked(again) == []
                assert steps(again, answer) == ["returned"]
            assert len(again.service.holds) == (start is None)


def test_a_return_ends_no_order_that_is_held(played):
    made = credit()
    assert played.decide(made, waited_ms=500).result(60).outcome is Outcome.HOLD
    give_back(played, CENTAVOS)
    assert len(played.service.holds) == 1
    assert over(played) == ["REJECT"]
    assert [each.outcome for each in ends(played.log)] == [Outcome.REJECT]


@pytest.mark.parametrize("is_credited", [False, True])
def test_an_order_that_the_rail_cancelled_is_blocked_no_more(played, is_credited):
    answer = blocked(played)
    if is_credited:
        played.service.append(told_by_rail(SettlementStatus.SETTLED), (), lambda _: None)
    played.service.append(told_by_rail(SettlementStatus.CANCELLED), (), lambda _: None)
    written(played)
    assert (stands(played, answer), len(played.service.holds)) == ("STOPPED", 0)
    assert steps(played, answer)[-1] == "cancelled"
    assert messages(played)[1:] == [("hold.ended", "CANCELLED", None)]
    assert over(played) == []


def test_the_report_of_a_block_says_that_nobody_can_cancel_it(played):
    answer = blocked(played)
    order = credit(2)
    played.decide(order, waited_ms=500).result(60)
    block = report_of(played, answer.end_to_end_id, phase=SETTLEMENT).on_rail
    assert "nobody can cancel" in block.action
    assert (block.service_level, block.rejection) == (None, None)
    held = report_of(played, order.end_to_end_id).on_rail
    assert held.action == ON_RAIL[Outcome.HOLD].action
    assert held.service_level == "PAGFRD"


def test_sabotage_a_state_that_counts_no_centavos_ends_a_block_by_one(played, monkeypatch):
    def all_of_it(holds, held, value, received_at):
        whole = dataclasses.replace(value, returned_centavos=value.amount_centavos)
        real(holds, held, whole, received_at)

    real = OpenHolds._return
    monkeypatch.setattr(OpenHolds, "_return", all_of_it)
    answer = blocked(played)
    give_back(played, 1)
    looked(played)
    assert stands(played, answer) == "STOPPED", "so the law above would be red"


def test_sabotage_a_state_that_forgot_the_parts_never_ends_a_block_by_them(played, monkeypatch):
    def forgetful(holds, held, value, received_at):
        real(holds, msgspec.structs.replace(held, returned_centavos=0), value, received_at)

    real = OpenHolds._return
    monkeypatch.setattr(OpenHolds, "_return", forgetful)
    answer = blocked(played)
    give_back(played, 1, 1)
    give_back(played, CENTAVOS - 1, 2)
    looked(played)
    assert stands(played, answer) == "BLOCKED", "so the law above would be red"
