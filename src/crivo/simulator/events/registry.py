"""Which devices the payer's institution has registered, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.sorted_pairs import SortedPairs, firsts, paired
from crivo.simulator.events.timing import MILLISECOND, lead
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows

#: The first slots of an account are devices from before the world began.
_OLD_SLOTS: Final = 2
#: Above this a transfer from a device that is not registered is not possible (1 November 2024).
UNREGISTERED_MAX_CENTAVOS: Final = 200_00
#: Thousandths of new devices whose owner pays small sums before registering it.
_LATE_PER_MILLE: Final = 300
_REGISTERED_BEFORE: Final = (20 * SECOND, 45 * MINUTE)


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Devices of a day's transfers (one entry each), and the registrations of that day."""

    registered_at: Int64s  # NONE where there is no device, or it is not registered yet
    is_registered: Bools
    registrations: Rows  # for each registration the transfer that made it necessary
    registrations_at: Int64s


class Registry:
    """Remembers the devices that were registered during the world."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known = SortedPairs()
        self._salt = accounts.town.seed ^ 0x72656769

    def day(self, day: Day, draws: Draws, rows: Rows) -> DeviceFacts:
        """The devices of the day's transfers, which are in time order."""
        payers, devices = rows["payer"], rows["device"]
        has_device = devices != NONE
        old = (devices // DEVICE_SLOTS == payers) & (devices % DEVICE_SLOTS < _OLD_SLOTS)
        pairs = paired(payers, np.where(has_device, devices, 0))
        is_new = has_device & ~old
        made, made_at = self._register(day, draws, rows, pairs, np.flatnonzero(is_new))
        known, registered_at = self._known.look_up(pairs)
        registered_at = np.where(old, self._registered_before(payers, devices), registered_at)
        registered = has_device & (old | known) & (registered_at <= rows["occurred_at"])
        return DeviceFacts(
            registered_at=np.where(registered, registered_at, NONE),
            is_registered=registered,
            registrations=rows[made],
            registrations_at=made_at,
        )

    def _register(
        self, day: Day, draws: Draws, rows: Rows, pairs: Int64s, places: Int64s
    ) -> tuple[Int64s, Int64s]:
        """Registers what must be: before the first transfer, or the first above the limit."""
        known, _ = self._known.look_up(pairs[places])
        places = places[~known]
        late = spread(pairs[places], self._salt, 1000) < _LATE_PER_MILLE
        small = rows["amount_centavos"][places] <= UNREGISTERED_MAX_CENTAVOS
        needed = places[~(late & small)]
        first = needed[firsts(pairs[needed])]
        spans = draws.spans(*_REGISTERED_BEFORE, len(first))
        at = lead(rows["occurred_at"][first], day.start, spans)
        self._known.add(pairs[first], at)
        return first, at

    def _registered_before(self, payers: Int64s, devices: Int64s) -> Int64s:
        opened = self._accounts.opened_at(payers)
        lived = np.maximum(self._accounts.start - opened, MINUTE) // MILLISECOND
        share = spread(devices, self._salt, 1000)
        return opened + lived * share // 1000 * MILLISECOND
