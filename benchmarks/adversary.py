"""How a policy of a few rules holds over time, against fraudsters who adapt and who do not.

The figures are no speeds: for each period of four weeks, the share of victims' payments (and of
their value) that the policy stops, and the share of honest transfers that it does not let pass.
The peer of an adaptive figure is the static one of the same period.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import numpy as np

from benchmarks.harness import Row, Setting
from crivo.domain.instant import DAY
from crivo.simulator.adversary import Mode
from crivo.simulator.draws import Int64s
from crivo.simulator.options import SimulationOptions
from crivo.simulator.play import Answer, play
from crivo.simulator.rhythm import Day, hours_of
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.signals import Signal
from crivo.simulator.world import World, simulate

SEEDS: Final = (1, 2, 3)
PERIOD_DAYS: Final = 28
PERIODS: Final = 4

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


def run(setting: Setting) -> Iterator[Row]:
    """Recall and disturbance by period; the spread is that of the seeds."""
    seeds = SEEDS[:1] if setting.quick else SEEDS
    worlds = [_world(seed, quick=setting.quick) for seed in seeds]
    static = [_measured(world, Mode.STATIC) for world in worlds]
    adaptive = [_measured(world, Mode.ADAPTIVE) for world in worlds]
    for place, what in enumerate(
        ("victims' payments stopped", "victims' money stopped", "honest transfers disturbed")
    ):
        for period in range(PERIODS):
            before = [float(found[period, place]) for found in static]
            after = [float(found[period, place]) for found in adaptive]
            name = f"{what}, weeks {4 * period + 1} to {4 * period + 4}"
            yield setting.row(f"{name}, static", "share", before)
            peer = float(np.median(before))
            yield setting.row(f"{name}, adaptive (peer: static)", "share", after, peer=peer)


def _world(seed: int, *, quick: bool) -> World:
    scale = Decimal(1) if quick else Decimal(4)
    return simulate(SimulationOptions(seed=seed, days=PERIOD_DAYS * PERIODS, scale=scale))


def _measured(world: World, mode: Mode) -> np.ndarray:
    """Periods x (share of payments stopped, of money stopped, of honest transfers disturbed)."""
    sums = np.zeros((PERIODS, 6))
    for played in play(world, Rules().decide, mode):
        rows = played.rows
        robbed = (rows["typology"] != NONE) & (rows["hop"] == 1)
        honest = rows["typology"] == NONE
        amounts = rows["amount_centavos"].astype(np.float64)
        stopped = ~played.passed
        sums[played.day.index // PERIOD_DAYS] += (
            (robbed & stopped).sum(),
            robbed.sum(),
            amounts[robbed & stopped].sum(),
            amounts[robbed].sum(),
            (honest & (played.answers > Answer.WARN)).sum(),
            honest.sum(),
        )
    return sums[:, 0::2] / np.maximum(sums[:, 1::2], 1)
