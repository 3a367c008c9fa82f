"""Rows of what is told beside transfers and reports: of holders, limits, keys, persons, the rail.

One event gives a row for each thing that features may read of it, and none where they read nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from crivo.domain.authorisation import AuthorisationRequest, AuthorisationStatus
from crivo.domain.claim import Claim, ClaimStatus
from crivo.domain.device import DeviceChange, DeviceStatus
from crivo.domain.dict_entry import DictEntry
from crivo.domain.dict_statistics import DictStatistics, StatisticsOf
from crivo.domain.enrolment import Enrolment, EnrolmentStatus
from crivo.domain.fraud_marker import FraudMarker, MarkerStatus
from crivo.domain.funds_recovery import FundsRecovery, RecoveryStatus
from crivo.domain.infraction import (
    Analysis,
    InfractionReason,
    InfractionReport,
    InfractionStatus,
)
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.list_entry import ListAction, ListedEntity, ListEntry, ListKind, ListSide
from crivo.domain.login import Login, LoginAction, LoginResult
from crivo.domain.precautionary_block import BlockStatus, PrecautionaryBlock
from crivo.domain.refund import Refund, RefundReason, RefundStatus
from crivo.domain.risk_signals import RiskSignals
from crivo.domain.settlement import Settlement, SettlementStatus
from crivo.features.row import ABSENT, FACTS_MAX, NOBODY, RowBytes, RowKind, pack_row

Rows = list[RowBytes]


class _Telling:
    """Makes the rows of one event."""

    def __init__(self, received_at: int, event_id: bytes) -> None:
        self._received_at = received_at
        self._event_id = event_id

    def row(
        self,
        kind: RowKind,
        at: int,
        *,
        payer: bytes | None = None,
        payee: bytes | None = None,
        device: bytes | None = None,
        key: bytes | None = None,
        person: bytes | None = None,
        centavos: int = 0,
        facts: Sequence[int | None] = (),
    ) -> RowBytes:
        """A row at that instant about those who are named."""
        told = [ABSENT if fact is None else fact for fact in facts]
        return pack_row(
            kind.value,
            at,
            self._received_at,
            centavos,
            payer or NOBODY,
            payee or NOBODY,
            self._event_id,
            ABSENT,
            ABSENT,
            ABSENT,
            device or NOBODY,
            ABSENT,
            ABSENT,
            key or NOBODY,
            person or NOBODY,
            *told,
            *[ABSENT] * (FACTS_MAX - len(told)),
        )


def _login(value: Login, tell: _Telling) -> Rows:
    """A reset counts where it succeeded, a log-in either way; a confirmation is neither."""
    succeeded = value.result is LoginResult.SUCCEEDED
    match value.action:
        case LoginAction.LOGIN:
            kind = RowKind.LOGIN if succeeded else RowKind.FAILED_LOGIN
        case LoginAction.CREDENTIAL_RESET if succeeded:
            kind = RowKind.CREDENTIAL_RESET
        case _:
            return []
    at, account, device = value.occurred_at, value.account_id, value.device_id
    return [tell.row(kind, at, payer=account, device=device)]


_DEVICE_KINDS: Final = {
    DeviceStatus.SEEN: RowKind.DEVICE_SIGHTING,
    DeviceStatus.REGISTERED: RowKind.DEVICE_ENROLMENT,
    DeviceStatus.BLOCKED: RowKind.DEVICE_REMOVAL,
    DeviceStatus.REMOVED: RowKind.DEVICE_REMOVAL,
}


def _device(value: DeviceChange, tell: _Telling) -> Rows:
    kind, at = _DEVICE_KINDS[value.status], value.occurred_at
    return [tell.row(kind, at, payer=value.account_id, device=value.device_id)]


_ENROLMENT_KINDS: Final = {
    EnrolmentStatus.AUTHORISED: RowKind.DEVICE_ENROLMENT,
    EnrolmentStatus.REVOKED: RowKind.DEVICE_REMOVAL,
}


def _enrolment(value: Enrolment, tell: _Telling) -> Rows:
    """For payments without redirection a device is enrolled once its holder authorised it."""
    kind, at = _ENROLMENT_KINDS.get(value.status), value.occurred_at
    if kind is None:
        return []
    return [tell.row(kind, at, payer=value.account_id, device=value.device_id)]


_LIMIT_KINDS: Final = {
    LimitKind.DAY: RowKind.DAY_LIMIT,
    LimitKind.NIGHT: RowKind.NIGHT_LIMIT,
    LimitKind.NIGHT_START: RowKind.NIGHT_START,
}


def _limit(value: LimitChange, tell: _Telling) -> Rows:
    """A raise at the instant at which it was asked for; a limit from when it is in force."""
    account, rows = value.account_id, []
    before, after = value.before_centavos, value.after_centavos
    if before is not None and after is not None and after > before:
        rows.append(tell.row(RowKind.LIMIT_RAISE, value.occurred_at, payer=account))
    kind = _LIMIT_KINDS.get(value.kind)
    if kind is not None:
        fact = value.night_start_hour if kind is RowKind.NIGHT_START else after
        rows.append(tell.row(kind, value.effective_at, payer=account, facts=(fact,)))
    return rows


def _settlement(value: Settlement, tell: _Telling) -> Rows:
    """What ends an attempt, or takes it back, at the attempt's instant: windows lose what they held
    as of then.
    """
    kind, centavos = RowKind.UNDOING, value.amount_centavos
    match value.status:
        case SettlementStatus.SETTLED:
            kind = RowKind.SETTLEMENT
        case SettlementStatus.RETURNED:
            centavos = value.returned_centavos or value.amount_centavos
        case SettlementStatus.REJECTED | SettlementStatus.CANCELLED:
            pass
    return [
        tell.row(
            kind,
            value.transfer_occurred_at,
            payer=value.payer_id,
            payee=value.payee_id,
            centavos=centavos,
        )
    ]


def _block(value: PrecautionaryBlock, tell: _Telling) -> Rows:
    if value.status is not BlockStatus.PLACED:
        return []
    at, payee, centavos = value.occurred_at, value.payee_id, value.blocked_centavos
    return [tell.row(RowKind.BLOCK, at, payee=payee, centavos=centavos)]


def _entry(value: DictEntry, tell: _Telling) -> Rows:
    """What an answer of the directory tells of a key, and of the account that it stands for."""
    facts = (value.account_opened_at, value.key_created_at, value.key_owned_since)
    if facts == (None, None, None):
        return []
    at, key, account = value.occurred_at, value.key_id, value.account_id
    return [tell.row(RowKind.DICT_ENTRY, at, key=key, payee=account, facts=facts)]


#: A marker of any type is one.
_COUNTERS: Final = (
    "application_frauds",
    "mule_accounts",
    "scammer_accounts",
    "other_frauds",
    "unknown_frauds",
)


def _statistics(value: DictStatistics, tell: _Telling) -> Rows:
    """The counters that features read (`terms.FACTS`); a block without data tells nothing."""
    facts: list[int | None] = [None] * FACTS_MAX
    if value.settlements is not None:
        facts[0], facts[5] = value.settlements.received.d90, value.settlements.watermark
    if value.markers is not None:
        counters = [getattr(value.markers, name) for name in _COUNTERS]
        facts[1] = sum(counter.d90 for counter in counters)
        facts[2] = sum(counter.m60 for counter in counters)
        facts[3], facts[6] = value.markers.distinct_reporters.m60, value.markers.watermark
    if value.reports is not None:
        facts[4], facts[7] = value.reports.open_reports, value.reports.watermark
    is_person = value.of is StatisticsOf.PERSON
    key, person = (None, value.entity_id) if is_person else (value.entity_id, None)
    at = value.occurred_at
    return [tell.row(RowKind.DICT_STATISTICS, at, key=key, person=person, facts=facts)]


_MARKER_KINDS: Final = {
    MarkerStatus.REGISTERED: RowKind.FRAUD_MARKER,
    MarkerStatus.CANCELLED: RowKind.MARKER_CANCELLATION,
}


def _marker(value: FraudMarker, tell: _Telling) -> Rows:
    kind, at = _MARKER_KINDS[value.status], value.occurred_at
    return [tell.row(kind, at, key=value.key_id, person=value.person_id)]


def _claim(value: Claim, tell: _Telling) -> Rows:
    """A key changes hands, or its institution, once a claim is completed."""
    if value.status is not ClaimStatus.COMPLETED:
        return []
    return [tell.row(RowKind.KEY_CLAIM, value.occurred_at, key=value.key_id)]


_INFRACTION_KINDS: Final = {
    InfractionStatus.OPEN: RowKind.INFRACTION,
    InfractionStatus.CLOSED: RowKind.AGREED_INFRACTION,
}


def _infraction(value: InfractionReport, tell: _Telling) -> Rows:
    """That one was opened; and that it was agreed to, which marks the payee."""
    kind = _INFRACTION_KINDS.get(value.status)
    is_cancelling = value.reason is InfractionReason.REFUND_CANCELLED
    if kind is None or is_cancelling or value.analysis is Analysis.DISAGREED:
        return []
    return [_contested(kind, value, value.infraction_centavos or value.amount_centavos, tell)]


def _refund(value: Refund, tell: _Telling) -> Rows:
    """What is asked for back as fraud; a flaw of a system says nothing of the payee."""
    if value.status is not RefundStatus.OPEN or value.reason is not RefundReason.FRAUD:
        return []
    return [_contested(RowKind.REFUND_REQUEST, value, value.requested_centavos, tell)]


def _recovery(value: FundsRecovery, tell: _Telling) -> Rows:
    if value.status is not RecoveryStatus.CREATED:
        return []
    return [_contested(RowKind.RECOVERY, value, value.amount_centavos, tell)]


def _contested(
    kind: RowKind, value: InfractionReport | Refund | FundsRecovery, centavos: int, tell: _Telling
) -> RowBytes:
    """A row of a step about a contested transfer, at the step's own instant."""
    return tell.row(
        kind, value.occurred_at, payer=value.payer_id, payee=value.payee_id, centavos=centavos
    )


