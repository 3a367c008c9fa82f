"""What became of a decision is taken once, where it can follow, and counts where it should."""

from __future__ import annotations

import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.standing import Step
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection
from crivo.flows.event_of import value_of
from crivo.flows.follow_up import FollowUpName, FollowUpService, Told
from crivo.flows.following import followed
from crivo.flows.hold_ends import HoldService
from crivo.flows.replay import replay
from crivo.flows.telling import TellingService
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_hold_ends import held
from tests.unit.flows.test_telling import PSEUDONYMS

INITIATION = Phase.INITIATION


class Told2:
    """A world that takes follow-ups."""

    def __init__(self, played):
        self.played = played
        holds = HoldService(played.service, lambda _: None)
        telling = TellingService(played.service, PSEUDONYMS)
        self.service = FollowUpService(played.service, telling, holds)

    def tell(self, answer, step, *, at=SECOND, phase=INITIATION, **facts):
        told = Told(answer.end_to_end_id, phase, Step(step), START + at, **facts)
        return self.service.tell(told, supplied_received_at=START + max(at, 0)).result(60)

    def refused(self, answer, step, **facts):
        before = self.played.service.folded
        with pytest.raises(Refused) as caught:
            self.tell(answer, step, **facts)
        assert self.played.service.folded in {before, before + 1}
        return caught.value

    def names(self, answer):
        log = self.played.log
        return [each.name for each in followed(log, answer.end_to_end_id, "initiation")]


@pytest.fixture
def told(tmp_path):
    with world(tmp_path) as made:
        yield Told2(made)


def warned(told, number=1):
    answer = told.played.decide(
        transfer(number, occurred_at=START, payer=number, payee=100 + number)
    ).result(60)
    assert answer.outcome is Outcome.WARN
    return answer


def test_a_warning_that_was_confirmed_can_settle(told):
    answer = warned(told)
    told.tell(answer, "warn_confirmed")
    told.tell(answer, "settled", at=2 * SECOND)
    assert told.names(answer) == ["warn_confirmed", "settled"]
    streams = [each.event.stream for each in told.played.log.read(start=1, limit=5)]
    assert streams == ["pix.decisions.v1", "pix.settlements.v1"]


def test_a_repeat_gets_the_same_and_other_facts_a_conflict(told):
    answer = warned(told)
    first = told.tell(answer, "warn_confirmed")
    end = told.played.log.end()
    assert told.tell(answer, "warn_confirmed") == first
    assert told.refused(answer, "warn_confirmed", at=2 * SECOND).code is Code.CONFLICT
    assert told.played.log.end() == end


def test_what_cannot_follow_is_refused_and_says_what_may(told):
    answer = warned(told)
    refusal = told.refused(answer, "step_up_passed")
    assert refusal.code is Code.STEP_CONFLICT
    assert refusal.context["expected"] == "warn_confirmed, warn_abandoned, cancelled"
    told.tell(answer, "warn_abandoned")
    refusal = told.refused(answer, "settled", at=3 * SECOND)
    assert (refusal.code, refusal.context["expected"]) == (Code.STEP_CONFLICT, "nothing more")
    assert told.names(answer) == ["warn_abandoned"]


@pytest.mark.parametrize("name", FollowUpName)
def test_nothing_follows_what_nobody_decided(told, name):
    answer = warned(told)
    with pytest.raises(Refused) as caught:
        told.service.tell(
            Told(transfer(77).end_to_end_id, INITIATION, Step(name.value), START + SECOND)
        )
    assert caught.value.code is Code.NOT_FOUND
    other = told.refused(answer, name.value, phase=Phase.SETTLEMENT)
    assert other.code is Code.NOT_FOUND


def test_a_released_hold_does_not_end_by_itself(told):
    answer = held(told.played)
    told.tell(answer, "released")
    assert len(told.played.service.holds) == 0
    told.played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    told.service._holds.end_due()
    assert told.names(answer) == ["released"]


def test_a_hold_whose_time_is_over_cannot_be_released_even_if_nobody_looked(told):
    answer = held(told.played)
    refusal = told.refused(answer, "released", at=31 * MINUTE)
    assert refusal.code is Code.STEP_CONFLICT
    assert told.names(answer) == ["hold_end"]


def test_a_rejection_names_its_code_and_nothing_else_does(told):
    answer = held(told.played)
    assert told.refused(answer, "rejected").code is Code.FIELD_MISSING
    told.tell(answer, "rejected", rejection=Rejection.FRAD)
    value = value_of(told.played.log.read(start=1, limit=1)[0].event)
    assert (value.rejection, value.amount_centavos) == (Rejection.FRAD, 5_000_000)
    other = warned(told, 3)
    told.tell(other, "warn_confirmed")
    assert told.refused(other, "settled", rejection=Rejection.FRAD).code is Code.FIELD_VALUE


def test_what_happened_before_the_transfer_did_not_follow_it(told):
    answer = warned(told)
    assert told.refused(answer, "warn_confirmed", at=-SECOND).code is Code.TIME_RANGE


def test_follow_ups_add_nothing_to_state_and_settlements_do(told, tmp_path):
    answer = warned(told)
    before = told.played.service.counts
    told.tell(answer, "warn_confirmed")
    assert told.played.service.counts == before
    told.tell(answer, "rejected", at=2 * SECOND, rejection=Rejection.AB03)
    assert told.played.service.counts.folded == before.folded + 1
    told.played.decide(transfer(9, occurred_at=START + HOUR, payer=1, payee=101)).result(60)
    found = replay(told.played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (2, 0)


def test_a_start_knows_what_followed(tmp_path):
    with world(tmp_path) as played:
        answer = held(played)
        Told2(played).tell(answer, "released")
    with world(tmp_path) as again:
        assert len(again.service.holds) == 0
        told = Told2(again)
        assert told.names(answer) == ["released"]
        assert told.refused(answer, "cancelled", at=-SECOND).code is Code.TIME_RANGE
        told.tell(answer, "settled", at=2 * SECOND)
