"""`crivo backtest`: the same policy changes nothing, another one what it changes, and no more."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.bootstrap.backtest import Wanted, backtest_home
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.record import decode_derived, decode_record
from crivo.decision.rule import declared_rules
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY
from crivo.features.expression import Field, Parameter
from crivo.flows import backtest_bench
from crivo.flows.backtest_rows import Interval
from crivo.governance.backtest_figures import figures
from crivo.model.artifact import save_artifact
from crivo.settings import load_settings
from tests.integration.commands import crivo
from tests.integration.test_replay_command import forge
from tests.unit.decision.worlds import ROOT, artifact, play, world

pytestmark = pytest.mark.slow

ALL = Interval(None, None)
HELD = Outcome.HOLD.rank
MEASURES = (
    "saved_centavos",
    "frozen_wrongly_centavos",
    "reviews_per_day",
    "review_minutes_per_day",
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A home in which 220 transfers were decided and reported, and a policy beside it."""
    home = tmp_path_factory.mktemp("kept")
    with world(home) as played:
        play(played, 3, 220)
    save_artifact(home / "models", artifact(leaf=1 << 41))
    return home


@pytest.fixture
def home(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "home"))


@pytest.fixture
def other(tmp_path):
    """The repository's policy with a lower threshold, and half of what an outcome costs."""
    folder = Path(shutil.copytree(ROOT / "policy", tmp_path / "other"))
    text = (folder / "decision.toml").read_text()
    assert '"0.60"' in text
    (folder / "decision.toml").write_text(text.replace('"0.60"', '"0.45"'))
    return folder


def judged(home, *policies, models=(), interval=ALL, as_of=None):
    wanted = Wanted(tuple(policies), tuple(models), interval, as_of, 0)
    settings = load_settings({}, home=home)
    return backtest_home(settings, wanted, progress=lambda _done, _end: None)


