"""The tracker is told what was promoted and by whom, and where it is away nothing is done."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from crivo.adapters.mlflow import tracker as adapter
from crivo.adapters.mlflow.tracker import DATABASE, MlflowTracker
from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import Names, promote_model, roll_back_model
from crivo.domain.errors import Code, Unavailable
from crivo.flows.aliases import Alias
from crivo.flows.tracker import TrackedData, TrainingRun
from crivo.model.artifact import Artifact
from crivo.model.train import Trained
from crivo.settings import Settings
from tests.integration.promotions import ANA, champion_of, fitted, keep, leaked
from tests.unit.model.worlds import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good() -> Trained:
    return fitted()


@pytest.fixture(scope="module")
def later() -> Trained:
    """A little better than `good`."""
    return fitted(options=replace(SMALL, booster=replace(SMALL.booster, trees=40)))


def tracked(settings: Settings, *models: Artifact) -> MlflowTracker:
    """A tracker that knows these models."""
    paths = Paths(settings.home)
    tracker = MlflowTracker(paths.tracking)
    for artifact in models:
        tracker.record(
            TrainingRun(
                name="rows",
                params={},
                metrics={},
                tags={"artifact_hash": artifact.hash},
                folder=paths.models / artifact.hash,
                data=TrackedData("rows", "d" * 64, 10, artifact.input_names, 0, "2026-09-01"),
            )
        )
    return tracker


def told(settings: Settings) -> tuple[dict[str, int], dict[tuple[int, str], str]]:
    """Versions by alias, and the tags of versions, as the store has them."""
    with sqlite3.connect(Paths(settings.home).tracking / DATABASE) as store:
        aliases = store.execute("SELECT alias, version FROM registered_model_aliases").fetchall()
        tags = store.execute("SELECT version, key, value FROM model_version_tags").fetchall()
    store.close()
    return dict(aliases), {(version, key): value for version, key, value in tags}


def test_the_tracker_is_told_who_approved_what_and_which_gate_was_waived(settings, good):
    leaky = keep(settings, fitted(leaked(), replace(SMALL, leak_accepted_by="Rui")))
    champion = keep(settings, good)
    tracked(settings, champion, leaky)
    promote_model(settings, champion.hash, names=ANA)
    aliases, tags = told(settings)
    assert aliases["champion"] == 1
    # Nobody waived a gate: these rows leave a calibration undecided, and the policy lets it pass.
    assert tags[1, "gates"].startswith("waived: calibration (calibration error: ")
    assert tags[1, "gates"].endswith(", undecided) by gates.toml (calibration.undecided.passes)")
    assert tags[1, "approved_by"] == "Ana"
    names = Names("Eva", leak_accepted_by="Rui")
    promote_model(settings, leaky.hash, alias=Alias.STAGING, names=names)
    aliases, tags = told(settings)
    assert (aliases["staging"], aliases["champion"]) == (2, 1)
    assert tags[2, "gates"].startswith("waived: leak (")
    assert "by Rui" in tags[2, "gates"]
    assert tags[2, "approved_by"] == "Eva"


def test_the_tracker_is_told_who_rolled_back(settings, good, later):
    first, second = keep(settings, good), keep(settings, later)
    tracked(settings, first, second)
    for each in (first, second):
        promote_model(settings, each.hash, names=ANA)
    roll_back_model(settings, approved_by=" Eva ")
    aliases, tags = told(settings)
    assert aliases["champion"] == 1
    assert tags[1, "rolled_back_by"] == "Eva"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", ""])
def test_where_the_tracker_is_away_nothing_is_promoted_or_rolled_back(settings, good, later, url):
    first = keep(settings, good)
    second = keep(settings, later)
    promote_model(settings, first.hash, names=ANA)
    promote_model(settings, second.hash, names=ANA)
    paths = Paths(settings.home)
    before = {path: path.read_bytes() for path in paths.models.glob("*.json")}
    cards = {path: path.read_bytes() for path in paths.cards.iterdir()}
    if url:
        away = settings.model_copy(update={"tracking_url": url})
    else:
        # A store that is there and is none.
        paths.tracking.mkdir(exist_ok=True)
        (paths.tracking / DATABASE).write_bytes(b"no database at all" * 100)
        away = settings
    for act in (
        lambda: promote_model(away, second.hash, names=ANA),
        lambda: promote_model(away, second.hash, alias=Alias.STAGING, names=ANA),
        lambda: roll_back_model(away, approved_by="Ana"),
    ):
        with pytest.raises(Unavailable) as refusal:
            act()
        assert refusal.value.code is Code.FILE_UNWRITABLE
        assert "nothing was changed" in refusal.value.hint
    assert {path: path.read_bytes() for path in paths.models.glob("*.json")} == before
    assert {path: path.read_bytes() for path in paths.cards.iterdir()} == cards


def test_a_tracker_that_goes_away_meanwhile_is_said_with_what_was_done(
    settings, good, later, monkeypatch
):
    first = keep(settings, good)
    second = keep(settings, later)
    tracked(settings, first, second)
    promote_model(settings, first.hash, names=ANA)
    promoted = f"{second.hash[:12]} is champion now"

    class GoesAway(MlflowTracker):
        def check(self) -> None:
            super().check()
            (Paths(settings.home).tracking / DATABASE).write_bytes(b"no database at all" * 100)

    with monkeypatch.context() as patched:
        patched.setattr(adapter, "MlflowTracker", GoesAway)
        with pytest.raises(Unavailable) as refusal:
            promote_model(settings, second.hash, names=ANA)
    assert promoted in refusal.value.message
    assert "was not told" in refusal.value.message
    assert champion_of(settings) == second.hash
