"""Degraded modes: each thing that may be missing from a decision, by name, with what comes of it.

A mode is a fact of the decision's circumstances, and its answer is the policy's: an outcome by
amount, which is ALLOW only where it says so. Modes without a vector answer that outcome; with one,
it is the least that is answered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.outcome import Outcome
from crivo.decision.policy import Band
from crivo.decision.reasons import ReasonCode
from crivo.domain.transfer import Transfer

#: What tells whether the directory was asked about the payee, and how old its answer is.
DICT_AGE: Final = "payee_person_markers_watermark_age_ever"
DICT_KEY: Final = "payee_key_key_created_age_ever"


class Mode(StrEnum):
    """What a decision lacked. The name stands in answers, records and metrics."""

    #: The answer was due before it could be scored.
    TIMEOUT = "TIMEOUT"
    #: Commits take so long that callers give up: they get what a timeout would have given them.
    LOG_SLOW = "LOG_SLOW"
    #: No time was left for the model; rules decide.
    NO_MODEL = "NO_MODEL"
    #: What the directory told of the payee is old.
    STALE_STATE = "STALE_STATE"
    #: A key is paid to of which the directory told nothing.
    DICT_MISSING = "DICT_MISSING"
    #: Somebody switched a part off.
    KILL_MODEL = "KILL_MODEL"
    KILL_RULES = "KILL_RULES"
    KILL_ALL = "KILL_ALL"


#: Modes in which nothing is read: no vector, no score, no rule.
UNSCORED: Final = frozenset({Mode.TIMEOUT, Mode.LOG_SLOW, Mode.KILL_ALL})
#: Modes in which the model has no say, and those in which the rules have none.
WITHOUT_MODEL: Final = frozenset({Mode.NO_MODEL, Mode.KILL_MODEL})
WITHOUT_RULES: Final = frozenset({Mode.KILL_RULES})
#: Modes that are seen from outside of the vector and the policy: replay must be given them.
CAUSES: Final = frozenset({Mode.TIMEOUT, Mode.LOG_SLOW, Mode.NO_MODEL})

REASON: Final[Mapping[Mode, ReasonCode]] = {
    Mode.TIMEOUT: ReasonCode.TIMEOUT_DEGRADED,
    Mode.LOG_SLOW: ReasonCode.LOG_SLOW,
    Mode.NO_MODEL: ReasonCode.MODEL_MISSING,
    Mode.STALE_STATE: ReasonCode.DATA_STALE,
    Mode.DICT_MISSING: ReasonCode.DATA_MISSING_DICT,
    Mode.KILL_MODEL: ReasonCode.SWITCHED_OFF,
    Mode.KILL_RULES: ReasonCode.SWITCHED_OFF,
    Mode.KILL_ALL: ReasonCode.SWITCHED_OFF,
}


@dataclass(frozen=True, slots=True)
class Lack:
    """What some modes together leave of a decision, and the least that is answered then."""

    least: Outcome
    reasons: tuple[ReasonCode, ...]
    is_unscored: bool = False
    has_model: bool = True
    has_rules: bool = True


#: Nothing is missing.
WHOLE: Final = Lack(Outcome.ALLOW, ())


@dataclass(frozen=True, slots=True)
class Degraded:
    """What degraded.toml says on one date.

    `killed` are the kill switches that are on. `log_slow_ns` is how long a decision may wait for
    the disk before those after it are degraded. `stale_seconds` (None: never stale) and
    `asks_directory` look at the columns `age_at` and `key_at` of the vector, which a plan may lack.
    """

    bands: Mapping[Mode, tuple[Band, ...]]
    killed: tuple[Mode, ...]
    log_slow_ns: int
    stale_seconds: int | None
    asks_directory: bool
    age_at: int | None
    key_at: int | None

    def outcome(self, mode: Mode, amount_centavos: int) -> Outcome:
        """What a mode answers for an amount, or answers at the least."""
        for band in self.bands[mode]:
            if band.up_to_centavos is None or amount_centavos <= band.up_to_centavos:
                return band.outcome
        raise AssertionError("the last band has no upper limit")

    def lack(self, degraded: Sequence[str], amount_centavos: int) -> Lack:
        """What these modes leave, for a transfer of that amount.

        Raises:
            ValueError: a name that is no mode of this release.
        """
        modes = [Mode(name) for name in degraded]
        return Lack(
            least=max(self.outcome(mode, amount_centavos) for mode in modes),
            reasons=tuple(dict.fromkeys(REASON[mode] for mode in modes)),
            is_unscored=not UNSCORED.isdisjoint(modes),
            has_model=WITHOUT_MODEL.isdisjoint(modes),
            has_rules=WITHOUT_RULES.isdisjoint(modes),
        )

    def of_data(self, transfer: Transfer, vector: npt.NDArray[np.float64]) -> tuple[Mode, ...]:
        """What the vector itself says is missing or old; most transfers lack nothing."""
        if self.age_at is None or (self.stale_seconds is None and not self.asks_directory):
            return ()
        age = float(vector[self.age_at])
        if not math.isnan(age):
            is_stale = self.stale_seconds is not None and age > self.stale_seconds
            return (Mode.STALE_STATE,) if is_stale else ()
        if not self.asks_directory or transfer.payee_key_id is None:
            return ()
        knows_key = self.key_at is not None and not math.isnan(float(vector[self.key_at]))
        return () if knows_key else (Mode.DICT_MISSING,)


def is_unscored(degraded: Sequence[str]) -> bool:
    """Whether these modes leave no vector to keep."""
    return any(mode in UNSCORED for mode in degraded)
