"""Replay turns red for one moved threshold, one leaf, one missing event, one byte."""

from __future__ import annotations

import json
from importlib.metadata import version

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, CrivoError, Misconfigured, Refused
from crivo.domain.instant import HOUR, SECOND
from crivo.flows.bundle import PROGRAM_VERSION, RELEASES
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, account, bundle_in, play, policy, transfer, world

pytestmark = pytest.mark.slow

GIVEN, DERIVED, KEPT = 4, 5, 7
PHASE = 1
AS_OF, LOG_ID, VERSIONS, DEGRADED = range(4)
MODEL, POLICY = 3, 5


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        play(made, 11, 300)
        yield made


def stored(log):
    return log.read(start=0, limit=10_000)


def check(log, folder):
    return replay(log, folder / "bundles", progress=print)


class Copy:
    """A copy of a log with other events: what a forger would leave behind."""

    def __init__(self, tmp_path):
        self.log = open_log(tmp_path / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.close()

    def append(self, events):
        self.log.append(events)
        return self


def forged(event, change):
    """The event with one part of its decision changed; other events as they are."""
    if event.schema != "decision.v1":
        return event
    parts = msgspec.msgpack.decode(event.payload)
    change(parts)
    return event._replace(payload=msgspec.msgpack.encode(parts))


def with_versions(bundle):
    def change(parts):
        parts[GIVEN][VERSIONS] = list(msgspec.structs.astuple(bundle.versions))

    return change


def test_a_faithful_copy_is_equal(played, tmp_path):
    with Copy(tmp_path) as copy:
        copy.append([each.event for each in stored(played.log)])
        assert check(copy.log, tmp_path).is_equal


def test_one_moved_threshold_differs(played, tmp_path):
    texts = policy()
    texts["decision.toml"] = texts["decision.toml"].replace('"0.60"', '"0.61"')
    texts["decision.toml"] = texts["decision.toml"].replace('"0.30"', '"0.55"')
    other = bundle_in(tmp_path, texts=texts)
    assert other.versions.policy != played.service.bundle.versions.policy
    with Copy(tmp_path) as copy:
        copy.append([forged(each.event, with_versions(other)) for each in stored(played.log)])
        found = check(copy.log, tmp_path)
        assert 0 < found.differing < found.compared
        assert "outcome" in found.differences[0].where
        assert found.differences[0].stored != found.differences[0].again


def test_one_moved_parameter_of_a_rule_differs(played, tmp_path):
    texts = policy()
    texts["rules.toml"] = texts["rules.toml"].replace('"0.05"', '"0.5"')
    other = bundle_in(tmp_path, texts=texts)
    assert other.versions.rules != played.service.bundle.versions.rules
    assert other.versions.policy == played.service.bundle.versions.policy
    with Copy(tmp_path) as copy:
        copy.append([forged(each.event, with_versions(other)) for each in stored(played.log)])
        assert "rules" in check(copy.log, tmp_path).differences[0].where


def test_one_tree_leaf_moved_by_the_least_amount_differs(played, tmp_path):
    other = bundle_in(tmp_path, leaf=1)
    with Copy(tmp_path) as copy:
        copy.append([forged(each.event, with_versions(other)) for each in stored(played.log)])
        found = check(copy.log, tmp_path)
        assert found.differing > 0
        assert "margin" in found.differences[0].where
        assert "kept" not in found.differences[0].where


def test_one_missing_event_differs(played, tmp_path):
    events = [each.event for each in stored(played.log)]
    with Copy(tmp_path) as copy:
        copy.append(events[:10] + events[11:])
        found = check(copy.log, tmp_path)
        assert found.differing > 0
        assert all(each.where == ("as_of",) for each in found.differences)


def test_one_missing_event_differs_even_where_the_numbers_were_mended(tmp_path):
    with world(tmp_path) as played:
        for number in range(6):
            played.decide(transfer(number, occurred_at=START + number * SECOND)).result(60)
        events = [each.event for each in stored(played.log)]

    def earlier(parts):
        parts[GIVEN][AS_OF] -= 1

    with Copy(tmp_path) as copy:
        copy.append(events[:2] + [forged(event, earlier) for event in events[3:]])
        found = check(copy.log, tmp_path)
        assert found.differing == 3
        assert "kept" in found.differences[0].where


def test_one_altered_byte_of_what_was_derived_or_kept_differs(played, tmp_path):
    events = [each.event for each in stored(played.log)]
    places = [at for at, event in enumerate(events) if event.schema == "decision.v1"]
    scored = next(at for at in places if decode_record(events[at].payload).kept)

    def flip(part, byte):
        def change(parts):
            altered = bytearray(parts[part])
            altered[byte] ^= 1
            parts[part] = bytes(altered)

        return change

    for number, (part, byte) in enumerate([(DERIVED, 5), (DERIVED, -2), (KEPT, 0), (KEPT, -1)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        changed = forged(events[scored], flip(part, byte))
        with Copy(folder) as copy:
            copy.append([*events[:scored], changed, *events[scored + 1 :]])
            found = check(copy.log, tmp_path)
            assert found.differing == 1
            assert found.differences[0].seq == scored


@pytest.mark.parametrize(
    ("part", "value", "where"),
    [
        (2, 123_456, "kept"),
        (3, account(77), "key"),
        (1, START + 1, "occurred_at"),
        (0, transfer(999).end_to_end_id, "end_to_end_id"),
    ],
)
def test_one_altered_fact_differs(played, tmp_path, part, value, where):
    events = [each.event for each in stored(played.log)]
    scored = next(
        at
        for at, event in enumerate(events)
        if event.schema == "decision.v1" and decode_record(event.payload).kept
    )

    def change(parts):
        parts[3][part] = value

    with Copy(tmp_path) as copy:
        copy.append([*events[:scored], forged(events[scored], change), *events[scored + 1 :]])
        found = check(copy.log, tmp_path)
        assert scored in {each.seq for each in found.differences}
        assert where in next(each for each in found.differences if each.seq == scored).where


def _other_versions(parts):
    # The bundle that is named is there; what the record says of its policy is not what it holds.
    versions = parts[GIVEN][VERSIONS]
    versions[POLICY] = versions[MODEL]


def _other_log(parts):
    parts[GIVEN][LOG_ID] = "another"


def _other_cause(parts):
    parts[GIVEN][DEGRADED] = ["LOG_SLOW"]


def _no_cause(parts):
    parts[GIVEN][DEGRADED] = ["KILL_ALL"]


def _other_phase(parts):
    parts[PHASE] = "settlement"


def _no_phase(parts):
    parts[PHASE] = "later"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_other_versions, ("versions",)),
        (_other_log, ("log_id",)),
        (_other_cause, ("reasons", "derived")),
        (_other_phase, ("in_place", "event_id")),
        (_no_phase, ("phase", "in_place", "event_id")),
    ],
)
def test_one_false_claim_of_a_record_differs_and_is_named(played, tmp_path, change, where):
    events = [each.event for each in stored(played.log)]
    # A degraded answer: there is no vector that could differ too.
    place = next(
        at
        for at, event in enumerate(events)
        if event.schema == "decision.v1" and decode_record(event.payload).given.degraded
    )
    events[place] = forged(events[place], change)
    with Copy(tmp_path) as copy:
        found = check(copy.append(events).log, tmp_path)
    assert [(each.seq, each.where) for each in found.differences] == [(place, where)]


