"""What was contested, signalled and listed, worked out by hand; people as in `told.py`."""

from __future__ import annotations

from crivo.domain.authorisation import AuthorisationRequest, AuthorisationStatus, Frequency
from crivo.domain.fraud_marker import FraudType
from crivo.domain.funds_recovery import FundsRecovery, RecoveryStatus
from crivo.domain.infraction import (
    Analysis,
    InfractionReason,
    InfractionReport,
    InfractionStatus,
    Situation,
)
from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.domain.refund import Refund, RefundReason, RefundStatus
from crivo.domain.risk_signals import RiskSignals, SignalOrigin
from tests.golden.told import (
    ANA,
    BIA,
    KEY,
    MORNING_PAID,
    OTHER,
    PERSON,
    PHONE,
    Case,
    about,
    at_once,
)
from tests.golden.windows import T

OPEN, CLOSED = InfractionStatus.OPEN, InfractionStatus.CLOSED
ACKNOWLEDGED = InfractionStatus.ACKNOWLEDGED
ASKED, TAKEN_BACK = InfractionReason.REFUND_REQUEST, InfractionReason.REFUND_CANCELLED
SCAM = Situation.SCAM


def infraction(
    number: int,
    at: int,
    before: InfractionStatus | None,
    after: InfractionStatus,
    analysis: Analysis | None = None,
    reason: InfractionReason = ASKED,
) -> InfractionReport:
    """A step of a report about what Ana paid Bia in the morning."""
    agreed = FraudType.MULE_ACCOUNT if analysis is Analysis.AGREED else None
    return InfractionReport(
        *about(MORNING_PAID), f"i-{number}", at, before, after, reason, SCAM, analysis, agreed
    )


def entry(number: int, at: int, who: bytes, what: ListedEntity, kind: ListKind) -> ListEntry:
    """An entry into a list, in either role."""
    return ListEntry(f"e-{number}", at, who, what, kind, ListSide.BOTH, ListAction.ADDED)


CASES = (
    Case(
        "two reports were opened, one was agreed to, one was not; a third took a refund back",
        at_once(
            infraction(1, T - 40 * DAY, None, OPEN),
            infraction(2, T - 3 * HOUR, None, OPEN),
            infraction(3, T - 3 * HOUR, None, OPEN, reason=TAKEN_BACK),
            infraction(1, T - 2 * DAY, OPEN, ACKNOWLEDGED),
            infraction(1, T - DAY, ACKNOWLEDGED, CLOSED, Analysis.AGREED),
            infraction(2, T - HOUR, ACKNOWLEDGED, CLOSED, Analysis.DISAGREED),
        ),
        {
            "payee_infraction_count_24h": 1.0,
            "payee_infraction_count_30d": 1.0,
            "payee_agreed_infraction_count_90d": 1.0,
            "payee_agreed_infraction_since_last_ever": 86_400.0,
            "payer_receiving_infraction_count_30d": 0.0,
            "payer_infraction_count_90d": 2.0,
        },
    ),
    Case(
        "a refund is asked for as fraud, another for a flaw; a recovery begins and goes on",
        at_once(
            Refund(
                *about(MORNING_PAID),
                "r-1",
                T - 2 * HOUR,
                None,
                RefundStatus.OPEN,
                RefundReason.FRAUD,
                500,
            ),
            Refund(
                *about(MORNING_PAID),
                "r-2",
                T - HOUR,
                None,
                RefundStatus.OPEN,
                RefundReason.OPERATIONAL_FLAW,
                500,
            ),
            FundsRecovery(*about(MORNING_PAID), "f-1", T - HOUR, None, RecoveryStatus.CREATED),
            FundsRecovery(
                *about(MORNING_PAID), "f-1", T - 1, RecoveryStatus.CREATED, RecoveryStatus.TRACKED
            ),
        ),
        {"payee_refund_request_count_30d": 1.0, "payee_recovery_count_30d": 1.0},
    ),
    Case(
        "the newest signals stand, whatever came last; what they did not collect is not known",
        (
            (
                RiskSignals(
                    "s-2",
                    T - MINUTE,
                    ANA,
                    SignalOrigin.OWN_APP,
                    device_id=PHONE,
                    is_remote_access=True,
                    is_screen_overlaid=False,
                    is_mock_location=True,
                    is_compromised=False,
                    is_receiver_mismatched=True,
                    is_loan_taken=False,
                ),
                T - MINUTE,
            ),
            (
                RiskSignals(
                    "s-1",
                    T - HOUR,
                    ANA,
                    SignalOrigin.OWN_APP,
                    device_id=PHONE,
                    is_remote_access=False,
                    is_call_in_progress=True,
                    is_place_unusual=True,
                ),
                T - SECOND,
            ),
        ),
        {
            "payer_remote_access_last_ever": 1.0,
            "payer_call_in_progress_last_ever": None,
            "payer_screen_overlaid_last_ever": 0.0,
            "payer_mock_location_last_ever": 1.0,
            "payer_compromised_last_ever": 0.0,
            "payer_receiver_mismatched_last_ever": 1.0,
            "payer_place_unusual_last_ever": None,
            "payer_loan_taken_last_ever": 0.0,
            "payer_risk_signals_since_last_ever": 60.0,
        },
    ),
    Case(
        "Bia asks to collect, of Ana and of somebody else; what is authorised is not asked again",
        at_once(
            AuthorisationRequest(
                "a-1",
                T - 2 * HOUR,
                ANA,
                BIA,
                None,
                AuthorisationStatus.REQUESTED,
                Frequency.MONTHLY,
            ),
            AuthorisationRequest(
                "a-1",
                T - HOUR,
                ANA,
                BIA,
                AuthorisationStatus.REQUESTED,
                AuthorisationStatus.AUTHORISED,
                Frequency.MONTHLY,
            ),
            AuthorisationRequest(
                "a-2",
                T - MINUTE,
                OTHER,
                BIA,
                None,
                AuthorisationStatus.REQUESTED,
                Frequency.MONTHLY,
            ),
        ),
        {"payee_authorisation_count_24h": 2.0, "pair_authorisation_since_last_ever": 7_200.0},
    ),
    Case(
        "who is watched or stopped is listed, who is let pass is not, and leaving tells nothing",
        at_once(
            entry(1, T - 80 * DAY, BIA, ListedEntity.ACCOUNT, ListKind.WATCH),
            entry(2, T - DAY, BIA, ListedEntity.ACCOUNT, ListKind.DENY),
            entry(3, T - DAY, ANA, ListedEntity.ACCOUNT, ListKind.ALLOW),
            entry(4, T - DAY, PERSON, ListedEntity.PERSON, ListKind.DENY),
            entry(5, T - DAY, KEY, ListedEntity.KEY, ListKind.WATCH),
            entry(6, T - 91 * DAY, PHONE, ListedEntity.DEVICE, ListKind.DENY),
            ListEntry(
                "e-2",
                T - HOUR,
                BIA,
                ListedEntity.ACCOUNT,
                ListKind.DENY,
                ListSide.BOTH,
                ListAction.REMOVED,
            ),
        ),
        {
            "payee_listing_count_90d": 2.0,
            "payer_listing_count_90d": 0.0,
            "payee_person_listing_count_90d": 1.0,
            "payee_key_listing_count_90d": 1.0,
            "device_listing_count_90d": 0.0,
        },
    ),
)
