"""The register of devices: every user's usual one, all that were used, and some that lie idle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.simulator.columns import Column, Columns, Kind, words
from crivo.simulator.draws import Bools, Int32s, Int64s, cumulated
from crivo.simulator.grain import MILLISECOND, to_milliseconds
from crivo.simulator.lettering import Names, spread
from crivo.simulator.naming import device_ids
from crivo.simulator.openings import set_up_after
from crivo.simulator.rows import DEVICE_SLOTS
from crivo.simulator.seven.blocks import NOBODY, least
from crivo.simulator.seven.holders import Holders, is_among
from crivo.simulator.seven.words import DeviceKind, DeviceStatus

#: Devices at scale 1.
DEVICES_OF_SCALE: Final = 30_000
_PERSON_KINDS: Final = (800, 165, 20, 15)
_COMPANY_KINDS: Final = (520, 150, 310, 20)
#: Of devices that nobody was seen to use, thousandths that were removed or blocked.
_REMOVED_PER_MILLE: Final = 150
_BLOCKED_PER_MILLE: Final = 20
_SECOND_SLOT: Final = 1
#: A device that takes over is registered two minutes before its first use, or so much earlier.
_SECONDS_BEFORE: Final = 40 * 60
_NOTHING: Final = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))


class UsedDevices:
    """Which devices were logged in from, as the days pass, and since when.

    Of the usual ones, which are registered with their users, it is enough to know whether.
    """

    def __init__(self, holders: Holders) -> None:
        self._used = np.zeros(holders.end, dtype=np.uint8)  # by user a bit a slot
        self._others: list[tuple[Int32s, Int64s]] = [_NOTHING]
        self._known_until = 0

    def see(self, devices: Int64s, instants: Int64s) -> None:
        """Log-ins from these devices, by time; none of them before an earlier call's last one."""
        if not len(devices):
            return
        assert instants[0] >= self._known_until
        self._known_until = int(instants[-1])
        new = np.flatnonzero(~self.was_used(devices))
        found, first = np.unique(devices[new], return_index=True)
        users, slots = np.divmod(found, DEVICE_SLOTS)
        np.bitwise_or.at(self._used, users, (1 << slots).astype(np.uint8))
        is_other = found % DEVICE_SLOTS != 0
        since = instants[new[first[is_other]]]
        self._others.append((found[is_other].astype(np.int32), since))

    def was_used(self, devices: Int64s) -> Bools:
        """Which of these devices were logged in from."""
        users, slots = np.divmod(devices, DEVICE_SLOTS)
        return np.asarray(self._used[users] >> slots & 1, dtype=np.bool_)

    def since(self, devices: Int64s, until: int) -> Int64s:
        """When each was first logged in from; `until` for usual ones and those that never were."""
        if len(self._others) > 1:
            numbers, at = (np.concatenate(column) for column in zip(*self._others, strict=True))
            order = np.argsort(numbers, kind="stable")
            self._others = [(numbers[order], at[order])]
        numbers, at = self._others[0]
        found = np.full(len(devices), until, dtype=np.int64)
        known = is_among(numbers, devices)
        found[known] = at[np.searchsorted(numbers, devices[known].astype(np.int32))]
        return found


class Devices:
    """The register of devices: usual and used ones, then idle second ones until `wanted`."""

    def __init__(self, holders: Holders, used: UsedDevices, wanted: int) -> None:
        self._holders = holders
        self._used = used
        self._idle = NOBODY
        missing = wanted - sum(len(devices) for devices in self.numbers())
        self._idle = least(self._idle_ones, missing)

    def numbers(self) -> Iterator[Int64s]:
        """The devices, account x DEVICE_SLOTS + slot, rising, in blocks."""
        for users in self._holders.users():
            devices = (users[:, None] * DEVICE_SLOTS + np.arange(DEVICE_SLOTS)).ravel()
            usual = devices % DEVICE_SLOTS == 0
            idle = self._idle.of(self._draw(devices), devices)
            idle &= devices % DEVICE_SLOTS == _SECOND_SLOT
            yield devices[usual | idle | self._used.was_used(devices)]

    def registered_at(self, devices: Int64s, users_at: Int64s, until: int) -> Int64s:
        """When each was registered: with its user, later, or just before its first log-in.

        Args:
            devices: Their numbers.
            users_at: When their users registered.
            until: The instant at which the world ends; nothing is registered later.
        """
        seed, slots = self._holders.seed, devices % DEVICE_SLOTS
        since = users_at + set_up_after(devices, seed ^ 0x72)
        known = np.minimum(self._used.since(devices, until), until)
        part = spread(devices, seed ^ 0x64617465) % 1000
        later = since + (known - since) // 1000 * part
        before = spread(devices, seed ^ 0x6265) % (_SECONDS_BEFORE * 1000) * MILLISECOND
        just_before = np.maximum(since, known - 2 * MINUTE - before)
        at = np.select([slots == 0, slots == _SECOND_SLOT], [since, later], default=just_before)
        return to_milliseconds(np.minimum(at, known - MILLISECOND))

    def _idle_ones(self) -> Iterator[tuple[Int64s, Int64s]]:
        for users in self._holders.users():
            devices = users * DEVICE_SLOTS + _SECOND_SLOT
            idle = devices[~self._used.was_used(devices)]
            yield self._draw(idle), idle

    def _draw(self, devices: Int64s) -> Int64s:
        return spread(devices, self._holders.seed ^ 0x69646C65)


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
    return words(tuple(DeviceKind))[np.where(holders.is_company(users), of_company, of_person)]


def _statuses(holders: Holders, devices: Int64s, is_used: Bools) -> Names:
    draw = spread(devices, holders.seed ^ 0x7374) % 1000
    idle = ~is_used & (devices % DEVICE_SLOTS != 0)
    blocked = idle & (draw < _BLOCKED_PER_MILLE)
    removed = idle & ~blocked & (draw < _BLOCKED_PER_MILLE + _REMOVED_PER_MILLE)
    place = np.select([removed, blocked], [1, 2], default=0)
    return words((DeviceStatus.ACTIVE, DeviceStatus.REMOVED, DeviceStatus.BLOCKED))[place]
