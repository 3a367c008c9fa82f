"""Machines for all of Pix, ten and a hundred times it: reckoned from a worker's recorded figures.

Nothing is measured here. What an event takes to fold and to decide is read from the record of the
engines, what a key of state takes from that of the features; how unequal partitions are is
simulated, with payers of a simulated world and with accounts of a power law. The page
`docs/explanation/capacity.md` says what is assumed besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.harness import Row, Setting
from benchmarks.load.cost_model import Loads, busiest, cores, merged, places, sharded_cores
from benchmarks.load.record import recorded
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import simulate

#: The rows of the records that all of this rests upon.
DECIDED: Final = "worker, Kafka to Kafka, plain, a second of processor time"
FOLDED: Final = "worker that folds what others answer, a second of processor time"
KEY_BYTES: Final = "state of 10,000,002 keys, 4,000,000 events, a key"

#: Transfers a second: all of Pix in the busiest second of its record day, ten and a hundred times.
RATES: Final = (8_000, 100_000, 1_000_000)
#: Who has a key of Pix, where the first of the rates is met (Banco Central, August 2026).
USERS: Final = 186_300_000
#: Keys of state that a user leaves: account, person, key, device, and six payees.
KEYS_A_USER: Final = 10

#: A machine, and which share of its memory state may fill; of a core as `cost_model.BUSY` says.
MACHINE_CORES: Final = 16
MACHINE_GIB: Final = 128
FILLED: Final = 0.7

#: Counts of partitions, each a multiple of those before, and of workers that share 64 of them.
PARTITIONS: Final = (4, 16, 64, 256)
TOPIC: Final = 64
WORKERS: Final = (3, 5, 12, 40)
#: Parts that state is dealt to owners in, where it lies in shards.
SHARDS: Final = 4_096

ACCOUNTS: Final = 200_000
ACCOUNTS_QUICK: Final = 20_000
SEEDS: Final = (1, 2, 3, 4, 5)
SEEDS_QUICK: Final = (1, 2)
#: The exponent of the power law: the n-th most active account pays n ** -EXPONENT as often.
EXPONENT: Final = 1.1


@dataclass(frozen=True, slots=True)
class Terms:
    """Processor seconds of reading and folding an event, and of deciding one on top."""

    fold_seconds: float
    decide_seconds: float


def run(setting: Setting) -> Iterator[Row]:
    """The rows: what is read from the records, skew, cores, memory and machines by rate."""
    terms = recorded_terms()
    key_bytes = recorded("features", KEY_BYTES)
    yield setting.row("to read and fold an event (recorded)", "µs", [terms.fold_seconds * 1e6])
    yield setting.row("to decide one, on top (recorded)", "µs", [terms.decide_seconds * 1e6])
    yield setting.row("a key of state (recorded)", "bytes", [key_bytes])
    people, powers = _simulated(setting)
    yield from skews(setting, "simulated payers", people)
    yield from skews(setting, f"accounts of a power law of {EXPONENT}", powers)
    # Of the worlds of all seeds the first stands for all.
    yield from needs(setting, terms, people[0], key_bytes)


def recorded_terms() -> Terms:
    """What the record of the engines says of a worker.

    Raises:
        LookupError: nobody measured them.
    """
    fold = 1 / recorded("engines", FOLDED)
    return Terms(fold, max(0.0, 1 / recorded("engines", DECIDED) - fold))


def skews(setting: Setting, who: str, of_seeds: list[Loads]) -> Iterator[Row]:
    """The fullest partition and the busiest worker, each over the mean one, seed by seed."""
    for count in PARTITIONS:
        found = [busiest(loads, count) for loads in of_seeds]
        yield setting.row(f"fullest of {count} partitions over the mean, {who}", "times", found)
    topics = [merged(loads, TOPIC) for loads in of_seeds]
    for count in WORKERS:
        found = [busiest(loads, count) for loads in topics]
        what = f"busiest of {count} workers of {TOPIC} partitions over the mean, {who}"
        yield setting.row(what, "times", found)


def needs(setting: Setting, terms: Terms, shards: Loads, key_bytes: float) -> Iterator[Row]:
    """Cores, memory and machines for each rate, that comes in these loads, a shard each."""
    costs = {"fold_seconds": terms.fold_seconds, "decide_seconds": terms.decide_seconds}
    for rate in RATES:
        what = f"cores for {rate:,}/s, brokers apart"
        whole = cores(rate, **costs, loads=merged(shards, TOPIC))
        if whole is None:
            why = "folding, or the fullest partition, takes more than a core"
            yield setting.not_run(f"{what}, each with all state", "cores", why)
        else:
            yield setting.row(f"{what}, each with all state", "cores", [float(whole)])
        sharded = sharded_cores(rate, **costs, loads=shards)
        if sharded is None:
            why = "the fullest shard takes more than a core"
            yield setting.not_run(f"{what}, state in shards", "cores", why)
            continue
        yield setting.row(f"{what}, state in shards", "cores", [float(sharded)])
        gibibytes = rate / RATES[0] * USERS * KEYS_A_USER * key_bytes / 2**30
        yield setting.row(f"state at {rate:,}/s, once", "GiB", [gibibytes])
        machines = max(
            math.ceil(sharded / MACHINE_CORES), math.ceil(gibibytes / (FILLED * MACHINE_GIB))
        )
        what = f"machines of {MACHINE_CORES} cores and {MACHINE_GIB} GiB for {rate:,}/s"
        yield setting.row(f"{what}, state in shards", "machines", [float(machines)])


def _simulated(setting: Setting) -> tuple[list[Loads], list[Loads]]:
    """Of each seed the loads of shards: of payers who are as active as those of its world, and of
    accounts of a power law.
    """
    accounts, seeds = (ACCOUNTS_QUICK, SEEDS_QUICK) if setting.quick else (ACCOUNTS, SEEDS)
    powers = np.arange(1, accounts + 1, dtype=np.float64) ** -EXPONENT
    found: tuple[list[Loads], list[Loads]] = [], []
    for seed in seeds:
        world = simulate(SimulationOptions(seed=seed))
        paid = np.concatenate([rows["payer"] for _, rows in world.rows()])
        active = np.unique(paid, return_counts=True)[1]
        at = places(accounts, partitions=SHARDS, seed=seed)
        people = np.random.default_rng(seed).choice(active, accounts)
        for loads, made in zip(found, (people, powers), strict=True):
            loads.append(np.bincount(at, weights=made, minlength=SHARDS))
    return found
