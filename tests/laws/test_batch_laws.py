"""A batch decides as one by one: the same answers, records and refusals, in the same order."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crivo.decision.record import decode_record
from crivo.domain.errors import Code, CrivoError, Refused, Unavailable
from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation, Purpose
from crivo.features.engine import Engine
from crivo.flows import judging
from crivo.flows.decide import DecisionService
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, account, transfer, world

pytestmark = pytest.mark.slow


def asked_of(seed: int, count: int):
    """Transfers with the receipts they supply: repeats, conflicts, late ones, returns, old ids."""
    chance = random.Random(seed)
    now, made = START, []
    for number in range(count):
        now += chance.choice([0, 1, SECOND, MINUTE, HOUR // 3])
        kind = chance.random()
        if made and kind < 0.15:
            made.append((chance.choice(made)[0], now))
            continue
        occurred_at = now - (chance.randrange(3 * HOUR) if kind > 0.9 else chance.randrange(SECOND))
        each = transfer(
            seed * 1_000 + (number if kind < 0.8 else chance.randrange(count)),
            occurred_at=occurred_at if kind < 0.85 else START,
            payer=chance.randrange(1, 5),
            payee=chance.randrange(1, 5),
            amount_centavos=chance.choice([1, 5_000, 120_000, 5_000_000]),
            initiation=chance.choice([None, Initiation.DICT, Initiation.AUTO]),
            purpose=chance.choice([None, Purpose.IPAY, Purpose.REFU]),
        )
        made.append((each, now + (DAY if kind > 0.97 else 0)))
    return made


def in_folder(folder, name):
    """A world in a folder of its own."""
    (Path(folder) / name).mkdir()
    return world(Path(folder) / name)


def outcome_of(answer):
    """What a caller hears of an answer, or of the error in its place."""
    if isinstance(answer, CrivoError):
        return answer.code, answer.context.get("field")
    return answer.result(60)


def one_by_one(played, asked):
    answers = []
    for each, received_at in asked:
        try:
            answers.append(outcome_of(played.decide(each, received_at=received_at)))
        except CrivoError as error:
            answers.append(outcome_of(error))
    return answers


def in_batches(played, asked, size):
    answers = []
    for start in range(0, len(asked), size):
        part = asked[start : start + size]
        answers += [outcome_of(each) for each in played.service.decide_many(part, arrived_ns=0)]
    return answers


def records_of(played):
    stored = played.log.read(start=0, limit=10_000)
    records = [decode_record(each.event.payload) for each in stored]
    return [
        (each.event.event_id, each.event.received_at, record.given, record.derived, record.kept)
        for each, record in zip(stored, records, strict=True)
    ]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([1, 2, 7, 60]))
def test_a_batch_is_decided_as_if_one_by_one(seed, count, size):
    asked = asked_of(seed, count)
    with tempfile.TemporaryDirectory() as folder:
        with in_folder(folder, "one") as single:
            expected, records = one_by_one(single, asked), records_of(single)
        with in_folder(folder, "many") as many:
            assert in_batches(many, asked, size) == expected
            assert records_of(many) == records
            bundles = Path(folder, "many", "bundles")
            assert replay(many.log, bundles, progress=lambda _done, _end: None).differing == 0


def test_sabotage_a_batch_that_reads_before_it_folds_is_noticed(tmp_path, monkeypatch):
    """Each of a batch must see those before it: reading all first is what a careless one does."""
    asked = [(transfer(number, occurred_at=START + number), START + number) for number in range(20)]
    with in_folder(tmp_path, "one") as single:
        expected = one_by_one(single, asked)

    def careless(engine, rows, wanted):
        read = [engine.read(rows[place : place + 1]) for place in range(len(rows))]
        found = _vectors(engine, rows, wanted)
        for place, (vector, _) in enumerate(read):
            found[0][place] = vector
        return found

    _vectors = Engine.vectors
    monkeypatch.setattr(Engine, "vectors", careless)
    with in_folder(tmp_path, "many") as many:
        in_batches(many, asked, 20)
        monkeypatch.undo()
        bundles = tmp_path / "many" / "bundles"
        assert replay(many.log, bundles, progress=lambda _done, _end: None).differing > 0
        assert len(expected) == len(asked)


def test_sabotage_a_batch_in_which_only_rules_have_a_say_is_noticed(tmp_path, monkeypatch):
    """Score and lateness have a say too: a careless one takes every vector to be plain."""
    asked = asked_of(3, 60)
    with in_folder(tmp_path, "one") as single:
        one_by_one(single, asked)
        expected = records_of(single)
    monkeypatch.setattr(judging, "are_plain", lambda vectors, *_: np.ones(len(vectors), np.bool_))
    with in_folder(tmp_path, "many") as many:
        in_batches(many, asked, 60)
        assert records_of(many) != expected


def test_a_batch_is_one_append(tmp_path):
    groups = []

    class Counting:
        def __init__(self, log):
            self._log = log

        def __getattr__(self, name):
            return getattr(self._log, name)

        def submit(self, events, done, **options):
            groups.append(len(events))
            return self._log.submit(events, done, **options)

    asked = [(transfer(number, occurred_at=START + number), None) for number in range(9)]
    with world(tmp_path, wrap=Counting) as played:
        in_batches(played, asked, 9)
    assert groups == [9]


def test_a_log_that_does_not_write_refuses_a_batch_and_state_stays(tmp_path):
    class Refusing:
        def __init__(self, log):
            self._log = log

        def __getattr__(self, name):
            return getattr(self._log, name)

        def promise(self, events):
            raise Unavailable(Code.LOG_UNAVAILABLE, "the disk says no")

    asked = [(transfer(number, occurred_at=START + number), None) for number in range(3)]
    with world(tmp_path, wrap=Refusing) as played:
        before = played.service.folded, played.service.counts.folded
        with pytest.raises(Unavailable):
            played.service.decide_many(asked, arrived_ns=0)
        assert (played.service.folded, played.service.counts.folded) == before


def test_a_state_at_its_ceiling_decides_nothing_more_until_it_is_built_anew(tmp_path, monkeypatch):
    """Part of the batch may be folded, and none is in the log: nothing is read from that state."""

    def full(engine, rows, wanted):
        engine.fold(rows[:1])
        raise Unavailable(Code.OVERLOADED, "the feature state has reached its ceiling")

    first, second = ((transfer(n, payer=n + 1, occurred_at=START + n), None) for n in range(2))
    with world(tmp_path) as played:
        monkeypatch.setattr(Engine, "vectors", full)
        with pytest.raises(Unavailable):
            played.service.decide_many([first, second], arrived_ns=0)
        monkeypatch.undo()
        with pytest.raises(Unavailable) as caught:
            played.decide(second[0])
        assert caught.value.code is Code.OVERLOADED
    with world(tmp_path) as again:
        assert again.decide(second[0]).result(60).seq == 0


def test_what_is_refused_in_a_batch_costs_the_others_nothing(tmp_path):
    good = transfer(1, occurred_at=START)
    ahead = transfer(2, occurred_at=START + HOUR)
    other = transfer(1, occurred_at=START, amount_centavos=77)
    with world(tmp_path) as played:
        answers = played.service.decide_many(
            [(ahead, START), (good, START), (other, START), (good, START)], arrived_ns=0
        )
        assert isinstance(answers[0], Refused)
        assert answers[0].code is Code.CLOCK_AHEAD
        assert isinstance(answers[2], Refused)
        assert answers[2].code is Code.CONFLICT
        assert answers[1] is answers[3]
        assert answers[1].result(60).seq == 0
        assert played.service.folded == 1
        assert good.payer_account_id == account(1)


def sealed_in(folder, name, ask):
    """The identity part of each record, by the id of its event, as `ask` has a service decide."""
    sealed = {}

    class Noting:
        def __init__(self, log):
            self._log = log

        def __getattr__(self, name):
            return getattr(self._log, name)

        def submit(self, events, done, **options):
            sealed.update((each.event_id, each.sealed) for each in events)
            return self._log.submit(
                [each._replace(sealed=None) for each in events], done, **options
            )

    (folder / name).mkdir()
    with world(folder / name, wrap=Noting) as played:
        ask(played.service)
    return sealed


def sealed_both_ways(folder, seed):
    """What is sealed of the same transfers, some with an identity, one by one and in a batch."""
    chance, asked = random.Random(seed), asked_of(seed, 60)
    parts = {n: b"identity %d" % n for n in range(len(asked)) if chance.random() < 0.7}

    def one_by_one(service):
        for place, (each, at) in enumerate(asked):
            with contextlib.suppress(Refused):
                service.decide(
                    each, arrived_ns=0, supplied_received_at=at, identity=parts.get(place)
                )

    def in_a_batch(service):
        service.decide_many(asked, arrived_ns=0, identities=parts)

    return sealed_in(folder, "one", one_by_one), sealed_in(folder, "many", in_a_batch)


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_seals_the_identities_that_one_by_one_would_have_been_sealed(tmp_path, seed):
    single, many = sealed_both_ways(tmp_path, seed)
    assert many == single
    assert {each is None for each in single.values()} == {True, False}


def test_sabotage_an_identity_found_by_its_transfers_id_is_sealed_for_another(
    tmp_path, monkeypatch
):
    """A refused transfer's identity would be read under the decision of one with its id."""

    def careless(service, asked, *, arrived_ns, identities):
        by_id = {}
        for place, part in sorted(identities.items()):
            by_id.setdefault(asked[place][0].end_to_end_id, part)
        ids = [each.end_to_end_id for each, _ in asked]
        wrong = {place: by_id[id_] for place, id_ in enumerate(ids) if id_ in by_id}
        return _decide_many(service, asked, arrived_ns=arrived_ns, identities=wrong)

    _decide_many = DecisionService.decide_many
    monkeypatch.setattr(DecisionService, "decide_many", careless)
    single, many = sealed_both_ways(tmp_path, 0)
    assert many.keys() == single.keys()
    assert many != single
