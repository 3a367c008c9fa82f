"""Reviews that wait: what was asked for and not answered, also after a start and in a snapshot."""

from __future__ import annotations

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.phase import Phase
from crivo.domain.review import Review, ReviewResult, ReviewSide, ReviewStatus
from crivo.flows.event_of import event_of
from crivo.flows.open_reviews import OpenReviews
from crivo.flows.replica import restored
from crivo.flows.review import Asked, ReviewService
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.domain.examples import ABOUT, NOON

PAYER, PAYEE = ReviewSide


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def decided(played, number):
    made = transfer(number, occurred_at=START + number * MINUTE)
    played.decide(made).result(60)
    return made.end_to_end_id


def take(played, id_, side, after, phase=Phase.INITIATION, **answer):
    asked, at = Asked(id_, side, phase, **answer), START + HOUR + after * MINUTE
    ReviewService(played.service).take(asked, supplied_received_at=at).result(60)


def waiting(played, **asked):
    found = played.service.replica.reviews.oldest(100, **asked)
    return [(each.end_to_end_id, each.side) for each in found]


def test_what_was_asked_for_waits_until_its_side_is_answered_the_oldest_first(played):
    one, two = decided(played, 1), decided(played, 2)
    assert waiting(played) == []
    take(played, two, PAYER, 1)
    take(played, one, PAYEE, 2)
    take(played, one, PAYER, 3)
    take(played, one, PAYER, 4)
    everything = [(two, "PAYER"), (one, "PAYEE"), (one, "PAYER")]
    assert waiting(played) == everything
    assert waiting(played, skip=1) == everything[1:]
    assert played.service.replica.reviews.oldest(1)[0].asked_at == START + HOUR + MINUTE
    take(played, one, PAYEE, 5, reviewer="ana", result=ReviewResult.UPHELD)
    assert waiting(played) == [(two, "PAYER"), (one, "PAYER")]
    assert len(played.service.replica.reviews) == 2


def test_a_start_and_a_snapshot_find_those_that_wait_and_no_others(tmp_path):
    with world(tmp_path) as played:
        one, two = decided(played, 1), decided(played, 2)
        take(played, one, PAYER, 1)
        take(played, two, PAYER, 2)
        take(played, one, PAYER, 3, reviewer="ana", result=ReviewResult.CHANGED)
        snapshot = played.service.replica.snapshot("world")
        bundle = played.service.bundle
    with world(tmp_path) as again:
        assert waiting(again) == [(two, "PAYER")]
    with world(tmp_path, bundle=bundle, start=restored(bundle.plan, snapshot)) as from_snapshot:
        assert waiting(from_snapshot) == [(two, "PAYER")]


def test_a_snapshot_without_reviews_is_refused(played):
    snapshot = played.service.replica.snapshot("world")
    del snapshot.arrays["reviews"]
    with pytest.raises(Misconfigured) as refused:
        restored(played.service.bundle.plan, snapshot)
    assert refused.value.code is Code.SNAPSHOT_INVALID


def test_each_phase_waits_and_is_answered_by_itself():
    reviews, at = OpenReviews(), NOON + HOUR

    def fold(status, phase, *answer):
        previous = None if status is ReviewStatus.REQUESTED else ReviewStatus.REQUESTED
        step = Review(*ABOUT, at, previous, status, PAYER, *(answer or (None, None)), phase)
        reviews.fold(event_of(step, occurred_at=at, received_at=at, source="test"))

    for phase in Phase:
        fold(ReviewStatus.REQUESTED, phase)
    assert [each.phase for each in reviews.oldest(9)] == ["initiation", "settlement"]
    fold(ReviewStatus.ANSWERED, Phase.INITIATION, "ana", ReviewResult.UPHELD)
    assert [each.phase for each in reviews.oldest(9)] == ["settlement"]
