"""Every simulated event is an event of the log: words, ids and facts are those of the schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from crivo.domain.br_code import NO_TXID
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows.event_body import parse_event
from crivo.governance.pseudonym import Pseudonymiser
from crivo.simulator.columns import Kind
from crivo.simulator.events.viewpoint import Viewpoint
from tests.unit.simulator.event_worlds import gathered, kinds_by_name

pytestmark = pytest.mark.slow

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
#: Of each kind so many events are judged, evenly from its first to its last.
JUDGED = 400
WINDOWS = ("d90", "m12", "m60")

Row = dict[str, object]
Read = Callable[[Row], Row]


def rows_of(kind: str, viewpoint: Viewpoint) -> Iterator[Row]:
    """Some events of a kind as they are written as JSON: what is null is left out."""
    columns = gathered(viewpoint)[kind]
    count = len(columns[0].values)
    for place in range(0, count, max(1, count // JUDGED)):
        row: Row = {}
        for column in columns:
            if column.missing is not None and column.missing[place]:
                continue
            found = column.values[place].item()
            if column.kind is Kind.INSTANT:
                found = format_rfc3339(found)
            row[column.name] = found.decode() if isinstance(found, bytes) else found
        yield row


@cache
def amounts() -> dict[str, int]:
    """What each transfer moved: the door fills it in where an event does not say."""
    ids, centavos = (
        next(
            each.values for each in gathered(Viewpoint.PAYER_PSP)["transfers"] if each.name == name
        )
        for name in ("end_to_end_id", "amount_centavos")
    )
    return dict(zip((each.decode() for each in ids.tolist()), centavos.tolist(), strict=True))


def renamed(row: Row, **names: str) -> Row:
    """The fields of these names (new=old) that the row has."""
    return {new: row[old] for new, old in names.items() if old in row}


def about(row: Row) -> Row:
    facts = renamed(
        row,
        end_to_end_id="end_to_end_id",
        payer_id="payer_account",
        payee_id="payee_account",
        transfer_occurred_at="transfer_occurred_at",
        occurred_at="occurred_at",
    )
    return {**facts, "amount_centavos": amounts()[str(row["end_to_end_id"])]}


def kept(row: Row, *names: str) -> Row:
    return renamed(row, **{name: name for name in names})


def step(row: Row, first: str) -> Row:
    status = row["status"]
    return {"status": status, **({} if status == first else {"previous": first})}


def transfer(row: Row) -> Row:
    names = (
        "end_to_end_id", "occurred_at", "amount_centavos", "payer_ispb", "payee_ispb",
        "initiation", "purpose", "service_level", "txid",
    )  # fmt: skip
    made = kept(row, *names) | renamed(
        row,
        payer_account_id="payer_account",
        payee_account_id="payee_account",
        payer_person_id="payer_person",
        payee_person_id="payee_person",
        payee_key_id="payee_key",
        device_id="device",
        initiator_ispb="initiator",
    )
    if made.get("txid") == NO_TXID:
        del made["txid"]
    return made


def settlement(row: Row) -> Row:
    names = ("status", "rejection", "return_id", "return_reason", "returned_centavos")
    return {**about(row), **kept(row, *names)}


def block(row: Row) -> Row:
    return {**about(row), **kept(row, "block_id", "blocked_centavos"), **step(row, "PLACED")}


def login(row: Row) -> Row:
    names = ("login_id", "occurred_at", "action", "method", "result")
    return kept(row, *names) | renamed(row, account_id="account", device_id="device")


def device(row: Row) -> Row:
    return kept(row, "change_id", "occurred_at", "previous", "status") | renamed(
        row, account_id="account", device_id="device"
    )


def limit(row: Row) -> Row:
    names = (
        "change_id", "occurred_at", "effective_at", "kind", "before_centavos", "after_centavos",
    )  # fmt: skip
    return kept(row, *names) | renamed(row, account_id="account")


def authorisation(row: Row) -> Row:
    return {
        **kept(row, "authorisation_id", "occurred_at", "frequency", "most_centavos"),
        **renamed(row, account_id="payer_account", payee_id="payee_account"),
        **step(row, "REQUESTED"),
    }


def look_up(row: Row) -> Row:
    names = ("entry_id", "occurred_at", "action", "end_to_end_id", "restriction")
    return kept(row, *names) | renamed(
        row,
        key_id="key",
        payer_person_id="payer_person",
        person_id="dict_person",
        claim_opened_at="dict_claim_opened_at",
    )


def marker(row: Row) -> Row:
    return kept(row, "marker_id", "occurred_at", "fraud_type", "status", "reporter_ispb") | renamed(
        row, person_id="person", key_id="key"
    )


def report(row: Row) -> Row:
    made = {**about(row), **kept(row, "report_id", "status")}
    del made["occurred_at"]
    return made


def refund(row: Row) -> Row:
    names = ("refund_id", "requested_centavos", "result", "rejection", "refunded_centavos")
    return {**about(row), **kept(row, *names), **step(row, "OPEN"), "reason": "FRAUD"}


def signals(row: Row) -> Row:
    return {
        **kept(row, "occurred_at", "end_to_end_id", "is_call_in_progress", "is_remote_access"),
        **kept(row, "is_key_pasted", "is_usb_connected", "is_charging", "is_loan_taken"),
        **kept(row, "os_version"),
        **renamed(
            row,
            signals_id="end_to_end_id",
            account_id="payer_account",
            device_id="device",
            origin="signals_origin",
            is_registered="is_device_registered",
            is_compromised="is_device_compromised",
            is_receiver_mismatched="is_receiver_mismatch",
            is_place_unusual="is_unusual_place",
            is_developer_mode="is_dev_mode_enabled",
            is_mock_location="is_mock_gps",
            since_boot_seconds="seconds_since_boot",
        ),
    }


def collected(row: Row) -> Row:
    told = signals(row)
    own = renamed(
        row,
        signals_id="signals_id",
        account_id="account",
        since_login_seconds="seconds_since_login",
    )
    names = (
        "is_screen_overlaid", "is_rooted", "is_emulated", "is_automated", "is_app_genuine",
        "is_device_genuine", "language", "antenna", "utc_offset_minutes", "screen_width",
        "screen_height", "screen_brightness_percent", "latitude", "longitude", "precision",
        "account_tenure_days", "screen_milliseconds",
    )  # fmt: skip
    return {**told, **own, **kept(row, *names)}


def infraction(row: Row) -> Row:
    names = (
        "infraction_id", "previous", "status", "situation", "analysis", "fraud_type",
        "infraction_centavos",
    )  # fmt: skip
    return {**about(row), **kept(row, *names), "reason": "REFUND_REQUEST"}


def recovery(row: Row) -> Row:
    names = ("recovery_id", "previous", "status", "traced_transfers", "refunded_centavos")
    return {**about(row), **kept(row, *names)}


def listing(row: Row) -> Row:
    names = ("entry_id", "occurred_at", "entity_id", "entity", "side", "action", "expires_at")
    return kept(row, *names) | renamed(row, kind="list")


def claim(row: Row) -> Row:
    names = (
        "claim_id", "occurred_at", "key_type", "type", "previous", "status", "donor_ispb",
        "claimer_ispb", "reason",
    )  # fmt: skip
    return kept(row, *names) | renamed(row, key_id="key")


def entry(row: Row) -> Row:
    return {
        **kept(row, "occurred_at", "end_to_end_id"),
        **renamed(
            row,
            entry_id="end_to_end_id",
            key_id="payee_key",
            person_id="payee_person",
            account_id="payee_account",
            ispb="payee_ispb",
            payer_id="payer_account",
            account_type="dict_account_type",
            person_type="dict_person_type",
            account_opened_at="dict_account_opened_at",
            key_created_at="dict_key_created_at",
            key_owned_since="dict_key_owned_since",
        ),
        "action": "FOUND",
    }


def statistics(row: Row) -> Row:
    return {
        **kept(row, "occurred_at", "end_to_end_id"),
        **renamed(row, reading_id="end_to_end_id", entity_id="payee_person"),
        "of": "PERSON",
        "settlements": {
            "watermark": row["dict_settlements_watermark"],
            "received": windows(row, "settlements"),
        },
        "markers": {
            "watermark": row["dict_markers_watermark"],
            "application_frauds": windows(row, "application_frauds"),
            "mule_accounts": windows(row, "mule_accounts"),
            "scammer_accounts": windows(row, "scammer_accounts"),
            "other_frauds": windows(row, "other_frauds"),
            "unknown_frauds": dict.fromkeys(WINDOWS, 0),
            "total_amount_reais": windows(row, "fraud_reais"),
            "distinct_reporters": windows(row, "fraud_reporters"),
        },
        "reports": {
            "watermark": row["dict_reports_watermark"],
            "open_reports": row["dict_open_reports"],
            "open_distinct_reporters": row["dict_open_reporters"],
            "rejected": windows(row, "rejected_reports"),
        },
    }


def windows(row: Row, counter: str) -> Row:
    return {window: row[f"dict_{counter}_{window}"] for window in WINDOWS}


PAYER, PAYEE = Viewpoint.PAYER_PSP, Viewpoint.PAYEE_PSP

#: Of each kind: who sees it, the schemas of what it tells, and how; `when` it tells that at all.
READ: dict[str, tuple[Viewpoint, tuple[tuple[str, Read, str], ...]]] = {
    "transfers": (
        PAYER,
        (
            ("transfer.v1", transfer, "end_to_end_id"),
            ("risk_signals.v1", signals, "signals_origin"),
            ("dict_entry.v1", entry, "dict_account_type"),
            ("dict_statistics.v1", statistics, "dict_account_type"),
        ),
    ),
    "settlements": (PAYER, (("settlement.v1", settlement, "status"),)),
    "blocks": (PAYEE, (("precautionary_block.v1", block, "status"),)),
    "logins": (PAYER, (("login.v1", login, "login_id"),)),
    "devices": (PAYER, (("device_change.v1", device, "change_id"),)),
    "limits": (PAYER, (("limit_change.v1", limit, "change_id"),)),
    "authorisations": (PAYER, (("authorisation_request.v1", authorisation, "status"),)),
    "dict_look_ups": (PAYER, (("dict_entry.v1", look_up, "entry_id"),)),
    "dict_markers": (PAYEE, (("fraud_marker.v1", marker, "marker_id"),)),
    "reports": (PAYER, (("report.v1", report, "report_id"),)),
    "refunds": (PAYER, (("refund.v1", refund, "refund_id"),)),
    "infractions": (PAYER, (("infraction_report.v1", infraction, "status"),)),
    "funds_recoveries": (PAYER, (("funds_recovery.v1", recovery, "status"),)),
    "lists": (PAYER, (("list_entry.v1", listing, "action"),)),
    "risk_signals": (PAYER, (("risk_signals.v1", collected, "signals_id"),)),
    "dict_claims": (PAYEE, (("claim.v1", claim, "status"),)),
}


def test_every_kind_of_the_world_is_read():
    assert set(READ) == set(kinds_by_name())


@pytest.mark.parametrize("kind", sorted(READ))
def test_the_events_of_a_kind_are_events_of_the_log(kind):
    viewpoint, schemas = READ[kind]
    for schema, read, when in schemas:
        told = [read(row) for row in rows_of(kind, viewpoint) if when in row]
        assert told, f"no {schema} among the {kind}"
        for document in told:
            parse_event(schema, document, PSEUDONYMS)


@pytest.mark.parametrize("kind", sorted(READ))
def test_sabotage_an_event_with_a_word_of_its_own_is_no_event_of_the_log(kind):
    viewpoint, schemas = READ[kind]
    schema, read, when = schemas[0]
    document = next(read(row) for row in rows_of(kind, viewpoint) if when in row)
    word = next(
        name
        for name in ("status", "action", "kind", "initiation", "method", "origin")
        if name in document
    )
    with pytest.raises(Refused) as caught:
        parse_event(schema, {**document, word: "GOSSIP"}, PSEUDONYMS)
    assert (caught.value.code, caught.value.context["field"]) == (Code.FIELD_VALUE, word)
