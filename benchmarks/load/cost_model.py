"""From one worker's figures to cores for all of Pix, and what unequal partitions cost.

Each worker folds the whole log and answers its own partitions. Of a rate R, a worker that has the
share s of the transfers is busy for R·f + R·s·d of each second: f is the processor time of reading
and folding an event, d what deciding it takes on top. So one core ends at 1/f events a second,
however many others there are. Beyond it state lies in shards: each of a transfer's entities is
folded by its owner alone, and the transfer is decided where all four meet.
"""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.streams import partition_of

#: A core is planned to be busy for this share of a second.
BUSY: Final = 0.7
#: State is told of a transfer's payer, payee, their pair and the device.
ENTITIES: Final = 4

Loads = NDArray[np.float64]


def places(accounts: int, *, partitions: int, seed: int) -> NDArray[np.int64]:
    """The partition of each of so many accounts, whose ids come of the seed: int64[accounts]."""
    ids = np.random.default_rng(seed).bytes(16 * accounts)
    found = [partition_of(ids[at : at + 16], partitions) for at in range(0, len(ids), 16)]
    return np.asarray(found, np.int64)


def merged(loads: Loads, hands: int) -> Loads:
    """What each of so many hands bears, partitions being dealt to them in turn: float64[hands].

    As a partition is an account's hash modulo their number, partitions that are dealt to a divisor
    of it are what a topic of that many would hold.
    """
    return np.bincount(np.arange(len(loads)) % hands, weights=loads, minlength=hands)


def busiest(loads: Loads, hands: int) -> float:
    """The fullest of so many hands over the mean one."""
    dealt = merged(loads, hands)
    return float(dealt.max() / dealt.mean())


def cores(rate: float, *, fold_seconds: float, decide_seconds: float, loads: Loads) -> int | None:
    """How many workers of a core each answer a rate that comes in these loads, a partition each.

    None where no number does: folding alone takes one whole, or the fullest partition does.
    """
    for count in range(1, len(loads) + 1):
        share = busiest(loads, count) / count
        if rate * (fold_seconds + share * decide_seconds) <= BUSY:
            return count
    return None


def sharded_cores(
    rate: float, *, fold_seconds: float, decide_seconds: float, loads: Loads
) -> int | None:
    """The same where each entity is folded by its owner alone: what moves between them apart.

    None where the fullest partition, which is the least that moves, takes more than a core.
    """
    each = ENTITIES * fold_seconds + decide_seconds
    least = math.ceil(rate * each / BUSY)
    for count in itertools.takewhile(lambda n: n <= len(loads), itertools.count(least)):
        if rate * each * busiest(loads, count) / count <= BUSY:
            return count
    return None
