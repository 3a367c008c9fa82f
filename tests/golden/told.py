"""What is told beside transfers, worked out by hand: events, a transfer, and what a person finds.

The instant asked at is that of `windows.py`: T, 2026-07-21 08:15 in Brasília, a Tuesday.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crivo.domain.claim import Claim, ClaimStatus, ClaimType
from crivo.domain.device import DeviceChange, DeviceStatus
from crivo.domain.dict_entry import DictAction, DictEntry
from crivo.domain.dict_statistics import (
    Amounts,
    DictStatistics,
    Markers,
    Reports,
    Settlements,
    StatisticsOf,
    Windows,
)
from crivo.domain.enrolment import Enrolment, EnrolmentStatus
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.identifiers import make_end_to_end_id, make_return_id
from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.login import Login, LoginAction, LoginMethod, LoginResult
from crivo.domain.pix_key import KeyType
from crivo.domain.precautionary_block import BlockStatus, PrecautionaryBlock
from crivo.domain.settlement import Rejection, ReturnReason, Settlement, SettlementStatus
from crivo.domain.transfer import Transfer
from tests.golden.windows import EVENING, T

ANA, BIA, PERSON, KEY, PHONE, OTHER = (
    letter * 16 for letter in (b"a", b"b", b"n", b"k", b"p", b"o")
)


def paid(at: int, centavos: int = 1_000, *, device: bytes | None = PHONE) -> Transfer:
    """A transfer of Ana to Bia."""
    end_to_end_id = make_end_to_end_id("00038166", at, f"{centavos:011d}")
    return Transfer(
        end_to_end_id, at, centavos, ANA, BIA, None, PERSON, payee_key_id=KEY, device_id=device
    )


def about(transfer: Transfer) -> tuple[str, bytes, bytes, int, int]:
    """What an event about a transfer repeats of it."""
    amount, at = transfer.amount_centavos, transfer.occurred_at
    return (transfer.end_to_end_id, transfer.payer_id, transfer.payee_id, amount, at)


def login(at: int, result: LoginResult, action: LoginAction = LoginAction.LOGIN) -> Login:
    """An attempt on Ana's account from her telephone."""
    return Login(f"l-{at}", at, ANA, action, LoginMethod.PIN, result, None, PHONE)


def reading(at: int, entity: bytes = PERSON, **blocks: object) -> DictStatistics:
    """An answer of the directory about a person."""
    facts: dict[str, Any] = blocks
    return DictStatistics(f"y-{at}", at, StatisticsOf.PERSON, entity, **facts)


NONE = Windows(0, 0, 0)
MARKED = Markers(T - 8 * HOUR, Windows(1, 1, 1), Windows(2, 3, 4), NONE, NONE, Windows(0, 0, 5),
                 Amounts(0, 0, 0), Windows(1, 1, 3))  # fmt: skip
KNOWN = Settlements(T - 5 * HOUR, Windows(70, 80, 90))
CLAIMED = Reports(T - 4 * HOUR, 2, 2, NONE)


@dataclass(frozen=True)
class Case:
    """Events in the order of the log with their receipts, and what is found at T."""

    title: str
    before: tuple[tuple[object, int], ...]
    found: Mapping[str, float | None]


def at_once(*values: object) -> tuple[tuple[object, int], ...]:
    """Each value, received when it happened."""
    return tuple((value, value.occurred_at) for value in values)  # type: ignore[attr-defined]


MORNING_PAID = paid(T - 2 * HOUR, 40_000)  # 06:15, today and no night
NIGHT_PAID = paid(EVENING + HOUR, 30_000)  # 21:00 of the day before

