"""A changed policy is adopted whole, stored before it decides; a faulty one changes nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.decision.rule import declared_rules
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import SECOND
from crivo.features.plan import compile_plan
from crivo.features.spec import FeatureSet
from crivo.flows.bundle import load_bundle, make_bundle, read_policy, stored_policy
from crivo.flows.reload import PolicyReload, Reload
from crivo.flows.replay import replay
from tests.unit.decision.worlds import ROOT, START, artifact, plan, policy, transfer, world

pytestmark = pytest.mark.slow

#: What a first payment of R$ 100 scores lies between these two: WARN before, ALLOW after.
SCORE = ("decision.toml", '"0.10"', '"0.29"')


class Followed:
    """A world whose policy lies in a folder, and what its reload told."""

    def __init__(self, played, folder):
        self.played = played
        self.folder = folder / "policy"
        shutil.copytree(ROOT / "policy", self.folder)
        self.bundles = folder / "bundles"
        self.told = []
        self.adopted = []
        self.reload = PolicyReload(
            folder=self.folder,
            bundles=self.bundles,
            rules=declared_rules(),
            bundle=played.service.bundle,
            adopt=self._adopt,
            told=self.told.append,
        )
        self._ticks = 0

    def _adopt(self, bundle):
        # What is adopted is on disk already, whole: it loads from there alone.
        assert load_bundle(self.bundles, bundle.versions.bundle).versions == bundle.versions
        self.adopted.append(bundle)
        self.played.service.adopt(bundle)

    def write(self, file, text):
        path = self.folder / file
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self._ticks += 1
        # A file system that counts in milliseconds sees each write of a test as one of its own.
        os.utime(path, ns=(self._ticks * 10**9, self._ticks * 10**9))

    def change(self, file, old, new):
        text = (self.folder / file).read_text()
        assert old in text
        self.write(file, text.replace(old, new, 1))

    def rest(self):
        self.reload.look()
        self.reload.look()


@pytest.fixture
def followed(tmp_path):
    with world(tmp_path) as made:
        yield Followed(made, tmp_path)


def records(log):
    return [decode_record(each.event.payload) for each in log.read(start=0, limit=1_000)]


def decide(followed, number):
    made = transfer(number, occurred_at=START + number * SECOND, payer=number, payee=100 + number)
    return followed.played.decide(made).result(60)


def test_what_did_not_change_is_not_reloaded(followed):
    followed.rest()
    followed.write("rules.toml", policy()["rules.toml"])
    followed.rest()
    assert (followed.told, followed.adopted) == ([], [])


def test_a_change_decides_the_next_transfer_and_both_bundles_replay(followed, tmp_path):
    before = decide(followed, 1)
    followed.change(*SCORE)
    followed.rest()
    after = decide(followed, 2)
    assert followed.told == [Reload.ADOPTED]
    assert (before.outcome.value, after.outcome.value) == ("WARN", "ALLOW")
    assert before.versions.policy != after.versions.policy
    assert before.versions.model == after.versions.model
    assert [each.given.versions for each in records(followed.played.log)] == [
        before.versions,
        after.versions,
    ]
    found = replay(followed.played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (2, 0)


def test_sabotage_a_record_that_names_the_other_bundle_is_seen(followed, tmp_path):
    decide(followed, 1)
    followed.change(*SCORE)
    followed.rest()
    decide(followed, 2)
    events = [each.event for each in followed.played.log.read(start=0, limit=10)]
    parts = [msgspec.msgpack.decode(event.payload) for event in events]
    given = [part[4] for part in parts]
    given[0][2], given[1][2] = given[1][2], given[0][2]
    swapped = [
        event._replace(payload=msgspec.msgpack.encode(part))
        for event, part in zip(events, parts, strict=True)
    ]
    copy = open_log(tmp_path / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    try:
        copy.append(swapped)
        found = replay(copy, tmp_path / "bundles", progress=lambda *_: None)
    finally:
        copy.close()
    assert found.differing == 2
    assert "outcome" in found.differences[0].where


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("decision.toml", "[[entry]", Code.POLICY_INVALID),
        ("rules.toml", policy()["rules.toml"][:-200], Code.POLICY_INVALID),
        ("degraded.toml", b"\xff", Code.POLICY_INVALID),
        ("decision.toml", policy()["decision.toml"].replace('"0.60"', '"0.05"'), None),
    ],
)
def test_a_faulty_file_leaves_the_old_policy_in_force_and_is_told_once(
    followed, caplog, file, text, code
):
    followed.write(file, text)
    followed.rest()
    followed.rest()
    assert (followed.told, followed.adopted) == ([Reload.REFUSED], [])
    logged = [each for each in caplog.records if each.message == "policy.refused"]
    assert [each.code for each in logged] == [code or Code.POLICY_INVALID]
    assert decide(followed, 1).versions == followed.played.service.bundle.versions
    followed.write(file, policy()[file].replace('"0.10"', '"0.11"') + "\n# mended\n")
    followed.rest()
    assert followed.told == [Reload.REFUSED, Reload.ADOPTED]


def test_a_missing_file_is_told_and_its_return_changes_nothing(followed):
    (followed.folder / "rules.toml").rename(followed.folder / "aside")
    followed.rest()
    (followed.folder / "aside").rename(followed.folder / "rules.toml")
    followed.rest()
    assert (followed.told, followed.adopted) == ([Reload.REFUSED], [])


def test_a_file_that_is_still_being_written_waits(followed):
    followed.change(*SCORE)
    followed.reload.look()
    followed.change("decision.toml", '"0.30"', '"0.31"')
    followed.reload.look()
    assert followed.adopted == []
    followed.reload.look()
    assert len(followed.adopted) == 1
    assert followed.played.service.bundle is followed.adopted[0]


def test_files_that_change_while_they_are_read_are_taken_together_afterwards(followed, monkeypatch):
    first = '"0.30"'
    followed.change(*SCORE)
    followed.reload.look()

    def read(folder):
        texts = read_policy(folder)
        followed.change("decision.toml", first, '"0.31"')
        return texts

    with monkeypatch.context() as patched:
        patched.setattr("crivo.flows.reload.read_policy", read)
        followed.reload.look()
    assert (followed.told, followed.adopted) == ([], [])
    followed.rest()
    assert followed.told == [Reload.ADOPTED]
    kept = stored_policy(followed.bundles, followed.adopted[0].versions.bundle)
    assert '"0.29"' in kept["decision.toml"] and '"0.31"' in kept["decision.toml"]


def test_a_bundle_that_cannot_be_stored_never_decides(followed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    followed.change(*SCORE)
    with monkeypatch.context() as patched:
        patched.setattr("crivo.flows.bundle.write_synced", full)
        followed.rest()
    assert (followed.told, followed.adopted) == ([Reload.REFUSED], [])
    followed.change("decision.toml", '"0.30"', '"0.31"')
    followed.rest()
    assert followed.told == [Reload.REFUSED, Reload.ADOPTED]


def test_a_decision_on_its_way_to_the_disk_keeps_the_bundle_that_made_it(tmp_path):
    class Held:
        """A log that tells nobody until it is let go."""

        def __init__(self, log):
            self.log, self.waiting = log, []

        def __getattr__(self, name):
            return getattr(self.log, name)

        def submit(self, events, done, **options):
            return self.log.submit(events, lambda failure: self.waiting.append((done, failure)))

    with world(tmp_path, wrap=Held) as played:
        followed = Followed(played, tmp_path)
        old = played.service.bundle.versions
        pending = played.decide(transfer(1))
        followed.change(*SCORE)
        followed.rest()
        second = played.decide(transfer(2, occurred_at=START + SECOND))
        assert played.service.bundle.versions != old
        # A repeat while the first is in flight joins it, whatever decides by now.
        assert played.decide(transfer(1)) is pending
        while len(played.log.read(start=0, limit=10)) < 2 or len(played.service.log.waiting) < 2:
            pass
        for done, failure in played.service.log.waiting:
            done(failure)
        assert pending.result(60).versions == old
        assert second.result(60).versions == played.service.bundle.versions
        assert [each.given.versions for each in records(played.log)] == [
            old,
            played.service.bundle.versions,
        ]


def test_a_bundle_of_other_vectors_is_not_adopted(followed, tmp_path):
    other = compile_plan(FeatureSet(plan().feature_set.features[::-1]))
    model = dataclasses.replace(
        artifact(), input_names=other.names, set_hash=other.set_hash, plan_hash=other.plan_hash
    )
    made = make_bundle(
        tmp_path / "bundles", plan=other, rules=declared_rules(), policy=policy(), artifact=model
    )
    with pytest.raises(Misconfigured) as caught:
        followed.played.service.adopt(made)
    assert caught.value.code is Code.PLAN_MISMATCH
    assert followed.played.service.bundle.versions.plan == plan().plan_hash
