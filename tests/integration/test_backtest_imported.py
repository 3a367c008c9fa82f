"""`crivo backtest --imported`: an import is judged as a service would have decided it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.bootstrap.backtest import NOW, Wanted, backtest_home
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import decode_derived, decode_record, transfer_of
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.flows.backtest_rows import Interval
from crivo.flows.promote import promote
from crivo.model.artifact import save_artifact
from crivo.settings import load_settings
from tests.integration.commands import crivo
from tests.integration.pasts import transfer_event
from tests.unit.decision.worlds import ROOT, START, artifact, play, world

pytestmark = pytest.mark.slow

ALL = Interval(None, None)
POLICY = ROOT / "policy"
#: Limits of sums ask what a payer attempted in all, which of an import nobody can say.
SUMS = {"DAY_TOTAL_LIMIT", "NIGHT_TOTAL_LIMIT", "DEVICE_DAY_LIMIT"}


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """The events of a log in which 300 transfers were decided, reported and repeated."""
    with world(tmp_path_factory.mktemp("decided")) as played:
        play(played, 3, 300)
        return [each.event for each in played.log.read(start=0, limit=10_000)]


def home_of(folder, events):
    """A home whose log holds these decisions as imports, and the reports as they were."""
    models = folder / "models"
    models.mkdir(parents=True)
    champion = artifact()
    save_artifact(models, champion)
    promote(models, champion.hash, promoted_at=START)
    log = open_log(folder / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="imported")
    log.append([_imported(each) for each in events])
    log.close()
    return folder


def _imported(event):
    if event.schema != "decision.v1":
        return event
    return transfer_event(transfer_of(decode_record(event.payload)), event.received_at)


def judged(home, *policies, interval=ALL):
    wanted = Wanted(tuple(policies), (), interval, None, 0, is_imported=True)
    settings = load_settings({}, home=home, policy=POLICY)
    return backtest_home(settings, wanted, progress=lambda _done, _end: None)


def answers(events):
    """(outcome's rank, whether anything but vector and policy had a say) of each decision."""
    found = []
    for event in events:
        if event.schema == "decision.v1":
            record = decode_record(event.payload)
            derived = decode_derived(record.derived)
            alone = not record.given.degraded and SUMS.isdisjoint(derived.reasons)
            found.append((OUTCOMES[derived.outcome].rank, alone))
    return np.array(found).T


def differing(found, events):
    """How many imports are judged otherwise than the service decided them."""
    ranks, alone = answers(events)
    return int((found.ranks[:, 0] != ranks)[alone.astype(bool)].sum())


def test_an_import_is_judged_as_the_service_decided_the_same_transfers(decided, tmp_path):
    found = judged(home_of(tmp_path / "home", decided), POLICY)
    ranks, alone = answers(decided)
    assert len(found) == len(ranks) > 150
    assert alone.sum() > 100 and len(set(ranks[alone.astype(bool)])) > 2
    assert differing(found, decided) == 0
    assert found.arms == (NOW, str(POLICY))
    # The policy in force is the one that was named.
    assert (found.ranks[:, 0] == found.ranks[:, 1]).all()


def test_sabotage_an_import_without_its_past_is_judged_otherwise(decided, tmp_path):
    reports = [each for each in decided if each.schema == "report.v1"]
    assert reports
    swapped = [each for each in decided if each.schema != "report.v1"]
    assert differing(judged_without_frauds(tmp_path, swapped, reports), swapped) > 0


def judged_without_frauds(tmp_path, transfers, reports):
    """As `judged`, of a log whose reports all came at its end."""
    last = transfers[-1].received_at
    late = [each for each in reports if each.received_at <= last]
    events = transfers + [each._replace(received_at=last, occurred_at=last) for each in late]
    return judged(home_of(tmp_path / "home", events), POLICY)


def test_an_interval_holds_what_was_received_in_it_with_the_whole_past(decided, tmp_path):
    home = home_of(tmp_path / "home", decided)
    whole = judged(home, POLICY)
    times = [e.received_at for e in decided if e.schema == "decision.v1"]
    start, end = times[40], times[-40]
    inside = [start <= each < end for each in times]
    found = judged(home, POLICY, interval=Interval(start, end))
    assert len(found) == sum(inside) > 0
    assert found.ranks[:, 0].tolist() == whole.ranks[np.array(inside), 0].tolist()


def test_a_log_without_imports_and_a_home_without_a_champion_say_so(tmp_path, capsys):
    home = tmp_path / "home"
    home.mkdir()
    with world(home) as played:
        play(played, 3, 20)
    champion = artifact()
    save_artifact(home / "models", champion)
    promote(home / "models", champion.hash, promoted_at=START)
    with pytest.raises(Refused) as refused:
        judged(home, POLICY)
    assert refused.value.code is Code.DATA_TOO_SMALL
    assert "imported" in refused.value.message
    (home / "models" / "champion.json").unlink()
    said = crivo(capsys, "backtest", "--home", home, "--policy", POLICY, "--imported")
    assert said.code == 3 and "MODEL_MISSING" in said.err


def test_the_command_compares_with_what_is_in_force_now(decided, tmp_path, capsys):
    home = home_of(tmp_path / "home", decided)
    words = ["backtest", "--home", home, "--policy", POLICY, "--imported", "--resamples", "20"]
    said = crivo(capsys, *words, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert document["arms"] == [NOW, str(POLICY)]
    assert document["parts"][0]["changes"][0]["changed"] == [0, 0, 0]
    assert document["seconds"]["decide"] > 0
