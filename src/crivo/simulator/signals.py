"""What the payer's institution could notice about a payment besides its facts, one bit each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s, mixed
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import INITIATIONS, Rows


class Signal(IntFlag):
    """Noticed at the payer's side when the payment was asked for; absent means not noticed.

    None proves fraud: honest people are on the telephone too, change devices and raise limits.
    """

    CALL_IN_PROGRESS = 1
    REMOTE_ACCESS = 1 << 1  # a remote-access or accessibility service steers the screen
    DEVICE_COMPROMISED = 1 << 2  # rooted, emulated, or its app fails the integrity check
    NEW_DEVICE = 1 << 3  # registered less than a day ago, or not at all
    CREDENTIAL_RESET = 1 << 4  # password or second factor set anew less than a day ago
    LIMIT_RAISED = 1 << 5  # asked for within the day
    LOAN_TAKEN = 1 << 6  # disbursed within the day
    KEY_PASTED = 1 << 7  # the key or code was pasted, not chosen or scanned
    RECEIVER_MISMATCH = 1 << 8  # the code's receiver is not the merchant that was shown
    UNUSUAL_PLACE = 1 << 9  # far from where this person pays


#: Of 100,000 honest payments, those with the signal: assumptions, and no bank's figures.
#: Accessibility services help people who see badly; rooted telephones have honest owners.
HONEST_PER_100_000: Final = MappingProxyType(
    {
        Signal.CALL_IN_PROGRESS: 2_400,
        Signal.REMOTE_ACCESS: 450,
        Signal.DEVICE_COMPROMISED: 1_600,
        Signal.NEW_DEVICE: 400,
        Signal.CREDENTIAL_RESET: 700,
        Signal.LIMIT_RAISED: 500,
        Signal.LOAN_TAKEN: 300,
        Signal.KEY_PASTED: 9_000,
        Signal.RECEIVER_MISMATCH: 700,
        Signal.UNUSUAL_PLACE: 3_000,
    }
)

#: Of the payments from a telephone bought that day, thousandths with the signal.
_NEW_PHONE: Final = MappingProxyType({Signal.NEW_DEVICE: 850, Signal.CREDENTIAL_RESET: 350})

#: How often a signal of the session is collected with one of its payments, in thousandths.
_COLLECTED_PER_MILLE: Final = 900

_BY_CODE: Final = tuple(INITIATIONS.index(one) for one in (Initiation.QRES, Initiation.QRDN))


class Noticeable(Protocol):
    """What of a typology matters here."""

    @property
    def noticed(self) -> tuple[tuple[Signal, int], ...]: ...
    @property
    def noticed_from_hop(self) -> int: ...


def notice_honest(draws: Draws, town: Town, day: Day, rows: Rows) -> None:
    """Adds what is noticed on any payment of that day, whoever makes it."""
    count = len(rows)
    if count == 0:
        return
    for signal, rate in HONEST_PER_100_000.items():
        whole, rest = divmod(count * rate, 100_000)
        places = draws.below(count, whole + (draws.one(0, 100_000) < rest))
        if signal is Signal.RECEIVER_MISMATCH:
            places = places[np.isin(rows["initiation"][places], _BY_CODE)]
        rows["signals"][places] |= int(signal)
    payers = rows["payer"]
    is_person = payers < town.census.persons
    changed = town.new_phone_days[np.where(is_person, payers, 0)] == day.index
    fresh = np.flatnonzero(is_person & changed)
    for signal, per_mille in _NEW_PHONE.items():
        rows["signals"][fresh[draws.chance(per_mille, len(fresh))]] |= int(signal)


def notice_frauds(draws: Draws, frauds: Rows, typologies: Sequence[Noticeable]) -> None:
    """Adds what each typology's sessions betray, where it is collected.

    Whether a session (payer and campaign) betrays it is drawn once; of its payments most show it.
    """
    for place, typology in enumerate(typologies):
        by_mules = typology.noticed_from_hop > 1
        mine = (frauds["typology"] == place) & ((frauds["hop"] > 1) == by_mules)
        chosen = np.flatnonzero(mine)
        if len(chosen) == 0:
            continue
        for signal, per_mille in typology.noticed:
            betrays = _session_draw(draws, frauds[chosen]) < per_mille
            seen = betrays & draws.chance(_COLLECTED_PER_MILLE, len(chosen))
            frauds["signals"][chosen[seen]] |= int(signal)


def _session_draw(draws: Draws, rows: Rows) -> Int64s:
    """For each row 0..999, the same for all rows of one payer in one campaign."""
    session = rows["campaign"].astype(np.int64) * 1_000_003 + rows["payer"]
    return ((mixed(session, int(draws.words(1)[0])) >> np.uint64(32)) % np.uint64(1000)).astype(
        np.int64
    )
