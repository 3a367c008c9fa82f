"""A second place that was cut back hides nothing: the log's own segments speak of its records."""

import json
import sys

import pytest

from crivo.cli.main import main
from crivo.domain.errors import Code, Unfit
from crivo.flows.ledger_findings import Tampering
from crivo.governance.segment import segment_event_id
from tests.integration.ledgers import decisions, seal_all


def cut(ledger, lines):
    """Keeps the first lines of the second place; gives the segments of the others."""
    path = ledger.segments / "segments.jsonl"
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(kept[:lines]))
    return [json.loads(each)["segment"] for each in kept[lines:]]


def change(ledger, segment):
    """One bit of the last record of a segment."""
    with ledger.behind_its_back() as disk:
        seq = segment["last_seq"]
        (payload,) = disk.execute("SELECT payload FROM events WHERE seq = ?", (seq,)).fetchone()
        changed = payload[:-1] + bytes((payload[-1] ^ 1,))
        disk.execute("UPDATE events SET payload = ? WHERE seq = ?", (changed, seq))


def places(audit, kind):
    return {(each.partition, each.segment) for each in audit.findings if each.kind is kind}


def by_partition(segments):
    numbers = {}
    for each in segments:
        numbers.setdefault(each["partition"], []).append(each["number"])
    return numbers


@pytest.mark.parametrize("kept", [0, 40])
def test_a_second_place_that_was_cut_back_is_found(ledger, kept):
    gone = cut(ledger, kept)
    audit = ledger.audit()
    lacking = {
        partition: numbers for partition, numbers in by_partition(gone).items() if len(numbers) > 1
    }
    assert audit.counts == {Tampering.TRUNCATED: sum(map(len, lacking.values()))}
    assert places(audit, Tampering.TRUNCATED) == {
        (partition, numbers[0]) for partition, numbers in lacking.items()
    }
    assert (audit.other_place, audit.unsealed) == (len(gone), 0)


@pytest.mark.parametrize("kept", [0, 40])
@pytest.mark.parametrize("number", [0, -1])
def test_a_changed_record_is_found_behind_a_second_place_that_was_cut_back(ledger, kept, number):
    segment = cut(ledger, kept)[number]
    change(ledger, segment)
    audit = ledger.audit()
    assert audit.counts[Tampering.CHANGED] == 1
    assert places(audit, Tampering.CHANGED) == {(segment["partition"], segment["number"])}


def test_a_changed_record_is_found_where_the_second_place_ends_at_the_checkpoint(ledger):
    checkpoint = ledger.checkpoint()
    lines = len((ledger.segments / "segments.jsonl").read_bytes().splitlines())
    ledger.write(300, 340)
    segment = cut(ledger, lines)[0]
    change(ledger, segment)
    audit = ledger.audit(checkpoint)
    assert places(audit, Tampering.CHANGED) == {(segment["partition"], segment["number"])}


def test_a_deleted_record_is_found_behind_a_second_place_that_was_cut_back(ledger):
    segment = cut(ledger, 0)[-1]
    with ledger.behind_its_back() as disk:
        disk.execute("DELETE FROM events WHERE seq = ?", (segment["last_seq"],))
    audit = ledger.audit()
    ends = [each for each in audit.findings if each.found == "the log's end"]
    assert [(each.partition, each.expected) for each in ends] == [
        (segment["partition"], "1 more records")
    ]


def test_a_closing_that_stopped_before_the_second_place_is_no_finding(ledger):
    """Of each partition one segment at most: what is under way in a service, or was killed."""
    lines = len((ledger.segments / "segments.jsonl").read_bytes().splitlines())
    with ledger.log() as log, ledger.sealer(log) as sealer:
        sealer.resume()
        log.append(decisions(300, 330))
        closed = seal_all(sealer)
        log.append(decisions(330, 340))
    cut(ledger, lines)
    audit = ledger.audit(ledger.checkpoint())
    assert audit.is_whole, audit.findings
    assert len(closed) > 1
    assert audit.segments == lines + len(closed)
    assert audit.other_place == len(closed)
    assert 0 < audit.unsealed < 10, "what came after the newest segment"
    change(ledger, {"last_seq": closed[0].last_seq})
    audit = ledger.audit()
    assert audit.counts == {Tampering.CHANGED: 1}
    assert places(audit, Tampering.CHANGED) == {(closed[0].partition, closed[0].number)}


