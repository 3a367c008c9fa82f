"""At least one valid value of each schema that the domain and the decision declare."""

from __future__ import annotations

from crivo.decision.alert import Alert, AlertStatus
from crivo.decision.follow_up import FollowUp, FollowUpKind
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import Outcome
from crivo.decision.revision import DecisionRevised
from crivo.domain.account import AccountType, PersonType
from crivo.domain.authorisation import AuthorisationRequest, AuthorisationStatus, Frequency
from crivo.domain.claim import Claim, ClaimReason, ClaimStatus, ClaimType
from crivo.domain.cut import Cut
from crivo.domain.device import DeviceChange, DeviceKind, DeviceStatus
from crivo.domain.dict_entry import DictAction, DictEntry, DictRestriction
from crivo.domain.dict_statistics import (
    Amounts,
    DictStatistics,
    Entries,
    Markers,
    Reports,
    Settlements,
    StatisticsOf,
    Windows,
)
from crivo.domain.enrolment import Enrolment, EnrolmentStatus
from crivo.domain.erasure import Erasure
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.funds_recovery import FundsRecovery, RecoveryStatus
from crivo.domain.identifiers import make_end_to_end_id, make_return_id
from crivo.domain.infraction import (
    Analysis,
    InfractionReason,
    InfractionReport,
    InfractionStatus,
    Situation,
)
from crivo.domain.instant import DAY, HOUR, parse_rfc3339
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.domain.login import Login, LoginAction, LoginMethod, LoginResult
from crivo.domain.phase import Phase
from crivo.domain.pix_key import KeyType
from crivo.domain.precautionary_block import BlockStatus, PrecautionaryBlock
from crivo.domain.refund import Refund, RefundReason, RefundRejection, RefundResult, RefundStatus
from crivo.domain.report import Report, ReportStatus
from crivo.domain.reveal import Reveal
from crivo.domain.review import Review, ReviewResult, ReviewSide, ReviewStatus
from crivo.domain.risk_signals import Precision, RiskSignals, SignalOrigin
from crivo.domain.settlement import Rejection, ReturnReason, Settlement, SettlementStatus
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel, Transfer
from crivo.governance.segment import Sealed, Signer

NOON = parse_rfc3339("2026-11-23T12:00:00Z")
ID = make_end_to_end_id("00038166", NOON, "0123456789a")
RETURN_ID = make_return_id("SIM00001", NOON + DAY, "0123456789b")
PAYER, PAYEE, PERSON, KEY, DEVICE = (letter * 16 for letter in (b"p", b"q", b"n", b"k", b"d"))
ABOUT = (ID, PAYER, PAYEE, 100_000, NOON)
WINDOWS = Windows(3, 12, 60)

TRANSFERS = (
    Transfer(ID, NOON, 100_000, PAYER, PAYEE),
    Transfer(
        ID, NOON, 1, None, None, PERSON, None, KEY, DEVICE, "00038166", "SIM00001",
        Initiation.QRDN, Purpose.IPAY, ServiceLevel.PAGFRD, "a" * 35, "1234567A",
    ),
)  # fmt: skip

