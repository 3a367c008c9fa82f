"""Import: order, conservation, duplicates, labels, and that hostile rows cost only themselves."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from msgspec.structs import replace

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.event import transfer_event_id
from crivo.domain.instant import DAY, HOUR, format_rfc3339
from crivo.domain.report import ReportStatus
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.domain.transfer import ServiceLevel
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.ingest import due_reports, played_rows
from crivo.flows.mapping import parse_mapping
from tests.integration.imports import (
    HEADER,
    MAPPING,
    START,
    good_rows,
    place,
    write_csv,
)


@pytest.fixture
def here(tmp_path):
    with place(tmp_path / "home") as opened:
        yield opened


def test_rows_become_transfers_in_the_order_of_receipt_with_their_reports_between(tmp_path, here):
    result = here.ingest(write_csv(tmp_path / "t.csv", good_rows(400)))
    assert (result.received, result.accepted, result.reports) == (400, 400, 40)
    assert result.is_conserved
    events = here.events()
    order = [(each.received_at, STREAM_RANK[each.stream]) for each in events]
    assert order == sorted(order)
    transfers = {
        each.event_id: decode_transfer(each.payload)
        for each in events
        if each.stream is Stream.HISTORY
    }
    for each in events:
        assert each.source == "bank"
        assert each.occurred_at == each.received_at
        if each.stream is Stream.REPORTS:
            report = decode_report(each.payload)
            transfer = transfers[transfer_event_id(report.end_to_end_id)]
            assert report.status is ReportStatus.ACCEPTED
            assert each.received_at == transfer.occurred_at + 7 * DAY
            assert each.key == report.payer_id == transfer.payer_id
            assert report.payee_id == transfer.payee_id
            assert report.amount_centavos == transfer.amount_centavos


def test_a_table_may_say_when_it_was_to_be_paid_and_who_asked(tmp_path, here):
    columns = replace(
        MAPPING.transfer, service_level="level", txid="code", initiator_ispb="asked_by"
    )
    said = (f"PAGAGD,{'t' * 26},", ",***,1234567A", "PAGPRI,,", "SOON,,")
    rows = [f"{row},{more}" for row, more in zip(good_rows(4), said, strict=True)]
    path = write_csv(tmp_path / "t.csv", rows, header=f"{HEADER},level,code,asked_by")
    result = here.ingest(path, replace(MAPPING, transfer=columns))
    assert (result.accepted, result.quarantined) == (3, 1)
    assert result.causes == Counter({Code.FIELD_VALUE: 1})
    found = {
        (transfer.service_level, transfer.txid, transfer.initiator_ispb)
        for transfer in (
            decode_transfer(each.payload) for each in here.events() if each.stream is Stream.HISTORY
        )
    }
    assert found == {
        (ServiceLevel.PAGAGD, "t" * 26, None),
        (None, None, "1234567A"),
        (ServiceLevel.PAGPRI, None, None),
    }


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_the_format_of_a_table_changes_no_event(tmp_path, ending):
    csv_path = write_csv(tmp_path / "t.csv", good_rows(60))
    # pyarrow guesses types here, so that the other formats hold numbers, times and text.
    typed = pyarrow.csv.read_csv(csv_path)
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pyarrow.parquet.write_table(typed, path)
    else:
        lines = [
            json.dumps(row, default=lambda time: time.isoformat()) for row in typed.to_pylist()
        ]
        path.write_text("\n".join(lines))
    with place(tmp_path / "one") as one, place(tmp_path / "two") as two:
        one.ingest(csv_path)
        two.ingest(path)
        assert one.events() == two.events()


HOSTILE = {
    "nan,2018-04-02T00:00:00Z,p,q,NaN,0": Code.AMOUNT_INVALID,
    "inf,2018-04-02T00:00:00Z,p,q,inf,0": Code.AMOUNT_INVALID,
    "negative,2018-04-02T00:00:00Z,p,q,-5.00,0": Code.AMOUNT_RANGE,
    "zero,2018-04-02T00:00:00Z,p,q,0,0": Code.AMOUNT_RANGE,
    "huge,2018-04-02T00:00:00Z,p,q,10000000000.00,0": Code.AMOUNT_RANGE,
    "giant,2018-04-02T00:00:00Z,p,q,1e400000,0": Code.AMOUNT_INVALID,
    "third place,2018-04-02T00:00:00Z,p,q,1.005,0": Code.AMOUNT_INVALID,
    "formula,2018-04-02T00:00:00Z,p,q,=1+1,0": Code.AMOUNT_INVALID,
    "no amount,2018-04-02T00:00:00Z,p,q,,0": Code.FIELD_MISSING,
    "no date,,p,q,1.00,0": Code.FIELD_MISSING,
    "no such day,2018-02-30,p,q,1.00,0": Code.TIME_INVALID,
    "formula day,=NOW(),p,q,1.00,0": Code.TIME_INVALID,
    "too old,1970-01-01,p,q,1.00,0": Code.TIME_RANGE,
    "too new,2200-01-01T00:00:00Z,p,q,1.00,0": Code.TIME_RANGE,
    "no payer,2018-04-02T00:00:00Z,,q,1.00,0": Code.FIELD_MISSING,
    "no payee,2018-04-02T00:00:00Z,p,,1.00,0": Code.FIELD_MISSING,
    ",2018-04-02T00:00:00Z,p,q,1.00,0": Code.FIELD_MISSING,
    f"long id,2018-04-02T00:00:00Z,{'x' * 1_000_000},q,1.00,0": Code.FIELD_VALUE,
    f"longish id,2018-04-02T00:00:00Z,{'x' * 129},q,1.00,0": Code.ID_INVALID,
    "itself,2018-04-02T00:00:00Z,p,p,1.00,0": Code.PAYEE_IS_PAYER,
    "itself,2018-04-02T00:00:00Z, p,p ,1.00,1": Code.PAYEE_IS_PAYER,
    "unseen,2018-04-02T00:00:00Z,p\u202e1,q,1.00,0": Code.ID_INVALID,
    "unheard,2018-04-02T00:00:00Z,p,q\x07,1.00,0": Code.ID_INVALID,
    "ragged,2018-04-02T00:00:00Z,p": Code.ROW_MALFORMED,
    "ragged,2018-04-02T00:00:00Z,p,q,1.00,0,and more": Code.ROW_MALFORMED,
}


def test_hostile_rows_are_quarantined_with_their_cause_and_cost_only_themselves(tmp_path, here):
    good, bad = good_rows(30), list(HOSTILE)
    rows = [*good[:15], *bad, *good[15:]]
    result = here.ingest(write_csv(tmp_path / "t.csv", rows))
    assert (result.accepted, result.quarantined) == (30, len(HOSTILE))
    assert result.is_conserved
    assert result.causes == Counter(HOSTILE.values()) == here.quarantine.counts()
    kept = {row.row_number: row for row in here.quarantine.rows(limit=1_000)}
    for number, (row, code) in enumerate(HOSTILE.items(), start=16):
        assert kept[number].code is code, row[:80]
        assert kept[number].expected
        assert len(kept[number].raw) <= 2_000
        assert row[:3] in kept[number].raw or row.startswith(",")
    assert len(here.events()) == 30 + 3


def test_bytes_that_are_no_utf8_cost_one_row(tmp_path, here):
    path = write_csv(tmp_path / "t.csv", good_rows(5))
    path.write_bytes(path.read_bytes() + b"x,2018-04-02T00:00:00Z,\xff\xfe,q,1.00,0\n")
    result = here.ingest(path)
    assert (result.accepted, result.causes) == (5, {Code.FIELD_TYPE: 1})


def test_a_formula_as_an_id_is_a_text_like_any_other(tmp_path, here):
    result = here.ingest(
        write_csv(tmp_path / "t.csv", ["1,2018-04-02T00:00:00Z,=cmd|' /C calc'!A0,@q,1.00,0"])
    )
    assert result.accepted == 1


def test_duplicates_are_counted_inside_a_file_and_between_files(tmp_path, here):
    rows = good_rows(50)
    result = here.ingest(write_csv(tmp_path / "t.csv", [*rows, *rows[:20]]))
    assert (result.accepted, result.duplicate, result.reports) == (50, 20, 5)
    before = here.events()
    again = here.ingest(write_csv(tmp_path / "u.csv", rows))
    assert (again.accepted, again.duplicate) == (0, 50)
    assert (again.reports, again.reports_duplicate) == (0, 5)
    assert again.is_conserved
    assert here.events() == before


@pytest.mark.parametrize("apart", [False, True])
def test_a_label_of_another_transfer_under_the_same_id_is_put_aside(tmp_path, here, apart):
    rows = ["1,2018-04-02T00:00:00Z,ana,bia,10.00,0", "1,2018-04-02T00:00:01Z,ana,eva,999.00,1"]
    same = "1,2018-04-02T00:00:00Z,ana,bia,10.00,1"
    results = [
        here.ingest(write_csv(tmp_path / f"{place}.csv", some))
        for place, some in enumerate([[row] for row in rows] if apart else [rows])
    ]
    assert sum(each.accepted for each in results) == 1
    assert sum(each.quarantined for each in results) == 1
    assert sum(each.reports for each in results) == 0
    assert all(each.is_conserved for each in results)
    (aside,) = here.quarantine.rows(limit=10)
    assert aside.code is Code.CONFLICT
    # What is told of that very transfer later counts.
    assert here.ingest(write_csv(tmp_path / "later.csv", [same])).reports == 1


@pytest.mark.parametrize("apart", [False, True])
def test_another_transfer_under_the_same_id_is_put_aside_with_its_place(tmp_path, here, apart):
    rows = [
        "1,2018-04-02T00:00:00Z,ana,bia,10.00,0",
        "2,2018-04-02T00:00:01Z,ana,bia,20.00,0",
        "1,2018-04-02T00:00:02Z,ana,eva,999.00,0",
        "2,2018-04-02T00:00:01Z,ana,bia,20.00,0",
    ]
    files = [rows[:2], rows[2:]] if apart else [rows]
    results = [
        here.ingest(write_csv(tmp_path / f"{place}.csv", some)) for place, some in enumerate(files)
    ]
    assert sum(each.received for each in results) == 4
    assert sum(each.accepted for each in results) == 2
    assert sum(each.duplicate for each in results) == 1
    assert sum(each.quarantined for each in results) == 1
    assert all(each.is_conserved for each in results)
    (aside,) = here.quarantine.rows(limit=10)
    assert (aside.code, aside.row_number) == (Code.CONFLICT, 1 if apart else 3)
    assert "999.00" in aside.raw
    again = here.ingest(write_csv(tmp_path / "again.csv", rows))
    assert (again.duplicate, again.quarantined) == (3, 1)


def test_rows_without_ids_get_them_from_the_file_and_their_place(tmp_path, here):
    text = (
        'source = "bank"\nkind = "events"\n[time]\ncolumn = "time"\n[transfer]\npayer = "payer"\n'
    )
    mapping = parse_mapping(text + 'payee = "payee"\namount = { column = "amount" }', name="m")
    same = "x,2018-04-02T00:00:00Z,p,q,1.00,0"
    path = write_csv(tmp_path / "t.csv", [same, same])
    assert here.ingest(path, mapping).accepted == 2
    assert here.ingest(path, mapping).duplicate == 2
    other = write_csv(tmp_path / "u.csv", [same, same, same])
    assert here.ingest(other, mapping).accepted == 3


def test_an_id_of_the_rail_stands_for_itself(tmp_path, here):
    own = "E12345678201804020000abcdefghijk"
    here.ingest(write_csv(tmp_path / "t.csv", [f"{own},2018-04-02T00:00:00Z,p,q,1.00,0"]))
    assert decode_transfer(here.events()[0].payload).end_to_end_id == own


def test_until_leaves_out_what_was_received_or_known_later(tmp_path, here):
    path = write_csv(tmp_path / "t.csv", good_rows(400))
    until = START + 200 * HOUR
    result = here.ingest(path, until=until)
    assert result.later == 200
    assert result.received == result.accepted == 200
    assert all(each.received_at < until for each in here.events())
    assert result.reports + result.reports_later == 20
    rest = here.ingest(path)
    assert (rest.accepted, rest.duplicate) == (200, 200)
    assert result.reports + rest.reports == 40
    order = [each.received_at for each in here.events()]
    assert order == sorted(order)


def test_what_a_player_sends_is_what_an_import_would_have_made(tmp_path, here):
    from crivo.adapters.files.reader import FileReader

    path = write_csv(tmp_path / "t.csv", [*good_rows(400), *list(HOSTILE)[:3]])
    table = FileReader(path).read(MAPPING.columns())
    start, end = START + 200 * HOUR, START + 300 * HOUR
    played = played_rows(table, MAPPING, start, end)
    assert len(played) == 100
    assert [row.received_at for row in played] == sorted(row.received_at for row in played)
    assert sum(row.is_fraud for row in played) == 10
    here.ingest(path)
    imported = {each.event_id for each in here.events()}
    assert all(transfer_event_id(row.end_to_end_id) in imported for row in played)
    due = due_reports(table, MAPPING, start, end)
    expected = [
        each.received_at
        for each in here.events()
        if each.stream is Stream.REPORTS and start <= each.received_at < end
    ]
    assert [row.known_at for row in due] == expected
    assert len(due) == 10


def test_an_older_table_is_refused_and_changes_nothing(tmp_path, here):
    rows = good_rows(100)
    newer = [row for row in rows if int(row.split(",")[0]) >= 50]
    older = [row for row in rows if int(row.split(",")[0]) < 50]
    here.ingest(write_csv(tmp_path / "newer.csv", newer))
    before = here.events()
    with pytest.raises(Refused) as caught:
        here.ingest(write_csv(tmp_path / "older.csv", older))
    assert caught.value.code is Code.LOG_ORDER
    assert here.events() == before


def test_a_mended_row_comes_in_as_received_when_it_was_mended(tmp_path, here):
    rows = good_rows(40)
    mended = next(row for row in rows if row.startswith("3,"))
    broken = mended.replace("T", "at", 1)
    first = here.ingest(write_csv(tmp_path / "t.csv", [broken if r == mended else r for r in rows]))
    assert (first.accepted, first.quarantined) == (39, 1)
    path = write_csv(tmp_path / "mended.csv", [mended])
    with pytest.raises(Refused) as caught:
        here.ingest(path)
    assert caught.value.code is Code.LOG_ORDER
    assert "--received" in caught.value.hint
    now = here.events()[-1].received_at + HOUR
    result = here.ingest(path, received_at=now)
    assert (result.received, result.accepted, result.reports) == (1, 1, 1)
    transfer, report = here.events()[-2:]
    assert (transfer.occurred_at, transfer.received_at) == (START + 3 * HOUR, now)
    assert report.received_at == now + 7 * DAY
    assert here.ingest(path, received_at=now + HOUR).duplicate == 1
    order = [each.received_at for each in here.events()]
    assert order == sorted(order)


def test_a_mended_row_may_not_be_received_before_what_the_log_holds(tmp_path, here):
    here.ingest(write_csv(tmp_path / "t.csv", good_rows(40)))
    before = here.events()
    late = write_csv(tmp_path / "u.csv", [f"m,{format_rfc3339(START)},p1,q1,1.00,0"])
    with pytest.raises(Refused) as caught:
        here.ingest(late, received_at=START)
    assert caught.value.code is Code.LOG_ORDER
    assert here.events() == before


def test_a_wall_clock_log_takes_nothing_from_the_future(tmp_path):
    rows = good_rows(3)
    future = "f,2030-01-01T00:00:00Z,p,q,1.00,0"
    late = "l,2025-12-30T00:00:00Z,p,q,1.00,1"
    with place(tmp_path / "home", clock=ClockKind.WALL) as here:
        with pytest.raises(Refused) as caught:
            here.ingest(write_csv(tmp_path / "t.csv", [*rows, future]))
        assert caught.value.code is Code.LOG_ORDER
        assert "row 4 " in str(caught.value)
        assert here.events() == []
        result = here.ingest(write_csv(tmp_path / "u.csv", [*rows, late]))
        assert (result.accepted, result.reports_later) == (4, 1)


def test_received_and_known_columns_are_read_and_judged(tmp_path, here):
    text = """
    source = "bank"
    kind = "events"
    [time]
    column = "time"
    received = "received"
    [transfer]
    id = "id"
    payer = "payer"
    payee = "payee"
    amount = { column = "amount" }
    [label]
    column = "fraud"
    known_at = "known"
    """
    mapping = parse_mapping(text, name="m")
    day = "2018-04-02T"
    rows = [
        f"1,{day}10:00:00Z,p,q,1.00,1,{day}10:05:00Z,{day}12:00:00Z",
        f"ahead,{day}10:00:00Z,p,q,1.00,0,{day}09:00:00Z,",
        f"known before,{day}10:00:00Z,p,q,1.00,1,{day}10:05:00Z,{day}10:04:00Z",
        f"never known,{day}10:00:00Z,p,q,1.00,1,{day}10:05:00Z,",
        f"no receipt,{day}10:00:00Z,p,q,1.00,0,,",
    ]
    header = f"{HEADER},received,known"
    result = here.ingest(write_csv(tmp_path / "t.csv", rows, header=header), mapping)
    assert result.accepted == result.reports == 1
    assert result.causes == {Code.CLOCK_AHEAD: 1, Code.FIELD_VALUE: 1, Code.FIELD_MISSING: 2}
    transfer, report = here.events()
    assert transfer.received_at - transfer.occurred_at == HOUR // 12
    assert report.received_at - transfer.occurred_at == 2 * HOUR


def test_a_table_of_model_rows_is_no_history(tmp_path, here, root):
    mapping = parse_mapping((root / "mappings" / "ulb.toml").read_text(), name="ulb.toml")
    path = tmp_path / "t.parquet"
    columns = {name: pa.array([1.0]) for name in mapping.columns()}
    pyarrow.parquet.write_table(pa.table(columns), path)
    with pytest.raises(Misconfigured) as caught:
        here.ingest(path, mapping)
    assert caught.value.code is Code.MAPPING_INVALID


def test_a_table_without_rows_adds_nothing(tmp_path, here):
    result = here.ingest(write_csv(tmp_path / "t.csv", []))
    assert (result.received, here.events()) == (0, [])


def test_a_table_may_say_which_segment_pays(tmp_path, here):
    columns = replace(MAPPING.transfer, payer_segment="segment")
    rows = [f"{row},{said}" for row, said in zip(good_rows(3), ("MEI", "", "SME"), strict=True)]
    path = write_csv(tmp_path / "t.csv", rows, header=f"{HEADER},segment")
    result = here.ingest(path, replace(MAPPING, transfer=columns))
    assert (result.accepted, result.causes) == (2, Counter({Code.FIELD_VALUE: 1}))
    made = [each for each in here.events() if each.stream is Stream.HISTORY]
    assert {decode_transfer(each.payload).payer_segment for each in made} == {"MEI", None}
