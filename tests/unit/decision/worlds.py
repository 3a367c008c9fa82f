"""Small worlds to decide in: a hand-made forest, the real policy, a real log in a folder."""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from crivo.adapters.sqlite.log import SqliteLog, open_log
from crivo.decision.rule import declared_rules
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import HOUR, MINUTE, SECOND, parse_rfc3339
from crivo.domain.report import ReportStatus
from crivo.domain.transfer import Initiation, Purpose, Transfer
from crivo.features.plan import Plan, compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.bundle import Bundle, make_bundle, read_policy
from crivo.flows.decide import DecisionService
from crivo.flows.replica import Replica
from crivo.flows.report import ReportService
from crivo.model.artifact import (
    KNOTS,
    SCORE_ONE,
    Artifact,
    ArtifactKind,
    Calibration,
    Forest,
)
from crivo.model.network import Network

ROOT = Path(__file__).resolve().parents[3]
START = parse_rfc3339("2026-11-23T12:00:00Z")

CLAIMED, ACCEPTED = ReportStatus.CLAIMED, ReportStatus.ACCEPTED

#: (feature, threshold, goes left when null, margin if at most, margin if above), margins in 2⁻⁴⁰.
ONE = 1 << 40
STUMPS = (
    ("transfer_amount_value_now", 100_000.0, True, -ONE, ONE),
    ("pair_transfer_count_30d", 0.0, True, ONE // 2, -ONE),
    ("payee_report_count_30d_where_accepted", 0.0, True, -ONE // 4, 2 * ONE),
    ("payer_amount_ratio_30d", 3.0, True, -ONE // 3, ONE),
    ("transfer_hour_value_now", 6.0, False, ONE // 5, 0),
)


@lru_cache(maxsize=1)
def plan() -> Plan:
    return compile_plan(default_feature_set())


def artifact(*, leaf: int = 0, names: tuple[str, ...] | None = None) -> Artifact:
    """A forest of stumps over the plan's columns; `leaf` is added to one. `names`: a rows model."""
    columns = names or plan().names
    feature, threshold, left, right, null_left, value, roots = [], [], [], [], [], [], []
    for place, (name, limit, null, low, high) in enumerate(STUMPS):
        at = len(feature)
        roots.append(at)
        column = columns.index(name) if names is None else place % len(columns)
        feature += [column, -1, -1]
        threshold += [limit, 0.0, 0.0]
        left += [at + 1, 0, 0]
        right += [at + 2, 0, 0]
        null_left += [int(null), 0, 0]
        value += [(low + high) // 2, low + (leaf if place == 0 else 0), high]
    step = 30
    return Artifact(
        kind=ArtifactKind.EVENTS if names is None else ArtifactKind.ROWS,
        input_names=columns,
        set_hash=plan().set_hash if names is None else "rows",
        plan_hash=plan().plan_hash if names is None else "",
        body=Forest(
            feature=np.array(feature, np.int32),
            threshold=np.array(threshold, np.float64),
            left=np.array(left, np.int32),
            right=np.array(right, np.int32),
            null_left=np.array(null_left, np.uint8),
            value=np.array(value, np.int64),
            cover=np.tile([2, 1, 1], len(roots)),
            roots=np.array(roots, np.int32),
        ),
        calibration=Calibration(
            margin_low=-(KNOTS << step) // 2 + ONE // 2,
            step_log2=step,
            knots=np.linspace(0, SCORE_ONE, KNOTS).astype(np.int64),
        ),
        metadata={"by": "hand"},
    )


def policy() -> dict[str, str]:
    return read_policy(ROOT / "policy")


def make_in(folder: Path, *, texts: dict[str, str] | None = None, **options) -> Bundle:
    return make_bundle(
        folder / "bundles",
        plan=plan(),
        rules=declared_rules(),
        policy=texts or policy(),
        artifact=artifact(**options),
    )


def bundle_in(folder: Path, *, texts: dict[str, str] | None = None, **options) -> Bundle:
    """As `make_in`, but made once a process: its files are copied to where they are asked for."""
    kept, bundle = _made(tuple(sorted((texts or policy()).items())), tuple(sorted(options.items())))
    name = bundle.versions.bundle
    if not (folder / "bundles" / name).exists():
        shutil.copytree(kept / "bundles" / name, folder / "bundles" / name)
    return bundle


@lru_cache(maxsize=8)
def _made(texts: tuple[tuple[str, str], ...], options: tuple) -> tuple[Path, Bundle]:
    kept = Path(tempfile.mkdtemp(prefix="crivo-bundles-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    return kept, make_in(kept, texts=dict(texts), **dict(options))


@dataclass
class Clock:
    """A monotonic clock that moves only when told."""

    ns: int = 0

    def __call__(self) -> int:
        return self.ns


@dataclass
class World:
    """A service over a log in a folder, and the monotonic clock it reads."""

    folder: Path
    log: SqliteLog
    service: DecisionService
    reports: ReportService
    monotonic: Clock = field(default_factory=Clock)

    def decide(self, transfer: Transfer, *, received_at: int | None = None, waited_ms: int = 0):
        """The pending answer; the request has waited that long before it is decided."""
        arrived_ns = self.monotonic.ns - waited_ms * 1_000_000
        return self.service.decide(
            transfer, arrived_ns=arrived_ns, supplied_received_at=received_at
        )


@contextmanager
def world(
    folder: Path,
    *,
    bundle: Bundle | None = None,
    wrap: Callable | None = None,
    start: Replica | None = None,
    shadow: Network | None = None,
    log_id: str = "world",
    **options,
) -> Iterator[World]:
    log = open_log(folder / "log.sqlite", clock=ClockKind.REPLAY, new_log_id=log_id)
    try:
        monotonic = Clock()
        service = DecisionService(
            log=wrap(log) if wrap else log,
            bundle=bundle or bundle_in(folder, **options),
            clock=LogClock(ClockKind.REPLAY, wall=lambda: 0),
            monotonic_ns=monotonic,
            host="test",
            shadow=shadow,
        )
        service.recover(lambda _folded, _end: None, start=start)
        yield World(folder, log, service, ReportService(service), monotonic)
    finally:
        log.close()


def account(number: int) -> bytes:
    return number.to_bytes(16, "big")


def transfer(number: int, *, occurred_at: int = START, payer: int = 1, payee: int = 2, **facts):
    """A transfer that is valid; whoever would pay itself, which no door takes, pays the next."""
    facts.setdefault("amount_centavos", 10_000)
    payee += payee == payer
    return Transfer(
        end_to_end_id=derived_end_to_end_id(occurred_at, "test", str(number)),
        occurred_at=occurred_at,
        payer_account_id=account(payer),
        payee_account_id=account(payee),
        **facts,
    )


def play(played: World, seed: int, count: int) -> list[Transfer]:
    """Decides `count` random transfers with repeats, late ones, returns, timeouts and reports."""
    chance = random.Random(seed)
    now, sent, pending = max(START, played.service.clock.now()), [], []
    for number in range(count):
        now += chance.choice([0, 1, SECOND, MINUTE, HOUR // 3])
        kind = chance.random()
        if sent and kind < 0.1:
            pending.append(played.decide(chance.choice(sent[-20:]), received_at=now))
            continue
        if sent and kind < 0.2:
            pending.append(
                played.reports.report(
                    report_id=f"r{seed}-{number}",
                    status=chance.choice([CLAIMED, ACCEPTED, ACCEPTED]),
                    end_to_end_id=chance.choice(sent).end_to_end_id,
                    supplied_received_at=now,
                )
            )
            continue
        late = chance.random() < 0.1
        made = transfer(
            seed * 10_000 + number,
            occurred_at=now - (chance.randrange(3 * HOUR) if late else chance.randrange(SECOND)),
            payer=chance.randrange(1, 6),
            payee=chance.randrange(1, 6),
            amount_centavos=chance.choice([1, 5_000, 20_000, 120_000, 400_000, 5_000_000]),
            initiation=chance.choice([None, Initiation.DICT, Initiation.AUTO]),
            purpose=chance.choice([None, Purpose.IPAY, Purpose.IPAY, Purpose.REFU]),
        )
        waited_ms = 500 if chance.random() < 0.1 else 0
        pending.append(played.decide(made, received_at=now, waited_ms=waited_ms))
        sent.append(made)
    for each in pending:
        each.result(60)
    return sent