def test_a_log_whose_own_segments_another_signed_is_found_without_the_second_place(ledger):
    cut(ledger, 0)
    other = bytes(32)
    assert ledger.audit(key=other).counts[Tampering.FORGED] == ledger.audit().segments > 0


def test_a_segment_that_the_log_lost_is_found_behind_a_second_place_that_was_cut_back(ledger):
    gone = cut(ledger, 0)
    with ledger.behind_its_back() as disk:
        first_of_all = (
            "(SELECT seq FROM events WHERE stream = 'pix.ledger.v1' ORDER BY seq LIMIT 1)"
        )
        disk.execute(f"DELETE FROM events WHERE seq = {first_of_all}")
    first = gone[0]
    assert (first["partition"], 2) in places(ledger.audit(), Tampering.BROKEN_CHAIN)


def test_the_command_shows_what_is_unsealed_and_in_one_place_alone(ledger, monkeypatch, capsys):
    with ledger.log() as log:
        log.append(decisions(300, 310))
    gone = cut(ledger, 40)
    files = ["--log", str(ledger.log_file), "--segments", str(ledger.segments)]
    monkeypatch.setattr(sys, "argv", ["crivo", "ledger", "verify", *files, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    shown = json.loads(capsys.readouterr().out)
    audit = ledger.audit()
    assert (shown["only_in_one_place"], shown["unsealed"]) == (len(gone), audit.unsealed)
    assert (shown["whole"], shown["records"]) == (False, audit.records)
    assert audit.unsealed in {6, 7}, "two of three events are decisions"


def lose_segments(ledger, which):
    """Takes away some of the log's own segments of the partition that has most, and all of the
    second place.
    """
    gone = by_partition(cut(ledger, 0))
    partition = max(gone, key=lambda each: len(gone[each]))
    lost = gone[partition][which]
    ids = [segment_event_id("test", partition, number) for number in lost]
    with ledger.behind_its_back() as disk:
        taken = disk.executemany("DELETE FROM events WHERE event_id = ?", [(each,) for each in ids])
    assert taken.rowcount == len(lost) > 0 and lost[-1] < gone[partition][-1]
    return partition, lost[0]


def signed(ledger):
    with ledger.behind_its_back() as disk:
        return disk.execute("SELECT count(*) FROM events WHERE stream = 'pix.ledger.v1'").fetchone()


INNER = [slice(0, 1), slice(2, 7), slice(0, -1)]


@pytest.mark.parametrize("which", INNER, ids=["first", "inner", "all but the last"])
def test_nothing_is_signed_over_records_of_segments_that_both_places_lost(ledger, which):
    """The audit says of which; a sealer refuses, whether the records are as they were or not."""
    partition, number = lose_segments(ledger, which)
    before = signed(ledger)
    with ledger.log() as log, ledger.sealer(log) as sealer:
        for _ in range(2):
            with pytest.raises(Unfit) as refused:
                sealer.resume()
            assert refused.value.code is Code.LEDGER_BROKEN
            assert f"segment {number} of partition {partition}" in str(refused.value)
    assert signed(ledger) == before
    found = {(each.partition, each.kind) for each in ledger.audit().findings}
    assert (partition, Tampering.BROKEN_CHAIN) in found


def test_a_sealer_brings_up_a_second_place_that_was_deleted_from_a_whole_log(ledger):
    gone = cut(ledger, 0)
    with ledger.log() as log, ledger.sealer(log) as sealer:
        sealer.resume()
        assert seal_all(sealer) == []
    assert ledger.audit().is_whole
    assert by_partition(cut(ledger, 0)) == by_partition(gone)


def test_sabotage_a_sealer_that_sees_no_later_segments_signs_over_what_was_sealed(ledger):
    partition, number = lose_segments(ledger, slice(2, 7))
    with ledger.log() as log, ledger.sealer(log, segments=lambda _: ()) as sealer:
        sealer.resume()
        closed = seal_all(sealer)
    again = next(each for each in closed if each.partition == partition)
    assert again.number == number, "what it signs was signed before"
    assert not ledger.audit().is_whole
