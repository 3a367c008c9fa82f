"""A merchant whom thousands pay in a day, some of it delayed: what the kernel counts is right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.load.windowed import busy_merchant
from crivo.domain.instant import DAY
from tests.parity.judging import disagreements

#: Of so many transfers the first is judged: a hundred and more, spread over the whole stream.
JUDGED_EVERY = 61


@pytest.mark.slow
def test_a_merchant_of_thousands_of_transfers_a_day_agrees() -> None:
    rows = busy_merchant(8_000, 200, seed=3)
    assert len(np.unique(rows["payee_0"])) == 1
    assert rows["occurred_at"].max() - rows["occurred_at"].min() > DAY
    assert (np.diff(rows["occurred_at"]) < 0).sum() > 100, "some come after later ones"
    assert disagreements(rows, every=JUDGED_EVERY) == []


@pytest.mark.slow
def test_sabotage_one_centavo_more_in_a_merchant_s_day_is_noticed() -> None:
    rows = busy_merchant(8_000, 200, seed=3)
    other = rows.copy()
    other["amount_centavos"][4_000] += 1
    said = disagreements(rows, other, every=JUDGED_EVERY)
    assert any("payee_amount_sum_24h" in each for each in said)
