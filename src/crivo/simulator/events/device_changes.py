"""Changes of devices: seen, registered, blocked, removed; each with what was before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s

#: The words of the log, and of no change before.
STATUSES: Final = ("SEEN", "REGISTERED", "BLOCKED", "REMOVED")
NOTHING: Final = -1


class Status(IntEnum):
    """Places in STATUSES."""

    SEEN = 0
    REGISTERED = 1
    BLOCKED = 2
    REMOVED = 3


@dataclass(frozen=True, slots=True)
class DeviceChanges:
    """One entry a change, in any order; `before` is a Status or NOTHING."""

    accounts: Int64s
    devices: Int64s
    at: Int64s
    status: Int64s
    before: Int64s


def changes(
    accounts: Int64s, devices: Int64s, at: Int64s, status: Status, before: Int64s | int
) -> DeviceChanges:
    """Changes to one status."""
    count = len(accounts)
    return DeviceChanges(
        accounts,
        devices,
        at,
        np.full(count, status, dtype=np.int64),
        np.asarray(np.broadcast_to(before, count), dtype=np.int64),
    )


def together(*parts: DeviceChanges) -> DeviceChanges:
    """All changes in one."""
    return DeviceChanges(
        np.concatenate([part.accounts for part in parts]),
        np.concatenate([part.devices for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.before for part in parts]),
    )
