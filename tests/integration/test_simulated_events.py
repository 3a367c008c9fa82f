"""What the simulator calls an event is one of the platform's: a value that its stream carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.account import AccountType, PersonType
from crivo.domain.authorisation import AuthorisationRequest, AuthorisationStatus, Frequency
from crivo.domain.device import DeviceChange, DeviceStatus
from crivo.domain.dict_entry import DictAction, DictEntry
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
from crivo.domain.errors import Refused
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.infraction import (
    Situation,
)
from crivo.domain.limit_change import LimitChange, LimitKind
from crivo.domain.login import Login, LoginAction, LoginMethod, LoginResult
from crivo.domain.precautionary_block import BlockStatus, PrecautionaryBlock
from crivo.domain.refund import (
    Refund,
    RefundReason,
    RefundRejection,
    RefundResult,
    RefundStatus,
)
from crivo.domain.report import Report, ReportStatus
from crivo.domain.settlement import Rejection, ReturnReason, Settlement, SettlementStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel, Transfer
from crivo.flows.event_of import EventValue, event_of, value_of
from crivo.simulator.columns import Columns
from crivo.simulator.events.kind import default_kinds
from crivo.simulator.events.viewpoint import Viewpoint
from tests.integration.told_values import (
    PSEUDONYMS,
    Row,
    about,
    account,
    dict_claims,
    funds_recoveries,
    infractions,
    lists,
    optional,
    person,
    risk_signals,
)
from tests.unit.simulator.event_worlds import fullest, gathered

pytestmark = pytest.mark.slow

SAMPLE = 300


def transfers(row: Row) -> EventValue:
    return Transfer(
        end_to_end_id=row["end_to_end_id"],
        occurred_at=row["occurred_at"],
        amount_centavos=row["amount_centavos"],
        payer_account_id=account(row, "payer_account"),
        payee_account_id=account(row, "payee_account"),
        payer_person_id=person(row, "payer_person"),
        payee_person_id=person(row, "payee_person"),
        payee_key_id=optional(row, "payee_key", PSEUDONYMS.key),
        device_id=optional(row, "device", PSEUDONYMS.device),
        payer_ispb=row["payer_ispb"],
        payee_ispb=row["payee_ispb"],
        initiation=Initiation(row["initiation"]),
        purpose=Purpose(row["purpose"]),
        service_level=ServiceLevel(row["service_level"]),
        txid=row["txid"],
        initiator_ispb=row["initiator"],
    )


def settlements(row: Row) -> EventValue:
    return Settlement(
        **about(row),
        amount_centavos=row["amount_centavos"],
        occurred_at=row["occurred_at"],
        status=SettlementStatus(row["status"]),
        rejection=optional(row, "rejection", Rejection),
        return_id=row["return_id"],
        return_reason=optional(row, "return_reason", ReturnReason),
        returned_centavos=row["returned_centavos"],
    )


def logins(row: Row) -> EventValue:
    return Login(
        login_id=row["login_id"],
        occurred_at=row["occurred_at"],
        account_id=account(row, "account"),
        action=LoginAction(row["action"]),
        method=LoginMethod(row["method"]),
        result=LoginResult(row["result"]),
        device_id=optional(row, "device", PSEUDONYMS.device),
    )


def devices(row: Row) -> EventValue:
    return DeviceChange(
        change_id=row["change_id"],
        occurred_at=row["occurred_at"],
        account_id=account(row, "account"),
        device_id=PSEUDONYMS.device(str(row["device"])),
        previous=optional(row, "previous", DeviceStatus),
        status=DeviceStatus(row["status"]),
    )


def limits(row: Row) -> EventValue:
    return LimitChange(
        change_id=row["change_id"],
        occurred_at=row["occurred_at"],
        effective_at=row["effective_at"],
        account_id=account(row, "account"),
        kind=LimitKind(row["kind"]),
        before_centavos=row["before_centavos"],
        after_centavos=row["after_centavos"],
    )


def look_ups(row: Row) -> EventValue:
    found = row["action"] == "FOUND"
    return DictEntry(
        entry_id=row["entry_id"],
        occurred_at=row["occurred_at"],
        key_id=PSEUDONYMS.key(str(row["key"])),
        action=DictAction(row["action"]),
        payer_id=person(row, "payer_person"),
        end_to_end_id=row["end_to_end_id"],
        person_id=person(row, "dict_person") if found else None,
        person_type=optional(row, "dict_person_type", PersonType),
        account_id=account(row, "dict_account") if found else None,
        account_type=optional(row, "dict_account_type", AccountType),
        ispb=row["dict_ispb"],
        account_opened_at=row["dict_account_opened_at"],
        key_created_at=row["dict_key_created_at"],
        key_owned_since=row["dict_key_owned_since"],
    )


def windows(row: Row, name: str) -> dict[str, object]:
    return {each: row[f"dict_{name}_{each}"] for each in ("d90", "m12", "m60")}


def markers_read(row: Row) -> Markers:
    return Markers(
        watermark=row["dict_markers_watermark"],
        application_frauds=Windows(**windows(row, "application_frauds")),
        mule_accounts=Windows(**windows(row, "mule_accounts")),
        scammer_accounts=Windows(**windows(row, "scammer_accounts")),
        other_frauds=Windows(**windows(row, "other_frauds")),
        unknown_frauds=Windows(0, 0, 0),
        total_amount_reais=Amounts(**windows(row, "fraud_reais")),
        distinct_reporters=Windows(**windows(row, "fraud_reporters")),
    )


def reports_read(row: Row) -> Reports:
    return Reports(
        watermark=row["dict_reports_watermark"],
        open_reports=row["dict_open_reports"],
        open_distinct_reporters=row["dict_open_reporters"],
        rejected=Windows(**windows(row, "rejected_reports")),
    )


def statistics(row: Row) -> DictStatistics:
    """What was read with a look-up; a block with the watermark 1970 has no data."""
    blocks = {name: row[f"dict_{name}_watermark"] for name in ("settlements", "markers", "reports")}
    received = Windows(**windows(row, "settlements"))
    return DictStatistics(
        reading_id=row["entry_id"],
        occurred_at=row["occurred_at"],
        of=StatisticsOf.PERSON,
        entity_id=person(row, "dict_person"),
        end_to_end_id=row["end_to_end_id"],
        settlements=Settlements(blocks["settlements"], received) if blocks["settlements"] else None,
        markers=markers_read(row) if blocks["markers"] else None,
        reports=reports_read(row) if blocks["reports"] else None,
        entries=Entries(
            watermark=row["occurred_at"],
            registered_accounts=row["dict_registered_accounts"],
            distinct_accounts=None,
        ),
    )


def dict_markers(row: Row) -> EventValue:
    return FraudMarker(
        marker_id=row["marker_id"],
        occurred_at=row["occurred_at"],
        person_id=person(row, "person"),
        fraud_type=FraudType(row["fraud_type"]),
        previous=None,
        status=MarkerStatus(row["status"]),
        key_id=optional(row, "key", PSEUDONYMS.key),
        reporter_ispb=row["reporter_ispb"],
    )


def authorisations(row: Row) -> EventValue:
    asked = row["status"] == "REQUESTED"
    return AuthorisationRequest(
        authorisation_id=row["authorisation_id"],
        occurred_at=row["occurred_at"],
        account_id=account(row, "payer_account"),
        payee_id=account(row, "payee_account"),
        previous=None if asked else AuthorisationStatus.REQUESTED,
        status=AuthorisationStatus(row["status"]),
        frequency=Frequency(row["frequency"]),
        most_centavos=row["most_centavos"],
    )


def blocks(row: Row) -> EventValue:
    placed = row["status"] == "PLACED"
    return PrecautionaryBlock(
        **about(row),
        amount_centavos=row["blocked_centavos"],
        block_id=row["block_id"],
        occurred_at=row["occurred_at"],
        previous=None if placed else BlockStatus.PLACED,
        status=BlockStatus(row["status"]),
        blocked_centavos=row["blocked_centavos"],
    )


def refunds(row: Row) -> EventValue:
    opened = row["status"] == "OPEN"
    return Refund(
        **about(row),
        amount_centavos=row["requested_centavos"],
        refund_id=row["refund_id"],
        occurred_at=row["occurred_at"],
        previous=None if opened else RefundStatus.OPEN,
        status=RefundStatus(row["status"]),
        reason=RefundReason.FRAUD,
        requested_centavos=row["requested_centavos"],
        result=optional(row, "result", RefundResult),
        rejection=optional(row, "rejection", RefundRejection),
        refunded_centavos=row["refunded_centavos"],
    )


def reports(row: Row) -> EventValue:
    assert Situation(row["situation"])
    assert optional(row, "fraud_type", FraudType) is None or row["status"] == "ACCEPTED"
    return Report(
        **about(row),
        amount_centavos=row["amount_centavos"],
        report_id=row["report_id"],
        status=ReportStatus(row["status"]),
    )


MADE: dict[str, Callable[[Row], EventValue]] = {
    "transfers": transfers,
    "settlements": settlements,
    "logins": logins,
    "devices": devices,
    "limits": limits,
    "dict_look_ups": look_ups,
    "dict_markers": dict_markers,
    "authorisations": authorisations,
    "blocks": blocks,
    "refunds": refunds,
    "reports": reports,
    "infractions": infractions,
    "funds_recoveries": funds_recoveries,
    "lists": lists,
    "risk_signals": risk_signals,
    "dict_claims": dict_claims,
}


def rows_of(columns: Columns) -> list[Row]:
    """Some of the events, spread over all of them, as plain values."""
    count = len(columns[0].values)
    places = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(int))
    found = []
    for place in places.tolist():
        row: Row = {}
        for column in columns:
            value = column.values[place]
            missing = column.missing is not None and column.missing[place]
            plain = value.decode() if isinstance(value, bytes) else value.item()
            row[column.name] = None if missing else plain
        found.append(row)
    return found


def test_every_kind_is_a_value_of_the_domain():
    assert set(MADE) == {kind.name for kind in default_kinds()}


@pytest.mark.parametrize("kind", default_kinds(), ids=lambda kind: kind.name)
def test_the_events_of_a_kind_are_values_that_its_stream_carries(kind):
    for row in rows_of(gathered(fullest(kind))[kind.name]):
        value = MADE[kind.name](row)
        event = event_of(
            value,
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            source="simulated",
            stream=Stream(kind.stream),
        )
        assert value_of(event) == value


def test_the_statistics_of_look_ups_are_readings_of_the_directory():
    found = [
        row
        for row in rows_of(gathered(Viewpoint.PAYER_PSP)["dict_look_ups"])
        if row["action"] == "FOUND"
    ]
    for row in found:
        value = statistics(row)
        event = event_of(
            value,
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            source="simulated",
        )
        assert value_of(event) == value


def test_sabotage_a_code_that_the_rail_does_not_have_is_refused():
    row = rows_of(gathered(Viewpoint.PAYER_PSP)["settlements"])[0]
    with pytest.raises(ValueError, match="LOST"):
        settlements({**row, "status": "LOST"})
    value = settlements(row)
    with pytest.raises(Refused):
        replace(value, amount_centavos=0)
