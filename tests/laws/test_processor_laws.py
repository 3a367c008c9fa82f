"""Vectors and what is derived from them are the same bytes on every processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laws.test_scorer_laws import PLAIN_PROCESSOR

ROOT = Path(__file__).resolve().parents[2]

#: Replays the frozen world; says what differs, and the hash of everything that was derived.
REPLAY_AND_PRINT = """
import hashlib, json, sys, tempfile
from pathlib import Path
from crivo.adapters.sqlite.log import open_log
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.flows import replay as replaying
from tests.golden.freeze import FROZEN, events_of
from crivo.flows.bundle import PROGRAM_VERSION
HERE = FROZEN / PROGRAM_VERSION
digest = hashlib.sha256()
def hashed(derived, _encode=replaying.encode_derived):
    digest.update(_encode(derived))
    return _encode(derived)
def kept(vectors, _bytes=replaying.vector_bytes):
    digest.update(_bytes(vectors))
    return _bytes(vectors)
replaying.encode_derived, replaying.vector_bytes = hashed, kept
SABOTAGE
with tempfile.TemporaryDirectory() as name:
    log = open_log(Path(name) / "log.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    log.append(events_of(HERE))
    found = replaying.replay(log, HERE / "bundles", progress=lambda at, end: None)
    log.close()
print(json.dumps([found.compared, found.differing, digest.hexdigest()]))
"""

#: As a contracted multiply-and-add would: one vector's last bit.
ONE_BIT = """
import numpy as np
from crivo.features.engine import Engine
def other(self, rows, wanted, _whole=Engine.vectors):
    vectors, flags = _whole(self, rows, wanted)
    vectors[-1:, 0] = np.nextafter(vectors[-1:, 0], np.inf)
    return vectors, flags
Engine.vectors = other
"""


def replayed_elsewhere(cache: Path, *, sabotage: str = "", **settings: str) -> list[object]:
    program = REPLAY_AND_PRINT.replace("SABOTAGE", sabotage)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path, **settings}
    return json.loads(
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("numba")


@pytest.mark.slow
def test_vectors_and_derived_bytes_do_not_depend_on_the_processor(cache):
    full = replayed_elsewhere(cache / "full")
    plain = replayed_elsewhere(cache / "plain", **PLAIN_PROCESSOR)
    assert full == plain
    assert full[0] > 50
    assert full[1] == 0


@pytest.mark.slow
def test_sabotage_one_bit_of_a_vector_is_noticed(cache):
    full = replayed_elsewhere(cache / "full")
    other = replayed_elsewhere(cache / "full", sabotage=ONE_BIT)
    assert other[0] == full[0]
    assert other[1] > 0
    assert other[2] != full[2]
