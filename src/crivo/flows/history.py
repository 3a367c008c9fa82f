"""Events of the past: a row of a table as a `pix.history.v1` event, and its label as a report."""

from __future__ import annotations

from crivo.domain import transfer as transfers
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.report import Report, ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer, check_two_accounts
from crivo.flows.codec import encode_transfer
from crivo.flows.event_of import event_of
from crivo.flows.rows import PlayedRow
from crivo.governance.pseudonym import Pseudonymiser


def transfer_of_row(row: PlayedRow, pseudonyms: Pseudonymiser) -> Transfer:
    """The transfer of a row, raw ids turned into pseudonyms.

    Raises:
        Refused: whatever no transfer may be, with its field; PAYEE_IS_PAYER.
    """
    transfer = Transfer(
        row.end_to_end_id,
        row.occurred_at,
        row.amount_centavos,
        None
        if row.payer_account_id is None
        else pseudonyms.account(row.payer_account_id, field="payer_account"),
        None
        if row.payee_account_id is None
        else pseudonyms.account(row.payee_account_id, field="payee_account"),
        None
        if row.payer_person_id is None
        else pseudonyms.person(row.payer_person_id, field="payer_person"),
        None
        if row.payee_person_id is None
        else pseudonyms.person(row.payee_person_id, field="payee_person"),
        None if row.payee_key_id is None else pseudonyms.key(row.payee_key_id, field="payee_key"),
        None if row.device_id is None else pseudonyms.device(row.device_id, field="device"),
        row.payer_ispb,
        row.payee_ispb,
        row.initiation,
        row.purpose,
        row.service_level,
        row.txid,
        row.initiator_ispb,
        row.payer_segment,
        row.payee_segment,
    )
    check_two_accounts(transfer)
    return transfer


def history_event(row: PlayedRow, value: Transfer, *, source: str) -> Event:
    """The event of a transfer that nobody will decide."""
    return Event(
        Stream.HISTORY,
        value.payer_id,
        transfer_event_id(row.end_to_end_id),
        row.occurred_at,
        row.received_at,
        transfers.SCHEMA,
        source,
        encode_transfer(value),
    )


def label_event(value: Transfer, known_at: int, *, source: str) -> Event:
    """The accepted report that a label stands for, at the instant it was known."""
    report_id = label_report_id(value.end_to_end_id)
    claim = Report(
        report_id,
        ReportStatus.ACCEPTED,
        value.end_to_end_id,
        value.payer_id,
        value.payee_id,
        value.amount_centavos,
        value.occurred_at,
    )
    return event_of(claim, occurred_at=known_at, received_at=known_at, source=source)


def label_report_id(end_to_end_id: str) -> str:
    """The id of the report that a label of a table stands for."""
    return f"label/{end_to_end_id}"
