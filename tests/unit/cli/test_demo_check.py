"""A demo that breaks a promise ends with exit code 1, whatever it showed before."""

from __future__ import annotations

import dataclasses
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from crivo.cli import demo, train
from crivo.cli.demo_source import MAKERS, MAKERS_GAP_MAX
from crivo.cli.demo_verdict import Due, Quality, Verdict
from crivo.cli.player import Score
from crivo.domain.errors import Code, Unfit
from crivo.flows.ledger_findings import Audit, Tampering
from crivo.model.leak import FEATURE_PRECISION_MAX, GAP_MAX, Finding, Sign

PAGE = "http://127.0.0.1:9/open?token=fresh"
KEPT = {"received": 10, "accepted": 7, "quarantined": 2, "duplicate": 1}
GOOD = Verdict(
    score=Score(decided=5, reported=2),
    due=Due(5, 2, may_be_refused=False),
    ingested=KEPT,
    trained={},
    quality=Quality(0, 0, 0.0, 0, 0, 0.0),
    replay_compared=3,
    replay_differing=0,
    replay_other_version=0,
)


def scored(*, decided: int = 5, reported: int = 2, refused: int = 0) -> Verdict:
    """A verdict over five transfers and two reports that were answered so."""
    found = Counter({"CONFLICT": refused}) if refused else Counter()
    return dataclasses.replace(GOOD, score=Score(decided, reported, found))


BROKEN = {
    "a decision differs": (dataclasses.replace(GOOD, replay_differing=1), Code.REPLAY_DIFFERS),
    "nothing was compared": (dataclasses.replace(GOOD, replay_compared=0), Code.REPLAY_DIFFERS),
    "a record is not as signed": (
        dataclasses.replace(GOOD, ledger=Audit(counts={Tampering.CHANGED: 1})),
        Code.LEDGER_BROKEN,
    ),
    "a row vanished": (dataclasses.replace(GOOD, ingested=KEPT | {"accepted": 6}), Code.CONFLICT),
    "a transfer was never answered": (scored(decided=4), Code.CONFLICT),
    "a transfer was decided twice": (scored(decided=6), Code.CONFLICT),
    "a simulated transfer was refused": (scored(decided=4, refused=1), Code.CONFLICT),
    "a simulated report was refused": (scored(reported=1, refused=1), Code.CONFLICT),
    "a report was never played": (scored(reported=1), Code.CONFLICT),
    "a row was doubled": (
        dataclasses.replace(GOOD, ingested=KEPT | {"accepted": 8}),
        Code.CONFLICT,
    ),
}


@pytest.mark.parametrize("part", ["received", "accepted", "quarantined", "duplicate"])
def test_conservation_counts_every_part(part):
    assert GOOD.is_conserved
    for other in (KEPT[part] - 1, KEPT[part] + 1):
        assert not dataclasses.replace(GOOD, ingested=KEPT | {part: other}).is_conserved


def test_the_document_says_whether_rows_are_conserved():
    assert GOOD.as_json({})["conserved"] is True
    assert BROKEN["a row vanished"][0].as_json({})["conserved"] is False


#: Of a demo without a table, a pace and a stay.
OPTIONS = demo.DemoOptions(
    home=None,
    data=None,
    mapping=None,
    seed=1,
    rate=0,
    port=0,
    small=True,
    stay=False,
    days=0,
    as_json=False,
)


@pytest.fixture
def demo_of(tmp_path, monkeypatch):
    """Runs a demo whose parts find this verdict; nothing else of them is of interest here."""

    @contextmanager
    def served(_home, **_):
        yield SimpleNamespace(address="", api_key="")

    source = SimpleNamespace(
        play_day="",
        learnt_text="",
        played_text="",
        why="",
        ripen_days=0,
        steps=list,
        later_reports=list,
    )
    monkeypatch.setattr(demo, "simulated_source", lambda *_, **__: source)
    monkeypatch.setattr(demo, "served", served)
    monkeypatch.setattr(demo, "new_page_link", lambda _: PAGE)
    for name in ("_ingest", "_train", "_play", "_play_all", "show_verdict"):
        monkeypatch.setattr(demo, name, lambda *_, **__: {})

    def run(verdict: Verdict, *, as_json: bool = False) -> None:
        monkeypatch.setattr(demo, "verdict_of", lambda *_, **__: verdict)
        demo.run_demo(dataclasses.replace(OPTIONS, home=Path(tmp_path) / "home", as_json=as_json))

    return run


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_broken_promise_ends_the_demo_with_a_failure(demo_of, name, as_json):
    verdict, code = BROKEN[name]
    with pytest.raises(Unfit) as caught:
        demo_of(verdict, as_json=as_json)
    assert (caught.value.code, caught.value.exit_code) == (code, 1)


def test_kept_promises_end_it_well(demo_of):
    demo_of(GOOD)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_pages_address_is_told_before_anything_is_played(demo_of, capsys, as_json):
    demo_of(GOOD, as_json=as_json)
    before, found, _ = capsys.readouterr().err.partition("Playing")
    assert found
    assert f"{PAGE} (opens once, within 10 minutes)\n" in before


@pytest.mark.parametrize(("decided", "reported"), [(4, 2), (5, 1), (3, 2)])
def test_of_a_persons_own_table_some_may_be_refused_and_none_be_left_unanswered(
    demo_of, decided, reported
):
    found = scored(decided=decided, reported=reported, refused=7 - decided - reported)
    demo_of(dataclasses.replace(found, due=Due(5, 2, may_be_refused=True)))
    short = scored(decided=decided, reported=reported, refused=6 - decided - reported)
    with pytest.raises(Unfit):
        demo_of(dataclasses.replace(short, due=Due(5, 2, may_be_refused=True)))


def trained_with(monkeypatch, *findings: Finding) -> bool:
    """Trains as a demo of the simulated world does; whether the model was promoted."""
    promoted = []
    result = SimpleNamespace(findings=findings)
    monkeypatch.setattr(train, "train_home", lambda *_: result)
    monkeypatch.setattr(train, "procedure_in_force", lambda _: None)
    monkeypatch.setattr(train, "promote_first", lambda *_, **__: promoted.append(1))
    monkeypatch.setattr(train, "train_facts", lambda *_, **__: {})
    source = SimpleNamespace(leak_accepted_by=MAKERS, play_from=0, cuts=None)
    demo._train(None, source, seed=1, quiet=True)
    return bool(promoted)


def test_the_makers_of_the_world_answer_for_a_gap_up_to_a_bound(monkeypatch):
    assert trained_with(monkeypatch, Finding(Sign.GAP, "it", MAKERS_GAP_MAX, GAP_MAX))


@pytest.mark.parametrize(
    "finding",
    [
        Finding(Sign.GAP, "it", MAKERS_GAP_MAX + 0.01, GAP_MAX),
        Finding(Sign.FEATURE, "it", 0.91, FEATURE_PRECISION_MAX),
    ],
)
def test_sabotage_what_looks_like_a_leak_beyond_that_ends_the_demo(monkeypatch, finding):
    with pytest.raises(Unfit) as caught:
        trained_with(monkeypatch, finding)
    assert caught.value.code is Code.LEAK_SUSPECTED
