"""Phases: a transfer may be decided when it is initiated, and once more before it settles."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """When it is decided. Each phase has one decision, under one idempotency key with the id."""

    INITIATION = "initiation"
    SETTLEMENT = "settlement"
