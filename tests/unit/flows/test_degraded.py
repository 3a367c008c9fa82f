"""Each degraded mode, met in a service: its name, its reason, its least outcome; and it replays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crivo.decision.degraded import DICT_AGE, DICT_KEY
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import decode_derived, decode_record
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import SECOND
from crivo.domain.transfer import Purpose
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, bundle_in, plan, policy, transfer, world

SWITCH = 'key = "{key}"\nvalue = "off"'


def switched(*keys, **values):
    """The repository's policy with these switches on, and these values."""
    texts = policy()
    for key in keys:
        was = SWITCH.format(key=key)
        assert was in texts["degraded.toml"]
        texts["degraded.toml"] = texts["degraded.toml"].replace(was, was.replace("off", "on"))
    for was, now in values.values():
        assert was in texts["degraded.toml"]
        texts["degraded.toml"] = texts["degraded.toml"].replace(was, now)
    return texts


def check_replays(played, folder, count=1):
    found = replay(played.log, folder / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (count, 0), found.differences


@pytest.mark.parametrize(
    ("key", "mode", "outcome"),
    [
        ("kill.model.state", "KILL_MODEL", Outcome.STEP_UP),
        ("kill.rules.state", "KILL_RULES", Outcome.HOLD),
        ("kill.all.state", "KILL_ALL", Outcome.HOLD),
    ],
)
def test_a_kill_switch_takes_the_say_and_names_the_least(tmp_path, key, mode, outcome):
    with world(tmp_path, texts=switched(key)) as played:
        answer = played.decide(transfer(1, amount_centavos=400_000)).result(60)
        assert answer.degraded == (mode,)
        assert answer.outcome is outcome
        assert ReasonCode.SWITCHED_OFF in answer.reasons
        assert (answer.score is None) == (mode != "KILL_RULES")
        record = decode_record(played.log.read(start=0, limit=1)[0].event.payload)
        derived = decode_derived(record.derived)
        assert bool(derived.rules) == (mode == "KILL_MODEL")
        assert bool(record.kept) == (mode != "KILL_ALL")
        returned = played.decide(transfer(2, occurred_at=START + 1, purpose=Purpose.REFU))
        assert returned.result(60).degraded == ()
        check_replays(played, tmp_path, 2)


def test_several_switches_are_as_strict_as_the_strictest(tmp_path):
    keys = ("kill.model.state", "kill.rules.state")
    with world(tmp_path, texts=switched(*keys)) as played:
        answer = played.decide(transfer(1, amount_centavos=400_000)).result(60)
        assert answer.degraded == ("KILL_MODEL", "KILL_RULES")
        assert (answer.outcome, answer.reasons) == (
            Outcome.STEP_UP,
            (ReasonCode.SWITCHED_OFF,),
        )
        check_replays(played, tmp_path)


class Stuck:
    """A log that says nothing is on disk, until it is let go."""

    def __init__(self, log):
        self.log, self.stuck = log, True

    def __getattr__(self, name):
        return getattr(self.log, name)

    def end(self):
        return 0 if self.stuck else self.log.end()


def test_a_log_that_is_slow_degrades_those_behind_and_only_while_it_is(tmp_path):
    with world(tmp_path, wrap=Stuck) as played:
        log = played.service.log
        first = played.decide(transfer(0)).result(60)
        played.monotonic.ns += 1_000_000_000
        in_time = played.decide(transfer(1, occurred_at=START + 1)).result(60)
        played.monotonic.ns += 1
        behind = played.decide(transfer(2, occurred_at=START + 2)).result(60)
        assert (first.degraded, in_time.degraded) == ((), ())
        assert behind.degraded == ("LOG_SLOW",)
        assert behind.reasons == (ReasonCode.LOG_SLOW,)
        log.stuck = False
        after = played.decide(transfer(3, occurred_at=START + 3)).result(60)
        assert after.degraded == ()
        check_replays(played, tmp_path, 4)


def vector_with(**values):
    vector = np.full(len(plan().names), math.nan)
    for name, value in values.items():
        vector[plan().names.index(name)] = value
    return vector


AGE = '"stale_state.age_seconds.max"\nvalue = '
STALE = {"stale": (f'{AGE}"none"', f"{AGE}86400")}


@pytest.mark.parametrize(
    ("values", "key", "modes"),
    [
        ({}, None, ()),
        ({}, b"k" * 16, ("DICT_MISSING",)),
        ({DICT_KEY: 5.0}, b"k" * 16, ()),
        ({DICT_AGE: 86_400.0}, b"k" * 16, ()),
        ({DICT_AGE: 86_400.5}, b"k" * 16, ("STALE_STATE",)),
        ({DICT_AGE: 86_400.5}, None, ("STALE_STATE",)),
    ],
)
def test_what_the_directory_did_not_tell_or_told_long_ago(tmp_path, values, key, modes):
    bundle = bundle_in(tmp_path, texts=switched("dict_missing.state", **STALE))
    degraded = bundle.procedure.at(START).degraded
    facts = transfer(1, payee_key_id=key)
    assert degraded.of_data(facts, vector_with(**values)) == modes
    quiet = bundle_in(tmp_path).procedure.at(START).degraded
    assert quiet.of_data(facts, vector_with(**values)) == ()


def test_a_key_the_directory_never_told_of_is_answered_with_care(tmp_path):
    with world(tmp_path, texts=switched("dict_missing.state")) as played:
        known = played.decide(transfer(1)).result(60)
        asked = transfer(2, occurred_at=START + SECOND, payee_key_id=b"k" * 16)
        missing = played.decide(asked).result(60)
        assert known.degraded == ()
        assert missing.degraded == ("DICT_MISSING",)
        assert ReasonCode.DATA_MISSING_DICT in missing.reasons
        assert missing.score is not None
        check_replays(played, tmp_path, 2)


def test_budgets_that_leave_nothing_of_the_deadline_are_refused(tmp_path):
    texts = switched(budget=('"budget.features_ms"\nvalue = 5', '"budget.features_ms"\nvalue = 96'))
    with pytest.raises(Misconfigured) as caught:
        bundle_in(tmp_path, texts=texts)
    assert caught.value.code is Code.POLICY_INVALID


@pytest.mark.parametrize("word", ['"ON"', "true", '"shadow"'])
def test_a_switch_is_off_or_on(tmp_path, word):
    was = SWITCH.format(key="kill.all.state")
    texts = policy()
    changed = texts["degraded.toml"].replace(was, was.replace('"off"', word))
    with pytest.raises(Misconfigured) as caught:
        bundle_in(tmp_path, texts={**texts, "degraded.toml": changed})
    assert caught.value.context["key"] == "kill.all.state"
