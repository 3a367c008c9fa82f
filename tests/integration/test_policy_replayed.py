"""A kill switch and a limit come and go under a service that answers; its log is replayed."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import compress
from pathlib import Path
from typing import Self

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.bootstrap.home import Paths, open_log_reader
from crivo.bootstrap.proving import replay_home
from crivo.decision.degraded import Mode
from crivo.decision.record import Record, decode_derived, decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.flows.replay import BATCH, ReplayResult, replay
from tests.e2e.homes import RISKY_CENTAVOS, ROOT, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import served
from tests.integration.test_policy_reload import wait_for
from tests.integration.test_replay_sabotage import GIVEN, VERSIONS, forged
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

OF_A_BATCH = 8
KILL = 'key = "kill.rules.state"\nvalue = "off"'
LIMIT = 'key = "limits.transfer.amount"\nvalue = "none"'
LIMITED_CENTAVOS = 600_000


class Traffic:
    """Batches, one soon after the other, from a thread of its own until it is told to stop.

    What fails in the thread fails whoever waits for it, and the end.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self.answers: list[dict] = []

    def __enter__(self) -> Self:
        self._sending = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._sending.result()

    def wait_for(self, more: int) -> None:
        """So many more transfers are answered from now on."""
        until = len(self.answers) + more
        while len(self.answers) < until:
            if self._sending.done():
                self._sending.result()
            self._stop.wait(0.01)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._send(len(self.answers))
            # A policy takes a second to be read: without a pause a quick machine decides more
            # meanwhile than one batch of a replay holds.
            self._stop.wait(0.02)

    def _send(self, first: int) -> None:
        bodies = [_body(number) for number in range(first, first + OF_A_BATCH)]
        answer = self._caller.post("/v1/decisions:batch", json=bodies)
        assert answer.status_code == 200, answer.text
        self.answers += [each["decision"] for each in answer.json()]


def _body(number: int) -> dict[str, object]:
    """Of each batch some are above the limit, and one is risky."""
    amounts = (5_000, 50_000, LIMITED_CENTAVOS, RISKY_CENTAVOS + 1)
    return {
        **GOOD,
        "end_to_end_id": f"E12345678202611231200swit{number:07d}",
        "occurred_at": f"2026-11-23T12:00:00.{number:06d}Z",
        "amount_centavos": amounts[number % len(amounts)],
        "payee_account_id": f"payee-{number % 5}",
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a service whose policy changed twice, and back, while it decided batches."""
    folder = tmp_path_factory.mktemp("switched")
    policy = folder / "policy"
    shutil.copytree(ROOT / "policy", policy)
    degraded, decision = (policy / name for name in ("degraded.toml", "decision.toml"))
    usual = degraded.read_text(), decision.read_text()
    assert KILL in usual[0] and LIMIT in usual[1]
    made = make_home(folder / "home")
    with served(made, POLICY=str(policy)) as caller, Traffic(caller) as traffic:
        traffic.wait_for(OF_A_BATCH)
        degraded.write_text(usual[0].replace(KILL, KILL.replace('"off"', '"on"')))
        wait_for(caller, "adopted")
        traffic.wait_for(2 * OF_A_BATCH)
        degraded.write_text(usual[0])
        decision.write_text(usual[1].replace(LIMIT, LIMIT.replace('"none"', '"5000.00"')))
        wait_for(caller, "adopted", 2)
        traffic.wait_for(2 * OF_A_BATCH)
        decision.write_text(usual[1])
        wait_for(caller, "adopted", 3)
        traffic.wait_for(2 * OF_A_BATCH)
    return made


def events_of(home: Path) -> list[Event]:
    reader = open_log_reader(Paths(home).log)
    try:
        return [each.event for each in reader.read(start=0, limit=10**6)]
    finally:
        reader.close()


def records_of(events: list[Event]) -> list[Record]:
    return [decode_record(each.payload) for each in events if each.schema == "decision.v1"]


def replayed(folder: Path, home: Path, events: list[Event]) -> ReplayResult:
    log_id = records_of(events)[0].given.log_id
    log = open_log(folder / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id=log_id)
    try:
        log.append(events)
        return replay(log, Paths(home).bundles, progress=lambda _at, _end: None)
    finally:
        log.close()


def test_what_was_decided_around_a_switch_and_a_limit_replays_byte_for_byte(home: Path) -> None:
    records = records_of(events_of(home))
    bundles = [each.given.versions.bundle for each in records]
    assert len(records) < BATCH, "all of them are replayed in one batch"
    assert len(set(bundles)) == 3 and bundles[0] == bundles[-1]
    switched = [Mode.KILL_RULES in each.given.degraded for each in records]
    limited = ["TRANSFER_LIMIT" in decode_derived(each.derived).reasons for each in records]
    assert any(switched) and any(limited) and not switched[-1] and not limited[-1]
    by_bundle = [set(compress(bundles, each)) for each in (switched, limited)]
    assert [len(each) for each in by_bundle] == [1, 1] and by_bundle[0] != by_bundle[1]
    found = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (found.compared, found.differing) == (len(records), 0)


def test_sabotage_decisions_that_name_the_bundle_before_are_noticed(
    home: Path, tmp_path: Path
) -> None:
    events = events_of(home)
    assert replayed(tmp_path, home, events).is_equal
    (tmp_path / "copy.sqlite").unlink()
    first = records_of(events)[0].given.versions

    def rename(parts: list) -> None:
        parts[GIVEN][VERSIONS] = list(msgspec.structs.astuple(first))

    changed = {
        at: forged(each, rename)
        for at, each in enumerate(events)
        if each.schema == "decision.v1"
        and "TRANSFER_LIMIT" in decode_derived(decode_record(each.payload).derived).reasons
    }
    found = replayed(tmp_path, home, [changed.get(at, each) for at, each in enumerate(events)])
    assert found.differing == len(changed) > 0
    assert all({"reasons", "derived"} <= set(each.where) for each in found.differences)
