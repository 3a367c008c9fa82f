"""What a feature is made of is said in the words of whoever brought the table."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.domain.declared import declared_fields
from crivo.domain.transfer import Transfer
from crivo.features.registry import default_feature_set
from crivo.features.row import EVENT_ROW, RowKind
from crivo.features.spec import EventKind
from crivo.features.told import TELLERS, told_rows
from crivo.flows.feature_columns import TOLD_BY, columns_of
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.flows.schemas import BY_NAME, BY_VALUE
from tests.unit.domain.examples import NOON, VALUES

FEATURES = {feature.name: feature for feature in default_feature_set().features}
#: Made of several events, and told by none.
DERIVED = {EventKind.EXPOSURE, EventKind.NEW_PAIR}


def mapping(root, name: str) -> Mapping:
    path = root / f"mappings/{name}.toml"
    return parse_mapping(path.read_text(), name=path.name)


def test_every_kind_of_event_is_told_by_the_schemas_that_are_said_to():
    assert set(TOLD_BY) == set(EventKind) - DERIVED
    told = set()
    for value in VALUES:
        if type(value) in TELLERS:
            rows = told_rows(value, received_at=NOON, event_id=bytes(16))
            kinds = np.frombuffer(b"".join(rows), EVENT_ROW)["kind"].tolist()
            told |= {(EventKind[RowKind(kind).name], BY_VALUE[type(value)].name) for kind in kinds}
    assert told
    for kind, schema in told:
        assert schema in TOLD_BY[kind], (kind, schema)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("transfer_amount_value_now", ("TX_AMOUNT",)),
        ("payee_transfer_count_1h", ("TERMINAL_ID", "TX_DATETIME")),
        (
            "payee_report_count_30d_where_accepted",
            ("TERMINAL_ID", "TX_DATETIME", "TX_FRAUD"),
        ),
        ("pair_transfer_since_first_ever", ("CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME")),
    ],
)
def test_of_a_table_they_are_its_columns(root, name, columns):
    assert columns_of(FEATURES[name], mapping(root, "handbook")) == columns


def test_of_a_folder_of_streams_they_are_named_with_their_tables(root):
    streams = mapping(root, "simulated-events")
    found = columns_of(FEATURES["payee_report_count_30d_where_accepted"], streams)
    assert "transfers.payee_account" in found
    assert "transfers.received_at" in found
    assert any(column.startswith("infractions.") or "report" in column for column in found)


def test_without_a_table_they_are_the_fields_and_events_of_the_log():
    found = columns_of(FEATURES["payee_report_count_30d_where_accepted"])
    assert found == (
        "report.v1",
        "transfer.v1.occurred_at",
        "transfer.v1.payee_account_id",
        "transfer.v1.payee_key_id",
        "transfer.v1.payee_person_id",
    )


@pytest.mark.parametrize("layout", ["handbook", "paysim", "simulated", "simulated-events"])
def test_whatever_is_named_is_there(root, layout):
    described = mapping(root, layout)
    there = set(described.columns())
    for section in described.told:
        columns = {*section.columns(), *section.optional.values()}
        there |= {f"{section.table}.{column}" for column in columns}
        there |= {f"{described.transfers}.{column}" for column in described.columns()}
    fields = {f"transfer.v1.{field.name}" for field in declared_fields(Transfer)}
    for feature in FEATURES.values():
        assert set(columns_of(feature, described)) <= there
        assert set(columns_of(feature)) <= fields | set(BY_NAME)
