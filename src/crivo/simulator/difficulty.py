"""How hard frauds are to tell from honest life: presets, each declared here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np

from crivo.domain.choice import parse_choice
from crivo.simulator.draws import Int64s


class Difficulty(StrEnum):
    """The name of a preset."""

    EASY = "easy"
    STANDARD = "standard"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a preset changes.

    `amounts_percent` is what fraudsters ask for, against the priors of their typologies;
    `has_look_alikes` says whether honest habits that resemble frauds exist.
    """

    meaning: str
    amounts_percent: int
    has_look_alikes: bool

    def asked(self, amounts: Int64s) -> Int64s:
        """The amounts of frauds, in centavos; of a positive one at least one remains."""
        changed = amounts * self.amounts_percent // 100
        return np.where(amounts > 0, np.maximum(changed, 1), changed)


#: Amounts, claims and recoveries of STANDARD are those of the official figures; the others are not.
SETTINGS: Final = MappingProxyType(
    {
        Difficulty.EASY: Setting(
            "Frauds take three times as much, and nothing honest looks like them.",
            amounts_percent=300,
            has_look_alikes=False,
        ),
        Difficulty.STANDARD: Setting(
            "Frauds as the sources describe them, among honest habits that resemble them.",
            amounts_percent=100,
            has_look_alikes=True,
        ),
        Difficulty.HARD: Setting(
            "Frauds ask for a fifth, so that they lie among ordinary amounts.",
            amounts_percent=20,
            has_look_alikes=True,
        ),
    }
)


def parse_difficulty(text: str) -> Difficulty:
    """The preset of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_choice(Difficulty, text, field="difficulty")
