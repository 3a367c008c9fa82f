"""A log whose file is damaged, or whose own segments are gone, is told so and never with a bug."""

import json
import sys
from contextlib import closing

import pytest

from crivo.adapters.sqlite.reader import SqliteLogReader, open_reader
from crivo.cli.main import main
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.flows.ledger_findings import Tampering
from tests.integration.ledgers import decisions, seal_all
from tests.ports.logs import seeded_cipher

LEDGER = "stream = 'pix.ledger.v1'"
PAGE_BYTES = 4_096


def own_segments(ledger):
    """(seq, payload) of the log's own segments."""
    with ledger.behind_its_back() as disk:
        return disk.execute(
            f"SELECT seq, payload FROM events WHERE {LEDGER} ORDER BY seq"
        ).fetchall()


def lose(ledger, lost):
    with ledger.behind_its_back() as disk:
        disk.executemany("DELETE FROM events WHERE seq = ?", [(seq,) for seq, _ in lost])


def write_to(ledger, seq, payload):
    with ledger.behind_its_back() as disk:
        disk.execute("UPDATE events SET payload = ? WHERE seq = ?", (payload, seq))


def verify(ledger, monkeypatch, capsys):
    """The exit code of the command, and what it printed."""
    files = ["--log", str(ledger.log_file), "--segments", str(ledger.segments)]
    monkeypatch.setattr(sys, "argv", ["crivo", "ledger", "verify", *files, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize("lost", [slice(10, 11), slice(10, 40), slice(0, 60)])
def test_segments_that_the_log_lost_from_its_midst_are_found(ledger, lost):
    gone = own_segments(ledger)[lost]
    lose(ledger, gone)
    for checkpoint in ((), ledger.checkpoint()):
        assert ledger.audit(checkpoint).counts == {Tampering.PLACES_DIFFER: len(gone)}


@pytest.mark.parametrize("lost", [slice(10, 40), slice(0, 60)])
def test_a_sealer_goes_on_behind_what_was_sealed_where_the_log_lost_segments(ledger, lost):
    """Nothing is signed twice: what is new follows the newest segment of the second place."""
    before = {each.partition: each for each in ledger.checkpoint()}
    gone = own_segments(ledger)[lost]
    lose(ledger, gone)
    with ledger.log() as log, ledger.sealer(log) as sealer:
        sealer.resume()
        log.append(decisions(300, 330))
        closed = seal_all(sealer)
    assert closed
    for each in closed:
        newest = before[each.partition]
        assert (each.number, each.first_offset) == (newest.number + 1, newest.end)
    assert ledger.audit().counts == {Tampering.PLACES_DIFFER: len(gone)}


def test_a_sealer_refuses_a_log_that_lost_segments_which_the_second_place_lacks_too(ledger):
    """The second place ends at the log's third of a partition; the log has gaps behind it."""
    path = ledger.segments / "segments.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    lose(ledger, own_segments(ledger)[20:24])
    with ledger.log() as log, ledger.sealer(log) as sealer, pytest.raises(Unfit) as refused:
        sealer.resume()
    assert refused.value.code is Code.LEDGER_BROKEN


@pytest.mark.parametrize("payload", [b"\x80", b"", b"\x01" + bytes(40), b"\x93\x01\x02\x03"])
def test_a_segment_that_can_be_read_no_more_is_a_finding_and_the_audit_goes_on(
    ledger, monkeypatch, capsys, payload
):
    segments = own_segments(ledger)
    write_to(ledger, segments[20][0], payload)
    with ledger.behind_its_back() as disk:
        disk.execute(
            "UPDATE events SET source = 'x' WHERE seq ="
            " (SELECT max(seq) FROM events WHERE stream = 'pix.decisions.v1')"
        )
    code, said = verify(ledger, monkeypatch, capsys)
    shown = json.loads(said.out)
    assert code == 1 and shown["counts"] == {"CHANGED": 1, "FORGED": 1, "PLACES_DIFFER": 1}
    (forged,) = (each for each in shown["findings"] if each["kind"] == "FORGED")
    assert f"event {segments[20][0]}: " in forged["found"] and forged["partition"] is None


@pytest.mark.parametrize("payload", [b"\x80", b""])
def test_a_sealer_refuses_a_newest_segment_that_can_be_read_no_more(ledger, payload):
    write_to(ledger, own_segments(ledger)[-1][0], payload)
    with ledger.log() as log, ledger.sealer(log) as sealer, pytest.raises(Unfit) as refused:
        sealer.resume()
    assert refused.value.code is Code.LEDGER_BROKEN


def pages(ledger):
    """The log's file as its pages; nothing of it is left in the write-ahead log."""
    with ledger.behind_its_back() as disk:
        disk.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = ledger.log_file.read_bytes()
    return [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]


def zero(ledger, whole, page):
    """The log's file without what one page held."""
    damaged = [*whole[:page], bytes(PAGE_BYTES), *whole[page + 1 :]]
    for beside in ("-wal", "-shm"):
        ledger.log_file.with_name(ledger.log_file.name + beside).unlink(missing_ok=True)
    ledger.log_file.write_bytes(b"".join(damaged))


def said_of(ledger):
    """What an audit finds, or the code of its refusal."""
    try:
        return ledger.audit().counts
    except Misconfigured as error:
        told = error
    assert told.hint and told.context
    return told.code


def test_whatever_page_of_the_log_is_lost_an_audit_answers(ledger):
    """With a finding where records were lost, else with a code; a lost index hides nothing."""
    whole, said = pages(ledger), []
    for page in range(len(whole)):
        zero(ledger, whole, page)
        said.append(said_of(ledger))
    assert said[0] is Code.FILE_UNREADABLE
    told = [each for each in said if isinstance(each, Code)]
    assert set(told) <= {Code.FILE_UNREADABLE, Code.LOG_MISMATCH}
    found = [each for each in said if each and not isinstance(each, Code)]
    assert {kind for each in found for kind in each} == {Tampering.UNREADABLE}
    assert len(found) > len(whole) / 3


def test_what_lies_before_a_damage_is_audited(ledger, monkeypatch, capsys):
    with ledger.behind_its_back() as disk:
        disk.execute("UPDATE events SET source = 'x' WHERE seq = 3")
    whole = pages(ledger)
    for page in reversed(range(len(whole))):
        zero(ledger, whole, page)
        said = said_of(ledger)
        if not isinstance(said, Code) and Tampering.UNREADABLE in said:
            break
    code, said = verify(ledger, monkeypatch, capsys)
    shown = json.loads(said.out)
    assert code == 1 and shown["counts"]["CHANGED"] == 1
    assert set(shown["counts"]) == {"CHANGED", "UNREADABLE"}
    whither = [each for each in shown["findings"] if each["kind"] == "UNREADABLE"]
    assert any(each["offset"] is not None and "malformed" in each["found"] for each in whither)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM manifest",
        "UPDATE manifest SET clock = 'x'",
        "UPDATE manifest SET log_id = x'00'",
        "UPDATE manifest SET partitions = 'many'",
        "UPDATE manifest SET partitions = 0",
        "INSERT INTO manifest SELECT * FROM manifest",
        "ALTER TABLE manifest RENAME COLUMN clock TO watch",
    ],
)
def test_a_manifest_that_was_changed_is_told(ledger, monkeypatch, capsys, change):
    with ledger.behind_its_back() as disk:
        disk.execute(change)
    with pytest.raises(Misconfigured) as refused:
        open_reader(ledger.log_file)
    assert refused.value.code in {Code.LOG_MISMATCH, Code.FILE_UNREADABLE}
    assert refused.value.hint and "expected" in refused.value.context
    code, said = verify(ledger, monkeypatch, capsys)
    assert code == 2 and refused.value.code in said.err


