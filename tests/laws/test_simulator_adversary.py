"""The laws of fraudsters who adapt: only after a refusal, only within their means, and to gain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from crivo.domain.instant import HOUR
from crivo.simulator import adversary
from crivo.simulator.adversary import Crew, Mode, Outcome, changed, changed_facts
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, Facts
from crivo.simulator.levers import Lever
from crivo.simulator.options import SimulationOptions
from crivo.simulator.people import Town
from crivo.simulator.play import SEEN, PlayedDay, play
from crivo.simulator.policies.allow import allow_all
from crivo.simulator.rhythm import Day, hours_of
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows
from crivo.simulator.typology import Typology
from crivo.simulator.world import World, simulate

Levels = dict[Lever, int]

SEEDS = (1, 2, 3)
LARGE = 40_000


@cache
def world(seed: int) -> World:
    options = SimulationOptions(
        seed=seed, days=70, scale=Decimal("0.6"), prevalence=Decimal("0.02")
    )
    return simulate(options, look_alikes=())


def hold_large(_day: Day, seen: Rows, _marked: np.ndarray) -> np.ndarray:
    """Holds what is large: a rule that a fraudster finds out."""
    return np.where(seen["amount_centavos"] >= LARGE, Answer.HOLD, Answer.ALLOW).astype(np.int64)


def victims_rows(days: Iterator[PlayedDay]) -> tuple[Rows, np.ndarray]:
    """The victims' payments of all days, and which of them came through."""
    rows, passed = [], []
    for played in days:
        robbed = (played.rows["typology"] != NONE) & (played.rows["hop"] == 1)
        rows.append(played.rows[robbed])
        passed.append(played.passed[robbed])
    return np.concatenate(rows), np.concatenate(passed)


@cache
def against_the_rule(seed: int, mode: Mode) -> tuple[Rows, np.ndarray]:
    return victims_rows(play(world(seed), hold_large, mode))


def bytes_of(days: Iterator[PlayedDay]) -> list[bytes]:
    return [played.rows.tobytes() for played in days]


@pytest.mark.slow
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_against_a_bank_that_allows_everything_the_world_is_as_planned(seed: int, mode: Mode):
    planned = [rows.tobytes() for _, rows in world(seed).rows()]
    assert bytes_of(play(world(seed), allow_all, mode)) == planned


@pytest.mark.slow
def test_sabotage_who_adapts_before_a_refusal_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adversary, "Crew", lambda means: Crew(means, refused=1))
    planned = [rows.tobytes() for _, rows in world(1).rows()]
    assert bytes_of(play(world(1), allow_all, Mode.ADAPTIVE)) != planned


@pytest.mark.slow
def test_playing_twice_gives_the_same_days():
    first = bytes_of(play(world(1), hold_large, Mode.ADAPTIVE))
    assert first == bytes_of(play(world(1), hold_large, Mode.ADAPTIVE))


def share_of_money_through(seed: int, mode: Mode) -> float:
    """Of what victims were to pay in the second half by the recipes, what came through."""
    rows, passed = against_the_rule(seed, mode)
    plan = world(seed).frauds
    half = world(seed).days[28].start
    late = rows["occurred_at"] >= half
    meant = plan["amount_centavos"][(plan["hop"] == 1) & (plan["occurred_at"] >= half)].sum()
    return float(rows["amount_centavos"][late & passed].sum() / meant)


@pytest.mark.slow
def test_who_adapts_gets_more_than_who_does_not():
    gains = [
        share_of_money_through(seed, Mode.ADAPTIVE) / share_of_money_through(seed, Mode.STATIC)
        for seed in SEEDS
    ]
    assert np.mean(gains) > 1.15, gains


