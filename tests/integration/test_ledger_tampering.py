"""Whatever is done to a log's file is found and named, with its place: one test for each kind."""

import json
import random

import pytest

from crivo.flows.ledger_findings import Tampering
from crivo.governance.segment import Sealed, Signer
from tests.integration.ledgers import copied

DECISIONS = "stream = 'pix.decisions.v1'"


def record(ledger, number=70):
    """(seq, partition, offset) of a decision in the middle of the log."""
    with ledger.behind_its_back() as disk:
        return disk.execute(
            f'SELECT seq, partition, "offset" FROM events WHERE {DECISIONS}'
            " ORDER BY seq LIMIT 1 OFFSET ?",
            (number,),
        ).fetchone()


def neighbours(ledger):
    """Two decisions of one partition, one after the other, as (seq, partition, offset)."""
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        after = disk.execute(
            f"SELECT seq FROM events WHERE {DECISIONS} AND partition = ? AND seq > ?"
            " ORDER BY seq LIMIT 1",
            (partition, seq),
        ).fetchone()
    return (seq, partition, offset), (after[0], partition, offset + 1)


def found(ledger, **options):
    audit = ledger.audit(**options)
    assert not audit.is_whole
    return audit


def only(audit, kind, *, partition, offset):
    """The audit found this one thing, at this place."""
    assert audit.counts == {kind: 1}, audit.findings
    finding = audit.findings[0]
    assert (finding.kind, finding.partition, finding.offset) == (kind, partition, offset)
    assert finding.segment >= 1 and finding.expected != finding.found


def test_a_log_that_nobody_touched_is_whole(ledger):
    audit = ledger.audit(ledger.checkpoint())
    assert audit.is_whole and audit.findings == []
    assert (audit.records, audit.unsealed, audit.other_place) == (200, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        "payload = CAST(substr(payload, 1, 40) || x'ff' AS BLOB)",
        "payload = x'80'",
        "received_at = received_at + 1",
        "occurred_at = occurred_at - 1",
        "key = zeroblob(16)",
        "event_id = zeroblob(16)",
        "source = 'x'",
        "schema = 'decision.v2'",
        "sealed = x'00'",
    ],
)
def test_a_change_of_any_part_of_a_record_is_found(ledger, change):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        disk.execute(f"UPDATE events SET {change} WHERE seq = ?", (seq,))
    only(found(ledger), Tampering.CHANGED, partition=partition, offset=offset)


def test_a_record_that_went_to_another_stream_is_found(ledger):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        disk.execute("UPDATE events SET stream = 'pix.history.v1' WHERE seq = ?", (seq,))
    only(found(ledger), Tampering.DELETED, partition=partition, offset=offset)


def test_a_deletion_is_found(ledger):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        disk.execute("DELETE FROM events WHERE seq = ?", (seq,))
    only(found(ledger), Tampering.DELETED, partition=partition, offset=offset)


def test_a_deletion_whose_gap_was_closed_is_found(ledger):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        disk.execute("DELETE FROM events WHERE seq = ?", (seq,))
        move(disk, after=seq, by=-1, partition=partition)
    audit = found(ledger)
    first = audit.findings[0]
    assert (first.kind, first.partition, first.offset) == (Tampering.DELETED, partition, offset)
    assert audit.counts[Tampering.DELETED] == 1
    assert set(audit.counts) == {Tampering.DELETED, Tampering.MOVED}


def move(disk, *, after, by, partition):
    """Gives every later event another number, and its partition's records another offset."""
    later = [
        (seq, stream, part)
        for seq, stream, part in disk.execute(
            "SELECT seq, stream, partition FROM events WHERE seq > ? ORDER BY seq", (after,)
        )
    ]
    for seq, stream, part in later if by < 0 else reversed(later):
        disk.execute("UPDATE events SET seq = seq + ? WHERE seq = ?", (by, seq))
        if stream == "pix.decisions.v1" and part == partition:
            disk.execute('UPDATE events SET "offset" = "offset" + ? WHERE seq = ?', (by, seq + by))


def test_an_insertion_is_found(ledger):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        move(disk, after=seq, by=1, partition=partition)
        disk.execute(
            'INSERT INTO events SELECT seq + 1, stream, partition, "offset" + 1, randomblob(16),'
            " key, occurred_at, received_at, schema, source, payload, sealed FROM events"
            " WHERE seq = ?",
            (seq,),
        )
    audit = found(ledger)
    first = audit.findings[0]
    assert (first.kind, first.partition, first.offset) == (
        Tampering.INSERTED,
        partition,
        offset + 1,
    )
    assert set(audit.counts) == {Tampering.INSERTED, Tampering.MOVED}


def test_two_records_that_changed_places_are_found(ledger):
    (seq, partition, offset), (after, _, _) = neighbours(ledger)
    contents = "event_id, key, occurred_at, received_at, schema, source, payload, sealed"
    with ledger.behind_its_back() as disk:
        rows = {
            each: disk.execute(f"SELECT {contents} FROM events WHERE seq = ?", (each,)).fetchone()
            for each in (seq, after)
        }
        disk.execute("UPDATE events SET event_id = zeroblob(16) WHERE seq = ?", (after,))
        for each, other in ((seq, after), (after, seq)):
            disk.execute(
                f"UPDATE events SET ({contents}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE seq = ?",
                (*rows[other], each),
            )
    only(found(ledger), Tampering.REORDERED, partition=partition, offset=offset)


