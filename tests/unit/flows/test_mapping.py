"""Mapping files: what ours say, and that every mistake names its field."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.flows.mapping import AmountUnit, Kind, parse_mapping
from crivo.model.order import Order

EVENTS = """
source = "bank"
kind = "events"
[time]
column = "when"
[transfer]
payer = "from"
payee = "to"
amount = { column = "value" }
"""
ROWS = """
source = "bank"
kind = "rows"
[time]
column = "when"
[features]
columns = ["V1..V3", "Amount"]
"""
TIMELESS = ROWS.replace('[time]\ncolumn = "when"\n', 'order = "file"\n')


def mapping_file(root, name):
    return parse_mapping((root / "mappings" / name).read_text(), name=name)


def test_every_mapping_of_the_repository_is_valid(root):
    for path in sorted((root / "mappings").glob("*.toml")):
        assert parse_mapping(path.read_text(), name=path.name).source


def test_the_handbook_s_mapping_says_what_the_book_says(root):
    mapping = mapping_file(root, "handbook.toml")
    assert mapping.kind is Kind.EVENTS
    assert mapping.known_after == 7 * DAY
    assert mapping.play_start == parse_rfc3339("2018-08-08T00:00:00Z")
    assert mapping.play_end == parse_rfc3339("2018-08-15T00:00:00Z")
    assert mapping.transfer is not None
    assert mapping.transfer.amount.unit is AmountUnit.REAIS
    assert set(mapping.columns()) == {
        "TRANSACTION_ID",
        "TX_DATETIME",
        "CUSTOMER_ID",
        "TERMINAL_ID",
        "TX_AMOUNT",
        "TX_FRAUD",
    }


def test_rows_may_have_no_time_and_then_stand_in_the_files_order_or_in_a_drawn_one():
    in_order = parse_mapping(TIMELESS, name="m")
    drawn = parse_mapping(TIMELESS.replace('order = "file"', ""), name="m")
    found = [each.ordered_by for each in (parse_mapping(ROWS, name="m"), in_order, drawn)]
    assert found == [Order.TIME, Order.FILE, Order.DRAWN]
    assert in_order.columns() == drawn.columns() == ("V1", "V2", "V3", "Amount")


def test_ranges_of_columns_are_spelled_out(root):
    mapping = mapping_file(root, "ulb.toml")
    assert mapping.feature_columns == (*(f"V{n}" for n in range(1, 29)), "Amount")
    assert mapping.epoch == parse_rfc3339("2013-09-01T00:00:00Z")
    assert mapping.weight is not None
    assert list(mapping.columns())[-28:] == [f"V{n}" for n in range(1, 29)]
    assert mapping.amount is not None
    assert mapping.columns().count("Amount") == 1


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 0), ("-03:00", -3), ("+05:30", 5.5), ("America/Sao_Paulo", -3)]
)
def test_a_zone_is_utc_an_offset_or_a_place(zone, hours):
    from datetime import datetime

    mapping = parse_mapping(EVENTS.replace('"when"', f'"when"\nzone = "{zone}"'), name="m")
    offset = mapping.zone.utcoffset(datetime(2024, 6, 1))
    assert offset == timedelta(hours=hours)
    assert parse_mapping(EVENTS, name="m").zone is UTC


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("source = ", "the file"),
        (EVENTS.replace('"bank"', "1"), "source"),
        (EVENTS.replace('"bank"', '"a bank"'), "source"),
        (EVENTS.replace('"events"', '"things"'), "kind"),
        (EVENTS.replace("payer =", "payr ="), "transfer"),
        (EVENTS.replace("payer =", "initiation ="), "transfer.payer"),
        (EVENTS.replace("payee =", "initiation ="), "transfer.payee"),
        (EVENTS.replace("amount = { column", "amount = { colum"), "transfer.amount"),
        (EVENTS.replace('"value"', '"value", unit = "dollars"'), "transfer.amount.unit"),
        (EVENTS.replace('"value"', '"value", unit = "reais_rounded"'), "transfer.amount.unit"),
        (EVENTS.replace('"value"', '"value", currency = "EUR"'), "transfer.amount.currency"),
        (EVENTS + '[entity]\ncolumn = "from"', "entity"),
        (EVENTS + '[amount]\ncolumn = "value"', "amount"),
        (ROWS + "[entity]\n", "entity"),
        (ROWS + '[amount]\ncolumn = "Amount"\ncurrency = "EUR"', "amount.currency"),
        (ROWS + '[amount]\ncolumn = "Amount"\nunit = "dollars"', "amount.unit"),
        (EVENTS.replace('"when"', '"when"\nzone = "Mars/Olympus"'), "time.zone"),
        (EVENTS.replace('"when"', '"when"\nzone = "../../etc/passwd"'), "time.zone"),
        (EVENTS.replace('"when"', '"when"\nzone = "-99:00"'), "time.zone"),
        (EVENTS.replace('"when"', '"when"\nepoch = "2013-09-01"'), "time.unit"),
        (EVENTS.replace('"when"', '"when"\nunit = "seconds"\nepoch = "then"'), "time.epoch"),
        (EVENTS.replace('[time]\ncolumn = "when"\n', ""), "time"),
        (TIMELESS.replace('"file"', '"time"'), "order"),
        (TIMELESS.replace('"file"', '"sorted"'), "order"),
        (ROWS.replace('kind = "rows"', 'kind = "rows"\norder = "file"'), "order"),
        (EVENTS.replace('kind = "events"', 'kind = "events"\norder = "file"'), "order"),
        (TIMELESS + '[label]\ncolumn = "f"\nknown_after_days = 7', "label.known_after_days"),
        (EVENTS + '[label]\ncolumn = "fraud"', "label"),
        (EVENTS + '[label]\ncolumn = "f"\nknown_at = "k"\nknown_after_days = 7', "label"),
        (EVENTS + '[label]\ncolumn = "f"\nknown_after_days = -1', "label.known_after_days"),
        (EVENTS + '[label]\ncolumn = "f"\nknown_after_days = nan', "label.known_after_days"),
        *(
            (ROWS + f'[label]\ncolumn = "f"\nknown_after_days = {days}', "label.known_after_days")
            for days in ("-1", "nan", "1e300", "-1e9", "3651")
        ),
        (ROWS + '[label]\ncolumn = "f"\nknown_at = "k"', "label.known_at"),
        (EVENTS + '[play]\nfrom = "someday"\ndays = 7', "play.from"),
        (EVENTS + '[play]\nfrom = "2018-08-08"\ndays = 0', "play.days"),
        (EVENTS + '[features]\ncolumns = ["a"]', "features"),
        (EVENTS.replace('"events"', '"rows"'), "features.columns"),
        (ROWS.replace('"rows"', '"events"'), "transfer"),
        (ROWS.replace("V1..V3", "V3..V1"), "features.columns"),
        (ROWS.replace('"V1..V3"', '"V1..V3", "V2"'), "features.columns"),
        (ROWS.replace("V1..V3", "V1..V999999999"), "features.columns"),
    ],
)
def test_a_mistake_is_refused_and_names_its_field(text, field):
    with pytest.raises(Misconfigured) as caught:
        parse_mapping(text, name="mine.toml")
    assert caught.value.code is Code.MAPPING_INVALID
    assert caught.value.context["field"] == field
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        (EVENTS.replace('"bank"', "1"), "text in quotes", "a whole number"),
        (EVENTS + '[play]\nfrom = "2018-08-08"\ndays = "7"', "a whole number", "text in quotes"),
        (EVENTS + '[label]\ncolumn = "f"', "known_after_days or known_at, one of them", "neither"),
        (
            EVENTS + '[label]\ncolumn = "f"\nknown_at = "k"\nknown_after_days = 7',
            "known_after_days or known_at, one of them",
            "both",
        ),
    ],
)
def test_what_was_found_is_said_in_words_and_not_in_a_librarys(text, expected, found):
    with pytest.raises(Misconfigured) as refused:
        parse_mapping(text, name="m")
    assert refused.value.context["expected"] == expected
    assert refused.value.context["found"] == found


def test_a_section_with_one_letter_too_many_is_told_which_is_meant():
    with pytest.raises(Misconfigured) as caught:
        parse_mapping(EVENTS.replace("[transfer]", "[transfers]"), name="m.toml")
    assert "the section of columns is [transfer]" in caught.value.message
    with pytest.raises(Misconfigured) as caught:
        parse_mapping(EVENTS.replace('source = "bank"', "source = 7"), name="m.toml")
    assert "[transfer]" not in caught.value.message
