"""What is sent and answered about reviews."""

from __future__ import annotations

import msgspec

from crivo.adapters.http.id_texts import OwnIdText
from crivo.domain.phase import Phase
from crivo.domain.review import ReviewResult, ReviewSide


class ReviewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/reviews`: a request, or with `reviewer` and `result` its answer."""

    end_to_end_id: str
    phase: Phase | None = None
    side: ReviewSide | None = None
    reviewer: OwnIdText | None = None
    result: ReviewResult | None = None
    received_at: str | None = None


class ReviewStepAnswer(msgspec.Struct, frozen=True, gc=False):
    """A step of a review; `reviewer` and `result` are of the answer."""

    side: str
    status: str
    received_at: str
    reviewer: str | None
    result: str | None


class ReviewAnswer(msgspec.Struct, frozen=True, gc=False):
    """The reviews of a decision: the steps of each side, the request first."""

    end_to_end_id: str
    phase: str
    steps: tuple[ReviewStepAnswer, ...]
