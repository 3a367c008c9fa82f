"""A demo that breaks a promise ends with exit code 1, whatever it showed before."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from crivo.cli import demo
from crivo.cli.demo_verdict import Quality, Verdict
from crivo.cli.player import Score
from crivo.domain.errors import Code, Unfit
from crivo.flows.ledger_audit import Audit, Tampering

KEPT = {"received": 10, "accepted": 7, "quarantined": 2, "duplicate": 1}
GOOD = Verdict(
    score=Score(),
    ingested=KEPT,
    trained={},
    quality=Quality(0, 0, 0.0, 0, 0, 0.0),
    replay_compared=3,
    replay_differing=0,
    replay_other_version=0,
)
BROKEN = {
    "a decision differs": (dataclasses.replace(GOOD, replay_differing=1), Code.REPLAY_DIFFERS),
    "nothing was compared": (dataclasses.replace(GOOD, replay_compared=0), Code.REPLAY_DIFFERS),
    "a record is not as signed": (
        dataclasses.replace(GOOD, ledger=Audit(counts={Tampering.CHANGED: 1})),
        Code.LEDGER_BROKEN,
    ),
    "a row vanished": (dataclasses.replace(GOOD, ingested=KEPT | {"accepted": 6}), Code.CONFLICT),
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


@pytest.fixture
def demo_of(tmp_path, monkeypatch):
    """Runs a demo whose parts find this verdict; nothing else of them is of interest here."""

    @contextmanager
    def served(_home, **_):
        yield SimpleNamespace(page="", address="", api_key="")

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
    for name in ("_ingest", "_train", "_play", "_play_all", "show_verdict"):
        monkeypatch.setattr(demo, name, lambda *_, **__: {})

    def run(verdict: Verdict, *, as_json: bool = False) -> None:
        monkeypatch.setattr(demo, "verdict_of", lambda *_, **__: verdict)
        demo.run_demo(
            demo.DemoOptions(
                home=Path(tmp_path) / "home",
                data=None,
                mapping=None,
                seed=1,
                rate=0,
                port=0,
                small=True,
                stay=False,
                days=0,
                as_json=as_json,
            )
        )

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
