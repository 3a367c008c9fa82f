"""The limits of gates: `policy/gates.toml`, as it is in force at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.decision.policy import Key, Kind, parse_policy
from crivo.domain.instant import brasilia_day

GATES_FILE: Final = "gates.toml"

_LOSS: Final = "champion.average_precision.loss.max"
_GAIN: Final = "baseline.average_precision.gain.min"
_ERROR: Final = "calibration.error.max"
_RATIO_MIN: Final = "calibration.ratio.min"
_RATIO_MAX: Final = "calibration.ratio.max"
_LATENCY: Final = "latency.one_row_us.max"
_SIZE: Final = "size.bytes.max"
UNDECIDED_GAIN: Final = "champion.undecided.gain.min"
UNDECIDED_CALIBRATION: Final = "calibration.undecided.passes"
UNDECIDED_LEAK: Final = "leak.undecided.passes"
_NUMBERS: Final = (_LOSS, _GAIN, _ERROR, _RATIO_MIN, _RATIO_MAX, UNDECIDED_GAIN)
_KEYS: Final = (
    *(Key(name, Kind.NUMBER) for name in _NUMBERS),
    *(Key(name, Kind.SWITCH) for name in (UNDECIDED_CALIBRATION, UNDECIDED_LEAK)),
    *(Key(name, Kind.COUNT) for name in (_LATENCY, _SIZE)),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force; latency in microseconds, size in bytes.

    An undecided gain over the champion passes where the figure itself is at least
    `undecided_gain_min`; of calibration and leak a switch says whether an undecided figure that is
    itself within its limit does.
    """

    champion_loss_max: float
    baseline_gain_min: float
    calibration_error_max: float
    calibration_ratio_min: float
    calibration_ratio_max: float
    one_row_us_max: float
    size_bytes_max: float
    undecided_gain_min: float
    undecided_calibration_passes: bool
    undecided_leak_passes: bool


def parse_limits(text: str, *, at: int) -> Limits:
    """The limits of `policy/gates.toml` in force at an instant.

    Raises:
        Misconfigured: POLICY_INVALID.
    """
    file = parse_policy(text, _KEYS, file=GATES_FILE)
    day = brasilia_day(at)

    def value(key: str) -> float:
        found = file.value(key, day)
        assert isinstance(found, int | float)
        return float(found)

    def is_on(key: str) -> bool:
        return file.value(key, day) is True

    return Limits(
        champion_loss_max=value(_LOSS),
        baseline_gain_min=value(_GAIN),
        calibration_error_max=value(_ERROR),
        calibration_ratio_min=value(_RATIO_MIN),
        calibration_ratio_max=value(_RATIO_MAX),
        one_row_us_max=value(_LATENCY),
        size_bytes_max=value(_SIZE),
        undecided_gain_min=value(UNDECIDED_GAIN),
        undecided_calibration_passes=is_on(UNDECIDED_CALIBRATION),
        undecided_leak_passes=is_on(UNDECIDED_LEAK),
    )
