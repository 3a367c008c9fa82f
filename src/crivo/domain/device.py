"""Devices: what a holder registers to pay without the limits of unknown devices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields
from crivo.domain.fields import CallerName, EntityId, Instant, OwnId
from crivo.domain.steps import steps

SCHEMA: Final = "device_change.v1"


class DeviceKind(StrEnum):
    """What it is."""

    ANDROID = "ANDROID"
    IOS = "IOS"
    BROWSER = "BROWSER"
    OTHER = "OTHER"


class DeviceStatus(StrEnum):
    """Where it stands with the holder's institution; SEEN is used and not registered."""

    SEEN = "SEEN"
    REGISTERED = "REGISTERED"
    BLOCKED = "BLOCKED"
    REMOVED = "REMOVED"


STEPS: Final = steps(
    (None, (DeviceStatus.SEEN, DeviceStatus.REGISTERED)),
    (DeviceStatus.SEEN, (DeviceStatus.REGISTERED, DeviceStatus.BLOCKED, DeviceStatus.REMOVED)),
    (DeviceStatus.REGISTERED, (DeviceStatus.BLOCKED, DeviceStatus.REMOVED)),
    (DeviceStatus.BLOCKED, (DeviceStatus.REGISTERED, DeviceStatus.REMOVED)),
    (DeviceStatus.REMOVED, (DeviceStatus.SEEN, DeviceStatus.REGISTERED)),
)


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """One change of a device of an account. The order of the fields is the schema: only append.

    Raises:
        Refused: the first fact that cannot be; STEP_INVALID.
    """

    change_id: OwnId
    occurred_at: Instant
    account_id: EntityId
    device_id: EntityId
    previous: DeviceStatus | None
    status: DeviceStatus
    kind: DeviceKind | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        STEPS.check(self.previous, self.status)

    @property
    def subject_id(self) -> bytes:
        """The holder's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """The id that the institution gave the change."""
        return self.change_id
