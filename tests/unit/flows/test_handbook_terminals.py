"""The Handbook's terminals have numbers that customers have too, and are nobody's accounts.

However its payees are spelled so that they are not customers, a transfer has the same vector.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Code, Refused
from crivo.features.engine import Engine
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import RowKind, make_rows, report_row, transfer_row
from crivo.features.spec import Entity
from crivo.flows.codec import decode_report
from crivo.flows.history import label_event, transfer_of_row
from crivo.flows.mapping import Mapping, parse_mapping
from crivo.flows.rows import RowReader
from crivo.governance.pseudonym import Pseudonymiser
from tests.lookalikes import handbook, write

ROWS = 1_500
PLAN = compile_plan(default_feature_set())
#: Whether a key is told of is seen in these alone: nobody told anything of it.
OF_KEYS = [feature.entity is Entity.PAYEE_KEY for feature in PLAN.feature_set.features]


def shipped(root) -> Mapping:
    return parse_mapping((root / "mappings" / "handbook.toml").read_text(), name="handbook.toml")


def as_accounts(mapping: Mapping) -> Mapping:
    """The mapping with terminals as accounts, which is what they are not."""
    assert mapping.transfer is not None
    changed: Any = msgspec.structs.replace(
        mapping.transfer, payee=mapping.transfer.payee_key, payee_key=None
    )
    return msgspec.structs.replace(mapping, transfer=changed)


def named_apart(table: pa.Table) -> pa.Table:
    """The table with terminals that no customer is called like."""
    place = table.column_names.index("TERMINAL_ID")
    names = [f"terminal {number}" for number in table["TERMINAL_ID"].to_pylist()]
    return table.set_column(place, "TERMINAL_ID", pa.array(names))


def vectors(table: pa.Table, mapping: Mapping, folder) -> tuple[dict[str, bytes], list[Code]]:
    """By EndToEndId the vector of each transfer, and why rows were none."""
    reader = RowReader(
        FileReader(write(table, folder / "t.parquet")).read(mapping.columns()), mapping
    )
    made, refused = [], []
    pseudonyms = Pseudonymiser(b"k" * 32)
    for row in reader.parse(reader.order(start=None, until=None).tolist()):
        try:
            if isinstance(row, Refused):
                raise row
            value = transfer_of_row(row, pseudonyms)
        except Refused as why:
            refused.append(why.code)
            continue
        made.append(
            (row.received_at, value.end_to_end_id, transfer_row(value, received_at=row.received_at))
        )
        if row.known_at is not None:
            claim = decode_report(label_event(value, row.known_at, source="h").payload)
            made.append((row.known_at, "", report_row(claim, received_at=row.known_at)))
    made.sort(key=lambda each: each[0])
    rows = make_rows([row for _, _, row in made])
    wanted = rows["kind"] == RowKind.TRANSFER.value
    found, _ = Engine(PLAN).vectors(rows, wanted)
    # Of nothing told of a key the count is 0, and of no key there is none.
    found[:, OF_KEYS] = np.where(found[:, OF_KEYS] == 0, np.nan, found[:, OF_KEYS])
    ids = [id_ for _, id_, _ in made if id_]
    return {id_: each.tobytes() for id_, each in zip(ids, found, strict=True)}, refused


def check_terminals_are_their_own(table: pa.Table, mapping: Mapping, root, folder) -> None:
    """A transfer's vector is the one it has where terminals are accounts that no customer has."""
    found, refused = vectors(table, mapping, folder)
    apart, _ = vectors(named_apart(table), as_accounts(shipped(root)), folder)
    assert len(found) == table.num_rows
    assert refused == []
    assert found == apart


def test_terminals_that_share_numbers_with_customers_have_the_features_of_terminals(root, tmp_path):
    table = handbook(ROWS)
    customers = set(table["CUSTOMER_ID"].to_pylist())
    assert set(table["TERMINAL_ID"].to_pylist()) & customers
    check_terminals_are_their_own(table, shipped(root), root, tmp_path)


def test_sabotage_terminals_in_the_place_of_accounts_are_noticed(root, tmp_path):
    table = handbook(ROWS)
    same = np.array(table["TERMINAL_ID"]) == np.array(table["CUSTOMER_ID"])
    _, refused = vectors(table, as_accounts(shipped(root)), tmp_path)
    assert refused == [Code.PAYEE_IS_PAYER] * int(same.sum())
    assert len(refused) > 0
    with pytest.raises(AssertionError):
        check_terminals_are_their_own(table, as_accounts(shipped(root)), root, tmp_path)
    # Without those rows, too: what a terminal is paid looks like what its namesake is paid.
    with pytest.raises(AssertionError):
        check_terminals_are_their_own(
            table.filter(pa.array(~same)), as_accounts(shipped(root)), root, tmp_path
        )


def test_what_is_told_of_keys_alone_differs_and_nothing_of_it_says_anything(root, tmp_path):
    named = [
        feature.name for feature in PLAN.feature_set.features if feature.entity is Entity.PAYEE_KEY
    ]
    found, _ = vectors(handbook(300), shipped(root), tmp_path)
    lines = np.array([np.frombuffer(each) for each in found.values()])
    assert len(named) == sum(OF_KEYS)
    assert np.isnan(lines[:, OF_KEYS]).all()
