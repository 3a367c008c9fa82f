"""Import of payment orders: the parser of the HTTP door, each message accounted for, once."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from crivo.adapters.http.pacs008 import parse_pacs008
from crivo.bootstrap.home import open_log_reader
from crivo.bootstrap.orders import import_orders
from crivo.bootstrap.quarantine import quarantined
from crivo.bootstrap.service import build_service
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.domain.streams import Stream
from crivo.flows import ingest_orders
from crivo.flows.appending import Appender
from crivo.flows.codec import decode_transfer
from crivo.flows.ingest import IngestResult
from crivo.settings import Settings, load_settings
from tests.e2e.homes import make_home, settings_of
from tests.integration.commands import crivo
from tests.integration.doors import opened, request
from tests.unit.adapters.http.orders import ORDER

ID = "E12345678202611231200abcDEF12345"
INSTANT = "2026-11-23T12:00:00.250Z"
NEXT_DAY = parse_rfc3339("2026-11-24T00:00:00Z", field="received_at")


def order(number: int) -> str:
    """One of many orders, a later one the greater its number."""
    instant = f"2026-11-23T12:{number:02}:00.000Z"
    return ORDER.replace(ID, ID[:-2] + f"{number:02}").replace(INSTANT, instant)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five orders in two folders, the later ones first, and six messages that are none."""
    root = tmp_path / "orders"
    messages = {
        "a/late.xml": order(9),
        "a/early.xml": order(1),
        "b/two.XML": order(2),
        "b/three.xml": order(3),
        "b/four.xml": order(4),
        "b/three-again.xml": order(3),
        "c/other-amount.xml": order(4).replace("123.45", "123.46"),
        "c/third-place.xml": order(5).replace("123.45", "123.455"),
        "c/bomb.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "c/cut.xml": order(6)[:900],
        "c/old.xml": order(7).replace("pacs.008/1.16", "pacs.008/1.2"),
        "c/itself.xml": order(8)
        .replace("999071</Id><Issr>42", "555012</Id><Issr>0001")
        .replace("87654321", "12345678"),
        "d/long.xml": order(10).replace("<Sgntr/>", f"<Sgntr>{'x' * 20_000}</Sgntr>"),
    }
    for name, text in messages.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


#: What is refused of them, and why.
REFUSED = {
    "c/other-amount.xml": Code.CONFLICT,
    "c/third-place.xml": Code.AMOUNT_INVALID,
    "c/bomb.xml": Code.BODY_MALFORMED,
    "c/cut.xml": Code.BODY_MALFORMED,
    "c/old.xml": Code.SCHEMA_UNKNOWN,
    "c/itself.xml": Code.PAYEE_IS_PAYER,
    "d/long.xml": Code.BODY_TOO_LARGE,
}


def settings_at(home: Path, clock: ClockKind = ClockKind.REPLAY) -> Settings:
    return load_settings({}, home=home, log__clock=clock)


def imported(
    settings: Settings, path: Path, until: int | None = None, received_at: int | None = None
) -> IngestResult:
    return import_orders(
        settings, path, until=until, received_at=received_at, progress=lambda _done, _total: None
    )


def events_of(home: Path) -> list[Event]:
    with closing(open_log_reader(home / "log.sqlite")) as log:
        return [each.event for each in log.read(start=0, limit=1_000)]


def test_each_message_is_a_transfer_in_order_of_receipt_or_lies_in_quarantine_with_its_cause(
    tmp_path: Path, folder: Path
) -> None:
    settings = settings_at(tmp_path / "home")
    result = imported(settings, folder)
    assert (result.received, result.accepted, result.duplicate) == (13, 5, 1)
    assert result.quarantined == len(REFUSED)
    assert result.causes == Counter(REFUSED.values())
    events = events_of(settings.home)
    assert {each.stream for each in events} == {Stream.HISTORY}
    receipts = [each.received_at for each in events]
    assert receipts == sorted(receipts) == [each.occurred_at for each in events]
    # Whatever names people is kept nowhere.
    assert not any(each.sealed for each in events)
    counts, rows = quarantined(settings, limit=20)
    assert counts == Counter(REFUSED.values())
    assert {row.source.partition("@")[0]: row.code for row in rows} == REFUSED
    assert {row.row_number for row in rows} == {1}
    (amount,) = [row for row in rows if row.code is Code.AMOUNT_INVALID]
    assert amount.field == "CdtTrfTxInf/IntrBkSttlmAmt"
    assert "Envelope" in amount.raw


