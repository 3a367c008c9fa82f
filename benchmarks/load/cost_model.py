"""From one worker's figures to cores for all of Pix, and what unequal partitions cost.

Each worker folds the whole log and answers its own partitions. Of a rate R, a worker that has the
share s of the transfers is busy for R·f + R·s·d of each second: f is the processor time of reading
and folding an event, d what deciding it takes on top. So one core ends at 1/f events a second,
however many others there are. Beyond it state lies in shards: each of a transfer's entities is
folded by its owner alone, and the transfer is decided where all four meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from crivo.domain.streams import partition_of

#: A core is planned to be busy for this share of a second.
BUSY: Final = 0.7
#: State is told of a transfer's payer, payee, their pair and the device.
ENTITIES: Final = 4


def skew(activity: Sequence[int], *, accounts: int, partitions: int, seed: int) -> float:
    """The fullest partition over the mean one, of so many accounts that are as active as these.

    Args:
        activity: How many transfers some accounts made.
        accounts: How many accounts there are; their activity is drawn from these.
        partitions: Of the topic.
        seed: Of the draws and of the accounts' ids.
    """
    chance = np.random.default_rng(seed)
    made = chance.choice(np.asarray(activity), accounts)
    ids = chance.bytes(16 * accounts)
    places = [partition_of(ids[at : at + 16], partitions) for at in range(0, len(ids), 16)]
    loads = np.bincount(places, weights=made, minlength=partitions)
    return float(loads.max() / loads.mean())


def cores(rate: float, *, fold_seconds: float, decide_seconds: float, fullest: float) -> int | None:
    """How many workers of a core each answer a rate; None where folding alone takes one whole.

    `fullest` is `skew`: the busiest worker has that many times its share.
    """
    left = BUSY - rate * fold_seconds
    return math.ceil(rate * decide_seconds * fullest / left) if left > 0 else None


def sharded_cores(
    rate: float, *, fold_seconds: float, decide_seconds: float, fullest: float
) -> int:
    """The same where each entity is folded by its owner alone: what moves between them apart."""
    each = ENTITIES * fold_seconds + decide_seconds
    return math.ceil(rate * each * fullest / BUSY)
