"""What training asks of a tracker: to remember a run and to name its model a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

MODEL_NAME: Final = "crivo"
CANDIDATE: Final = "candidate"
SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class TrackedData:
    """What a run learnt from: its source, its hash, how many rows of which inputs, and its cut.

    `cut` is the exclusive end of the log that was read (0 for a table); `labels_as_of` (RFC 3339)
    is when it was asked what is known.
    """

    source: str
    hash: str
    rows: int
    inputs: tuple[str, ...]
    cut: int
    labels_as_of: str


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run as it is remembered: what went in, what came out, and the artifact's folder.

    `params` and `tags` are text, `texts` files of text by their path; a metric's name may hold
    letters, digits, `_`, `-`, `.`, `/` and blanks. The folder bears the artifact's hash. `example`
    is a row as the model may be asked about it, by input; a null is a missing value. `outputs` are
    what it answers, all integers, and `alias` is what its version bears.
    """

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    folder: Path
    data: TrackedData
    texts: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, float | None] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("margin", "score")
    alias: str = CANDIDATE


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Where a run was kept, and the version of the model that bears the run's alias now."""

    run_id: str
    version: str
    location: str


class Tracker(Protocol):
    """Keeps runs and versions for people; nothing that serves ever reads it.

    Laws:
        1. What `record` was given can be found again under the run's id.
        2. After `record` the run's alias names the version of that run and of no other.
        3. After `mark` each alias names the newest version of its artifact and of no other.
    """

    def record(self, run: TrainingRun) -> TrackedRun:
        """The run, kept, and its model registered under the run's alias.

        Raises:
            Unavailable: FILE_UNWRITABLE where the tracker's store cannot be written.
        """
        ...

    def check(self) -> None:
        """Nothing, where the store answers; asked before anything is done that it must know of.

        Raises:
            Unavailable: FILE_UNWRITABLE where it does not.
        """
        ...

    def mark(
        self, aliases: Mapping[str, str], *, tags: Mapping[str, str], card: str
    ) -> frozenset[str]:
        """The aliases (alias → artifact hash) as they stand now; those whose model is known here.

        `tags` are set on the version behind the alias that `aliases` names first, and `card` is
        kept with its run; an empty card is none.

        Raises:
            Unavailable: FILE_UNWRITABLE where the tracker's store cannot be written.
        """
        ...