def test_a_switch_that_was_off_in_the_policy_is_no_cause(played, tmp_path):
    events = [each.event for each in stored(played.log)]
    place = next(
        at
        for at, event in enumerate(events)
        if event.schema == "decision.v1" and decode_record(event.payload).given.degraded
    )
    events[place] = forged(events[place], _no_cause)
    with Copy(tmp_path) as copy:
        (found,) = check(copy.append(events).log, tmp_path).differences
    assert "degraded" in found.where


def test_a_record_under_another_events_id_differs(played, tmp_path):
    events = [each.event for each in stored(played.log)]
    place = max(at for at, event in enumerate(events) if event.schema == "decision.v1")
    events[place] = events[place]._replace(event_id=bytes(16))
    with Copy(tmp_path) as copy:
        found = check(copy.append(events).log, tmp_path)
    assert [(each.seq, each.where) for each in found.differences] == [(place, ("event_id",))]


def files(folder):
    return sorted(path for path in (folder / "bundles").rglob("*") if path.is_file())


def test_a_changed_byte_in_any_file_of_a_bundle_is_told(played, tmp_path):
    assert len(files(tmp_path)) >= 10
    for path in files(tmp_path):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(Misconfigured) as caught:
            check(played.log, tmp_path)
        assert caught.value.code is Code.ARTIFACT_INVALID, path
        path.write_bytes(content)
    assert check(played.log, tmp_path).is_equal


