"""The commands of the lake, on the home of a service that has decided."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from crivo.bootstrap import lake as bootstrap_lake
from crivo.bootstrap.home import open_log_reader
from crivo.bootstrap.lake import LakeHouse, open_stored_log
from crivo.bootstrap.service import champion_bundle, serving_plan
from crivo.bootstrap.snapshots import start_of
from crivo.domain.instant import DAY, MINUTE
from tests.e2e.homes import make_home, settings_of
from tests.integration.commands import crivo
from tests.integration.workers import decide_all
from tests.unit.decision.worlds import START, transfer, world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A home whose service has decided, and whose log was refined once."""
    folder = make_home(tmp_path_factory.mktemp("home"))
    with world(folder, bundle=champion_bundle(settings_of(folder))) as made:
        decide_all(made, 5, 200)
    house = LakeHouse(settings_of(folder))
    done = house.refine(progress=lambda _done, _total: None)
    assert done.appended == done.rows == done.silver == 200
    assert done.quarantined == 0
    return folder


@pytest.fixture
def home(played, tmp_path):
    """The same, for this test alone."""
    return shutil.copytree(played, tmp_path / "home")


@pytest.fixture
def lake(home, capsys):
    """What a command of the lake prints."""

    def said(*words):
        done = crivo(capsys, "lake", *words, "--home", home, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return said


def decide_later(home, first=0, count=60):
    """More transfers, ten days later."""
    with world(home, bundle=champion_bundle(settings_of(home))) as made:
        for number in range(first, first + count):
            at = START + 10 * DAY + number * MINUTE
            later = transfer(10_000 + number, occurred_at=at, payer=number % 5 + 1)
            made.decide(later, received_at=at).result(60)


def test_a_version_and_a_time_show_a_table_as_it_was(home, lake):
    before = lake("show", "gold.outcomes", "--limit", "100")
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    time.sleep(1.1)
    decide_later(home)
    lake("refine")
    now = lake("show", "gold.outcomes", "--limit", "100")
    assert now["version"] > before["version"]
    assert now["shown"] != before["shown"]
    old = lake("show", "gold.outcomes", "--limit", "100", "--version", str(before["version"]))
    assert old == before
    assert lake("show", "gold.outcomes", "--limit", "100", "--at", then) == before


def test_a_row_of_gold_leads_to_the_events_that_it_was_made_of(lake):
    rows = lake("show", "gold.account_profiles", "--limit", "100")["shown"]
    profile = max(rows, key=lambda row: row["sent"])
    key = f"account_id={profile['account_id']}"
    events = lake("lineage", "gold.account_profiles", "--key", key)["events"]
    bronze = lake("show", "silver.decision", "--limit", "1000")["shown"]
    places = {
        (row["stream"], row["partition"], row["offset"])
        for row in bronze
        if profile["account_id"] in {row["payer_id"], row["payee_id"]}
    }
    found = {(each["stream"], each["partition"], each["offset"]) for each in events}
    assert places <= found
    assert {stream for stream, _, _ in found - places} <= {"pix.reports.v1"}
    assert len(places) >= profile["sent"] > 0


def test_a_row_of_quality_leads_to_as_many_events_as_it_counts(lake):
    for row in lake("show", "gold.quality", "--limit", "100")["shown"]:
        key = [f"--key={name}={row[name]}" for name in ("day", "source", "schema", "code")]
        assert len(lake("lineage", "gold.quality", *key)["events"]) == row["events"]


def test_compacted_and_vacuumed_a_lake_holds_the_same(home, lake):
    for first in (0, 30):
        decide_later(home, first, 30)
        lake("refine")
    before = lake("show", "bronze.events", "--limit", "1000")
    merged = {each["table"]: each["files"] for each in lake("compact")["tables"]}
    assert merged["bronze.events"] >= 2
    swept = {
        each["table"]: each["files"]
        for each in lake("vacuum", "--hours", "0")["tables"]
    }  # fmt: skip
    assert swept["bronze.events"] >= 2
    after = lake("show", "bronze.events", "--limit", "1000")
    assert after["shown"] == before["shown"]
    assert lake("refine")["rows"] == 0
    assert lake("rebuild", "silver", "--from", "bronze")["rows"] == 260


def test_a_vacuum_keeps_the_versions_of_the_hours_that_it_is_told(home, lake):
    before = lake("show", "gold.outcomes", "--limit", "100")
    decide_later(home)
    lake("refine")
    lake("compact")
    swept = lake("vacuum", "--hours", "168")["tables"]
    assert {each["files"] for each in swept} == {0}
    old = lake("show", "gold.outcomes", "--limit", "100", "--version", str(before["version"]))
    assert old == before


#: What the law asks: five years, two of which may be leap years.
KEPT_DAYS = 1_827


def vacuumed(lake, monkeypatch, *, days_later):
    """Rows that a table lost, so many days after those of the home's first transfers."""
    first = min(each["occurred_at"] for each in lake("show", "bronze.events")["shown"])
    monkeypatch.setattr(bootstrap_lake, "wall_clock", lambda: first + days_later * DAY)
    return {each["table"]: each["rows"] for each in lake("vacuum", "--hours", "168")["tables"]}


def test_for_five_years_nothing_is_forgotten(home, lake, monkeypatch):
    decide_later(home)
    lake("refine")
    lost = vacuumed(lake, monkeypatch, days_later=KEPT_DAYS)
    assert {lost[name] for name in ("bronze.events", "silver.decision", "gold.outcomes")} == {0}
    assert lake("show", "bronze.events")["rows"] == 260


@pytest.mark.parametrize("is_folded", [True, False], ids=["features before", "no features"])
def test_features_go_on_behind_what_was_forgotten_or_refuse(
    home, lake, capsys, monkeypatch, is_folded
):
    if is_folded:
        assert lake("features")["cut"] == 200
    decide_later(home)
    lake("refine")
    lost = vacuumed(lake, monkeypatch, days_later=KEPT_DAYS + 5)
    assert lost["bronze.events"] == 200
    if is_folded:
        assert lake("features")["cut"] == 260
        return
    done = crivo(capsys, "lake", "features", "--home", home)
    assert done.code == 2
    assert "LOG_MISMATCH" in done.err
    assert "200 or more" in done.err


def test_of_a_time_before_the_first_version_it_is_said_that_there_was_none(home, capsys):
    refused = crivo(capsys, "lake", "show", "gold.outcomes", "--at", "2020-01-01", "--home", home)
    assert refused.code == 3
    assert "NOT_FOUND" in refused.err
    assert f"its first version is of {time.gmtime().tm_year}-" in refused.err


def test_of_a_version_that_a_vacuum_took_it_is_said_what_took_it(home, lake, capsys):
    decide_later(home, 0, 30)
    lake("refine")
    before = lake("show", "gold.outcomes")["version"]
    decide_later(home, 30, 30)
    lake("refine")
    lake("vacuum", "--hours", "0")
    words = ("show", "gold.outcomes", "--version", before)
    refused = crivo(capsys, "lake", *words, "--home", home)
    assert refused.code == 3
    assert "NOT_FOUND" in refused.err and "vacuum" in refused.err
    assert lake("show", "gold.outcomes")["rows"] > 0


def test_what_is_asked_wrongly_is_refused_in_words(home, capsys):
    for words, code in (
        (("show", "gold.nothing"), "NOT_FOUND"),
        (("show", "gold.outcomes", "--where", "colour=red"), "FIELD_UNKNOWN"),
        (("show", "gold.outcomes", "--where", "transfers=many"), "FIELD_VALUE"),
        (("show", "gold.outcomes", "--version", "99"), "NOT_FOUND"),
        (("show", "gold.outcomes", "--at", "yesterday"), "TIME_INVALID"),
        (("show", "gold.outcomes", "--at", "2026-11-31"), "TIME_INVALID"),
        (("lineage", "gold.outcomes", "--key", "outcome=HOLD"), "FIELD_MISSING"),
        (("rebuild", "gold", "--from", "silver"), "FIELD_VALUE"),
    ):
        done = crivo(capsys, "lake", *words, "--home", home)
        assert done.code in {2, 3}
        assert code in done.err, words


def test_the_feature_store_gives_a_training_set_and_a_start(home, lake, capsys):
    done = lake("features")
    transfers = lake("show", "silver.decision")["rows"]
    assert (done["cut"], done["rows"]) == (200, transfers)
    assert lake("features")["rows"] == 0
    made = lake("training-set", "first", "--label-delay-days", "0")
    assert made["rows"] > 100
    shown = lake("show", "gold.training_set_first", "--limit", "1000")
    assert shown["rows"] == made["rows"]
    vectors = lake("show", done["table"], "--limit", "1000")["shown"]
    amounts = {row["number"]: row["transfer_amount_value_now"] for row in vectors}
    for row in shown["shown"]:
        assert row["transfer_amount_value_now"] == amounts[row["number"]]
    assert [row["name"] for row in lake("show", "gold.training_sets")["shown"]] == ["first"]
    names = {each["table"] for each in lake("tables")["tables"]}
    assert {done["table"], "features.cards", "gold.training_set_first", "bronze.logs"} <= names
    # A service that starts now goes on from the lake's state.
    settings = settings_of(home)
    reader = open_log_reader(home / "log.sqlite")
    assert start_of(settings, serving_plan(), reader).folded == reader.end() == 200
    reader.close()
    again = crivo(capsys, "lake", "training-set", "first", "--home", home)
    assert again.code == 2
    assert "FILE_UNWRITABLE" in again.err


def test_a_training_set_waits_until_gold_is_as_far_as_bronze(home, capsys):
    decide_later(home)
    house = LakeHouse(settings_of(home))
    with open_stored_log(settings_of(home)) as log:
        house.refinery.append(log, progress=lambda _done, _total: None)
    assert crivo(capsys, "lake", "features", "--home", home).code == 0
    done = crivo(capsys, "lake", "training-set", "first", "--home", home)
    assert done.code == 3
    assert "NOT_READY" in done.err