def decided(home):
    """(record, derived, received_at) of every decision of the log."""
    log = open_log(home / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    events = [each.event for each in log.read(start=0, limit=10_000)]
    log.close()
    records = [(decode_record(e.payload), e) for e in events if e.schema == "decision.v1"]
    return [(record, decode_derived(record.derived), e.received_at) for record, e in records]


def test_the_policy_that_decided_changes_nothing_and_answers_what_was_recorded(home):
    found = judged(home, ROOT / "policy", ROOT / "policy")
    recorded = [OUTCOMES[derived.outcome].rank for _, derived, _ in decided(home)]
    assert found.ranks[:, 0].tolist() == recorded
    whole, *others = figures(found, resamples=2, seed=0).parts
    assert [each.changed for each in whole.changes] == 3 * [(0, 0, 0)]
    assert {each.changed for part in others for each in part.changes} == {(0, 0, 0)}
    assert len(found) > 100 and len(set(recorded)) > 3
    assert found.passed == {"without_vector": 0}


def test_sabotage_an_outcome_that_was_forged_is_seen_as_a_change(home):
    forge(home)
    whole, *_ = figures(judged(home, ROOT / "policy"), resamples=2, seed=0).parts
    assert [each.changed.value for each in whole.changes] == [1]


def test_a_lower_threshold_holds_those_between_the_two_and_nobody_else(home, other):
    found = judged(home, other)
    between = [
        derived.score is not None and 450_000_000 <= derived.score < 600_000_000
        for _, derived, _ in decided(home)
    ]
    moved = found.ranks[:, 1] != found.ranks[:, 0]
    assert moved.any()
    assert not (moved & ~np.array(between)).any()
    assert set(found.ranks[moved, 1].tolist()) <= {HELD, Outcome.STEP_UP.rank}


def test_another_model_is_asked_about_the_vectors_that_were_kept(home):
    own, other = artifact(), artifact(leaf=1 << 41)
    found = judged(home, models=(other.hash[:12],))
    assert (found.ranks[:, 1] != found.ranks[:, 0]).any()
    save_artifact(home / "models", own)
    assert (judged(home, models=(own.hash,)).ranks[:, 1] == found.ranks[:, 0]).all()


@pytest.mark.parametrize("state", ["off", "shadow", "on"])
def test_a_rule_of_a_feature_made_since_is_refused_only_where_it_would_act(
    home, other, monkeypatch, state
):
    rules = other / "rules.toml"
    key = 'key = "rules.night_limit.state"\nvalue = '
    assert f'{key}"on"' in rules.read_text()
    rules.write_text(rules.read_text().replace(f'{key}"on"', f'{key}"{state}"'))
    expected = judged(home, other)
    since = Field("made_since") > Parameter("limits.night.amount")
    changed = [
        dataclasses.replace(rule, condition=since) if rule.name == "night_limit" else rule
        for rule in declared_rules()
    ]
    monkeypatch.setattr(backtest_bench, "declared_rules", lambda: changed)
    if state == "on":
        with pytest.raises(Misconfigured) as refusal:
            judged(home, other)
        assert refusal.value.code is Code.PLAN_MISMATCH
        assert "night_limit" in refusal.value.message
        assert "--imported" in refusal.value.hint
    else:
        assert (judged(home, other).ranks == expected.ranks).all()


def test_an_interval_holds_the_decisions_received_in_it_and_labels_those_known_by_then(home):
    receipts = sorted(received for _, _, received in decided(home))
    start, end = receipts[20], receipts[-20]
    found = judged(home, ROOT / "policy", interval=Interval(start, end))
    assert len(found) == sum(start <= each < end for each in receipts)
    early, late = (
        int(judged(home, ROOT / "policy", as_of=as_of).is_fraud.sum())
        for as_of in (receipts[len(receipts) // 2], receipts[-1] + 9 * DAY)
    )
    assert 0 < early < late


def test_the_figures_add_up_to_what_a_person_would_count(home, other):
    found = judged(home, ROOT / "policy", other)
    said = figures(found, resamples=50, seed=1)
    assert said.compared_with == str(ROOT / "policy")
    whole = said.parts[0]
    assert (whole.transfers, whole.frauds) == (len(found), int(found.is_fraud.sum()))
    costs = found.costs[1]
    for place, arm in enumerate(whole.arms):
        ranks = found.ranks[:, place].tolist()
        counts = [each.value for each in arm.outcomes.values()]
        assert counts == [Counter(ranks)[rank] for rank in range(5)]
        saved = frozen = held = 0.0
        for rank, amount, is_fraud in zip(ranks, found.amounts, found.is_fraud, strict=True):
            outcome = list(Outcome)[rank]
            saved += amount * costs.saved[outcome] if is_fraud and rank else 0
            frozen += amount if not is_fraud and rank >= HELD else 0
            held += rank == HELD
        assert arm.saved.value == pytest.approx(saved)
        assert arm.frozen.value == frozen
        assert arm.reviews.value == pytest.approx(held / found.days)
        minutes = costs.review_minutes * held / found.days
        assert arm.review_minutes.value == pytest.approx(minutes)
        assert arm.saved.low <= arm.saved.value <= arm.saved.high
    amounts = [part for part in said.parts if part.name.startswith("amount")]
    segments = [part for part in said.parts if part.name.startswith("segment")]
    for parts in (amounts, segments):
        assert sum(part.transfers for part in parts) == len(found)
        assert sum(part.arms[2].saved.value for part in parts) == pytest.approx(
            whole.arms[2].saved.value
        )
    less = whole.arms[2].saved.value - whole.arms[1].saved.value
    assert whole.arms[2].against[0].value == pytest.approx(less)
    assert all(tuple(each) == (0, 0, 0) for each in whole.arms[1].against)
    again = figures(found, resamples=50, seed=1)
    assert again.parts == said.parts
    (changes,) = (each for each in whole.changes if each.before == said.arms[1])
    assert changes.after == str(other)
    for before in range(5):
        for after in range(5):
            own = (found.ranks[:, 1] == before) & (found.ranks[:, 2] == after)
            assert changes.transfers[before][after].value == own.sum()
            assert changes.centavos[before][after].value == found.amounts[own].sum()
    assert changes.changed.value == (found.ranks[:, 1] != found.ranks[:, 2]).sum() > 0


def drawn(found, measure, *, resamples, seed):
    """A measure of what there was and its interval: each draw's transfers one by one."""
    names, owner = np.unique(found.payers, axis=0, return_inverse=True)
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        payers = random.integers(len(names), size=len(names))
        rows = np.concatenate([np.flatnonzero(owner.reshape(-1) == payer) for payer in payers])
        values.append(measure(rows))
    return (measure(np.arange(len(found))), *np.quantile(values, (0.025, 0.975)))


def test_every_figure_has_the_interval_of_whole_payers_drawn_again(home, other):
    found = judged(home, ROOT / "policy", other)
    said = figures(found, resamples=30, seed=4)
    minutes = [costs.review_minutes for costs in found.costs[1:]]
    share = [0.0, *(found.costs[2].saved[outcome] for outcome in list(Outcome)[1:])]
    ranks, fraud, amounts = found.ranks, found.is_fraud, found.amounts
    small = amounts <= 20_000
    own = {part.name: part for part in said.parts}
    assert 0 < own["amount up to R$ 200"].transfers == small.sum() < len(found)

    for name, of in (("all", np.ones_like(small)), ("amount up to R$ 200", small)):
        part = own[name]
        arm = part.arms[2]
        (changes,) = (each for each in part.changes if each.before == said.arms[1])

        def held(rows, place, of=of):
            return (of[rows] & (ranks[rows, place] == HELD)).sum() / found.days

        def saved(rows, of=of):
            return sum(
                amounts[row] * share[ranks[row, 2]] for row in rows if of[row] and fraud[row]
            )

        for told, measure in (
            (arm.outcomes[Outcome.HOLD], lambda rows: held(rows, 2) * found.days),
            (
                arm.outcomes[Outcome.ALLOW],
                lambda rows, of=of: (of[rows] & (ranks[rows, 2] == 0)).sum(),
            ),
            (arm.saved, saved),
            (arm.reviews, lambda rows: held(rows, 2)),
            (arm.review_minutes, lambda rows: held(rows, 2) * minutes[1]),
            (
                arm.against[3],
                lambda rows: held(rows, 2) * minutes[1] - held(rows, 1) * minutes[0],
            ),
            (
                changes.changed,
                lambda rows, of=of: (of[rows] & (ranks[rows, 1] != ranks[rows, 2])).sum(),
            ),
        ):
            expected = drawn(found, measure, resamples=30, seed=4)
            assert tuple(told) == pytest.approx(expected), (name, told)
    assert (
        own["all"].arms[2].outcomes[Outcome.HOLD].low
        < own["all"].arms[2].outcomes[Outcome.HOLD].high
    )


def test_sabotage_transfers_drawn_one_by_one_give_other_intervals(home, other):
    found = judged(home, ROOT / "policy", other)
    alone = np.arange(len(found), dtype=np.uint64)
    apart = dataclasses.replace(found, payers=np.column_stack([alone, alone]))
    whole, single = (figures(each, resamples=30, seed=4).parts[0] for each in (found, apart))
    for one, two in zip(whole.changes, single.changes, strict=True):
        assert one.changed.value == two.changed.value
    assert whole.changes[-1].changed != single.changes[-1].changed


def test_the_command_says_it_as_a_document_as_tables_and_as_a_page(capsys, home, other, tmp_path):
    page = tmp_path / "page.html"
    evil = other.rename(other.parent / "<script>")
    words = ["backtest", "--home", home, "--policy", ROOT / "policy", "--policy", evil]
    said = crivo(capsys, *words, "--html", page, "--json", "--resamples", "20")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert document["arms"] == ["recorded", str(ROOT / "policy"), str(evil)]
    kept, moved, _ = document["parts"][0]["changes"]
    assert kept["changed"] == [0, 0, 0] and moved["changed"][0] > 0
    names = [part["name"] for part in document["parts"]]
    assert names[0] == "all" and any(name.startswith("segment") for name in names)
    for part in document["parts"]:
        whole = part["arms"][str(evil)]
        found = [*whole["outcomes"].values(), *whole["against"].values()]
        found += [whole[name] for name in MEASURES]
        for change in part["changes"]:
            cells = [cell for row in (*change["transfers"], *change["centavos"]) for cell in row]
            found += [change["changed"], *cells]
        assert all(low <= high for _, low, high in found)
    assert list(whole["against"]) == list(MEASURES)
    assert document["seconds"]["decide"] > 0
    html = page.read_text()
    assert "<script" not in html and "&lt;script&gt;" in html and html.count("<svg") == 3
    assert "src=" not in html and "href=" not in html
    plain = crivo(capsys, *words, "--resamples", "20")
    assert plain.code == 0 and "a second judged" in plain.err
    assert "reviews a day" in plain.out and "REJECT" in plain.out
    value, low, high = document["parts"][0]["arms"][str(evil)]["outcomes"]["HOLD"]
    assert f"{value} [{low}, {high}]" in plain.out and f"{value} ({low} to {high})" in html
    value, low, high = moved["changed"]
    assert f"{value} [{low}, {high}] changed" in " ".join(plain.out.split())
    assert f"<p>{value} ({low} to {high}) transfers with another outcome.</p>" in html
    value, low, high = map(
        round, document["parts"][0]["arms"]["recorded"]["review_minutes_per_day"]
    )
    assert f"{value} [{low}, {high}]" in plain.out and f"{value} ({low} to {high})" in html


def refused(capsys, *words):
    said = crivo(capsys, "backtest", *words)
    assert said.out == ""
    return said


def test_what_cannot_be_compared_is_refused_with_its_reason(capsys, home, other):
    own = ("--home", home, "--policy", ROOT / "policy")
    for words, code, parts in (
        (("--home", home), "FIELD_MISSING", ["--policy", "--model"]),
        ((*own, "--model", "abcdef"), "NOT_FOUND", ["abcdef", "crivo models list"]),
        ((*own, "--from", "2030-01-01T00:00:00Z"), "DATA_TOO_SMALL", ["2030-01-01"]),
        (
            (*own, "--from", "2026-11-24T00:00:00Z", "--to", "2026-11-23T00:00:00Z"),
            "TIME_RANGE",
            ["after --from"],
        ),
        ((*own, "--labels-as-of", "2026-11-01T00:00:00Z"), "DATA_TOO_SMALL", ["labels-as-of"]),
        ((*own, "--from", "yesterday"), "TIME_INVALID", ["--from"]),
        (("--home", home, "--policy", home / "none"), "FILE_UNREADABLE", ["none"]),
    ):
        said = refused(capsys, *words)
        assert said.code == 2, words
        assert code in said.err and all(part in said.err for part in parts), said.err
    text = (other / "rules.toml").read_text()
    (other / "rules.toml").write_text(text.replace('value = "HOLD"', 'value = "HELD"', 1))
    said = refused(capsys, "--home", home, "--policy", other)
    assert said.code == 2
    for part in ("POLICY_INVALID", "rules.toml", str(other), "value", "HELD"):
        assert part in said.err
    assert refused(capsys, "--home", home / "none", "--policy", other).code in {2, 3}


def test_costs_that_are_no_utf_8_are_refused_in_either_policy(capsys, home, other, monkeypatch):
    with (other / "costs.toml").open("ab") as costs:
        costs.write("# situação".encode("latin-1"))
    good = ROOT / "policy"
    for own, asked in ((good, other), (other, good)):
        monkeypatch.setenv("CRIVO_POLICY", str(own))
        said = refused(capsys, "--home", home, "--policy", asked)
        assert said.code == 2 and "POLICY_INVALID" in said.err and "costs.toml" in said.err