def _authorisation(value: AuthorisationRequest, tell: _Telling) -> Rows:
    """That a payee asks to collect from an account."""
    if value.status is not AuthorisationStatus.REQUESTED:
        return []
    at, account, payee = value.occurred_at, value.account_id, value.payee_id
    return [tell.row(RowKind.AUTHORISATION, at, payer=account, payee=payee)]


def _signals(value: RiskSignals, tell: _Telling) -> Rows:
    """The signals that features read (`terms.FACTS`); one that was not collected is none."""
    collected = (
        value.is_remote_access,
        value.is_call_in_progress,
        value.is_screen_overlaid,
        value.is_mock_location,
        value.is_compromised,
        value.is_receiver_mismatched,
        value.is_place_unusual,
        value.is_loan_taken,
    )
    facts = [None if signal is None else int(signal) for signal in collected]
    at, account, device = value.occurred_at, value.account_id, value.device_id
    return [tell.row(RowKind.RISK_SIGNALS, at, payer=account, device=device, facts=facts)]


def _listing(value: ListEntry, tell: _Telling) -> Rows:
    """That somebody is to be watched or stopped; to let pass, or to leave a list, tells nothing."""
    if value.action is not ListAction.ADDED or value.kind is ListKind.ALLOW:
        return []
    at, who = value.occurred_at, value.entity_id
    match value.entity:
        case ListedEntity.ACCOUNT:
            payer = None if value.side is ListSide.PAYEE else who
            payee = None if value.side is ListSide.PAYER else who
            return [tell.row(RowKind.LISTING, at, payer=payer, payee=payee)]
        case ListedEntity.PERSON:
            return [tell.row(RowKind.LISTING, at, person=who)]
        case ListedEntity.KEY:
            return [tell.row(RowKind.LISTING, at, key=who)]
        case ListedEntity.DEVICE:
            return [tell.row(RowKind.LISTING, at, device=who)]


#: What is told by each class of event, in rows.
TELLERS: Final[Mapping[type, Callable[[Any, _Telling], Rows]]] = {
    Login: _login,
    DeviceChange: _device,
    Enrolment: _enrolment,
    LimitChange: _limit,
    Settlement: _settlement,
    PrecautionaryBlock: _block,
    DictEntry: _entry,
    DictStatistics: _statistics,
    FraudMarker: _marker,
    Claim: _claim,
    InfractionReport: _infraction,
    Refund: _refund,
    FundsRecovery: _recovery,
    AuthorisationRequest: _authorisation,
    RiskSignals: _signals,
    ListEntry: _listing,
}


def told_rows(value: object, *, received_at: int, event_id: bytes) -> Rows:
    """The rows of an event of a class of `TELLERS`, received by the log's clock at `received_at`.

    Rows are placed at the event's own instant; limits from when they are in force, and undoings at
    the instant of the attempt that they take back.
    """
    return TELLERS[type(value)](value, _Telling(received_at, event_id))