def test_a_file_that_cannot_be_read_lies_in_quarantine_under_its_path_and_the_others_are_imported(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a" / "dangling.xml").symlink_to("nowhere.xml")
    (folder / "b" / "itself.xml").symlink_to("itself.xml")
    home = ("--home", tmp_path / "home")
    said = crivo(capsys, "ingest", folder, "--clock", "replay", *home, "--json")
    facts = json.loads(said.out)
    assert (said.code, facts["received"], facts["accepted"]) == (0, 15, 5), said.err
    assert facts["causes"]["FILE_UNREADABLE"] == 2
    shown = crivo(capsys, "quarantine", "show", "a/dangling.xml", 1, *home, "--json", "--raw")
    row = json.loads(shown.out)
    assert (row["source"], row["code"]) == ("a/dangling.xml", "FILE_UNREADABLE"), shown.err
    assert (row["found"], row["raw"]) == ("No such file or directory", "")
    # Once it can be read, it comes in like any other.
    (folder / "a" / "nowhere.xml").write_text(order(11))
    assert imported(settings_at(tmp_path / "home"), folder).accepted == 1


def test_a_file_whose_name_is_no_utf_8_is_told_with_its_bytes_escaped(tmp_path: Path) -> None:
    root = tmp_path / "orders"
    root.mkdir()
    (root / os.fsdecode(b"\xe3.xml")).write_text("no order")
    (root / os.fsdecode(b"\xe4.xml")).write_text(order(1))
    settings = settings_at(tmp_path / "home")
    result = imported(settings, root)
    assert (result.accepted, result.causes) == (1, Counter([Code.BODY_MALFORMED]))
    (row,) = quarantined(settings, limit=2)[1]
    assert row.source.startswith("\\xe3.xml@")


def test_a_message_whose_file_is_gone_when_its_id_turns_out_anothers_is_still_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "orders"
    root.mkdir()
    (root / "a.xml").write_text(order(1))
    (root / "b.xml").write_text(order(1).replace("123.45", "123.46"))
    whole = Appender.append

    def append(self: Appender, events: list[Event]) -> None:
        (root / "b.xml").unlink()
        whole(self, events)

    monkeypatch.setattr(Appender, "append", append)
    settings = settings_at(tmp_path / "home")
    result = imported(settings, root)
    assert (result.accepted, result.causes) == (1, Counter([Code.CONFLICT]))
    (row,) = quarantined(settings, limit=2)[1]
    assert (row.source, row.code) == ("b.xml", Code.CONFLICT)


def test_importing_the_messages_again_adds_nothing(tmp_path: Path, folder: Path) -> None:
    settings = settings_at(tmp_path / "home")
    imported(settings, folder)
    before = events_of(settings.home)
    again = imported(settings, folder)
    assert (again.received, again.accepted, again.duplicate) == (13, 0, 6)
    assert again.causes == Counter(REFUSED.values())
    assert events_of(settings.home) == before
    assert quarantined(settings, limit=20)[0] == Counter(REFUSED.values())


def test_sabotage_a_message_that_nobody_counts_is_noticed(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Appender.append
    monkeypatch.setattr(Appender, "append", lambda self, events: whole(self, events[:-1]))
    with pytest.raises(AssertionError, match="received=13"):
        imported(settings_at(tmp_path / "home"), folder)


def test_an_imported_message_is_the_transfer_that_the_http_door_reads(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    (tmp_path / "order.xml").write_text(ORDER)

    async def decided() -> dict[str, object]:
        async with opened(build_service(settings_of(home))) as door:
            answer = await door.send(request(ORDER.encode(), media="application/xml"))
            assert answer.status == 200, answer.body
            found: dict[str, object] = json.loads(answer.body)
            return found

    assert asyncio.run(decided())["end_to_end_id"] == ID
    # Decided there, it is no past: the same facts are a repeat of it, others a conflict.
    assert imported(load_settings({}, home=home), tmp_path / "order.xml").duplicate == 1
    (tmp_path / "order.xml").write_text(ORDER.replace("123.45", "123.46"))
    assert imported(load_settings({}, home=home), tmp_path / "order.xml").causes == Counter(
        [Code.CONFLICT]
    )


def test_what_is_imported_of_a_message_is_what_its_parser_reads(tmp_path: Path) -> None:
    from crivo.bootstrap.home import Paths, open_pseudonyms

    (tmp_path / "order.xml").write_text(ORDER)
    settings = settings_at(tmp_path / "home")
    assert imported(settings, tmp_path / "order.xml").accepted == 1
    (event,) = events_of(settings.home)
    with closing(open_log_reader(settings.home / "log.sqlite")) as log:
        pseudonyms = open_pseudonyms(Paths(settings.home), log)
    assert decode_transfer(event.payload) == parse_pacs008(ORDER.encode(), pseudonyms)[0]


def test_messages_beyond_a_wall_clock_are_refused_before_anything_is_kept(
    tmp_path: Path, folder: Path
) -> None:
    (folder / "a" / "late.xml").write_text(order(9).replace("2026-11-23T12:09", "2095-11-23T12:09"))
    settings = settings_at(tmp_path / "home", ClockKind.WALL)
    with pytest.raises(Refused, match=r"a/late\.xml") as caught:
        imported(settings, folder)
    assert caught.value.code is Code.LOG_ORDER
    assert (events_of(settings.home), quarantined(settings, limit=1)) == ([], (Counter(), []))
    until = parse_rfc3339("2026-11-23T12:03:00Z", field="until")
    some = imported(settings_at(tmp_path / "replayed"), folder, until=until)
    assert (some.accepted, some.later) == (2, 4 + 1)
    assert some.is_conserved


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["table.csv"], "FIELD_MISSING"),
        (["order.xml", "--mapping", "mappings/simulated-transfers.toml"], "FIELD_UNKNOWN"),
        (["."], "FILE_UNREADABLE"),
        (["empty"], "FILE_UNREADABLE"),
        (["gone.xml"], "FILE_UNREADABLE"),
    ],
)
def test_what_is_no_message_is_refused_with_what_to_give_and_makes_no_home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("id,time\n")
    Path("order.xml").write_text(ORDER)
    Path("empty").mkdir()
    said = crivo(capsys, "ingest", *given, "--home", tmp_path / "home")
    assert (said.code, code in said.err) == (2, True), said.err
    assert not (tmp_path / "home").exists()


