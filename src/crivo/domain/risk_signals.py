"""Risk signals of a device, as an application or a payment initiator collects them.

The names follow Open Finance Brasil's list of risk signals, and its note that any of them may be
missing: None says "not collected", which is neither true nor false. Signals of an initiator are
worth less than those of the own application, so their origin stays with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import (
    CallerName,
    Count,
    EndToEndId,
    EntityId,
    Instant,
    Microdegrees,
    Milliseconds,
    MinutesEast,
    OwnId,
    Percent,
    Pixels,
    Seconds,
    Word,
)

SCHEMA: Final = "risk_signals.v1"


class SignalOrigin(StrEnum):
    """Who collected them."""

    OWN_APP = "OWN_APP"
    INITIATOR = "INITIATOR"


class Precision(StrEnum):
    """How finely a place is known."""

    COARSE = "COARSE"
    FINE = "FINE"


@dataclass(frozen=True, slots=True)
class RiskSignals:
    """What was collected at one moment. The order of the fields is the schema: only append.

    `end_to_end_id` names the transfer that they were collected for, if it was one. Places are in
    millionths of a degree, brightness in per cent, ages in seconds. Four are conclusions: the
    device is rooted, emulated or not genuine (`is_compromised`); the code's receiver is not the
    merchant shown; it is far from where this person pays; a loan was paid out within the day.
    `screen_milliseconds` is the mean time spent on each screen: how fast somebody finds the way.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    signals_id: OwnId
    occurred_at: Instant
    account_id: EntityId
    origin: SignalOrigin
    end_to_end_id: EndToEndId | None = None
    device_id: EntityId | None = None
    is_registered: bool | None = None
    is_rooted: bool | None = None
    is_emulated: bool | None = None
    is_call_in_progress: bool | None = None
    is_remote_access: bool | None = None
    is_screen_overlaid: bool | None = None
    is_developer_mode: bool | None = None
    is_mock_location: bool | None = None
    is_automated: bool | None = None
    is_usb_connected: bool | None = None
    is_charging: bool | None = None
    is_key_pasted: bool | None = None
    is_app_genuine: bool | None = None
    is_device_genuine: bool | None = None
    os_version: Word | None = None
    language: Word | None = None
    antenna: Word | None = None
    utc_offset_minutes: MinutesEast | None = None
    screen_brightness_percent: Percent | None = None
    screen_width: Pixels | None = None
    screen_height: Pixels | None = None
    latitude: Microdegrees | None = None
    longitude: Microdegrees | None = None
    precision: Precision | None = None
    since_boot_seconds: Seconds | None = None
    since_login_seconds: Seconds | None = None
    since_credential_reset_seconds: Seconds | None = None
    account_tenure_days: Count | None = None
    is_compromised: bool | None = None
    is_receiver_mismatched: bool | None = None
    is_place_unusual: bool | None = None
    is_loan_taken: bool | None = None
    screen_milliseconds: Milliseconds | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        refuse_unless(
            (self.latitude is None) == (self.longitude is None),
            "longitude",
            "both degrees of a place, or neither",
            self.longitude,
        )
        refuse_unless(
            abs(self.latitude or 0) <= 90_000_000,
            "latitude",
            "-90000000 to 90000000",
            self.latitude,
        )

    @property
    def subject_id(self) -> bytes:
        """The holder's account."""
        return self.account_id

    @property
    def own_id(self) -> str:
        """The id that the collector gave them."""
        return self.signals_id
