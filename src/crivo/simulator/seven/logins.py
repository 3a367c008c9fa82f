"""The log of authentications: before most payments, many without one, and some that fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.events.timing import lead
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.lettering import spread
from crivo.simulator.rhythm import Day, instants_during
from crivo.simulator.rows import DEVICE_SLOTS, INITIATIONS, NONE, Rows, make_rows
from crivo.simulator.seven.blocks import BLOCK, by_time
from crivo.simulator.seven.holders import Holders
from crivo.simulator.seven.registrations import Registrations
from crivo.simulator.seven.words import LoginKind
from crivo.simulator.world import World

#: Log rows for each transfer of the window.
LOGINS_A_TRANSFER: Final = 2
LOGIN_KINDS: Final = (LoginKind.BIOMETRY, LoginKind.PASSWORD, LoginKind.PIN, LoginKind.TOKEN)
LOGIN: Final = np.dtype(
    [("at", "<i8"), ("user", "<i8"), ("device", "<i8"), ("kind", "<i1"), ("failed", "?")]
)

#: Payments with a log-in of their own; the others come in the same session.
_OWN_LOGIN_PER_MILLE: Final = 850
_BEFORE: Final = (20 * SECOND, 10 * MINUTE)
#: Of log-ins without a payment: failures on an own device, and attempts from an unknown one.
_MISTYPED_PER_MILLE: Final = 60
_UNKNOWN_PER_MILLE: Final = 15
#: Of log-ins without a payment: by people of the town, who do more; the others by any user.
_ACTIVE_PER_MILLE: Final = 600
_USUAL_PER_MILLE: Final = 850
_KINDS: Final = (560, 240, 150, 50)


class Sessions:
    """Draws the log of each day of a window."""

    def __init__(self, world: World, holders: Holders, registrations: Registrations) -> None:
        self._world = world
        self._holders = holders
        eves = [day.midnight - HOUR for day in world.days]
        self._registered = np.zeros(len(world.days), dtype=np.int64)
        #: Users by when they register, and how many have on each day's eve.
        self._by_age = np.empty(holders.count, dtype=np.int32)
        filled = 0
        for planned, users in by_time(lambda: _planned(holders, registrations), BLOCK):
            self._by_age[filled : filled + len(users)] = users
            filled += len(users)
            self._registered += np.searchsorted(planned, eves)

    def of_day(self, day: Day, rows: Rows) -> np.ndarray:
        """The day's log by time: two rows for each of its transfers. A row has the dtype LOGIN."""
        draws = Draws(self._world.options.seed, "logins", *day.stream)
        automatic = rows["initiation"] == INITIATIONS.index(Initiation.AUTO)
        own = rows[~automatic & draws.chance(_OWN_LOGIN_PER_MILLE, len(rows))]
        paying = self._before_payments(draws, day, own)
        count = LOGINS_A_TRANSFER * day.transfers - len(paying)
        log = np.concatenate([paying, self._without_payment(draws, day, count)])
        usual = np.searchsorted(cumulated(_KINDS), spread(log["user"], 0x6B) % 1000, side="right")
        other = draws.chosen(cumulated(_KINDS), len(log))
        log["kind"] = np.where(draws.chance(_USUAL_PER_MILLE, len(log)), usual, other)
        return log[np.argsort(log["at"], kind="stable")]

    def _before_payments(self, draws: Draws, day: Day, rows: Rows) -> np.ndarray:
        log = np.zeros(len(rows), dtype=LOGIN)
        log["at"] = lead(rows["occurred_at"], day.start, draws.spans(*_BEFORE, len(rows)))
        log["user"] = self._holders.of(rows["payer"])
        own = rows["device"] // DEVICE_SLOTS == log["user"]
        log["device"] = np.where(own, rows["device"], NONE)
        return log

    def _without_payment(self, draws: Draws, day: Day, count: int) -> np.ndarray:
        registered = int(self._registered[day.index])
        anyone = self._by_age[draws.below(max(registered, 1), count)].astype(np.int64)
        active = draws.chance(_ACTIVE_PER_MILLE, count)
        users = np.where(active, self._world.town.persons(draws, count), anyone)
        at = instants_during(draws, count, day)
        sessions = make_rows(at, np.zeros(count, dtype=np.int64), users, users)
        self._world.town.set_devices(draws, sessions, day)
        fate = draws.below(1000, count)
        unknown = fate < _UNKNOWN_PER_MILLE
        log = np.zeros(count, dtype=LOGIN)
        log["at"] = to_milliseconds(at)
        log["user"] = users
        log["device"] = np.where(unknown, NONE, _known(sessions))
        log["failed"] = fate < _UNKNOWN_PER_MILLE + _MISTYPED_PER_MILLE
        return log


def _planned(holders: Holders, registrations: Registrations) -> Iterator[tuple[Int64s, Int64s]]:
    for users in holders.users():
        yield registrations.at(users), users


def _known(sessions: Rows) -> Int64s:
    """The device of each session; the usual one where none was collected."""
    usual = sessions["payer"] * DEVICE_SLOTS
    return np.where(sessions["device"] == NONE, usual, sessions["device"])
