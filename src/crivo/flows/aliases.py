"""Aliases: which model of a home is candidate, staging, champion and previous, and the shadow.

`champion.json` alone says what serves (`flows/promote.py`); candidate and staging stand beside it
in `aliases.json`, for people, and the network that scores in a shadow. A tracker mirrors them.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Misconfigured
from crivo.flows.promote import CHAMPION_FILE, read_champion
from crivo.model.files import canonical_json, held_alone, sync_folder, write_synced

ALIASES_FILE: Final = "aliases.json"


class Alias(StrEnum):
    """A name that one model of a home bears at a time."""

    CANDIDATE = "candidate"
    STAGING = "staging"
    CHAMPION = "champion"
    PREVIOUS = "previous"
    SHADOW = "shadow"


def aliases_of(models_folder: Path) -> dict[Alias, str]:
    """The artifact hash behind each alias that is given.

    Raises:
        Misconfigured: ARTIFACT_INVALID where a file is not one that Crivo writes.
    """
    found = _noted(models_folder)
    if (models_folder / CHAMPION_FILE).exists():
        champion = read_champion(models_folder)
        found[Alias.CHAMPION] = champion.hash
        if champion.previous:
            found[Alias.PREVIOUS] = champion.previous
    return found


def give_alias(models_folder: Path, alias: Alias, artifact_hash: str) -> None:
    """The alias names this model and no other; candidate, staging and shadow are given so."""
    assert alias in {Alias.CANDIDATE, Alias.STAGING, Alias.SHADOW}, "promote gives the others"
    path = models_folder / ALIASES_FILE
    # Two that give different aliases at once keep both.
    with held_alone(path):
        noted = {**_noted(models_folder), alias: artifact_hash}
        aside = models_folder / f".{ALIASES_FILE}.{os.getpid()}.partial"
        write_synced(aside, canonical_json({name.value: value for name, value in noted.items()}))
        aside.replace(path)
        sync_folder(models_folder)


def _noted(models_folder: Path) -> dict[Alias, str]:
    path = models_folder / ALIASES_FILE
    if not path.is_file():
        return {}
    try:
        return {Alias(name): str(value) for name, value in json.loads(path.read_bytes()).items()}
    except (ValueError, AttributeError):
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            f"{path} is not what was written",
            hint="Delete it: the next training writes it again.",
            file=str(path),
        ) from None
