"""Simulated events about contested payments, lists, signals and keys as values of the domain."""

from __future__ import annotations

from collections.abc import Callable

from crivo.domain.claim import Claim, ClaimReason, ClaimStatus, ClaimType
from crivo.domain.fraud_marker import FraudType
from crivo.domain.funds_recovery import FundsRecovery, RecoveryStatus
from crivo.domain.infraction import (
    Analysis,
    InfractionReason,
    InfractionReport,
    InfractionStatus,
    Situation,
)
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.domain.pix_key import KeyType
from crivo.domain.risk_signals import RiskSignals, SignalOrigin
from crivo.flows.event_of import EventValue
from crivo.governance.pseudonym import Pseudonymiser

PSEUDONYMS = Pseudonymiser(b"k" * 32)

Row = dict[str, object]


def account(row: Row, name: str) -> bytes:
    return PSEUDONYMS.account(str(row[name]))


def person(row: Row, name: str) -> bytes:
    return PSEUDONYMS.person(str(row[name]))


def optional(row: Row, name: str, made: Callable[[str], object]) -> object:
    return None if row[name] is None else made(str(row[name]))


def about(row: Row) -> dict[str, object]:
    """The transfer that an event is about."""
    return {
        "end_to_end_id": row["end_to_end_id"],
        "payer_id": account(row, "payer_account"),
        "payee_id": account(row, "payee_account"),
        "transfer_occurred_at": row["transfer_occurred_at"],
    }


def infractions(row: Row) -> EventValue:
    return InfractionReport(
        **about(row),
        amount_centavos=row["infraction_centavos"],
        infraction_id=row["infraction_id"],
        occurred_at=row["occurred_at"],
        previous=optional(row, "previous", InfractionStatus),
        status=InfractionStatus(row["status"]),
        reason=InfractionReason.REFUND_REQUEST,
        situation=Situation(row["situation"]),
        analysis=optional(row, "analysis", Analysis),
        fraud_type=optional(row, "fraud_type", FraudType),
        infraction_centavos=row["infraction_centavos"],
    )


def funds_recoveries(row: Row) -> EventValue:
    return FundsRecovery(
        **about(row),
        amount_centavos=1,
        recovery_id=row["recovery_id"],
        occurred_at=row["occurred_at"],
        previous=optional(row, "previous", RecoveryStatus),
        status=RecoveryStatus(row["status"]),
        traced_transfers=row["traced_transfers"],
        refunded_centavos=row["refunded_centavos"],
    )


def lists(row: Row) -> EventValue:
    entity = ListedEntity(row["entity"])
    made = {
        ListedEntity.ACCOUNT: PSEUDONYMS.account,
        ListedEntity.PERSON: PSEUDONYMS.person,
        ListedEntity.KEY: PSEUDONYMS.key,
        ListedEntity.DEVICE: PSEUDONYMS.device,
    }
    return ListEntry(
        entry_id=row["entry_id"],
        occurred_at=row["occurred_at"],
        entity_id=made[entity](str(row["entity_id"])),
        entity=entity,
        kind=ListKind(row["list"]),
        side=ListSide(row["side"]),
        action=ListAction(row["action"]),
        expires_at=row["expires_at"],
    )


def risk_signals(row: Row) -> EventValue:
    return RiskSignals(
        signals_id=row["signals_id"],
        occurred_at=row["occurred_at"],
        account_id=account(row, "account"),
        origin=SignalOrigin(row["signals_origin"]),
        end_to_end_id=row["end_to_end_id"],
        is_registered=row["is_device_registered"],
        is_remote_access=row["is_remote_access"],
        is_screen_overlaid=row["is_screen_overlaid"],
        is_loan_taken=row["is_loan_taken"],
        os_version=row["os_version"],
    )


def dict_claims(row: Row) -> EventValue:
    return Claim(
        claim_id=row["claim_id"],
        occurred_at=row["occurred_at"],
        key_id=PSEUDONYMS.key(str(row["key"])),
        key_type=KeyType(row["key_type"]),
        type=ClaimType(row["type"]),
        previous=optional(row, "previous", ClaimStatus),
        status=ClaimStatus(row["status"]),
        donor_ispb=row["donor_ispb"],
        claimer_ispb=row["claimer_ispb"],
        reason=optional(row, "reason", ClaimReason),
    )
