"""Homes to serve from: a champion of two leaves, decided with by the real plan and policy."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crivo.bootstrap.home import Paths
from crivo.bootstrap.service import serving_plan
from crivo.flows.promote import promote
from crivo.model.artifact import (
    KNOTS,
    SCORE_ONE,
    Artifact,
    ArtifactKind,
    Calibration,
    Forest,
    names_hash,
    save_artifact,
)
from crivo.settings import Settings, load_settings

KEY = "test-key-of-43-characters-0123456789abcdefg"
ROOT = Path(__file__).resolve().parents[2]
MARGIN_ONE = 1 << 40

#: Above this the champion of these tests sees a risk of one half, below it of one in 4,096.
RISKY_CENTAVOS = 1_000_000


def make_home(folder: Path, *, kind: ArtifactKind = ArtifactKind.EVENTS) -> Path:
    """A home folder with a promoted champion and nothing else."""
    artifact = _artifact(kind)
    paths = Paths(folder)
    paths.models.mkdir(parents=True)
    save_artifact(paths.models, artifact)
    promote(paths.models, artifact.hash, promoted_at=1_795_435_200_000_000)
    return folder


def environment(home: Path, **changes: str) -> Mapping[str, str]:
    """The variables that serve this home with a known key; names after `CRIVO_`."""
    return {
        "CRIVO_HOME": str(home),
        "CRIVO_POLICY": str(ROOT / "policy"),
        "CRIVO_HTTP__API_KEY": KEY,
        "CRIVO_LOG__CLOCK": "replay",
        # A disk that others use too may take seconds.
        "CRIVO_HTTP__ANSWER_SECONDS_MAX": "20",
        **{f"CRIVO_{name}": value for name, value in changes.items()},
    }


def patient_policy(folder: Path) -> Path:
    """The policy in a new folder, by which no decision is due too early: no machine is too slow for
    it, and nothing is left out of a vector.
    """
    shutil.copytree(ROOT / "policy", folder)
    take_time(folder)
    return folder


def take_time(policy: Path) -> None:
    """Lets a policy wait for ten minutes where it waited for less than a second."""
    file = policy / "degraded.toml"
    text = file.read_text(encoding="utf-8")
    for key, value in (("timeout.deadline_ms", 100), ("log_slow.after_ms", 1_000)):
        before = f'"{key}"\nvalue = {value}\n'
        assert before in text, key
        text = text.replace(before, f'"{key}"\nvalue = 600000\n')
    file.write_text(text, encoding="utf-8")


def settings_of(home: Path, **changes: str) -> Settings:
    """The same as settings."""
    return load_settings(environment(home, **changes))


def _artifact(kind: ArtifactKind) -> Artifact:
    if kind is ArtifactKind.EVENTS:
        plan = serving_plan()
        names, set_hash, plan_hash = plan.names, plan.set_hash, plan.plan_hash
        column, threshold = names.index("transfer_amount_value_now"), float(RISKY_CENTAVOS)
    else:
        names, plan_hash = ("a", "b"), ""
        set_hash, column, threshold = names_hash(names), 0, 0.5
    forest = Forest(
        feature=np.array([column, -1, -1], np.int32),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, 0, 0], np.int32),
        right=np.array([2, 0, 0], np.int32),
        null_left=np.array([1, 0, 0], np.uint8),
        value=np.array([-MARGIN_ONE, -2 * MARGIN_ONE, 0], np.int64),
        cover=np.array([2, 1, 1], np.int64),
        roots=np.array([0], np.int32),
    )
    knots = np.arange(KNOTS, dtype=np.int64) * (SCORE_ONE // (KNOTS - 1))
    calibration = Calibration(margin_low=-2 * MARGIN_ONE, step_log2=30, knots=knots)
    return Artifact(kind, names, set_hash, plan_hash, forest, calibration, {"made": "by hand"})
