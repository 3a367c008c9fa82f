"""The lake in a bucket: the same tables as in a folder, whoever writes beside."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from crivo.bootstrap.lake import LakeHouse
from crivo.bootstrap.service import champion_bundle
from crivo.domain.errors import Code, CrivoError
from tests.e2e.homes import make_home, settings_of
from tests.integration.workers import decide_all
from tests.ports.gcs import bucket
from tests.unit.decision.worlds import world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service has decided."""
    folder = make_home(tmp_path_factory.mktemp("home"))
    with world(folder, bundle=champion_bundle(settings_of(folder))) as made:
        decide_all(made, 5, 120)
    return folder


@pytest.fixture
def store(tmp_path, require_program):
    """An empty bucket `lake`."""
    with bucket(require_program("fake-gcs-server"), tmp_path, "lake") as options:
        yield options


def house_of(home, url, options=None):
    named = {"LAKE__URL": url, "LAKE__OPTIONS": json.dumps(options or {})}
    return LakeHouse(settings_of(home, **named))


def refined(house):
    return house.refine(progress=lambda _done, _total: None)


def told(house):
    """The rows of every table, in an order of their own."""
    return {
        table.name: sorted(map(repr, house.lake.open(table).read().to_pylist()))
        for table in house.tables()
    }


def test_a_lake_in_a_bucket_holds_what_one_in_a_folder_does(home, store, tmp_path):
    there, here = house_of(home, "gs://lake/bank", store), house_of(home, str(tmp_path / "here"))
    assert refined(there).appended == refined(here).appended == 120
    found = told(there)
    assert found == told(here)
    assert len(found) > 10
    assert refined(there).rows == 0


def test_two_who_refine_into_one_bucket_end_as_one(home, store, tmp_path):
    def refine(_):
        return refined(house_of(home, "gs://lake/both", store)).appended

    with ThreadPoolExecutor(2) as both:
        assert sum(both.map(refine, range(2))) == 120
    here = house_of(home, str(tmp_path / "here"))
    refined(here)
    assert told(house_of(home, "gs://lake/both", store)) == told(here)


def test_tables_in_a_bucket_are_compacted_swept_and_seen_as_they_were(home, store):
    house = house_of(home, "gs://lake/old", store)
    refined(house)
    before = told(house)
    gold = next(each for each in house.tables() if each.name == "gold.outcomes")
    version = house.lake.open(gold).version
    bronze = next(each for each in house.tables() if each.name == "bronze.events")
    table = house.lake.open(bronze)
    table.compact()
    table.vacuum(hours=0)
    assert told(house) == before
    assert house.lake.at(gold, version=version).read().num_rows > 0


def test_a_bucket_that_is_not_there_is_named(home, store):
    with pytest.raises(CrivoError) as raised:
        refined(house_of(home, "gs://another/bank", store))
    assert raised.value.code is Code.LAKE_UNAVAILABLE
    assert "CRIVO_LAKE__URL" in str(raised.value)