@pytest.mark.slow
def test_who_adapts_keeps_within_the_means_of_the_typology():
    typologies = world(1).typologies
    static, adaptive = (against_the_rule(1, mode)[0] for mode in Mode)
    for place, typology in enumerate(typologies):
        before, after = (rows[rows["typology"] == place] for rows in (static, adaptive))
        if Lever.AMOUNT not in typology.means:
            assert set(after["amount_centavos"].tolist()) <= set(before["amount_centavos"].tolist())
        if Lever.DEVICE not in typology.means:
            assert set(after["device"].tolist()) <= set(before["device"].tolist())
        if Lever.PAYEE_AGE not in typology.means:
            assert set(after["payee"].tolist()) <= set(before["payee"].tolist())
    assert (adaptive["payer"] != adaptive["payee"]).all()
    assert adaptive["amount_centavos"].min() >= 1
    assert len(adaptive) <= len(static)


def test_sabotage_a_changed_campaign_is_seen_to_be_changed():
    town, frauds = world(1).town, world(1).frauds
    stolen = frauds["hop"] == 1
    dearest = frauds["campaign"][stolen][frauds["amount_centavos"][stolen].argmax()]
    largest = np.bincount(frauds["campaign"]).argmax()
    for lever, campaign in (
        (Lever.AMOUNT, dearest),
        (Lever.PACE, largest),
        (Lever.PAYEE_AGE, largest),
    ):
        rows = frauds[frauds["campaign"] == campaign]
        assert changed(town, rows, {lever: 1}, None).tobytes() != rows.tobytes()
        assert changed(town, rows, {}, None).tobytes() == rows.tobytes()


def test_what_goes_with_a_campaign_moves_as_its_payments_do():
    town, plan = world(1).town, world(1).plan
    told = np.intersect1d(plan.facts["campaign"], plan.frauds["campaign"])
    assert len(told) > 0
    for campaign in told.tolist():
        facts = plan.facts[plan.facts["campaign"] == campaign]
        rows = plan.frauds[plan.frauds["campaign"] == campaign]
        first = int(rows["occurred_at"].min())
        assert changed_facts(town, facts, rows, {}, None).tobytes() == facts.tobytes()
        for levels in ({Lever.HOUR: 2}, {Lever.PACE: 1}, {Lever.HOUR: 1, Lever.PACE: 2}):
            at = changed_facts(town, facts, rows, levels, None)["occurred_at"]
            shift = int(changed(town, rows, levels, None)["occurred_at"].min()) - first
            before = facts["occurred_at"] <= first
            assert (at[before] - facts["occurred_at"][before] == shift).all()
            pace = 2 ** levels.get(Lever.PACE, 0)
            later = (facts["occurred_at"] - first)[~before] * pace
            assert (at[~before] - first - shift == later).all()


def campaigns(of: World) -> Iterator[tuple[Typology, Rows]]:
    """The frauds of each campaign that has victims, with its typology."""
    frauds = of.frauds
    for campaign in np.unique(frauds["campaign"][frauds["hop"] == 1]).tolist():
        rows = frauds[frauds["campaign"] == campaign]
        yield of.typologies[int(rows["typology"][rows["hop"] == 1][0])], rows


def lasted(rows: Rows) -> int:
    """Microseconds between the first and the last payment of victims."""
    at = rows["occurred_at"][rows["hop"] == 1]
    return int(at.max() - at.min())


def too_long(of: World, *, stretched_without_end: bool = False) -> set[str]:
    """The typologies of which a campaign outlasts what it may, at any pace, at any hour."""
    found = set()
    for typology, rows in campaigns(of):
        if Lever.PACE not in typology.means:
            continue
        for pace in range(4):
            levels = {Lever.PACE: pace, Lever.HOUR: pace if Lever.HOUR in typology.means else 0}
            most = None if stretched_without_end else typology.lasts_at_most
            if lasted(changed(of.town, rows, levels, most)) > (typology.lasts_at_most or 0):
                found.add(typology.code)
    return found


def test_whoever_may_take_more_time_says_how_much():
    for typology in world(1).typologies:
        assert (typology.lasts_at_most is not None) == (Lever.PACE in typology.means)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])]
)
def test_no_campaign_outlasts_its_typology_whatever_its_pace(seed: int):
    assert too_long(world(seed)) == set()


