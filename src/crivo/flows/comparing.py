"""Comparing runs: in which options, data, dates and versions trained models differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crivo.model.artifact import Artifact
from crivo.model.network import Network

#: What a model's manifest says of its run.
_SECTIONS: Final = ("learner", "data", "split", "options", "versions", "curve")


def differences(models: Sequence[Artifact | Network]) -> dict[str, list[str]]:
    """By name such as `options.booster.trees`: each model's value, where not all are equal.

    What a run does not have is an empty text; so two runs of one seed on the same rows differ in
    nothing.
    """
    runs = [_said(model) for model in models]
    names = dict.fromkeys(name for run in runs for name in run)
    rows = {name: [run.get(name, "") for run in runs] for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _said(model: Artifact | Network) -> dict[str, str]:
    """What the manifest says of the run, and of the inputs, flat."""
    sections = {name: model.metadata[name] for name in _SECTIONS if name in model.metadata}
    inputs = {"inputs": len(model.input_names), "set_hash": model.set_hash}
    return dict(_flat({**sections, **inputs}))


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{above}{name}.")
        else:
            found.append((f"{above}{name}", str(value)))
    return found
