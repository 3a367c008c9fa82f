"""What may be said of a transfer's label: three tiers of knowledge, and too young for any."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

#: `known_at` of a transfer that nobody has reported, or whose report nobody has accepted.
NEVER: Final = np.iinfo(np.int64).max

Int64s = npt.NDArray[np.int64]


class Tier(IntEnum):
    """How far the label of a transfer is known, as of one instant.

    `ACCEPTED`: the participants agreed that it was fraud. `DISPUTED`: somebody claimed so, and the
    claim is open or was rejected: a noisy negative. `SILENT`: nobody claimed it in the time that a
    label takes to arrive; fraud that nobody reports is among them. `IMMATURE`: younger than that,
    so that even silence says nothing.
    """

    ACCEPTED = 0
    DISPUTED = 1
    SILENT = 2
    IMMATURE = 3


def mature(occurred_at: Int64s, *, labels_as_of: int, label_delay: int) -> npt.NDArray[np.bool_]:
    """bool[n]: a row's silence means something, since its label had `label_delay` to arrive."""
    old: npt.NDArray[np.bool_] = occurred_at <= labels_as_of - label_delay
    return old


def tiers(
    occurred_at: Int64s,
    accepted_at: Int64s,
    claimed_at: Int64s,
    *,
    labels_as_of: int,
    label_delay: int,
) -> npt.NDArray[np.int8]:
    """int8[n] of `Tier`, as of `labels_as_of`: nothing that became known later is looked at.

    `accepted_at` and `claimed_at` are when the first accepted report and the first report at all
    became known, `NEVER` where there is none. A young row is immature whatever is known of it: to
    keep those alone that were reported early would make the newest days look like fraud.
    """
    found = np.full(len(occurred_at), Tier.SILENT, dtype=np.int8)
    found[claimed_at <= labels_as_of] = Tier.DISPUTED
    found[accepted_at <= labels_as_of] = Tier.ACCEPTED
    found[~mature(occurred_at, labels_as_of=labels_as_of, label_delay=label_delay)] = Tier.IMMATURE
    return found
