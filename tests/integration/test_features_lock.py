"""`crivo features lock` tells what is in force, what has served and what is new."""

from __future__ import annotations

import json

from crivo.features import served
from crivo.features.registry import default_feature_set
from crivo.features.served import format_lock, parse_lock, read_lock
from tests.integration.commands import crivo


def test_the_command_tells_which_features_are_in_force_and_which_served_before(
    capsys, monkeypatch, tmp_path
):
    lock = tmp_path / "served.lock"
    names = [feature.name for feature in default_feature_set().features]
    held = {
        **{name: hash_ for name, hash_ in read_lock().items() if name != names[0]},
        "old": "f" * 64,
    }
    lock.write_text(format_lock(held))
    monkeypatch.setattr(served, "LOCK_FILE", lock)
    said = json.loads(crivo(capsys, "features", "lock", "--json").out)
    assert said["added"] == [names[0]]
    assert "old" in said["no_longer"]
    assert not set(said["no_longer"]) & set(names)
    assert said["served"] == said["in_force"] + len(said["no_longer"])
    assert set(parse_lock(lock.read_text())) == set(names) | set(said["no_longer"])