def test_the_command_imports_one_message_as_received_when_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "order.xml").write_text(ORDER)
    said = crivo(
        capsys,
        *("ingest", tmp_path / "order.xml", "--clock", "replay", "--home", tmp_path / "home"),
        *("--received", "2026-11-24T12:00:00.250Z", "--json"),
    )
    assert (said.code, json.loads(said.out)["accepted"]) == (0, 1), said.err
    (event,) = events_of(tmp_path / "home")
    assert event.received_at == event.occurred_at + DAY


def test_a_message_older_than_the_log_is_named_and_what_its_hint_says_brings_all_in(
    tmp_path: Path,
) -> None:
    settings, folder = settings_at(tmp_path / "home"), tmp_path / "orders"
    for name, number in (("first/a.xml", 20), ("second/old.xml", 10), ("second/new.xml", 30)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(order(number))
    assert imported(settings, folder / "first").accepted == 1
    with pytest.raises(Refused, match=r": old\.xml reaches back") as caught:
        imported(settings, folder / "second")
    assert caught.value.code is Code.LOG_ORDER
    assert "Move messages" in caught.value.hint
    assert "tables" not in caught.value.hint
    (folder / "second" / "old.xml").rename(tmp_path / "old.xml")
    assert imported(settings, folder / "second").accepted == 1
    assert imported(settings, tmp_path / "old.xml", received_at=NEXT_DAY).accepted == 1


def check_a_mended_message_waits_no_longer(home: Path, folder: Path) -> None:
    settings = settings_at(home)
    folder.mkdir()
    (folder / "a.xml").write_text(order(1).replace("123.45", "123,45"))
    (folder / "b.xml").write_text(order(2)[:1_500])
    (folder / "c.xml").write_text("<a>")
    assert imported(settings, folder).quarantined == 3
    # Another message under the path of a refused one mends nothing.
    (folder / "a.xml").write_text(order(4))
    (folder / "b.xml").write_text(order(2))
    (folder / "c.xml").write_text(order(3))
    assert imported(settings, folder).accepted == 3
    waiting = {row.source.partition("@")[0] for row in quarantined(settings, limit=9)[1]}
    assert waiting == {"a.xml", "c.xml"}
    # The message that was refused comes from another file, beside one of other facts.
    (folder / "d.xml").write_text(order(1))
    (folder / "e.xml").write_text(order(1).replace("123.45", "123.46"))
    last = imported(settings, folder, received_at=NEXT_DAY)
    assert (last.accepted, last.duplicate, last.causes) == (1, 3, Counter([Code.CONFLICT]))
    waiting = {row.source.partition("@")[0] for row in quarantined(settings, limit=9)[1]}
    assert waiting == {"c.xml", "e.xml"}
    mended = [row for row in quarantined(settings, limit=9, settled=True)[1] if row.mended_at]
    assert {row.source.partition("@")[0] for row in mended} == {"a.xml", "b.xml"}


def test_a_refused_message_waits_no_longer_once_it_came_in_under_the_id_that_it_named(
    tmp_path: Path,
) -> None:
    check_a_mended_message_waits_no_longer(tmp_path / "home", tmp_path / "orders")


def test_sabotage_messages_that_are_all_taken_for_one_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_orders, "_identity", lambda _id: "one")
    with pytest.raises(AssertionError):
        check_a_mended_message_waits_no_longer(tmp_path / "home", tmp_path / "orders")


def test_what_is_said_of_a_refused_message_is_said_of_xml(tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "cut.xml").write_text(order(2)[:1_500])
    (folder / "comma.xml").write_text(order(1).replace("123.45", "123,45"))
    settings = settings_at(tmp_path / "home")
    imported(settings, folder)
    comma, cut = quarantined(settings, limit=9)[1]
    assert not [row for row in (comma, cut) if "JSON" in row.hint or "integer" in row.hint]
    assert "line" in cut.found
    assert "point" in comma.hint