def test_another_offset_is_found(ledger):
    seq, partition, offset = record(ledger)
    with ledger.behind_its_back() as disk:
        disk.execute('UPDATE events SET "offset" = "offset" + 1000 WHERE seq = ?', (seq,))
    only(found(ledger), Tampering.MOVED, partition=partition, offset=offset)


def test_another_sequence_number_is_found(ledger):
    seq, partition, _ = record(ledger)
    with ledger.behind_its_back() as disk:
        # The event after it is no decision of this partition, or another of the same partition.
        free = disk.execute("SELECT seq FROM events WHERE seq = ?", (seq + 1,)).fetchone()[0]
        disk.execute("UPDATE events SET seq = -1 WHERE seq = ?", (free,))
        disk.execute("UPDATE events SET seq = ? WHERE seq = ?", (free, seq))
        disk.execute("UPDATE events SET seq = ? WHERE seq = -1", (seq,))
    audit = found(ledger)
    assert {Tampering.MOVED, Tampering.REORDERED} & set(audit.counts)
    assert partition in {each.partition for each in audit.findings}


def test_a_log_that_was_cut_off_is_found(ledger):
    seq, _, _ = record(ledger, 150)
    with ledger.behind_its_back() as disk:
        disk.execute("DELETE FROM events WHERE seq >= ?", (seq,))
    audit = found(ledger)
    assert set(audit.counts) == {Tampering.TRUNCATED}
    ends = [each for each in audit.findings if each.found == "the log's end"]
    assert sum(int(each.expected.split()[0]) for each in ends) == 50


def test_log_and_segments_of_yesterday_are_found_by_a_checkpoint_of_today(ledger, tmp_path):
    yesterday = copied(ledger, tmp_path / "yesterday")
    ledger.write(300, 400)
    assert yesterday.audit().is_whole, "nothing in it says that there was more"
    audit = found(yesterday, checkpoint=ledger.checkpoint())
    assert set(audit.counts) == {Tampering.TRUNCATED}
    kept = {each.partition for each in ledger.checkpoint()}
    assert {each.partition for each in audit.findings} == kept
    assert ledger.audit(yesterday.checkpoint()).is_whole, "an older checkpoint stays true"


def test_a_checkpoint_of_another_chain_is_found(ledger):
    kept = ledger.checkpoint()
    other = Signer(bytes(range(32))).segment(
        "test", kept[0].partition, None, Sealed(0, [bytes(32)], [1], kept[0].received_to)
    )
    assert found(ledger, checkpoint=[other]).counts == {Tampering.BROKEN_CHAIN: 1}


def test_a_segment_that_was_cut_out_breaks_the_chain(ledger):
    path = ledger.segments / "segments.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    gone = json.loads(lines[20])["segment"]
    path.write_bytes(b"".join(lines[:20] + lines[21:]))
    audit = found(ledger)
    assert audit.counts[Tampering.BROKEN_CHAIN] == 1
    broken = next(each for each in audit.findings if each.kind is Tampering.BROKEN_CHAIN)
    assert (broken.partition, broken.segment) == (gone["partition"], gone["number"] + 1)


def test_segments_signed_anew_by_another_are_found(ledger):
    key = Signer(bytes(32)).public_key
    audit = found(ledger, key=key)
    assert audit.counts == {Tampering.FORGED: audit.segments}


def test_a_segment_that_was_edited_is_found(ledger):
    path = ledger.segments / "segments.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    document = json.loads(lines[20])
    document["segment"]["received_to"] += 1
    lines[20] = json.dumps(document) + "\n"
    path.write_text("".join(lines))
    audit = found(ledger)
    assert set(audit.counts) == {Tampering.FORGED, Tampering.PLACES_DIFFER}


def test_a_changed_record_is_found_where_the_hashes_beside_the_log_are_damaged_too(ledger):
    path = ledger.segments / "segments.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    document = json.loads(lines[20])
    document["leaves"] = ""
    lines[20] = json.dumps(document) + "\n"
    path.write_text("".join(lines))
    assert found(ledger).counts == {Tampering.LEAVES_DAMAGED: 1}
    with ledger.behind_its_back() as disk:
        disk.execute(
            "UPDATE events SET source = 'x' WHERE seq = ?", (document["segment"]["last_seq"],)
        )
    audit = found(ledger)
    assert audit.counts == {Tampering.LEAVES_DAMAGED: 1, Tampering.CHANGED: 1}
    changed = audit.findings[1]
    assert changed.partition == document["segment"]["partition"]
    assert changed.segment == document["segment"]["number"]


def test_a_segment_that_the_log_lost_is_found(ledger):
    with ledger.behind_its_back() as disk:
        last = "(SELECT max(seq) FROM events WHERE stream = 'pix.ledger.v1')"
        disk.execute(f"DELETE FROM events WHERE seq = {last}")
    assert found(ledger).counts == {Tampering.TRUNCATED: 1}


@pytest.mark.parametrize("seed", range(8))
def test_any_one_byte_of_any_record_is_found(ledger, seed):
    chance = random.Random(seed)
    seq, partition, offset = record(ledger, chance.randrange(200))
    with ledger.behind_its_back() as disk:
        (payload,) = disk.execute("SELECT payload FROM events WHERE seq = ?", (seq,)).fetchone()
        changed = bytearray(payload)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        disk.execute("UPDATE events SET payload = ? WHERE seq = ?", (bytes(changed), seq))
    only(found(ledger), Tampering.CHANGED, partition=partition, offset=offset)
