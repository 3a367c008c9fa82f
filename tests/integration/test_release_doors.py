"""A start and `crivo features snapshot` release from the bound on that is set, and every door of
decisions then says what can be read no more.
"""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from crivo.bootstrap.home import Paths, open_home
from crivo.domain.clock import REACHED_BY, RECEIPTS_BACK
from crivo.domain.instant import DAY, SECOND, format_rfc3339
from crivo.features.layout import C_KEYS
from tests.e2e.homes import make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.commands import crivo
from tests.integration.pasts import transfer_event
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD
from tests.unit.decision.worlds import START, transfer

pytestmark = pytest.mark.slow

FROM_BYTES = "STATE__RELEASE_FROM_BYTES"
IDLE = 300
#: Receipts of idle accounts long ago, then of two whole stretches of transfers, a second apart.
RECEIPTS = sorted(
    [START - 100 * DAY - place * SECOND for place in range(IDLE)]
    + [START - place * SECOND for place in range(2 * REACHED_BY)]
)
#: All of the second stretch of transfers lie at or after its first receipt.
RECEIVED_FROM = RECEIPTS[REACHED_BY] - RECEIPTS_BACK

_numbers = count()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose log holds these transfers, and no snapshot."""
    home, chance = make_home(tmp_path_factory.mktemp("past") / "home"), random.Random(7)
    with closing(open_home(settings_of(home), writer=True)) as opened:
        made = [
            transfer(
                place,
                occurred_at=at,
                payer=1_000 + place if place < IDLE else chance.randrange(1, 20),
                payee=2_000 + place if place < IDLE else chance.randrange(20, 40),
            )
            for place, at in enumerate(RECEIPTS)
        ]
        opened.log.append([transfer_event(each, each.occurred_at) for each in made])
    return home


@pytest.fixture
def home(past: Path, tmp_path: Path) -> Path:
    """The same, for this test alone."""
    return Path(shutil.copytree(past, tmp_path / "home"))


def snapshot(home: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """What `crivo features snapshot` says."""
    said = crivo(capsys, "features", "snapshot", "--home", home, "--json")
    assert said.code == 0, said.err
    found: dict[str, int] = json.loads(said.out)
    return found


def body(at: int, **changes: object) -> dict[str, object]:
    """A transfer that happens and is received then."""
    minute = "".join(filter(str.isdigit, format_rfc3339(at)))[:12]
    id_ = f"E12345678{minute}free{next(_numbers):07d}"
    return {**GOOD, "end_to_end_id": id_, "occurred_at": format_rfc3339(at), **changes}


def is_barred(client: Caller) -> bool:
    """Whether each door refuses what was received too long ago, and only that; none but all may."""
    found = []
    for phase in ("initiation", "settlement"):
        for at, is_old in ((RECEIVED_FROM - 1, True), (RECEIVED_FROM, False), (START, False)):
            asked = body(at, phase=phase)
            one = client.post("/v1/decisions", json=asked)
            many = client.post("/v1/decisions:batch", json=[body(at), body(START)])
            assert many.status_code == 200
            first, second = many.json()
            assert second["status"] == 200
            assert one.status_code == first["status"]
            path = f"/v1/decisions/{asked['end_to_end_id']}?phase={phase}"
            assert (client.get(path).status_code == 200) is (one.status_code == 200)
            if one.status_code != 200:
                assert is_old
                told = one.json()
                assert (one.status_code, told["code"]) == (422, "RECEIPT_TOO_OLD")
                assert told["field"] == "received_at"
                assert format_rfc3339(RECEIVED_FROM) in told["detail"]
            if is_old:
                found.append(one.status_code != 200)
    assert len(set(found)) == 1
    return found[0]


def test_a_snapshot_by_command_releases_from_the_bound_that_is_set_and_the_doors_keep_to_it(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CRIVO_{FROM_BYTES}", "0")
    said = snapshot(home, capsys)
    assert said["cut"] == len(RECEIPTS)
    assert said["released"] > 100 * IDLE
    # Whatever is set for the service: the snapshot is of a state that was released.
    with served(home) as client:
        assert is_barred(client)


def test_a_start_releases_from_the_bound_that_is_set(home: Path) -> None:
    with served(home, **{FROM_BYTES: "0"}) as client:
        assert is_barred(client)


def test_sabotage_a_state_below_the_bound_releases_nothing_and_bars_nobody(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert snapshot(home, capsys)["released"] == 0
    with served(home) as client:
        assert not is_barred(client)


def test_a_snapshot_by_command_has_the_room_in_its_index_that_a_start_would_have_to_make(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(home, capsys)
    (folder,) = Paths(home).snapshots.glob("*/*")
    keys = int(np.load(folder / "control.npy")[C_KEYS])
    assert keys > IDLE
    assert np.load(folder / "index.npy").size >= 8 * keys
