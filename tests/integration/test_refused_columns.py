"""A refused row names the field as Crivo calls it, and the column of the table that holds it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from crivo.domain.transfer import Transfer
from crivo.flows import ingest as ingesting
from crivo.flows.refused_columns import columns_by_field
from tests.integration.commands import crivo
from tests.integration.imports import HEADER, MAPPING, good_rows, place, write_csv

FOREIGN = replace(
    MAPPING,
    transfer=replace(MAPPING.transfer, payer_ispb="banco", txid="codigo", payee_key="chave"),
)
COLUMNS = f"{HEADER},banco,codigo,chave"
#: What follows a good row, and the field and the column that its refusal names.
WRONG = [
    ("1234,,", "payer_ispb", "banco"),
    (f",{'?' * 5},", "txid", "codigo"),
    (f",,{'k' * 300}", "payee_key", "chave"),
]


def refused(tmp_path, ends):
    """(field, column) of what the quarantine holds of rows with these ends."""
    rows = [f"{row},{end}" for row, end in zip(good_rows(len(ends)), ends, strict=True)]
    path = write_csv(tmp_path / "t.csv", rows, header=COLUMNS)
    with place(tmp_path / "home") as here:
        result = here.ingest(path, FOREIGN)
        assert result.quarantined == len(ends)
        return [(row.field, row.column) for row in here.quarantine.rows(limit=10)]


def test_field_and_column_are_both_named(tmp_path):
    assert refused(tmp_path, [end for end, _, _ in WRONG]) == [each[1:] for each in WRONG]


def test_sabotage_a_quarantine_that_knows_no_columns_names_none(tmp_path, monkeypatch):
    monkeypatch.setattr(ingesting, "columns_by_field", lambda _: {})
    assert ("payer_ispb", "banco") not in refused(tmp_path, [WRONG[0][0]])


def test_a_column_that_the_refusal_names_itself_is_the_column(tmp_path):
    rows = good_rows(1)
    path = write_csv(tmp_path / "t.csv", [rows[0].rsplit(",", 2)[0] + ",oops,0"])
    with place(tmp_path / "home") as here:
        assert here.ingest(path).quarantined == 1
        (row,) = here.quarantine.rows(limit=10)
    assert (row.field, row.column) == ("amount", "amount")


def test_every_fact_of_a_transfer_that_a_mapping_names_has_its_column():
    names = {name for name in type(MAPPING.transfer).__struct_fields__ if name != "amount"}
    whole = replace(MAPPING, transfer=replace(MAPPING.transfer, **{n: f"c_{n}" for n in names}))
    found = columns_by_field(whole)
    assert set(Transfer.__slots__) <= set(found)
    assert found["payer_account_id"] == found["payer_account"] == "c_payer"
    assert found["occurred_at"] == found["received_at"] == "time"


@pytest.mark.slow
def test_the_list_shows_both_and_says_that_mended_rows_stay(tmp_path, capsys):
    mapping = tmp_path / "bank.toml"
    mapping.write_text(
        'source = "bank"\nkind = "events"\n[time]\ncolumn = "time"\n[transfer]\nid = "id"\n'
        'payer = "payer"\npayee = "payee"\npayer_ispb = "banco"\namount = { column = "amount" }\n'
    )
    path = write_csv(tmp_path / "t.csv", [f"{good_rows(1)[0]},1234"], header=f"{HEADER},banco")
    home = ("--home", tmp_path / "home")
    taken = crivo(capsys, "ingest", path, "--mapping", mapping, "--clock", "replay", *home)
    assert "quarantined 1" in taken.out, taken.err
    said = crivo(capsys, "quarantine", "list", *home)
    assert "payer_ispb" in said.out and "banco" in said.out
    assert "mended" in said.err
    (row,) = json.loads(crivo(capsys, "quarantine", "list", *home, "--json").out)["rows"]
    assert (row["field"], row["column"]) == ("payer_ispb", "banco")


def test_a_payee_that_is_the_payer_is_looked_for_in_the_payees_column(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["1,2018-04-02T00:00:00Z,p,p,1.00,0"])
    with place(tmp_path / "home") as here:
        assert here.ingest(path).quarantined == 1
        (row,) = here.quarantine.rows(limit=10)
    assert (row.code, row.field, row.column) == ("PAYEE_IS_PAYER", "payee_account_id", "payee")
    assert "payee_key" in row.hint


def test_what_cannot_be_shown_is_told_in_characters_that_can(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["1,2018-04-02T00:00:00Z,1\u202e2,q,1.00,0"])
    with place(tmp_path / "home") as here:
        assert here.ingest(path).quarantined == 1
        (row,) = here.quarantine.rows(limit=10)
    assert (row.code, row.field, row.column) == ("ID_INVALID", "payer_account", "payer")
    assert row.expected == "1 to 128 printable characters"
    assert row.found == '"1\\u202e2"'
