"""Four rules such as a bank begins with: marked payees, others' sessions, young payees, nights."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Int64s
from crivo.simulator.policy import Decide, Policy
from crivo.simulator.rhythm import Day, hours_of
from crivo.simulator.rows import Rows
from crivo.simulator.signals import Signal

#: Young is a payee first seen less than this ago; large sums begin at these centavos.
YOUNG: Final = 5 * DAY
LARGE_CENTAVOS: Final = 30_000
LARGE_AT_NIGHT_CENTAVOS: Final = 20_000
NIGHT: Final = (22, 23, 0, 1, 2, 3, 4, 5)
OTHERS_SESSION: Final = int(Signal.REMOTE_ACCESS | Signal.NEW_DEVICE | Signal.CREDENTIAL_RESET)


class Rules:
    """Stops marked payees, sums for young payees never paid before, and sessions of others."""

    def __init__(self) -> None:
        self._first_seen: dict[int, int] = {}
        self._pairs: set[tuple[int, int]] = set()

    def decide(self, _day: Day, seen: Rows, marked: Int64s) -> Int64s:
        """One of Answer for each transfer."""
        pairs = list(zip(seen["payer"].tolist(), seen["payee"].tolist(), strict=True))
        times = seen["occurred_at"].tolist()
        new = np.zeros(len(seen), dtype=np.bool_)
        ages = np.zeros(len(seen), dtype=np.int64)
        for place, (pair, at) in enumerate(zip(pairs, times, strict=True)):
            new[place] = pair not in self._pairs
            ages[place] = at - self._first_seen.setdefault(pair[1], at)
            self._pairs.add(pair)
        amounts = seen["amount_centavos"]
        night = np.isin(hours_of(seen["occurred_at"]), NIGHT)
        others = (seen["signals"] & OTHERS_SESSION) > 0
        return np.select(
            [
                np.isin(seen["payee"], marked),
                new & others,
                new & (ages < YOUNG) & (amounts >= LARGE_CENTAVOS),
                new & night & (amounts >= LARGE_AT_NIGHT_CENTAVOS),
            ],
            [Answer.REJECT, Answer.HOLD, Answer.HOLD, Answer.HOLD],
            default=Answer.ALLOW,
        ).astype(np.int64)


def _begin() -> Decide:
    return Rules().decide


POLICY: Final = Policy(
    name="rules",
    meaning=(
        "Rejects payees that accepted claims have marked. Holds a first payment to somebody when "
        "the session shows remote access, a new device or a new password, one of R$ 300 and more "
        "to a payee first seen less than five days ago, and one of R$ 200 and more at night."
    ),
    stops=True,
    begin=_begin,
)
