"""Which devices the payer's institution has registered, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.device_changes import (
    NOTHING,
    DeviceChanges,
    Status,
    changes,
    together,
)
from crivo.simulator.events.sorted_pairs import SortedPairs, firsts, paired
from crivo.simulator.events.timing import lead
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows

#: The first slots of an account are devices from before the world began.
OLD_SLOTS: Final = 2
#: Above this a transfer from a device that is not registered is not possible (1 November 2024).
UNREGISTERED_MAX_CENTAVOS: Final = 200_00
#: Thousandths of new devices whose owner pays small sums before registering it.
_LATE_PER_MILLE: Final = 300
_REGISTERED_BEFORE: Final = (20 * SECOND, 45 * MINUTE)
_SEEN_BEFORE: Final = (5 * SECOND, 60 * SECOND)
#: Thousandths of old telephones that are taken off the list once the new one is on it (assumed).
_REPLACED_PER_MILLE: Final = 600
_REMOVED_AFTER: Final = (HOUR, 72 * HOUR)
_BLOCKED_AFTER: Final = (MINUTE, 30 * MINUTE)


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Devices of a day's attempts (one entry each), and what changed because of that day."""

    registered_at: Int64s  # NONE where there is no device, or it is not registered yet
    is_registered: Bools
    changes: DeviceChanges


class Registry:
    """Remembers the devices that were registered during the world."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known = SortedPairs()
        self._seen = SortedPairs()
        self._blocked = SortedPairs()
        self._salt = accounts.town.seed ^ 0x72656769

    def day(self, day: Day, draws: Draws, rows: Rows, stolen: Int64s) -> DeviceFacts:
        """The devices of the day's attempts, which are in time order.

        `stolen` are the places of those that somebody else made in the payer's name, by claims that
        are accepted.
        """
        payers, devices = rows["payer"], rows["device"]
        has_device = devices != NONE
        old = (devices // DEVICE_SLOTS == payers) & (devices % DEVICE_SLOTS < OLD_SLOTS)
        pairs = paired(payers, np.where(has_device, devices, 0))
        is_new = has_device & ~old
        new = np.flatnonzero(is_new)
        changed = together(
            *self._register(day, draws, rows, pairs, new),
            self._block(draws, rows, pairs, stolen[is_new[stolen]]),
        )
        known, registered_at = self._known.look_up(pairs)
        registered_at = np.where(old, self._registered_before(payers, devices), registered_at)
        registered = has_device & (old | known) & (registered_at <= rows["occurred_at"])
        return DeviceFacts(
            registered_at=np.where(registered, registered_at, NONE),
            is_registered=registered,
            changes=changed,
        )

    def _register(
        self, day: Day, draws: Draws, rows: Rows, pairs: Int64s, places: Int64s
    ) -> tuple[DeviceChanges, ...]:
        """Registers what must be: before the first transfer, or the first above the limit.

        What pays small sums before that is seen; a telephone takes the place of the one before.
        """
        known, _ = self._known.look_up(pairs[places])
        places = places[~known]
        late = spread(pairs[places], self._salt, 1000) < _LATE_PER_MILLE
        small = rows["amount_centavos"][places] <= UNREGISTERED_MAX_CENTAVOS
        needed = places[~(late & small)]
        first = needed[firsts(pairs[needed])]
        at = lead(
            rows["occurred_at"][first], day.start, draws.spans(*_REGISTERED_BEFORE, len(first))
        )
        seen = self._see(day, draws, rows, pairs, places, (pairs[first], at))
        self._known.add(pairs[first], at)
        was_seen, _ = self._seen.look_up(pairs[first])
        before = np.where(was_seen, Status.SEEN, NOTHING)
        payers, devices = rows["payer"][first], rows["device"][first]
        registered = changes(payers, devices, at, Status.REGISTERED, before)
        replaced = (devices == payers * DEVICE_SLOTS + OLD_SLOTS) & draws.chance(
            _REPLACED_PER_MILLE, len(first)
        )
        removed = changes(
            payers[replaced],
            payers[replaced] * DEVICE_SLOTS,
            at[replaced] + draws.spans(*_REMOVED_AFTER, int(replaced.sum())),
            Status.REMOVED,
            Status.REGISTERED,
        )
        return seen, registered, removed

    def _see(
        self,
        day: Day,
        draws: Draws,
        rows: Rows,
        pairs: Int64s,
        places: Int64s,
        registered: tuple[Int64s, Int64s],
    ) -> DeviceChanges:
        """What is used for the first time without having been registered before that use."""
        before, _ = self._seen.look_up(pairs[places])
        places = places[~before]
        first = places[firsts(pairs[places])]
        today = SortedPairs()
        today.add(*registered)
        known, at = today.look_up(pairs[first])
        first = first[~known | (at > rows["occurred_at"][first])]
        spans = draws.spans(*_SEEN_BEFORE, len(first))
        at = lead(rows["occurred_at"][first], day.start, spans)
        self._seen.add(pairs[first], at)
        return changes(rows["payer"][first], rows["device"][first], at, Status.SEEN, NOTHING)

    def _block(self, draws: Draws, rows: Rows, pairs: Int64s, stolen: Int64s) -> DeviceChanges:
        """Blocks whoever's device it was, once, when the claim is accepted."""
        blocked, _ = self._blocked.look_up(pairs[stolen])
        stolen = stolen[~blocked]
        stolen = stolen[firsts(pairs[stolen])]
        at = rows["settled_at"][stolen] + draws.spans(*_BLOCKED_AFTER, len(stolen))
        self._blocked.add(pairs[stolen], at)
        registered, _ = self._known.look_up(pairs[stolen])
        before = np.where(registered, Status.REGISTERED, Status.SEEN)
        return changes(rows["payer"][stolen], rows["device"][stolen], at, Status.BLOCKED, before)

    def _registered_before(self, payers: Int64s, devices: Int64s) -> Int64s:
        opened = self._accounts.opened_at(payers)
        # Of an account that opens during the world it is within the hour, before its first use.
        lived = np.maximum(self._accounts.start - opened, HOUR) // MILLISECOND
        share = spread(devices, self._salt, 1000)
        return opened + lived * share // 1000 * MILLISECOND
