"""Sealing: every record is in exactly one segment, whatever stops the sealer, and none is lost."""

import json
import random
from dataclasses import replace

import pytest

from crivo.adapters.files.ledger_documents import (
    proof_to_json,
    read_proof,
    read_public_key,
)
from crivo.adapters.files.segments_file import SegmentsFile, read_segments
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.ledger import evidence, prove_decision
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, Unfit
from crivo.domain.streams import Stream
from crivo.flows.ledger_proof import check_proof, prove
from crivo.flows.seal import SEGMENT_RECORDS_MAX
from crivo.governance.segment import Signer, is_signed_by
from tests.integration.commands import crivo
from tests.integration.ledgers import SIGNER, Ledger, copied, decisions, seal_all
from tests.ports.logs import event, open_test_log

pytestmark = pytest.mark.slow


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def lines(ledger):
    return list(read_segments(ledger.segments / "segments.jsonl"))


def assert_whole(ledger, records):
    audit = ledger.audit(ledger.checkpoint())
    assert audit.is_whole, audit.findings
    assert (audit.records, audit.unsealed, audit.other_place) == (records, 0, 0)
    assert sum(each.segment.count for each in lines(ledger)) == records


def test_segments_follow_each_other_from_the_first_record_on(ledger):
    ledger.write(0, 300)
    assert_whole(ledger, 200)
    newest = {}
    for kept in lines(ledger):
        segment = kept.segment
        before = newest.get(segment.partition)
        assert segment.number == (1 if before is None else before.number + 1)
        assert segment.first_offset == (0 if before is None else before.end)
        assert is_signed_by(segment, SIGNER.public_key)
        newest[segment.partition] = segment


def test_nothing_new_closes_nothing(ledger):
    ledger.write(0, 30)
    before = lines(ledger)
    with ledger.log() as log, ledger.sealer(log) as sealer:
        sealer.resume()
        assert seal_all(sealer) == []
        log.append([event(9_999, stream=Stream.HISTORY)])
        assert seal_all(sealer) == []
    assert lines(ledger) == before


def test_a_past_that_nobody_sealed_is_sealed_in_parts(ledger):
    count = 2 * SEGMENT_RECORDS_MAX
    with ledger.log() as log:
        log.append([each for each in decisions(0, count) if each.stream is Stream.DECISIONS])
    with ledger.log() as log, ledger.sealer(log) as sealer:
        sealer.resume()
        while sealer.read():
            if sealer.is_full:
                sealer.close()
        sealer.close()
    assert max(each.segment.count for each in lines(ledger)) <= SEGMENT_RECORDS_MAX
    assert ledger.audit().is_whole


def test_a_log_in_clear_is_sealed_as_it_is(ledger):
    log = open_test_log(ledger.log_file)
    log.append(decisions(0, 30))
    log.close()
    ledger.write(30, 60)
    assert_whole(ledger, 40)


class Stopped(Exception):
    """The process ends here."""


@pytest.mark.parametrize("seed", range(12))
def test_a_sealer_that_stops_anywhere_goes_on_from_there(ledger, seed):
    chance = random.Random(seed)
    appended = 0
    for _ in range(12):
        with ledger.log() as log:
            count = chance.randrange(1, 40)
            log.append(decisions(appended, appended + count))
            appended += count
            stop_or_seal(ledger, log, chance)
    ledger.write(appended, appended + 3)
    assert_whole(
        ledger, sum(each.stream is Stream.DECISIONS for each in decisions(0, appended + 3))
    )


def stop_or_seal(ledger, log, chance):
    """Seals, and may stop before, between or after the two places."""
    kind = chance.choice(["whole", "before", "some", "between", "torn"])

    def publish(events):
        if kind == "before":
            raise Stopped
        log.append(events[: chance.randrange(len(events))] or events[:1]) if kind == "some" else (
            log.append(events)
        )
        if kind in {"some", "between"}:
            raise Stopped

    with ledger.sealer(log, publish=publish) as sealer:
        try:
            sealer.resume()
            seal_all(sealer)
        except Stopped:
            return
    path = ledger.segments / "segments.jsonl"
    if kind == "torn" and path.stat().st_size > 100:
        path.write_bytes(path.read_bytes()[: -chance.randrange(1, 100)])


def test_a_second_place_that_was_lost_is_made_again(ledger):
    ledger.write(0, 120)
    before = [each.segment for each in lines(ledger)]
    (ledger.segments / "segments.jsonl").unlink()
    ledger.write(120, 123)
    assert_whole(ledger, 82)
    assert {each.number for each in before} <= {each.segment.number for each in lines(ledger)}


def test_equal_records_make_equal_segments(tmp_path):
    places = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ledger = Ledger(tmp_path / name)
        ledger.write(0, 90)
        places.append((ledger.segments / "segments.jsonl").read_bytes())
    assert places[0] == places[1]


def test_a_commit_that_fails_is_tried_again_and_doubles_nothing(ledger):
    failures = [Unavailable(Code.LOG_UNAVAILABLE, "the disk is full")]
    with ledger.log() as log:

        def publish(events):
            if failures:
                raise failures.pop()
            log.append(events)

        log.append(decisions(0, 30))
        with ledger.sealer(log, publish=publish) as sealer:
            sealer.resume()
            with pytest.raises(Unavailable):
                seal_all(sealer)
            sealer.resume()
            seal_all(sealer)
    assert_whole(ledger, 20)


