"""What else is collected with the signals of a device: its integrity, its settings, where it is.

Fields of Open Finance Brasil's device binding (isRootedDevice, isEmulated, isMonkeyRunner,
integrity, language, userTimeZoneOffset, screenDimensions, screenBrightness, antennaInformation,
geolocation, accountTenure) and of an app's own session. Each may not be collected, which is null.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY, SECOND
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events import customers
from crivo.simulator.events.accounts import spread
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Field, Values
from crivo.simulator.events.places import devices_at
from crivo.simulator.events.risk_signals import collects, systems
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.rows import NONE
from crivo.simulator.signals import Signal

#: What a compromised device is, by steps in a thousand: rooted, emulated, steered by a program,
#: with an app that is not the bank's; else its own verdict alone fails (assumptions).
_COMPROMISED_STEPS: Final = (520, 640, 760, 900)
_ROOTED, _EMULATED, _AUTOMATED, _FALSE_APP = range(4)
#: Thousandths of rooted devices that pass the maker's check all the same.
_PASSES_PER_MILLE: Final = 400

LANGUAGES: Final = ("pt-BR", "en-US", "es-419", "OTHER")
_LANGUAGE_STEPS: Final = (955, 982, 992)
#: Thousandths of devices whose clock keeps Brasília's offset wherever they are.
_CLOCK_KEPT_PER_MILLE: Final = 60

#: Width and height in pixels of the screens of each system: Android, iOS, others.
_SCREENS: Final = (
    ((720, 1600), (1080, 2400), (1080, 2340), (1440, 3120)),
    ((828, 1792), (1170, 2532), (1179, 2556), (1290, 2796)),
    ((1366, 768), (1920, 1080), (1536, 864), (2560, 1440)),
)
_BRIGHTNESS: Final = (5, 101)  # percent
ANTENNAS: Final = ("WIFI", "CELL_5G", "CELL_4G", "CELL_3G")
_ANTENNA_STEPS: Final = (560, 740, 970)

#: Milliseconds on each screen of the app: median, sigma in percent; and how many thousandths of it
#: the old take, those whom somebody steers from afar, and programs.
_SCREEN_TIME: Final = (2_600, 60)
_OLD, _STEERED, _BY_PROGRAM = 1_500, 1_600, 150

PRECISION: Final = "COARSE"

FIELDS: Final = tuple(
    Field(name, kind, PAYER, meaning, nullable=True)
    for name, kind, meaning in (
        ("is_rooted", Kind.FLAG, "its owner, or another, has broken its locks"),
        ("is_emulated", Kind.FLAG, "no device but a program that plays one"),
        ("is_automated", Kind.FLAG, "a program taps the screen"),
        ("is_app_genuine", Kind.FLAG, "verdict on the app"),
        ("is_device_genuine", Kind.FLAG, "verdict of the device's maker"),
        ("language", Kind.WORD, "of the device"),
        ("utc_offset_minutes", Kind.INTEGER, "of the device's clock, east of UTC"),
        ("screen_width", Kind.INTEGER, "pixels"),
        ("screen_height", Kind.INTEGER, "pixels"),
        ("screen_brightness_percent", Kind.INTEGER, "when it was collected"),
        ("antenna", Kind.WORD, "kind of network"),
        ("latitude", Kind.INTEGER, "microdegrees of a cell's corner, a tenth of a degree wide"),
        ("longitude", Kind.INTEGER, "microdegrees of that corner"),
        ("precision", Kind.WORD, "COARSE"),
        ("account_tenure_days", Kind.INTEGER, "since the payer's account was opened"),
        ("seconds_since_login", Kind.INTEGER, "since the session began"),
        ("screen_milliseconds", Kind.INTEGER, "mean time on each screen of the app"),
    )
)

Collected = dict[str, tuple[Values, Bools]]


def values(facts: DayFacts, of: Int64s, at: Int64s) -> Collected:
    """These facts of the attempts at the places `of`, which have a device, at each instant."""
    rows = facts.rows[of]
    payers, devices = rows["payer"], rows["device"]
    signals = rows["signals"].astype(np.int64)
    what = _compromised(signals, devices, facts.seed)
    waited = facts.sessions.since(of, at)
    opened_at = facts.accounts.opened_at(payers)
    nothing = np.zeros(len(of), dtype=np.bool_)
    return {
        **_integrity(what, devices, facts.seed),
        **_settings(facts, devices),
        **_placed(facts, payers, devices, signals),
        "account_tenure_days": ((at - opened_at) // DAY, nothing),
        "seconds_since_login": (waited // SECOND, waited == NONE),
        "screen_milliseconds": (
            _screen_times(facts, payers, signals, what),
            ~collects(devices, facts.seed, 30, 500),
        ),
    }


def _compromised(signals: Int64s, devices: Int64s, seed: int) -> Int64s:
    """What is wrong with each device, as a step of _COMPROMISED_STEPS; NONE where nothing is."""
    found = np.searchsorted(
        _COMPROMISED_STEPS, spread(devices, seed ^ 0x726F6F74, 1000), side="right"
    )
    return np.where((signals & Signal.DEVICE_COMPROMISED) != 0, found, NONE).astype(np.int64)


def _integrity(what: Int64s, devices: Int64s, seed: int) -> Collected:
    """What together is `is_device_compromised`, known at most where that is."""
    passes = spread(devices, seed ^ 0x70617373, 1000) < _PASSES_PER_MILLE
    is_genuine = (what == NONE) | (what == _FALSE_APP) | ((what == _ROOTED) & passes)
    found: tuple[tuple[str, Values, int], ...] = (
        ("is_rooted", what == _ROOTED, 800),
        ("is_emulated", what == _EMULATED, 800),
        ("is_automated", what == _AUTOMATED, 400),
        ("is_app_genuine", what != _FALSE_APP, 700),
        ("is_device_genuine", is_genuine | (what == _AUTOMATED), 700),
    )
    whole = collects(devices, seed, 2, 880)
    return {
        name: (values, ~(whole & collects(devices, seed, place, share)))
        for place, (name, values, share) in enumerate(found, start=23)
    }


def _settings(facts: DayFacts, devices: Int64s) -> Collected:
    count, seed = len(devices), facts.seed
    draws = facts.draws("device settings")
    language = np.searchsorted(_LANGUAGE_STEPS, spread(devices, seed ^ 0x6C616E, 1000), "right")
    screens = np.asarray(_SCREENS, dtype=np.int64)
    screen = screens[systems(devices, seed), spread(devices, seed ^ 0x736372, 4)]
    antenna = np.searchsorted(_ANTENNA_STEPS, draws.below(1000, count), "right")
    dark = ~collects(devices, seed, 28, 600)
    return {
        "language": (words(LANGUAGES)[language], ~collects(devices, seed, 29, 850)),
        "screen_width": (screen[:, 0], dark),
        "screen_height": (screen[:, 1], dark),
        "screen_brightness_percent": (
            draws.between(*_BRIGHTNESS, count),
            ~collects(devices, seed, 31, 350),
        ),
        "antenna": (words(ANTENNAS)[antenna], ~collects(devices, seed, 32, 400)),
    }


def _placed(facts: DayFacts, payers: Int64s, devices: Int64s, signals: Int64s) -> Collected:
    """Where each device is, known where the app says whether that is unusual."""
    seed = facts.seed
    date = (facts.day.start + BRASILIA_OFFSET) // DAY
    far = (signals & Signal.UNUSUAL_PLACE) != 0
    persons = facts.accounts.persons(payers)
    places = devices_at(facts.draws("places"), persons, far, date, seed)
    kept = spread(devices, seed ^ 0x636C6B, 1000) < _CLOCK_KEPT_PER_MILLE
    offsets = np.where(kept, BRASILIA_OFFSET // (60 * SECOND), places.offsets)
    dark = ~collects(devices, seed, 5, 430)
    return {
        "utc_offset_minutes": (offsets, ~collects(devices, seed, 33, 800)),
        "latitude": (places.latitudes, dark),
        "longitude": (places.longitudes, dark),
        "precision": (np.full(len(devices), PRECISION.encode()), dark),
    }


def _screen_times(facts: DayFacts, payers: Int64s, signals: Int64s, what: Int64s) -> Int64s:
    median, sigma = _SCREEN_TIME
    times = drawn(facts.draws("screens"), lognormal(median, sigma), len(payers))
    is_old = customers.is_older(facts.accounts.town, facts.accounts.persons(payers))
    steered = (signals & Signal.REMOTE_ACCESS) != 0
    slower = np.where(is_old, _OLD, 1000) * np.where(steered, _STEERED, 1000) // 1000
    return np.maximum(times * np.where(what == _AUTOMATED, _BY_PROGRAM, slower) // 1000, 1)
