"""The transfer that an event is about: the fields that its kinds share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crivo.simulator.columns import words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.institutions import ISPBS


def about(facts: DayFacts, of: Int64s) -> dict[str, npt.NDArray[np.bytes_] | Int64s | Bools]:
    """Accounts, institutions and instant of the day's transfers at the places `of`."""
    ispbs = words(ISPBS)
    return {
        "payer_account": facts.payer_names[of],
        "payee_account": facts.payee_names[of],
        "payer_ispb": ispbs[facts.payer_places[of]],
        "payee_ispb": ispbs[facts.payee_places[of]],
        "transfer_occurred_at": facts.rows["occurred_at"][of],
        "is_same_psp": facts.same_psp[of],
    }
