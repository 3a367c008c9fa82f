"""What the payer's app says about the device and the session: each signal may not be collected.

Fields of Open Finance Brasil's device binding (isCallingProgress, isRootedDevice, isEmulated,
isDevModeEnabled, isMockGPS, isUsbConnected, isCharging,
integrity, elapsedTimeSinceBoot, osVersion);
later versions made several of them optional, so that "not collected" is null, and never false.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field, Values
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.rows import INITIATIONS, NONE
from crivo.simulator.signals import Signal

#: Signals of the world: field, bit, thousandths of devices whose app collects it, meaning.
_NOTICED: Final = (
    ("is_call_in_progress", Signal.CALL_IN_PROGRESS, 720, "the payer is on the telephone"),
    ("is_remote_access", Signal.REMOTE_ACCESS, 560, "a remote-access service steers the screen"),
    ("is_device_compromised", Signal.DEVICE_COMPROMISED, 880, "rooted, emulated or not genuine"),
    ("is_key_pasted", Signal.KEY_PASTED, 640, "key or code was pasted"),
    ("is_receiver_mismatch", Signal.RECEIVER_MISMATCH, 300, "code and shown merchant differ"),
    ("is_unusual_place", Signal.UNUSUAL_PLACE, 430, "far from where this person pays"),
)
#: Facts of devices that say little: field, thousandths of devices with it, collected, meaning.
_STATES: Final = (
    ("is_dev_mode_enabled", 12, 700, "developer mode"),
    ("is_mock_gps", 4, 380, "a place that is made up"),
    ("is_usb_connected", 25, 520, "a cable to another machine"),
    ("is_charging", 310, 520, "charging"),
)
_OS: Final = ("ANDROID_13", "ANDROID_14", "ANDROID_15", "IOS_17", "IOS_18", "OTHER")
_SYSTEMS: Final = (0, 0, 0, 1, 1, 2)
_OS_STEPS: Final = (190, 430, 660, 760, 940)
_OS_COLLECTED: Final = 930
_BOOT_COLLECTED: Final = 450
_BOOT_MAX_SECONDS: Final = 12 * DAY // 1_000_000

#: Thousandths of payments under something that lies over the screen: where somebody steers from
#: afar, and elsewhere; and of devices whose app looks (assumptions).
_OVERLAID_PER_MILLE: Final = (350, 15)
_OVERLAY_COLLECTED: Final = 420
OVERLAID: Final = Field(
    "is_screen_overlaid", Kind.FLAG, PAYER, "something lies over the app", nullable=True
)

ORIGINS: Final = ("OWN_APP", "INITIATOR")

FIELDS: Final = (
    Field("signals_origin", Kind.WORD, PAYER, "who collected the signals", nullable=True),
    *(Field(name, Kind.FLAG, PAYER, meaning, nullable=True) for name, _, _, meaning in _NOTICED),
    *(Field(name, Kind.FLAG, PAYER, meaning, nullable=True) for name, _, _, meaning in _STATES),
    Field("os_version", Kind.WORD, PAYER, "operating system", nullable=True),
    Field("seconds_since_boot", Kind.INTEGER, PAYER, "since the device started", nullable=True),
    Field(
        "credential_reset_at",
        Kind.INSTANT,
        PAYER,
        "password or second factor set anew within the day; null: not, or not known",
        nullable=True,
    ),
    Field("is_loan_taken", Kind.FLAG, PAYER, "a loan was paid out within the day", nullable=True),
)


def values(facts: DayFacts) -> Drawn:
    """The signals of the day's transfers; all are null where no device was seen."""
    rows, seed = facts.rows, facts.seed
    devices = rows["device"]
    unseen = devices == NONE
    by_initiator = rows["initiation"] == INITIATIONS.index(Initiation.INIC)
    bits = rows["signals"].astype(np.int64)
    found: dict[str, Values | tuple[Values, Bools]] = {
        "signals_origin": (words(ORIGINS)[by_initiator.astype(np.int64)], unseen)
    }
    for place, (name, bit, collected, _) in enumerate(_NOTICED):
        dark = unseen | ~collects(devices, seed, place, collected)
        found[name] = ((bits & bit) != 0, dark)
    draws = facts.draws("device state")
    for place, (name, share, collected, _) in enumerate(_STATES, start=len(_NOTICED)):
        dark = unseen | ~collects(devices, seed, place, collected)
        found[name] = (draws.chance(share, len(rows)), dark)
    found["os_version"] = (
        words(_OS)[_versions(devices, seed)],
        unseen | ~collects(devices, seed, 20, _OS_COLLECTED),
    )
    # Each device starts again after a span of its own, so that its clock runs on between.
    cycle = 1 + spread(devices, seed ^ 0x626F6F, _BOOT_MAX_SECONDS)
    found["seconds_since_boot"] = (
        rows["occurred_at"] // 1_000_000 % cycle,
        unseen | ~collects(devices, seed, 21, _BOOT_COLLECTED),
    )
    reset = (bits & Signal.CREDENTIAL_RESET) != 0
    found["credential_reset_at"] = (
        rows["occurred_at"] - draws.spans(HOUR // 6, DAY, len(rows)),
        ~reset,
    )
    found["is_loan_taken"] = (
        (bits & Signal.LOAN_TAKEN) != 0,
        spread(facts.payer_places, seed ^ 0x6C6F, 1000) >= 850,
    )
    return found


def collected(facts: DayFacts) -> dict[str, tuple[Values, Bools]]:
    """The signals of the day's transfers with their nulls, and whether the screen was overlaid.

    What the transfer itself says of them is the same.
    """
    rows, seed = facts.rows, facts.seed
    found: dict[str, tuple[Values, Bools]] = {}
    for name, drawn in values(facts).items():
        nothing = np.zeros(len(rows), dtype=np.bool_)
        found[name] = drawn if isinstance(drawn, tuple) else (drawn, nothing)
    steered = (rows["signals"].astype(np.int64) & Signal.REMOTE_ACCESS) != 0
    draws = facts.draws("overlays")
    overlaid = draws.chance(np.where(steered, *_OVERLAID_PER_MILLE), len(rows))
    dark = (rows["device"] == NONE) | ~collects(rows["device"], seed, 22, _OVERLAY_COLLECTED)
    found[OVERLAID.name] = (overlaid, dark)
    return found


def _versions(devices: Int64s, seed: int) -> Int64s:
    drawn = spread(devices, seed ^ 0x6F73, 1000)
    return np.searchsorted(_OS_STEPS, drawn, side="right").astype(np.int64)


def systems(devices: Int64s, seed: int) -> Int64s:
    """The system of each device: 0 Android, 1 iOS, 2 another one."""
    return np.asarray(_SYSTEMS, dtype=np.int64)[_versions(devices, seed)]


def collects(devices: Int64s, seed: int, place: int, per_mille: int) -> Bools:
    """Whether the app of each device collects what has that place, for so many thousandths."""
    return spread(devices, seed ^ (0x636F6C + 7919 * place), 1000) < per_mille