CASES = (
    Case(
        "nothing was ever told",
        (),
        {
            "payer_failed_login_count_24h": 0.0,
            "payer_login_since_last_ever": None,
            "payer_day_limit_last_ever": None,
            "payer_day_limit_used_today": None,
            "payee_person_markers_d90_last_ever": None,
            "payee_person_markers_watermark_age_ever": None,
            "payee_key_key_created_age_ever": None,
            "payee_person_fraud_marker_count_30d": 0.0,
        },
    ),
    Case(
        "log-ins: a failure of an hour ago is at the window's edge and outside",
        at_once(
            login(T - 400 * DAY - 1, LoginResult.SUCCEEDED, LoginAction.CREDENTIAL_RESET),
            login(T - 2 * DAY, LoginResult.SUCCEEDED),
            login(T - HOUR, LoginResult.FAILED),
            login(T - HOUR + 1, LoginResult.LOCKED),
            login(T - 90 * SECOND, LoginResult.FAILED),
            login(T - 60 * SECOND, LoginResult.FAILED, LoginAction.CREDENTIAL_RESET),
            login(T - 30 * SECOND, LoginResult.FAILED, LoginAction.CONFIRMATION),
            login(T, LoginResult.FAILED),
        ),
        {
            "payer_failed_login_count_1h": 2.0,
            "payer_failed_login_count_24h": 3.0,
            "payer_failed_login_since_last_ever": 90.0,
            "payer_login_count_24h": 0.0,
            "payer_login_since_last_ever": 172_800.0,
            "device_failed_login_count_24h": 3.0,
            # Longer ago than 400 days reads as 400 days; a reset that failed is none.
            "payer_credential_reset_since_last_ever": 34_560_000.0,
        },
    ),
    Case(
        "devices: this one was enrolled ten days ago, another one an hour ago",
        at_once(
            DeviceChange("v-1", T - 10 * DAY, ANA, PHONE, None, DeviceStatus.REGISTERED),
            DeviceChange("v-2", T - DAY, ANA, OTHER, None, DeviceStatus.SEEN),
            Enrolment(
                "e-1",
                T - HOUR,
                ANA,
                "1234567A",
                EnrolmentStatus.AWAITING_ENROLLMENT,
                EnrolmentStatus.AUTHORISED,
                OTHER,
            ),
            DeviceChange(
                "v-3", T - MINUTE, ANA, OTHER, DeviceStatus.REGISTERED, DeviceStatus.REMOVED
            ),
        ),
        {
            "payer_device_enrolment_since_last_ever": 3_600.0,
            "payer_device_device_enrolment_since_last_ever": 864_000.0,
            "payer_device_removal_since_last_ever": 60.0,
        },
    ),
    Case(
        "limits: a raise waits until it is in force, a lowering does not",
        at_once(
            LimitChange("c-1", T - 3 * DAY, T - 3 * DAY, ANA, LimitKind.DAY, 200_000, 100_000),
            LimitChange("c-2", T - 20 * HOUR, T + HOUR, ANA, LimitKind.DAY, 100_000, 500_000),
            LimitChange("c-3", T - 2 * HOUR, T - 1, ANA, LimitKind.NIGHT, None, 60_000),
            NIGHT_PAID,
            MORNING_PAID,
        ),
        {
            "payer_day_limit_last_ever": 100_000.0,
            "payer_night_limit_last_ever": 60_000.0,
            "payer_day_limit_used_today": 0.4,
            "payer_night_limit_used_own_night": None,
            "payer_limit_raise_count_24h": 1.0,
            "payer_limit_raise_since_last_ever": 72_000.0,
        },
    ),
    Case(
        "what was undone of today's attempts is not used; of another day's, changes nothing",
        (
            *at_once(
                LimitChange("c-1", T - 3 * DAY, T - 3 * DAY, ANA, LimitKind.DAY, None, 100_000),
                NIGHT_PAID,
                MORNING_PAID,
                Settlement(*about(MORNING_PAID), T - HOUR, SettlementStatus.SETTLED),
                Settlement(
                    *about(MORNING_PAID),
                    T - HOUR,
                    SettlementStatus.RETURNED,
                    return_id=make_return_id("SIM00001", T - HOUR, "0123456789b"),
                    return_reason=ReturnReason.REFU,
                    returned_centavos=15_000,
                ),
                Settlement(
                    *about(NIGHT_PAID),
                    T - HOUR,
                    SettlementStatus.REJECTED,
                    rejection=Rejection.AB03,
                ),
            ),
        ),
        {"payer_day_limit_used_today": 0.25, "payer_undoing_count_24h": 2.0},
    ),
    Case(
        "more was undone than was heard of: nothing is used, and never less than nothing",
        at_once(
            LimitChange("c-1", T - 3 * DAY, T - 3 * DAY, ANA, LimitKind.DAY, None, 100_000),
            Settlement(
                *about(MORNING_PAID), T - HOUR, SettlementStatus.REJECTED, rejection=Rejection.AB03
            ),
        ),
        {"payer_day_limit_used_today": 0.0, "payer_undoing_count_24h": 1.0},
    ),
    Case(
        "what stands from the transfer's own instant on does not stand for it",
        at_once(
            LimitChange("c-1", T - DAY, T - 1, ANA, LimitKind.DAY, None, 100_000),
            LimitChange("c-2", T - DAY, T, ANA, LimitKind.DAY, None, 500_000),
            LimitChange("c-3", T - DAY, T, ANA, LimitKind.NIGHT, None, 60_000),
        ),
        {"payer_day_limit_last_ever": 100_000.0, "payer_night_limit_last_ever": None},
    ),
    Case(
        "the directory: the newest answer stands, and a block without data tells nothing",
        at_once(
            reading(
                T - 9 * HOUR,
                settlements=Settlements(T - 20 * HOUR, Windows(1, 1, 1)),
                reports=Reports(T - 10 * HOUR, 9, 1, NONE),
            ),
            reading(T - 3 * HOUR, settlements=KNOWN, markers=MARKED, reports=None),
            reading(T - 2 * HOUR, OTHER, settlements=KNOWN, reports=CLAIMED),
            reading(T, settlements=None, markers=None),
        ),
        {
            "payee_person_received_d90_last_ever": 70.0,
            "payee_person_markers_d90_last_ever": 3.0,
            "payee_person_markers_m60_last_ever": 10.0,
            "payee_person_reporters_m60_last_ever": 3.0,
            "payee_person_open_reports_last_ever": None,
            "payee_person_settlements_watermark_age_ever": 18_000.0,
            "payee_person_markers_watermark_age_ever": 28_800.0,
            "payee_person_reports_watermark_age_ever": None,
            "payee_person_dict_statistics_count_24h": 2.0,
        },
    ),
    Case(
        "keys: created nine days ago, held for one, claimed an hour ago",
        at_once(
            DictEntry(
                "x-1",
                T - 2 * HOUR,
                KEY,
                DictAction.FOUND,
                KeyType.PHONE,
                account_id=BIA,
                person_id=PERSON,
                account_opened_at=T - 30 * DAY,
                key_created_at=T - 9 * DAY,
                key_owned_since=T - DAY,
            ),
            Claim(
                "m-1",
                T - HOUR,
                KEY,
                KeyType.PHONE,
                ClaimType.OWNERSHIP,
                ClaimStatus.CONFIRMED,
                ClaimStatus.COMPLETED,
                "00038166",
                "SIM00001",
            ),
            DictEntry("x-2", T - MINUTE, KEY, DictAction.NOT_FOUND),
        ),
        {
            "payee_key_key_created_age_ever": 777_600.0,
            "payee_key_key_owned_age_ever": 86_400.0,
            "payee_account_opened_age_ever": 2_592_000.0,
            "payee_key_key_claim_since_last_ever": 3_600.0,
        },
    ),
    Case(
        "markers and blocks",
        at_once(
            FraudMarker("k-1", T - 2 * DAY, PERSON, FraudType.OTHER, None, MarkerStatus.REGISTERED),
            FraudMarker(
                "k-2", T - DAY, PERSON, FraudType.MULE_ACCOUNT, None, MarkerStatus.REGISTERED, KEY
            ),
            FraudMarker(
                "k-1",
                T - HOUR,
                PERSON,
                FraudType.OTHER,
                MarkerStatus.REGISTERED,
                MarkerStatus.CANCELLED,
            ),
            PrecautionaryBlock(
                *about(MORNING_PAID), "b-1", T - 2 * HOUR + 1, None, BlockStatus.PLACED, 40_000
            ),
            PrecautionaryBlock(
                *about(MORNING_PAID), "b-1", T - HOUR, BlockStatus.PLACED, BlockStatus.RELEASED, 1
            ),
        ),
        {
            "payee_person_fraud_marker_count_30d": 2.0,
            "payee_key_fraud_marker_count_30d": 1.0,
            "payee_person_fraud_marker_since_last_ever": 86_400.0,
            "payee_person_marker_cancellation_count_30d": 1.0,
            "payee_block_count_30d": 1.0,
            "payee_block_since_last_ever": 7_199.999999,
        },
    ),
    Case(
        "an event that is told late counts from its own instant, whatever came before it",
        (
            (login(T - MINUTE, LoginResult.FAILED), T - MINUTE),
            (login(T - 3 * DAY, LoginResult.SUCCEEDED), T - SECOND),
            (login(T - 2 * MINUTE, LoginResult.FAILED), T - SECOND),
        ),
        {
            "payer_failed_login_count_1h": 2.0,
            "payer_failed_login_since_last_ever": 60.0,
            "payer_login_since_last_ever": 259_200.0,
        },
    ),
)
