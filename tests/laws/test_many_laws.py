"""Outcomes of many transfers at once are those that each of them gets alone."""

from __future__ import annotations

import random

import numpy as np
import pytest

from crivo.decision import decide, many
from crivo.decision.decide import Scored, derive, is_return, plain_of, policy_modes
from crivo.decision.degraded import CAUSES, DICT_AGE, is_unscored
from crivo.decision.lists import HitKind, ListHit
from crivo.decision.many import UNKNOWN, Attempts, Circumstances, attempts_of, ranks
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.sums import Sums
from crivo.domain.account import CustomerSegment
from crivo.domain.list_entry import ListSide
from crivo.domain.transfer import Initiation, Purpose
from crivo.features.engine import BEHIND, LATE, vector_bytes
from tests.laws.test_decision_laws import RULES, parts, procedure
from tests.unit.decision.worlds import START, plan, transfer

COUNT = 400
BEFORE = Sums(90_000, 50_000, 70_000)


def attempts(seed: int) -> tuple[Attempts, np.ndarray]:
    """Transfers of every kind in every circumstance, and their scores."""
    chance = random.Random(seed)
    firing = [example for rule in RULES for example in rule.fires]
    vectors = np.full((COUNT, len(plan().names)), np.nan)
    for row in range(COUNT):
        for name, value in chance.choice([{}, chance.choice(firing)]).items():
            vectors[row, plan().names.index(name)] = np.nan if value is None else value
        vectors[row, plan().names.index(DICT_AGE)] = chance.choice([np.nan, 1.0, 1e9])
    transfers = [
        transfer(
            number,
            amount_centavos=chance.choice([1, 49_000, 60_000, 350_000, 1_600_000, 10**9]),
            initiation=chance.choice([None, None, *Initiation]),
            purpose=chance.choice([None, None, None, *Purpose]),
            payer_segment=chance.choice([None, *CustomerSegment]),
            payer_ispb=chance.choice([None, "00000000"]),
            payee_key_id=chance.choice([None, bytes(15) + b"k"]),
        )
        for number in range(COUNT)
    ]
    around = [
        Circumstances(
            chance.choice([()] * 8 + [(mode,) for mode in sorted(CAUSES)]),
            chance.choice([()] * 8 + [(ListHit(kind, ListSide.PAYEE, "e"),) for kind in HitKind]),
            chance.choice([None, Sums(0, None, None), Sums(0, None, 0), BEFORE]),
        )
        for _ in range(COUNT)
    ]
    scores = np.array([chance.choice([0, chance.randrange(10**9 + 1)]) for _ in range(COUNT)])
    return attempts_of(transfers, around, vectors, np.ones(COUNT, np.bool_)), scores


def alone(found: Attempts, scores, in_force) -> list[int]:
    """Each transfer's rank by `derive`, with the reasons of a real model."""
    each_alone = []
    for at, (vector, score) in enumerate(zip(found.vectors, scores.tolist(), strict=True)):
        value, around = found.one(at)
        is_blind = is_return(value) or is_unscored((*around.causes, *in_force.degraded.killed))
        scored = None if is_blind else Scored(vector, vector_bytes(vector), 0, 0, score)
        modes = () if is_return(value) else policy_modes(value, in_force, scored and vector)
        derived = derive(
            value,
            scored,
            in_force,
            parts()[3],
            degraded=(*around.causes, *modes),
            listed=around.listed,
            sums=around.sums,
        )
        each_alone.append(OUTCOMES[derived.outcome].rank)
    return each_alone


def changed(key: str, before: str, after: str) -> tuple[str, str]:
    """The entry of a key, and the same with another value."""
    return f'key = "{key}"\nvalue = {before}', f'key = "{key}"\nvalue = {after}'


def switched_on(key: str) -> tuple[str, str]:
    return changed(key, '"off"', '"on"')


DIRECTORY = [
    switched_on("dict_missing.state"),
    changed("stale_state.age_seconds.max", '"none"', "600"),
]
DAYS = [
    changed(f"limits.day.{name}", '"none"', '"1000.00"') for name in ("natural_person", "unstated")
]
#: What is changed in the repository's policy: each asks for others to be looked at alone.
POLICIES = {
    "as it stands": {},
    "every rule on": {"rules": [('"shadow"', '"on"')]},
    "asks the directory": {"degraded": DIRECTORY},
    "limits of a day": {"decision": DAYS},
    "model off": {"degraded": [switched_on("kill.model.state")]},
    "rules off": {"degraded": [switched_on("kill.rules.state")]},
    "all off": {"degraded": [switched_on("kill.all.state")]},
}


@pytest.mark.parametrize("name", POLICIES)
def test_many_at_once_are_answered_as_each_alone(name):
    found, scores = attempts(list(POLICIES).index(name))
    in_force = procedure(**POLICIES[name]).at(START)
    together = ranks(found, scores, in_force).tolist()
    assert together == alone(found, scores, in_force)
    assert len(set(together)) > 2