VALUES = (
    *TRANSFERS,
    Report("r-1", ReportStatus.CLAIMED, *ABOUT),
    Settlement(*ABOUT, NOON + 1, SettlementStatus.SETTLED, "M00038166" + "a" * 23),
    Settlement(*ABOUT, NOON + 1, SettlementStatus.CANCELLED),
    Settlement(*ABOUT, NOON + 1, SettlementStatus.REJECTED, rejection=Rejection.FRAD),
    Settlement(
        *ABOUT,
        NOON + DAY,
        SettlementStatus.RETURNED,
        return_id=RETURN_ID,
        return_reason=ReturnReason.FR01,
        returned_centavos=99_999,
    ),
    PrecautionaryBlock(*ABOUT, "b-1", NOON + 9, None, BlockStatus.PLACED, 100_000),
    PrecautionaryBlock(*ABOUT, "b-1", NOON + DAY, BlockStatus.PLACED, BlockStatus.RETURNED, 5),
    Login(
        "l-1", NOON, PAYER, LoginAction.LOGIN, LoginMethod.BIOMETRY, LoginResult.SUCCEEDED, PERSON,
        DEVICE,
    ),
    Login("l-2", NOON, PAYER, LoginAction.CREDENTIAL_RESET, LoginMethod.PIN, LoginResult.FAILED),
    DeviceChange("v-1", NOON, PAYER, DEVICE, None, DeviceStatus.REGISTERED, DeviceKind.ANDROID),
    DeviceChange("v-2", NOON, PAYER, DEVICE, DeviceStatus.REGISTERED, DeviceStatus.REMOVED),
    RiskSignals("s-1", NOON, PAYER, SignalOrigin.INITIATOR),
    RiskSignals(
        "s-2",
        NOON,
        PAYER,
        SignalOrigin.OWN_APP,
        end_to_end_id=ID,
        device_id=DEVICE,
        is_rooted=False,
        is_call_in_progress=True,
        language="pt-BR",
        utc_offset_minutes=-180,
        screen_brightness_percent=0,
        screen_width=1080,
        screen_height=2400,
        latitude=-15_793_889,
        longitude=-47_882_778,
        precision=Precision.COARSE,
        since_boot_seconds=86_400,
        screen_milliseconds=2_600,
    ),
    Enrolment("e-1", NOON, PAYER, "1234567A", None, EnrolmentStatus.AWAITING_RISK_SIGNALS),
    Enrolment(
        "e-1", NOON, PAYER, "1234567A", EnrolmentStatus.AUTHORISED, EnrolmentStatus.REVOKED, DEVICE
    ),
    DictEntry("x-1", NOON, KEY, DictAction.NOT_FOUND, KeyType.EVP, PAYER),
    DictEntry(
        "x-2", NOON, KEY, DictAction.RESTRICTED, restriction=DictRestriction.FRAUD_ON_PERSON
    ),
    DictEntry(
        "x-3", NOON, KEY, DictAction.FOUND, KeyType.PHONE, PAYER, ID, None, PERSON,
        PersonType.NATURAL_PERSON, PAYEE, AccountType.TRAN, "SIM00001", NOON - 9 * DAY,
        NOON - 2 * DAY, NOON - DAY, NOON - HOUR,
    ),
    DictStatistics("y-1", NOON, StatisticsOf.PERSON, PERSON),
    DictStatistics(
        "y-2",
        NOON,
        StatisticsOf.PERSON,
        PERSON,
        ID,
        Settlements(NOON - HOUR, WINDOWS),
        Markers(
            NOON - HOUR, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, Amounts(1, 2, 3), WINDOWS
        ),
        Reports(NOON - 12 * HOUR, 1, 1, WINDOWS),
        Entries(NOON, 2, None),
    ),
    DictStatistics(
        "y-3", NOON, StatisticsOf.KEY, KEY, entries=Entries(NOON, None, Windows(1, 1, 2))
    ),
    FraudMarker("m-1", NOON, PERSON, FraudType.MULE_ACCOUNT, None, MarkerStatus.REGISTERED, KEY),
    FraudMarker(
        "m-1", NOON, PERSON, FraudType.OTHER, MarkerStatus.REGISTERED, MarkerStatus.CANCELLED,
        None, "00038166",
    ),
    Claim(
        "c-1", NOON, KEY, KeyType.PHONE, ClaimType.OWNERSHIP, None, ClaimStatus.OPEN, "SIM00001",
        "SIM00002",
    ),
    Claim(
        "c-2", NOON, KEY, KeyType.CPF, ClaimType.PORTABILITY, ClaimStatus.OPEN,
        ClaimStatus.CANCELLED, "SIM00001", "SIM00002", ClaimReason.FRAUD,
    ),
    LimitChange("t-1", NOON, NOON + DAY, PAYER, LimitKind.NIGHT, 100_000, 500_000),
    LimitChange("t-2", NOON, NOON, PAYER, LimitKind.DAY, None, 0),
    LimitChange("t-3", NOON, NOON + DAY, PAYER, LimitKind.PAYEE, None, 900_000, PAYEE),
    LimitChange("t-4", NOON, NOON, PAYER, LimitKind.NIGHT_START, night_start_hour=22),
    AuthorisationRequest(
        "a-1", NOON, PAYER, PAYEE, None, AuthorisationStatus.REQUESTED, Frequency.MONTHLY, 4_990
    ),
    AuthorisationRequest(
        "a-1", NOON, PAYER, PAYEE, AuthorisationStatus.REQUESTED, AuthorisationStatus.AUTHORISED,
        Frequency.WEEKLY, None, 10_000, "SIM00003",
    ),
    InfractionReport(
        *ABOUT, "i-1", NOON + HOUR, None, InfractionStatus.OPEN, InfractionReason.REFUND_REQUEST,
        Situation.SCAM, infraction_centavos=100_000, layer=0,
    ),
    InfractionReport(
        *ABOUT, "i-1", NOON + DAY, InfractionStatus.ACKNOWLEDGED, InfractionStatus.CLOSED,
        InfractionReason.REFUND_REQUEST, Situation.COERCION, Analysis.AGREED,
        FraudType.SCAMMER_ACCOUNT,
    ),
    InfractionReport(
        *ABOUT, "i-2", NOON + DAY, InfractionStatus.ACKNOWLEDGED, InfractionStatus.CLOSED,
        InfractionReason.REFUND_CANCELLED, Situation.OTHER, Analysis.DISAGREED,
    ),
    FundsRecovery(*ABOUT, "f-1", NOON + HOUR, None, RecoveryStatus.CREATED),
    FundsRecovery(
        *ABOUT, "f-1", NOON + DAY, RecoveryStatus.REFUNDING, RecoveryStatus.COMPLETED, 4, 3, 0
    ),
    Refund(*ABOUT, "u-1", NOON, None, RefundStatus.OPEN, RefundReason.FRAUD, 100_000),
    Refund(
        *ABOUT, "u-1", NOON, RefundStatus.OPEN, RefundStatus.CLOSED, RefundReason.FRAUD, 100_000,
        RefundResult.PARTIALLY_ACCEPTED, None, 1, RETURN_ID, "f-1",
    ),
    Refund(
        *ABOUT, "u-2", NOON, RefundStatus.OPEN, RefundStatus.CLOSED, RefundReason.PIX_AUTOMATICO,
        100_000, RefundResult.REJECTED, RefundRejection.NO_BALANCE, 0,
    ),
    Refund(
        *ABOUT, "u-3", NOON, RefundStatus.OPEN, RefundStatus.CLOSED, RefundReason.OPERATIONAL_FLAW,
        100_000, RefundResult.TOTALLY_ACCEPTED, None, 100_000, RETURN_ID,
    ),
    ListEntry(
        "w-1", NOON, KEY, ListedEntity.KEY, ListKind.DENY, ListSide.PAYEE, ListAction.ADDED,
        NOON + DAY,
    ),
    ListEntry(
        "w-1", NOON, KEY, ListedEntity.KEY, ListKind.DENY, ListSide.PAYEE, ListAction.REMOVED
    ),
    Alert(
        *ABOUT, "z-1", NOON, None, AlertStatus.OPEN, Outcome.HOLD, ("BURST_OUT", "NIGHT_LIMIT"),
        900_000_000,
    ),
    Alert(*ABOUT, "z-1", NOON, AlertStatus.OPEN, AlertStatus.DISMISSED, Outcome.HOLD, ()),
    Review(*ABOUT, NOON + HOUR, None, ReviewStatus.REQUESTED, ReviewSide.PAYER),
    Review(
        *ABOUT, NOON + DAY, ReviewStatus.REQUESTED, ReviewStatus.ANSWERED, ReviewSide.PAYEE, "ana",
        ReviewResult.UPHELD, Phase.SETTLEMENT,
    ),
    Erasure("x-1", NOON, PERSON, 3, NOON, "ana", "asked for by letter 17", False),
    Erasure("x-2", NOON, PERSON, 0, None, "ana", "asked for by letter 18", False),
    Reveal("y-1", NOON, PAYER, ID, "ana", "case 12"),
    Cut("3f" * 16, 17, NOON),
    Signer(bytes(32)).segment("log", 3, None, Sealed(0, [bytes(32)], [17], NOON)),
    FollowUp(ABOUT[0], Phase.SETTLEMENT, ABOUT[1], NOON, FollowUpKind.WARN_ABANDONED),
    DecisionRevised(
        ABOUT[0], Phase.INITIATION, ABOUT[1], NOON, Outcome.ALLOW, None, ("MODEL_SCORE",), 7, "b"
    ),
    HoldEnd(ABOUT[0], Phase.INITIATION, ABOUT[1], NOON, Outcome.REJECT),
)  # fmt: skip
