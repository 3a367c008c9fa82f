"""Composes what proves the decisions of a home folder: replay, and the look at served vectors."""

from __future__ import annotations

from crivo.bootstrap.home import Paths
from crivo.bootstrap.offline import Progress, log_reader
from crivo.flows.replay import ReplayResult, replay
from crivo.flows.verify import VerifyResult, verify
from crivo.settings import Settings


def replay_home(
    settings: Settings,
    *,
    progress: Progress,
    ids: frozenset[str] | None = None,
    received_from: int | None = None,
    received_to: int | None = None,
) -> ReplayResult:
    """What comes of deriving the home folder's decisions again.

    Raises:
        Unavailable: NOT_FOUND. Misconfigured: as `flows.replay`.
    """
    reader = log_reader(settings)
    try:
        return replay(
            reader,
            Paths(settings.home).bundles,
            progress=progress,
            ids=ids,
            received_from=received_from,
            received_to=received_to,
        )
    finally:
        reader.close()


def verify_home(settings: Settings, *, one_in: int, progress: Progress) -> VerifyResult:
    """What comes of recomputing the served vectors of one payer in `one_in`.

    Raises:
        Unavailable: NOT_FOUND. Misconfigured: as `flows.replay`.
    """
    reader = log_reader(settings)
    try:
        return verify(reader, Paths(settings.home).bundles, one_in=one_in, progress=progress)
    finally:
        reader.close()
