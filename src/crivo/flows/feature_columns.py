"""Which columns of a table, or fields of a log's events, a feature is made of: for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from crivo.domain import (
    authorisation,
    claim,
    device,
    dict_entry,
    dict_statistics,
    enrolment,
    fraud_marker,
    funds_recovery,
    infraction,
    limit_change,
    list_entry,
    login,
    precautionary_block,
    refund,
    report,
    risk_signals,
    settlement,
    transfer,
)
from crivo.features.made_of import made_of
from crivo.features.spec import EventKind, Feature
from crivo.flows.mapping import Mapping as TableMapping

#: The schemas whose events tell a kind of row (`features/told.py`).
TOLD_BY: Final[Mapping[EventKind, tuple[str, ...]]] = {
    EventKind.TRANSFER: (transfer.SCHEMA,),
    EventKind.REPORT: (report.SCHEMA,),
    EventKind.LOGIN: (login.SCHEMA,),
    EventKind.FAILED_LOGIN: (login.SCHEMA,),
    EventKind.CREDENTIAL_RESET: (login.SCHEMA,),
    EventKind.DEVICE_ENROLMENT: (device.SCHEMA, enrolment.SCHEMA),
    EventKind.DEVICE_SIGHTING: (device.SCHEMA,),
    EventKind.DEVICE_REMOVAL: (device.SCHEMA, enrolment.SCHEMA),
    EventKind.LIMIT_RAISE: (limit_change.SCHEMA,),
    EventKind.DAY_LIMIT: (limit_change.SCHEMA,),
    EventKind.NIGHT_LIMIT: (limit_change.SCHEMA,),
    EventKind.NIGHT_START: (limit_change.SCHEMA,),
    EventKind.UNDOING: (settlement.SCHEMA,),
    EventKind.SETTLEMENT: (settlement.SCHEMA,),
    EventKind.BLOCK: (precautionary_block.SCHEMA,),
    EventKind.DICT_ENTRY: (dict_entry.SCHEMA,),
    EventKind.DICT_STATISTICS: (dict_statistics.SCHEMA,),
    EventKind.FRAUD_MARKER: (fraud_marker.SCHEMA,),
    EventKind.MARKER_CANCELLATION: (fraud_marker.SCHEMA,),
    EventKind.KEY_CLAIM: (claim.SCHEMA,),
    EventKind.INFRACTION: (infraction.SCHEMA,),
    EventKind.AGREED_INFRACTION: (infraction.SCHEMA,),
    EventKind.REFUND_REQUEST: (refund.SCHEMA,),
    EventKind.RECOVERY: (funds_recovery.SCHEMA,),
    EventKind.AUTHORISATION: (authorisation.SCHEMA,),
    EventKind.RISK_SIGNALS: (risk_signals.SCHEMA,),
    EventKind.LISTING: (list_entry.SCHEMA,),
}

#: A fact by the fields of a transfer that hold it: of a party the first that is told counts.
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("occurred_at",),
    "amount": ("amount_centavos",),
    "payer": ("payer_account_id", "payer_person_id"),
    "payee": ("payee_account_id", "payee_person_id", "payee_key_id"),
    "payee_key": ("payee_key_id",),
    "payee_person": ("payee_person_id",),
    "device": ("device_id",),
}
_PARTIES: Final = {
    "payer": ("payer", "payer_person"),
    "payee": ("payee", "payee_person", "payee_key"),
}


def columns_of(feature: Feature, mapping: TableMapping | None = None) -> tuple[str, ...]:
    """What the feature's value depends on, by name and sorted.

    With the mapping of a table they are its columns, of a folder of streams `table.column`, else
    the fields of a transfer and the schemas of other events, as the log holds them.
    """
    made = made_of(feature)
    if mapping is not None:
        found = {*_columns(made.transfer, mapping), *_told_columns(made.told, mapping)}
    else:
        fields = [field for fact in made.transfer for field in _FIELDS.get(fact, (fact,))]
        found = {f"{transfer.SCHEMA}.{field}" for field in fields}
        found |= {schema for kind in made.told for schema in TOLD_BY[kind]}
    return tuple(sorted(found))


def _columns(facts: frozenset[str], mapping: TableMapping) -> Iterator[str]:
    """The columns of the transfers' table that hold these facts."""
    assert mapping.transfer is not None, "features are made of transfers"
    there = mapping.transfer.columns()
    table = f"{mapping.transfers}." if mapping.told else ""
    for fact in facts:
        match fact:
            case "time":
                found = [mapping.time.column, mapping.time.received]
            case "amount":
                found = [mapping.transfer.amount.column]
            case _:
                names = _PARTIES.get(fact, (fact,))
                found = [next((there[name] for name in names if name in there), None)]
        yield from (f"{table}{column}" for column in found if column is not None)


def _told_columns(told: frozenset[EventKind], mapping: TableMapping) -> Iterator[str]:
    """The columns that tell of these events: the label's, which is a report, and the streams'."""
    schemas = {schema for kind in told for schema in TOLD_BY[kind]}
    label = mapping.label
    if label is not None and report.SCHEMA in schemas:
        yield from (column for column in (label.column, label.known_at) if column is not None)
    for section in mapping.told:
        if section.schema in schemas:
            columns = {*section.columns(), *section.optional.values()}
            yield from (f"{section.table}.{column}" for column in columns)