@pytest.mark.parametrize("damage", ["UPDATE events SET source = 'x'", "DELETE FROM events"])
def test_a_sealer_signs_no_second_place_of_records_that_were_changed(ledger, damage):
    ledger.write(0, 60)
    (ledger.segments / "segments.jsonl").unlink()
    with ledger.behind_its_back() as disk:
        disk.execute(f"{damage} WHERE stream = 'pix.decisions.v1' AND seq < 9")
    with ledger.log() as log, ledger.sealer(log) as sealer, pytest.raises(Unfit) as refusal:
        sealer.resume()
    assert refusal.value.code is Code.LEDGER_BROKEN


def test_a_log_that_is_older_than_its_second_place_is_not_sealed_over(ledger, tmp_path):
    ledger.write(0, 60)
    older = copied(ledger, tmp_path / "older")
    ledger.write(60, 90)
    (older.segments / "segments.jsonl").write_bytes(
        (ledger.segments / "segments.jsonl").read_bytes()
    )
    with older.log() as log, older.sealer(log) as sealer, pytest.raises(Unfit) as refusal:
        sealer.resume()
    assert refusal.value.code is Code.LEDGER_BROKEN


def test_sabotage_a_sealer_that_passes_over_a_record_is_found(ledger):
    class Forgetful:
        def __init__(self, records):
            self.records = records

        def stored_records(self, *, start, limit):
            found, end = self.records.stored_records(start=start, limit=limit)
            return [each for each in found if each.seq != 6], end

    with ledger.log() as log, ledger.sealer(log) as sealer:
        log.append(decisions(0, 60))
        sealer._records = Forgetful(sealer._records)
        sealer.resume()
        with pytest.raises(Unfit):
            seal_all(sealer)


def test_a_proof_holds_by_itself_and_no_changed_one_does(ledger, tmp_path):
    ledger.write(0, 90)
    with ledger.log() as log:
        stored = [each for each in log.read(start=0, limit=99) if each.event.schema != "segment.v1"]
    wanted = next(
        each for each in stored if each.event.stream is Stream.DECISIONS and each.seq > 40
    )
    reader = open_reader(ledger.log_file)
    proof = prove(reader.stored_record(wanted.event.event_id), evidence(ledger.segments))
    reader.close()
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof_to_json(proof)))
    assert read_proof(path) == proof
    check_proof(read_proof(path), SIGNER.public_key)
    changed = [
        replace(proof, record=proof.record + b"\0"),
        replace(proof, offset=proof.offset + 1),
        replace(proof, path=proof.path[:-1]),
        replace(proof, path=(*proof.path, bytes(32))),
        replace(proof, segment=replace(proof.segment, received_to=proof.segment.received_to + 1)),
        replace(proof, segment=replace(proof.segment, root=bytes(32))),
    ]
    for each in changed:
        with pytest.raises(Unfit) as refusal:
            check_proof(each, SIGNER.public_key)
        assert refusal.value.code is Code.LEDGER_BROKEN
    with pytest.raises(Unfit):
        check_proof(proof, Signer(bytes(32)).public_key)


def test_a_decision_that_nobody_made_has_no_proof(ledger):
    ledger.write(0, 30)
    with pytest.raises(Refused) as refusal:
        prove_decision(ledger.log_file, ledger.segments, end_to_end_id="E" + "0" * 31)
    assert refusal.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", "x\n", '{"segment": {}, "leaves": ""}\n'])
def test_a_file_of_segments_that_is_none_is_told_with_its_line(ledger, text):
    ledger.write(0, 30)
    path = ledger.segments / "segments.jsonl"
    path.write_text(path.read_text() + text)
    with pytest.raises(Misconfigured, match="line") as refusal:
        SegmentsFile(ledger.segments, public_key=SIGNER.public_key)
    assert refusal.value.code is Code.FILE_UNREADABLE


@pytest.mark.slow
def test_a_hundred_thousand_decisions_are_sealed_and_one_bit_of_them_is_found(ledger):
    ledger.write(0, 150_000, step=3_000)
    assert_whole(ledger, 100_000)
    with ledger.behind_its_back() as disk:
        seq, payload = disk.execute(
            "SELECT seq, payload FROM events WHERE stream = 'pix.decisions.v1'"
            " ORDER BY seq LIMIT 1 OFFSET 61803"
        ).fetchone()
        changed = payload[:-1] + bytes((payload[-1] ^ 1,))
        disk.execute("UPDATE events SET payload = ? WHERE seq = ?", (changed, seq))
    audit = ledger.audit()
    assert sum(audit.counts.values()) == 1
    assert f"record {seq}" in audit.findings[0].found


def test_a_home_in_which_nothing_was_sealed_yet_is_told_so(tmp_path):
    with pytest.raises(Misconfigured, match="nothing was sealed yet") as refusal:
        read_public_key(tmp_path / "public_key")
    assert refusal.value.code is Code.FILE_UNREADABLE


@pytest.mark.parametrize(
    "words",
    [("verify",), ("show", "E12345678202611231200abcDEF12345"), ("checkpoint",)],
    ids=lambda words: words[0],
)
def test_a_home_that_is_not_there_is_told_so_and_not_that_nothing_was_sealed(
    tmp_path, capsys, words
):
    said = crivo(capsys, "ledger", *words, "--home", tmp_path / "nosuch")
    assert said.code == 3
    assert "NOT_FOUND" in said.err
    assert "sealed" not in said.err
    assert not (tmp_path / "nosuch").exists()


def test_a_home_without_a_log_is_told_so_as_by_replay(tmp_path, capsys):
    asked = (("ledger", "verify"), ("replay",))
    said = [crivo(capsys, *words, "--home", tmp_path) for words in asked]
    assert [each.code for each in said] == [3, 3]
    assert all("holds no log" in " ".join(each.err.split()) for each in said)
