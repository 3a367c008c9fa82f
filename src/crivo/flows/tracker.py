"""What training asks of a tracker: to remember a run and to name its model a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

MODEL_NAME: Final = "crivo"
CANDIDATE: Final = "candidate"


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run as it is remembered: what went in, what came out, and the artifact's folder.

    `params` and `tags` are text; a metric's name may hold letters, digits, `_`, `-`, `.`, `/` and
    blanks.
    """

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Where a run was kept, and the version of the model that bears the alias `candidate` now."""

    run_id: str
    version: str
    location: str


class Tracker(Protocol):
    """Keeps runs and versions for people; nothing that serves ever reads it.

    Laws:
        1. What `record` was given can be found again under the run's id.
        2. After `record` the alias `candidate` names the version of that run and of no other.
    """

    def record(self, run: TrainingRun) -> TrackedRun:
        """The run, kept, and its model registered as the candidate.

        Raises:
            Unavailable: FILE_UNWRITABLE where the tracker's store cannot be written.
        """
        ...
