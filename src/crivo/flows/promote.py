"""Promote: which artifact `serve` loads is one small file, replaced in one step."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import format_rfc3339
from crivo.model.artifact import Artifact, load_artifact, save_artifact
from crivo.model.files import canonical_json, held_alone, sync_folder, write_synced

CHAMPION_FILE: Final = "champion.json"


@dataclass(frozen=True, slots=True)
class Champion:
    """The content of `champion.json`; `previous` is empty for the first one."""

    hash: str
    promoted_at: str
    previous: str


def promote(
    models_folder: Path, artifact_hash: str, *, promoted_at: int, source: Path | None = None
) -> Champion:
    """The artifact is under `models/<hash>`, verified, and is what `serve` loads from now on.

    Args:
        models_folder: `models/` of the home folder.
        artifact_hash: Which one.
        promoted_at: An instant, kept for people.
        source: A folder to copy the artifact from, where it is not in `models_folder` yet.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID. Nothing has changed then.
    """
    folder = models_folder / artifact_hash if source is None else source
    artifact = load_artifact(folder, expected_hash=artifact_hash)
    save_artifact(models_folder, artifact)
    path = models_folder / CHAMPION_FILE
    with held_alone(path):
        before = read_champion(models_folder) if path.exists() else None
        if before is None:
            previous = ""
        else:
            previous = before.previous if before.hash == artifact_hash else before.hash
        champion = Champion(artifact_hash, format_rfc3339(promoted_at), previous)
        content = {
            "hash": champion.hash,
            "promoted_at": champion.promoted_at,
            "previous": champion.previous,
        }
        aside = models_folder / f".{CHAMPION_FILE}.{os.getpid()}.partial"
        write_synced(aside, canonical_json(content) + b"\n")
        aside.replace(path)
        sync_folder(models_folder)
    return champion


def roll_back(models_folder: Path, *, promoted_at: int) -> Champion:
    """The former champion serves again, and the present one is the former now.

    Raises:
        Unavailable: MODEL_MISSING where no champion has a former. Misconfigured: ARTIFACT_INVALID.
    """
    champion = read_champion(models_folder)
    if not champion.previous:
        raise Unavailable(
            Code.MODEL_MISSING,
            "no model served before the champion",
            hint="`crivo models promote` names another.",
            champion=champion.hash,
        )
    return promote(models_folder, champion.previous, promoted_at=promoted_at)


def read_champion(models_folder: Path) -> Champion:
    """Which artifact is promoted.

    Raises:
        Unavailable: MODEL_MISSING where none is. Misconfigured: ARTIFACT_INVALID where the file is
            not one that `promote` writes.
    """
    path = models_folder / CHAMPION_FILE
    if not path.is_file():
        raise Unavailable(
            Code.MODEL_MISSING,
            "no model has been promoted",
            hint="Train one with `crivo train`.",
            file=str(path),
        )
    try:
        found: Any = json.loads(path.read_bytes())
        champion = Champion(**found)
    except (ValueError, TypeError):
        champion = None
    if champion is None or not all(
        isinstance(value, str) for value in (champion.hash, champion.promoted_at, champion.previous)
    ):
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            f"{path} is not what was written",
            hint="Promote a model again.",
            file=str(path),
        )
    return champion


def load_champion(models_folder: Path) -> Artifact:
    """The promoted artifact, verified.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID.
    """
    return load_artifact(models_folder / read_champion(models_folder).hash)