def test_a_kidnapping_takes_more_time_and_is_over_within_two_hours():
    of = [rows for typology, rows in campaigns(world(1)) if typology.code == "T11"]
    usual = [lasted(rows) for rows in of]
    slow = [lasted(changed(world(1).town, rows, {Lever.PACE: 3}, 2 * HOUR)) for rows in of]
    assert max(slow) <= 2 * HOUR
    assert sum(slow) > sum(usual) > 0


def test_sabotage_a_pace_without_an_end_leaves_the_two_hours_of_a_kidnapping():
    assert "T11" in too_long(world(1), stretched_without_end=True)


def test_who_acts_from_the_victims_own_device_adds_none():
    town, plan = world(1).town, world(1).plan
    seen = 0
    for typology, rows in campaigns(world(1)):
        if Lever.DEVICE not in typology.means:
            continue
        facts = plan.facts[plan.facts["campaign"] == rows["campaign"][0]]
        left = changed_facts(town, facts, rows, {Lever.DEVICE: 1}, typology.lasts_at_most)
        seen += int((facts["kind"] == FactKind.DEVICE_ADDED).sum())
        assert not (left["kind"] == FactKind.DEVICE_ADDED).any()
        assert len(left) == len(facts) - (facts["kind"] == FactKind.DEVICE_ADDED).sum()
    assert seen > 0


def hold_new_devices(_day: Day, seen: Rows, _marked: np.ndarray) -> np.ndarray:
    """Holds what the last of an account's places for devices pays: whoever took it over."""
    is_new = seen["device"] % DEVICE_SLOTS == DEVICE_SLOTS - 1
    return np.where(is_new, Answer.HOLD, Answer.ALLOW).astype(np.int64)


def added_from_own_devices(mode: Mode) -> int:
    """How many facts of a game say that a device was added where only the victim's own one paid."""
    added: list[Facts] = []
    own: dict[int, bool] = {}
    for played in play(world(1), hold_new_devices, mode):
        added.append(played.facts[played.facts["kind"] == FactKind.DEVICE_ADDED])
        for row in played.rows[(played.rows["typology"] != NONE) & (played.rows["hop"] == 1)]:
            is_own = row["device"] == row["payer"] * DEVICE_SLOTS
            own[int(row["campaign"])] = own.get(int(row["campaign"]), True) and bool(is_own)
    return sum(own.get(campaign, False) for campaign in np.concatenate(added)["campaign"].tolist())


@pytest.mark.slow
def test_in_a_game_no_device_is_added_by_who_acts_from_the_victims_own():
    assert added_from_own_devices(Mode.ADAPTIVE) == 0


@pytest.mark.slow
def test_sabotage_a_fact_that_stays_is_noticed(monkeypatch: pytest.MonkeyPatch):
    kept = adversary.changed_facts

    def keeping(town: Town, facts: Facts, rows: Rows, levels: Levels, most: int | None) -> Facts:
        return kept(town, facts, rows, {**levels, Lever.DEVICE: 0}, most)

    monkeypatch.setattr(adversary, "changed_facts", keeping)
    assert added_from_own_devices(Mode.ADAPTIVE) > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", Mode)
def test_what_was_stopped_is_neither_contested_nor_passed_on(mode: Mode):
    received: dict[tuple[int, int], int] = {}
    for played in play(world(2), hold_large, mode):
        stopped = played.rows[~played.passed]
        assert (stopped["contested_at"] == NONE).all()
        assert not stopped["accepted"].any()
        came = played.rows[played.passed & (played.rows["typology"] != NONE)]
        for row in came:
            campaign, amount = int(row["campaign"]), int(row["amount_centavos"])
            payer, payee = (campaign, int(row["payer"])), (campaign, int(row["payee"]))
            if row["hop"] > 1:
                assert received.get(payer, 0) >= amount
                received[payer] -= amount
            received[payee] = received.get(payee, 0) + amount


def test_a_policy_sees_no_truth():
    known = set(SEEN.names or ())
    assert known.isdisjoint(
        {"typology", "hop", "role", "campaign", "contested_at", "settled_at", "accepted", "block"}
    )


