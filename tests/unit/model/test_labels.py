"""A label's tier at its boundaries: what became known at T is known as of T, and not before."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.domain.instant import DAY
from crivo.model.labels import NEVER, Tier, mature, tiers

AS_OF = 30 * DAY
DELAY = 7 * DAY


def tier(*, occurred_at: int = 0, accepted_at: int = NEVER, claimed_at: int = NEVER) -> Tier:
    columns = (np.array([each]) for each in (occurred_at, accepted_at, claimed_at))
    return Tier(tiers(*columns, labels_as_of=AS_OF, label_delay=DELAY)[0])


@pytest.mark.parametrize(("after", "found"), [(-1, True), (0, True), (1, False)])
def test_a_report_counts_from_the_very_instant_at_which_it_was_known(
    after: int, found: bool
) -> None:
    accepted = tier(accepted_at=AS_OF + after, claimed_at=AS_OF - DAY)
    assert accepted is (Tier.ACCEPTED if found else Tier.DISPUTED)
    assert tier(claimed_at=AS_OF + after) is (Tier.DISPUTED if found else Tier.SILENT)


@pytest.mark.parametrize(("after", "is_mature"), [(-1, True), (0, True), (1, False)])
def test_silence_says_something_once_the_whole_delay_has_passed(
    after: int, is_mature: bool
) -> None:
    at = AS_OF - DELAY + after
    assert tier(occurred_at=at) is (Tier.SILENT if is_mature else Tier.IMMATURE)
    assert mature(np.array([at]), labels_as_of=AS_OF, label_delay=DELAY).tolist() == [is_mature]
    young = tier(occurred_at=at, accepted_at=AS_OF, claimed_at=AS_OF)
    assert young is (Tier.ACCEPTED if is_mature else Tier.IMMATURE)
