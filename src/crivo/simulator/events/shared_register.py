"""What institutions tell each other of frauds, as of midnight: hits on person and device.

Source: Joint Resolution 6/2023, by which every institution records what it takes for a fraud within
a day and all may ask. Unlike the directory's markers these hold payments by hand and inside one
institution too. How much is recorded, and how often wrongly, is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.draws import Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.registry import OLD_SLOTS
from crivo.simulator.events.reported import Claims
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows

#: Thousandths of accepted claims that are recorded, and how long they count.
_RECORDED_PER_MILLE: Final = 700
_COUNTED: Final = 365 * DAY
#: In ten thousand persons, and devices, those that stand there for other reasons, or wrongly.
_OTHERS_OF_10_000: Final = 45
_DEVICES_OF_10_000: Final = 25


@dataclass(frozen=True, slots=True)
class Hits:
    """Records about each attempt's payer, payee and device."""

    payers: Int64s
    payees: Int64s
    devices: Int64s


class _Records:
    """Numbers and when each was recorded; some were before the world began."""

    def __init__(self, salt: int, others_of_10_000: int) -> None:
        self._salt = salt
        self._others = others_of_10_000
        self._numbers = np.zeros(0, dtype=np.int64)
        self._at = np.zeros(0, dtype=np.int64)

    def add(self, numbers: Int64s, at: Int64s) -> None:
        """Records that will be made, each at its instant."""
        told = spread(numbers ^ at, self._salt, 1000) < _RECORDED_PER_MILLE
        self._numbers = np.concatenate([self._numbers, numbers[told]])
        self._at = np.concatenate([self._at, at[told]])

    def hits(self, numbers: Int64s, midnight: int) -> Int64s:
        """How many stand there of each number at that instant."""
        counted = (self._at < midnight) & (self._at >= midnight - _COUNTED)
        known, counts = np.unique(self._numbers[counted], return_counts=True)
        others = (spread(numbers, self._salt, 10_000) < self._others).astype(np.int64)
        if len(known) == 0:
            return others
        places = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
        return np.where(known[places] == numbers, counts[places], 0) + others


class SharedRegister:
    """The records of all institutions, of persons and of the devices that others paid from."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._persons = _Records(accounts.town.seed ^ 0x726336, _OTHERS_OF_10_000)
        self._devices = _Records(accounts.town.seed ^ 0x726364, _DEVICES_OF_10_000)

    def note(self, claims: Claims, rows: Rows, stolen: Int64s) -> None:
        """Claims about the day's transfers, and the places of those that somebody else made."""
        accepted = claims.accepted
        persons = self._accounts.persons(claims.payees[accepted])
        self._persons.add(persons, claims.settled_at[accepted])
        devices, payers = rows["device"][stolen], rows["payer"][stolen]
        own = (devices // DEVICE_SLOTS == payers) & (devices % DEVICE_SLOTS < OLD_SLOTS)
        others = (devices != NONE) & ~own
        self._devices.add(devices[others], rows["settled_at"][stolen[others]])

    def day(self, day: Day, rows: Rows) -> Hits:
        """What was recorded before that date of the parties to its attempts."""
        payers, payees = (self._accounts.persons(rows[side]) for side in ("payer", "payee"))
        return Hits(
            payers=self._persons.hits(payers, day.midnight),
            payees=self._persons.hits(payees, day.midnight),
            devices=self._devices.hits(rows["device"].astype(np.int64), day.midnight),
        )