def test_a_missing_file_of_a_bundle_is_told(played, tmp_path):
    for path in files(tmp_path):
        aside = path.with_suffix(".aside")
        path.rename(aside)
        with pytest.raises(CrivoError):
            check(played.log, tmp_path)
        aside.rename(path)


def test_a_record_of_another_version_of_the_program_is_counted_apart(played, tmp_path):
    def change(parts):
        parts[GIVEN][VERSIONS][-1] = "0.9"

    events = [each.event for each in stored(played.log)]
    first = next(at for at, event in enumerate(events) if event.schema == "decision.v1")
    with Copy(tmp_path) as copy:
        copy.append([forged(events[first], change), *events[first + 1 :]])
        found = check(copy.log, tmp_path)
        assert (found.other_versions, found.differing) == ({"0.9": 1}, 0)
        assert found.compared > 0


def test_this_program_and_its_release_are_in_the_table_of_releases():
    assert PROGRAM_VERSION in RELEASES
    assert RELEASES[PROGRAM_VERSION] <= version("crivo")


def test_a_record_that_cannot_be_read_is_named_by_its_place(played, tmp_path):
    events = [each.event for each in stored(played.log)]
    first = next(at for at, event in enumerate(events) if event.schema == "decision.v1")
    with Copy(tmp_path) as copy:
        copy.append([events[first]._replace(payload=b"\xc1"), *events[first + 1 :]])
        with pytest.raises(Refused) as caught:
            check(copy.log, tmp_path)
        assert caught.value.code is Code.FIELD_TYPE
        assert caught.value.context["seq"] == 0


def test_decisions_that_had_seen_less_are_derived_from_what_they_had_seen(tmp_path):
    """Two writers' records in one log: the second had not seen the first."""
    with world(tmp_path) as played:
        for number in range(4):
            played.decide(transfer(number, occurred_at=START + number * SECOND)).result(60)
        events = [each.event for each in stored(played.log)]
        aside = tmp_path / "aside"
        aside.mkdir()
        with world(aside, bundle=played.service.bundle) as other:
            other.log.append(events[:2])
            other.service.recover(print)
            other.decide(transfer(9, occurred_at=START + HOUR // 2)).result(60)
            blind = stored(other.log)[-1].event
    with Copy(tmp_path) as copy:
        copy.append([*events, blind])
        found = check(copy.log, tmp_path)
        assert (found.compared, found.differing) == (5, 0)


def test_two_models_in_one_log_are_each_replayed_with_their_own(tmp_path):
    with world(tmp_path) as played:
        play(played, 1, 40)
    with world(tmp_path, leaf=1 << 38) as played:
        play(played, 2, 40)
        found = check(played.log, tmp_path)
        assert found.is_equal and found.compared > 40
        bundles = {
            decode_record(each.event.payload).given.versions.bundle
            for each in stored(played.log)
            if each.event.schema == "decision.v1"
        }
        assert len(bundles) == 2


def test_the_manifest_of_a_bundle_names_what_is_in_it(played, tmp_path):
    versions = played.service.bundle.versions
    manifest = json.loads((tmp_path / "bundles" / versions.bundle / "manifest.json").read_bytes())
    assert manifest["model"] == versions.model
    assert manifest["plan"] == versions.plan
    assert set(manifest["files"]) >= {"plan.json", "rules.json", "policy/decision.toml"}