@pytest.mark.slow
def test_a_step_up_stops_who_took_the_access_and_not_who_was_persuaded():
    def step_up(_day: Day, seen: Rows, _marked: np.ndarray) -> np.ndarray:
        return np.full(len(seen), int(Answer.STEP_UP), dtype=np.int64)

    rows, passed = victims_rows(play(world(3), step_up))
    situations = np.asarray([one.situation for one in world(3).typologies])[rows["typology"]]
    taken = np.isin(situations, ("FRAUDULENT_ACCESS", "ACCOUNT_TAKEOVER"))
    assert passed[~taken].all()
    assert not passed[taken].any()


def first_levers(outcome: Outcome, crew_of: Callable[[], Crew]) -> Counter[Lever]:
    """Which lever crews move first that met nothing but that outcome, over many streams."""
    moved: Counter[Lever] = Counter()
    for seed in range(300):
        crew = crew_of()
        crew.meet(np.full(90, outcome))
        way = crew.choice(Draws(seed, "lever"))
        moved.update(lever for lever, level in zip(crew.means, way, strict=True) if level)
    return moved


@pytest.mark.parametrize(
    ("outcome", "helps"),
    [
        (Outcome.STEPPED_UP, {Lever.AMOUNT, Lever.DEVICE}),
        (Outcome.REFUSED, {Lever.PAYEE_AGE}),
        (Outcome.REPORTED, {Lever.PAYEE_AGE, Lever.PACE}),
    ],
)
def test_a_crew_mostly_moves_what_helps_against_what_it_met(outcome: Outcome, helps: set[Lever]):
    moved = first_levers(outcome, lambda: Crew(tuple(Lever), refused=1))
    assert sum(moved[lever] for lever in helps) > 0.9 * moved.total()
    approved = first_levers(Outcome.APPROVED, lambda: Crew(tuple(Lever), refused=1))
    assert min(approved[lever] for lever in Lever) > 0.1 * approved.total()


def test_sabotage_a_crew_that_forgets_what_it_met_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Crew, "meet", lambda _crew, _outcomes: None)
    moved = first_levers(Outcome.REFUSED, lambda: Crew(tuple(Lever), refused=1))
    assert moved[Lever.PAYEE_AGE] < 0.5 * moved.total()


def step_up_large(_day: Day, seen: Rows, _marked: np.ndarray) -> np.ndarray:
    """Asks for a proof where much is paid, and holds what is very much."""
    large = np.where(seen["amount_centavos"] >= LARGE, Answer.STEP_UP, Answer.ALLOW)
    return np.where(seen["amount_centavos"] >= 10 * LARGE, Answer.HOLD, large).astype(np.int64)


@pytest.mark.slow
def test_crews_are_told_each_outcome_of_what_victims_paid(monkeypatch: pytest.MonkeyPatch):
    crews: list[Crew] = []

    def noted(means: tuple[Lever, ...]) -> Crew:
        crews.append(Crew(means))
        return crews[-1]

    monkeypatch.setattr(adversary, "Crew", noted)
    played = list(play(world(1), step_up_large, Mode.STATIC))
    rows, passed = victims_rows(iter(played))
    answers = rows["answer"]
    met = {outcome: sum(crew.met[outcome] for crew in crews) for outcome in Outcome}
    assert met[Outcome.APPROVED] == (answers == Answer.ALLOW).sum()
    assert met[Outcome.STEPPED_UP] == (answers == Answer.STEP_UP).sum() > 0
    assert met[Outcome.HELD] == (answers == Answer.HOLD).sum() > 0
    assert met[Outcome.REFUSED] == 0
    end = world(1).days[-1].start
    assert (
        met[Outcome.REPORTED] == (rows["accepted"] & passed & (rows["settled_at"] < end)).sum() > 0
    )


def test_who_comes_at_another_hour_keeps_minute_and_second():
    town, frauds = world(1).town, world(1).frauds
    campaign = int(frauds["campaign"][hours_of(frauds["occurred_at"]) < 8][0])
    rows = frauds[frauds["campaign"] == campaign]
    moved = changed(town, rows, {Lever.HOUR: 2}, None)["occurred_at"] - rows["occurred_at"]
    assert (moved > 0).all()
    assert (moved % HOUR == 0).all()