@pytest.mark.parametrize("forgotten", ["_may_exceed", "_are_returns", "_lacks"])
def test_sabotage_what_is_not_looked_at_alone_is_answered_otherwise(monkeypatch, forgotten):
    found, scores = attempts(1)
    in_force = procedure(**POLICIES["asks the directory"]).at(START)
    nothing = np.zeros(COUNT, np.bool_)
    monkeypatch.setattr(many, forgotten, lambda *_: nothing)
    assert ranks(found, scores, in_force).tolist() != alone(found, scores, in_force)


def test_a_transfer_whose_vector_nobody_read_is_unknown_and_a_return_is_not():
    found, scores = attempts(3)
    transfers = [found.one(at)[0] for at in range(COUNT)]
    blind = attempts_of(
        transfers, [Circumstances()] * COUNT, found.vectors, found.has_vector & False
    )
    answers = ranks(blind, scores, parts()[0].at(START)).tolist()
    returns = [is_return(each) for each in transfers]
    assert [answer == UNKNOWN for answer in answers] == [not each for each in returns]


def test_the_answers_of_conditions_over_many_vectors_are_those_over_each():
    found, _ = attempts(4)
    conditions = parts()[0].at(START).conditions
    said = conditions.many(found.vectors)
    assert [row.tobytes() for row in said] == [conditions(vector) for vector in found.vectors]
    assert len({row.tobytes() for row in said}) > 20


def plainly_and_alone(seed, in_force):
    """What is made of transfers that no list, limit or return has a say about: plainly, and alone.

    Each pair is of one transfer; of those that are not plain there is none.
    """
    found, scores = attempts(seed)
    chance = random.Random(seed)
    flags = np.array([chance.choice([0, 0, LATE, BEHIND]) for _ in range(COUNT)], np.uint8)
    said = [row.tobytes() for row in in_force.conditions.many(found.vectors)]
    are = many.are_plain(found.vectors, flags, scores, in_force)
    pairs = []
    for at, (vector, score) in enumerate(zip(found.vectors, scores.tolist(), strict=True)):
        value, around = found.one(at)
        if is_return(value) or in_force.limits.exceeded(value, around.sums) or not are[at]:
            continue
        plain = decide.plain_of(in_force.fired(said[at]))
        if plain is None:
            continue
        scored = Scored(vector, vector_bytes(vector), int(flags[at]), 7 * at, score)
        modes = policy_modes(value, in_force, vector)
        sums = around.sums
        alone = derive(value, scored, in_force, parts()[3], degraded=modes, sums=sums)
        pairs.append((plain(scored), alone))
    return pairs


#: Rules alone say much where they are on; a policy that is degraded for all leaves nothing plain.
RULES_ON = {"rules": [('"shadow"', '"on"')]}
SAYING = {**POLICIES, "asks the directory, rules on": {**RULES_ON, "degraded": DIRECTORY}}


@pytest.mark.parametrize("name", SAYING)
def test_what_rules_alone_have_a_say_about_is_answered_as_each_alone(name):
    pairs = plainly_and_alone(7, procedure(**SAYING[name]).at(START))
    assert [plain for plain, _ in pairs] == [alone for _, alone in pairs]
    assert bool(pairs) != name.endswith("off")


def test_what_rules_alone_have_a_say_about_is_more_than_one_answer():
    pairs = plainly_and_alone(7, procedure(**RULES_ON).at(START))
    assert len({(plain.rules, plain.reasons, plain.outcome) for plain, _ in pairs}) > 5
    assert len({plain.flags for plain, _ in pairs}) > 1


@pytest.mark.parametrize("name", ["asks the directory, rules on", "model off", "rules off"])
def test_sabotage_a_vector_about_which_more_has_a_say_is_answered_otherwise(monkeypatch, name):
    monkeypatch.setattr(many, "are_plain", lambda vectors, *_: np.ones(len(vectors), np.bool_))
    pairs = plainly_and_alone(7, procedure(**SAYING[name]).at(START))
    assert [plain for plain, _ in pairs] != [alone for _, alone in pairs]


@pytest.mark.parametrize("forgotten", ["_lacks", "LATE"])
def test_sabotage_what_is_old_or_late_and_is_not_looked_at_is_answered_otherwise(
    monkeypatch, forgotten
):
    nothing = {"_lacks": lambda vectors, _: np.zeros(len(vectors), np.bool_), "LATE": np.uint8(0)}
    monkeypatch.setattr(many, forgotten, nothing[forgotten])
    in_force = procedure(**SAYING["asks the directory, rules on"]).at(START)
    pairs = plainly_and_alone(7, in_force)
    assert [plain for plain, _ in pairs] != [alone for _, alone in pairs]


def test_what_rules_hold_is_not_plain_since_its_terms_are_its_own():
    held = procedure(rules=[*RULES_ON["rules"], ('value = "STEP_UP"', 'value = "HOLD"')]).at(START)
    found, _ = attempts(7)
    fired = [held.fired(row.tobytes()) for row in held.conditions.many(found.vectors)]
    holding = [each for each in fired if each.outcome is Outcome.HOLD]
    assert holding and all(plain_of(each) is None for each in holding)
    assert any(plain_of(each) is not None for each in fired)
