"""The policy that stops nothing: what the world is planned against."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.answers import Answer
from crivo.simulator.draws import Int64s
from crivo.simulator.policy import Decide, Policy
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows


def allow_all(_day: Day, seen: Rows, _marked: Int64s) -> Int64s:
    """ALLOW for each transfer."""
    return np.full(len(seen), int(Answer.ALLOW), dtype=np.int64)


def _begin() -> Decide:
    return allow_all


POLICY: Final = Policy(name="allow", meaning="Stops nothing.", stops=False, begin=_begin)
