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
from crivo.simulator.adversary import Mode
from crivo.simulator.answers import Answer
from crivo.simulator.options import SimulationOptions
from crivo.simulator.play import play
from crivo.simulator.policies.rules import Rules
from crivo.simulator.rows import NONE
from crivo.simulator.world import World, simulate

SEEDS: Final = (1, 2, 3)
PERIOD_DAYS: Final = 28
PERIODS: Final = 4


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
