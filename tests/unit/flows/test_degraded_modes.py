"""Every degraded mode there is answers what `policy/degraded.toml` names for it, by amount."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from crivo.adapters.telemetry.metrics import Metrics
from crivo.decision.degraded import REASON, UNSCORED, WITHOUT_MODEL, WITHOUT_RULES, Mode
from crivo.decision.outcome import Outcome
from crivo.domain.instant import DAY
from crivo.domain.money import parse_centavos
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, World, policy, transfer, world
from tests.unit.flows.test_degraded import STALE, Stuck, switched
from tests.unit.flows.test_review import tell_counts

Ask = Callable[[Transfer], Answer]
Texts = dict[str, str]

PERSON: Final = b"p" * 16
MS: Final = 1_000_000


def key_of(mode: Mode) -> str:
    """What its outcomes are called in the file."""
    name = mode.value.lower()
    return f"{name.replace('kill_', 'kill.')}.outcome"


def bands_of(mode: Mode) -> list[tuple[int | None, Outcome]]:
    """Up to which amount it answers what, as the file says: read here once more."""
    entries = tomllib.loads(policy()["degraded.toml"])["entry"]
    (entry,) = [each for each in entries if each["key"] == key_of(mode)]
    return [
        (None if "up_to" not in band else parse_centavos(band["up_to"]), Outcome[band["outcome"]])
        for band in entry["value"]
    ]


#: What the shipped file lets nobody go below, whatever else it says: above so many centavos, in
#: these modes, at least this outcome is answered (docs/reference/policy.md says the same).
FLOORS: Final = (
    (20_000, frozenset(Mode), Outcome.WARN),
    (100_000, UNSCORED | WITHOUT_MODEL | WITHOUT_RULES, Outcome.STEP_UP),
    (1_000_000, UNSCORED, Outcome.HOLD),
)


def check_floors(text: str) -> None:
    """In every entry of every mode, for one centavo above each bound and for whatever is above."""
    entries = tomllib.loads(text)["entry"]
    for mode in Mode:
        values = [each["value"] for each in entries if each["key"] == key_of(mode)]
        assert values, mode
        for value in values:
            for bound, modes, least in FLOORS:
                reached = [
                    Outcome[band["outcome"]]
                    for band in value
                    if "up_to" not in band or parse_centavos(band["up_to"]) > bound
                ]
                assert mode not in modes or min(reached) >= least, (mode, bound, value)


def least_of(mode: Mode, amount_centavos: int) -> Outcome:
    for up_to, outcome in bands_of(mode):
        if up_to is None or amount_centavos <= up_to:
            return outcome
    raise AssertionError("the last band is open")


@contextmanager
def late(folder: Path, texts: Texts) -> Iterator[tuple[World, Ask]]:
    with world(folder, texts=texts) as played:
        yield played, lambda asked: played.decide(asked, waited_ms=500).result(60)


@contextmanager
def slow_log(folder: Path, texts: Texts) -> Iterator[tuple[World, Ask]]:
    with world(folder, texts=texts, wrap=Stuck) as played:
        played.decide(transfer(0)).result(60)
        played.monotonic.ns += 1_001 * MS
        yield played, lambda asked: played.decide(asked).result(60)


@contextmanager
def slow_features(folder: Path, texts: Texts) -> Iterator[tuple[World, Ask]]:
    with world(folder, texts=texts) as played, pytest.MonkeyPatch.context() as patched:
        engine = type(played.service._engine)
        whole = engine.read_row

        def slow(self, row):
            played.monotonic.ns += 96 * MS
            return whole(self, row)

        patched.setattr(engine, "read_row", slow)
        yield played, lambda asked: played.decide(asked).result(60)


@contextmanager
def old_counts(folder: Path, texts: Texts) -> Iterator[tuple[World, Ask]]:
    with world(folder, texts=texts) as played:
        tell_counts(played, PERSON, START - 2 * DAY)
        yield played, lambda asked: played.decide(asked).result(60)


@contextmanager
def plain(folder: Path, texts: Texts) -> Iterator[tuple[World, Ask]]:
    with world(folder, texts=texts) as played:
        yield played, lambda asked: played.decide(asked).result(60)


#: How each mode comes about: a world, what of the policy is switched on, what a transfer has.
HOW: Final[Mapping[Mode, tuple[Callable, Callable[[], Texts], dict[str, object]]]] = {
    Mode.TIMEOUT: (late, policy, {}),
    Mode.LOG_SLOW: (slow_log, policy, {}),
    Mode.NO_MODEL: (slow_features, policy, {}),
    Mode.STALE_STATE: (old_counts, lambda: switched(**STALE), {"payee_person_id": PERSON}),
    Mode.DICT_MISSING: (
        plain,
        lambda: switched("dict_missing.state"),
        {"payee_key_id": b"k" * 16},
    ),
    Mode.KILL_MODEL: (plain, lambda: switched("kill.model.state"), {}),
    Mode.KILL_RULES: (plain, lambda: switched("kill.rules.state"), {}),
    Mode.KILL_ALL: (plain, lambda: switched("kill.all.state"), {}),
}


def check_mode(folder: Path, mode: Mode, texts: Texts) -> None:
    begin, _, facts = HOW[mode]
    edges = [up_to for up_to, _ in bands_of(mode) if up_to is not None]
    amounts = [1, *(amount for edge in edges for amount in (edge, edge + 1))]
    with begin(folder, texts) as (played, ask):
        for number, amount in enumerate(amounts, start=1):
            asked = transfer(
                number,
                occurred_at=START + number,
                payer=100 + number,
                amount_centavos=amount,
                **facts,
            )
            answer, least = ask(asked), least_of(mode, amount)
            assert answer.degraded == (mode,)
            assert REASON[mode] in answer.reasons
            assert answer.outcome >= least, amount
            if mode in UNSCORED:
                # Nothing was read that could ask for more.
                assert (answer.outcome, answer.score) == (least, None), amount
        found = replay(played.log, folder / "bundles", progress=lambda *_: None)
        assert (found.differing, found.compared >= len(amounts)) == (0, True), found.differences


def test_every_mode_can_be_brought_about_and_has_its_outcomes_in_the_file():
    assert HOW.keys() == set(Mode) == REASON.keys()
    assert all(bands_of(mode)[-1][0] is None for mode in Mode)


def test_the_shipped_policy_lets_no_mode_pass_a_large_amount_in_silence():
    check_floors(policy()["degraded.toml"])


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("instead", ["ALLOW", "WARN"])
def test_sabotage_a_mode_that_answers_less_than_the_floor_is_noticed(mode, instead):
    text = policy()["degraded.toml"]
    value = re.compile(rf'(key = "{re.escape(key_of(mode))}"\nvalue = )\[.*?\]\n', re.DOTALL)
    bent, count = value.subn(rf'\1[{{ outcome = "{instead}" }}]\n', text)
    assert count == 1
    lowest = {"ALLOW": frozenset(Mode), "WARN": UNSCORED | WITHOUT_MODEL | WITHOUT_RULES}
    if mode in lowest[instead]:
        with pytest.raises(AssertionError, match=mode):
            check_floors(bent)
    else:
        check_floors(bent)


@pytest.mark.slow
@pytest.mark.parametrize("mode", Mode)
def test_a_mode_answers_at_least_what_the_policy_names_for_the_amount(tmp_path, mode):
    _, texts, _ = HOW[mode]
    check_mode(tmp_path, mode, texts())


@pytest.mark.slow
@pytest.mark.parametrize("mode", sorted(UNSCORED))
def test_sabotage_a_mode_that_lets_pass_what_the_policy_holds_is_noticed(tmp_path, mode):
    _, texts, _ = HOW[mode]
    bent = texts()
    head, tail = bent["degraded.toml"].split(f'key = "{key_of(mode)}"')
    value, rest = tail.split('{ outcome = "HOLD" }', 1)
    bent["degraded.toml"] = f'{head}key = "{key_of(mode)}"{value}{{ outcome = "STEP_UP" }}{rest}'
    with pytest.raises(AssertionError):
        check_mode(tmp_path, mode, bent)


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_is_counted_by_its_name(mode):
    metrics = Metrics()
    metrics.decided("HOLD", (mode.value,))
    assert f'crivo_decisions_degraded_total{{mode="{mode}"}} 1.0' in metrics.render().decode()