def test_segments_that_were_signed_for_another_log_are_found(ledger):
    """One key may sign several logs: what it signed for one says nothing of another."""
    with ledger.behind_its_back() as disk:
        disk.execute("UPDATE manifest SET log_id = 'another'")
    audit = ledger.audit()
    assert audit.counts == {Tampering.FORGED: audit.segments} and audit.segments > 0


FAR = 2**62

#: Questions that an audit of this log asks at most, wherever its events lie.
QUESTIONS_MAX = 200


@pytest.fixture
def bounded(monkeypatch):
    """An audit that asks the log's file more than that fails, where it would go on for ever."""
    asked, real = [], SqliteLogReader._rows

    def counted(reader, query, *values):
        asked.append(query)
        assert len(asked) < QUESTIONS_MAX, "it walks over numbers that nobody bears"
        return real(reader, query, *values)

    monkeypatch.setattr(SqliteLogReader, "_rows", counted)


def move_far(ledger, stream, place):
    """The newest event of a stream bears this number from now on; gives the one before it."""
    with ledger.behind_its_back() as disk:
        newest = "SELECT max(seq) FROM events WHERE stream = ?"
        ((seq,),) = disk.execute(newest, (stream,)).fetchall()
        disk.execute("UPDATE events SET seq = ? WHERE seq = ?", (place, seq))
        ((last,),) = disk.execute("SELECT max(seq) FROM events WHERE seq < ?", (place,)).fetchall()
    return last


@pytest.mark.parametrize("stream", ["pix.decisions.v1", "pix.history.v1", "pix.ledger.v1"])
@pytest.mark.parametrize("place", [FAR, 2 * FAR - 2])
def test_an_event_under_a_number_far_away_is_found_without_a_walk_to_it(
    ledger, monkeypatch, capsys, bounded, stream, place
):
    last = move_far(ledger, stream, place)
    code, said = verify(ledger, monkeypatch, capsys)
    shown = json.loads(said.out)
    assert code == 1 and shown["counts"]["MOVED"] >= 1
    jump = {"expected": f"event {last + 1}", "found": f"event {place}"}
    (found,) = (each for each in shown["findings"] if each["partition"] is None)
    assert jump.items() <= found.items()
    cipher = seeded_cipher(ledger.keys)
    with closing(open_reader(ledger.log_file, cipher=cipher)) as reader:
        assert [each.seq for each in reader.read(start=last, limit=9)] == [last, place]
        assert [row[0] for row in reader.stored_rows(start=last, limit=9)] == [last, place]
        stretch = range(reader.end())
        assert len(reader.payloads("segment.v1", stretch)) == len(own_segments(ledger))


def test_sabotage_a_reader_that_looks_at_every_number_walks_to_it(ledger, monkeypatch, bounded):
    move_far(ledger, "pix.history.v1", FAR)
    monkeypatch.setattr(SqliteLogReader, "_next", lambda _reader, start, _end: start)
    with pytest.raises(AssertionError, match="numbers that nobody bears"):
        ledger.audit()


def test_the_last_number_of_all_is_told(ledger, monkeypatch, capsys):
    """No number comes behind it, so that nothing can be said of the log's end."""
    move_far(ledger, "pix.history.v1", 2 * FAR - 1)
    code, said = verify(ledger, monkeypatch, capsys)
    assert (code, Code.LOG_MISMATCH in said.err) == (2, True)
