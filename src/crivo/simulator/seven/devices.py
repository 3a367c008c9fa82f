"""The register of devices: every user's usual one, all that were used, and some that lie idle."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.simulator.columns import Column, Columns, Kind, words
from crivo.simulator.draws import Bools, Int64s, cumulated
from crivo.simulator.grain import MILLISECOND, to_milliseconds
from crivo.simulator.lettering import Names, spread
from crivo.simulator.naming import device_ids
from crivo.simulator.rows import DEVICE_SLOTS
from crivo.simulator.seven.holders import Holders, was_seen
from crivo.simulator.seven.words import DeviceKind, DeviceStatus

#: Devices at scale 1.
DEVICES_OF_SCALE: Final = 30_000
_PERSON_KINDS: Final = (800, 165, 20, 15)
_COMPANY_KINDS: Final = (520, 150, 310, 20)
#: Of devices that nobody was seen to use, thousandths that were removed or blocked.
_REMOVED_PER_MILLE: Final = 150
_BLOCKED_PER_MILLE: Final = 20
#: A device that takes over is registered minutes before its first use.
_SECOND_SLOT: Final = 1


def registered_devices(holders: Holders, first_used: Int64s, wanted: int) -> Int64s:
    """The numbers of the devices: usual and used ones, then idle second ones until `wanted`."""
    is_registered = was_seen(first_used)
    is_registered[holders.numbers * DEVICE_SLOTS] = True
    idle = holders.numbers * DEVICE_SLOTS + _SECOND_SLOT
    idle = idle[~is_registered[idle]]
    order = np.argsort(spread(idle, holders.seed ^ 0x69646C65), kind="stable")
    missing = max(0, wanted - int(is_registered.sum()))
    is_registered[idle[order[:missing]]] = True
    return np.flatnonzero(is_registered).astype(np.int64)


def devices_registered_at(
    holders: Holders, devices: Int64s, first_used: Int64s, registered_at: Int64s, until: int
) -> Int64s:
    """When each device was registered: with its user, later, or just before its first log-in.

    Args:
        holders: The users.
        devices: Numbers: account x DEVICE_SLOTS + slot.
        first_used: By device number, the first log-in or the greatest integer.
        registered_at: By user number, when the user registered.
        until: The instant at which the world ends; nothing is registered later.
    """
    users, slots = np.divmod(devices, DEVICE_SLOTS)
    since = registered_at[users] + (1 + spread(devices, holders.seed ^ 0x72) % 9) * MINUTE
    used = first_used[devices]
    known = np.minimum(np.where(was_seen(used), used, until), until)
    part = spread(devices, holders.seed ^ 0x64617465) % 1000
    later = since + (known - since) // 1000 * part
    just_before = np.maximum(since, known - (2 + part % 40) * MINUTE)
    at = np.select([slots == 0, slots == _SECOND_SLOT], [since, later], default=just_before)
    return to_milliseconds(np.minimum(at, known - MILLISECOND))


def device_columns(holders: Holders, devices: Int64s, at: Int64s, is_used: Bools) -> Columns:
    """`dispositivos` of these devices, in their order."""
    users = devices // DEVICE_SLOTS
    return (
        Column("id_dispositivo", Kind.TEXT, device_ids(holders.seed, devices)),
        Column("id_usuario", Kind.TEXT, holders.ids(users)),
        Column("tipo_dispositivo", Kind.WORD, _kinds(holders, devices, users)),
        Column("data_registro", Kind.INSTANT, at),
        Column("status", Kind.WORD, _statuses(holders, devices, is_used)),
    )


def _kinds(holders: Holders, devices: Int64s, users: Int64s) -> Names:
    draw = spread(devices, holders.seed ^ 0x7469706F) % 1000
    of_person = np.searchsorted(cumulated(_PERSON_KINDS), draw, side="right")
    of_company = np.searchsorted(cumulated(_COMPANY_KINDS), draw, side="right")
    return words(tuple(DeviceKind))[np.where(holders.is_company[users], of_company, of_person)]


def _statuses(holders: Holders, devices: Int64s, is_used: Bools) -> Names:
    draw = spread(devices, holders.seed ^ 0x7374) % 1000
    idle = ~is_used & (devices % DEVICE_SLOTS != 0)
    blocked = idle & (draw < _BLOCKED_PER_MILLE)
    removed = idle & ~blocked & (draw < _BLOCKED_PER_MILLE + _REMOVED_PER_MILLE)
    place = np.select([removed, blocked], [1, 2], default=0)
    return words((DeviceStatus.ACTIVE, DeviceStatus.REMOVED, DeviceStatus.BLOCKED))[place]
