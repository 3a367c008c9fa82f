"""Payments through an initiator (Open Finance): who initiated, under which consent and enrolment.

Without a journey through the bank's own app a device is enrolled once with an initiator, and each
payment names that enrolment; otherwise each has a consent alone. How many do is an assumption.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field
from crivo.simulator.events.sorted_pairs import paired
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.lettering import Names
from crivo.simulator.naming import random_keys
from crivo.simulator.rows import INITIATIONS, NONE

#: Payment initiators, by their roots of eight characters.
INITIATORS: Final = ("INI00001", "INI00002", "INI00003")
#: Thousandths of devices that are enrolled with the initiator they pay through.
_ENROLLED_PER_MILLE: Final = 350

FIELDS: Final = (
    Field("initiator", Kind.WORD, ALL, "root of the initiator, for INIC", nullable=True),
    Field("consent_id", Kind.TEXT, BOTH, "the payer's consent, for INIC", nullable=True),
    Field("enrolment_id", Kind.TEXT, BOTH, "of the device with the initiator", nullable=True),
)


def values(facts: DayFacts, draws: Draws) -> Drawn:
    """Who initiated the day's transfers; of all others the fields are null."""
    rows, seed = facts.rows, facts.seed
    count = len(rows)
    initiators = draws.below(len(INITIATORS), count)
    own = rows["initiation"] != INITIATIONS.index(Initiation.INIC)
    mine = np.flatnonzero(~own)
    devices = rows["device"][mine]
    enrolments = paired(np.maximum(devices, 0), initiators[mine])
    enrolled = (devices != NONE) & (spread(enrolments, seed ^ 0x656E72, 1000) < _ENROLLED_PER_MILLE)
    without = np.ones(count, dtype=np.bool_)
    without[mine[enrolled]] = False
    consents = facts.draws("consents").words(len(mine)).astype(np.int64)
    return {
        "initiator": (words(INITIATORS)[initiators], own),
        "consent_id": (_scattered(random_keys(seed, consents), mine, count), own),
        "enrolment_id": (
            _scattered(random_keys(seed ^ 0x656E72, enrolments), mine, count),
            without,
        ),
    }


def _scattered(names: Names, places: Int64s, count: int) -> Names:
    found = np.zeros(count, dtype=names.dtype)
    found[places] = names
    return found
