"""An artifact: what a model is once trained. Arrays and a manifest of hashes, never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.model.files import (
    array_bytes,
    broken,
    canonical_json,
    read_array,
    read_manifest,
    sha256_of,
    unsound,
    write_folder,
)
from crivo.model.linear import Linear, check_linear

FORMAT: Final = "crivo.model.v2"
MANIFEST: Final = "manifest.json"

#: Margins, leaves and contributions are integers of 2^-40: their sums are exact in any order.
MARGIN_BITS: Final = 40
#: Scores and calibration knots are integers of 10^-9.
SCORE_ONE: Final = 1_000_000_000
KNOTS: Final = 4_097
#: A step of 2^33 times a knot difference below 2^30 stays below 2^63.
STEP_LOG2_MAX: Final = 33
LEAF: Final = -1
TREES_MAX: Final = 10_000
#: A node of the scorer names its input in sixteen bits.
INPUTS_MAX: Final = 32_767

Int64s = npt.NDArray[np.int64]

_FOREST: Final = "forest"
_LINEAR: Final = "linear"


class ArtifactKind(StrEnum):
    """`events`: reads the feature engine's vectors of transfers; `rows`: reads plain columns."""

    EVENTS = "events"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Forest:
    """A forest as flat arrays of N nodes; children stand after their parent.

    `feature` is −1 at a leaf. A row goes left iff its value is at most `threshold`, or it is null
    and `null_left` is 1. `value` is the node's mean margin (at a leaf: what it adds) in 2^-40, and
    `cover` how many training rows came to it.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    null_left: npt.NDArray[np.uint8]
    value: Int64s
    cover: Int64s
    roots: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Margin to score by 4,097 knots at `margin_low + i · 2^step_log2` (margins in 2^-40)."""

    margin_low: int
    step_log2: int
    knots: Int64s


_ARRAYS: Final[Mapping[str, type[np.generic]]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "null_left": np.uint8,
    "value": np.int64,
    "cover": np.int64,
    "roots": np.int32,
    "knots": np.int64,
}


#: What a body is, by its word in a manifest.
_FORMS: Final[Mapping[str, type[Forest | Linear]]] = {_FOREST: Forest, _LINEAR: Linear}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A trained model and what it was made of; `hash` names it and changes with any of it.

    `metadata` is plain JSON: training data hash, cut, split, options, metrics, versions.
    `plan_hash` is empty for kind `rows`, whose `set_hash` is that of its column names.

    Raises:
        Misconfigured: ARTIFACT_INVALID where the arrays are no model of these inputs.
    """

    kind: ArtifactKind
    input_names: tuple[str, ...]
    set_hash: str
    plan_hash: str
    body: Forest | Linear
    calibration: Calibration
    metadata: Mapping[str, Any]
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        if isinstance(self.body, Linear):
            check_linear(self.body, len(self.input_names))
        else:
            _check_forest(self.body, len(self.input_names))
        _check_calibration(self.calibration)
        for array in _arrays_of(self).values():
            array.flags.writeable = False
        object.__setattr__(self, "hash", sha256_of(canonical_json(_manifest(self))))

    @property
    def form(self) -> str:
        """What its body is: `forest` or `linear`."""
        return next(word for word, body in _FORMS.items() if isinstance(self.body, body))

    @property
    def forest(self) -> Forest:
        """The body of a model that is a forest."""
        assert isinstance(self.body, Forest), "the body is a regression's"
        return self.body

    @property
    def signature(self) -> list[dict[str, Any]]:
        """What `/predict` asks for: each input's name and type; every input may be null."""
        return [{"name": name, "type": "float64", "nullable": True} for name in self.input_names]


def names_hash(names: tuple[str, ...]) -> str:
    """The set hash of plain columns: SHA-256 over their canonical list."""
    return sha256_of(canonical_json(list(names)))


def save_artifact(models_folder: Path, artifact: Artifact) -> Path:
    """`models/<hash>/`, complete and on disk, or not there: written aside, synced, renamed.

    An artifact that is already there (and whole) is left as it is.

    Raises:
        Misconfigured: ARTIFACT_INVALID where another content stands under this hash.
    """
    target = models_folder / artifact.hash
    if not target.exists():
        files = {**_files(artifact), MANIFEST: canonical_json(_manifest(artifact))}
        write_folder(target, files)
    load_artifact(target)
    return target


def load_artifact(folder: Path, *, expected_hash: str | None = None) -> Artifact:
    """The artifact in `folder`, after every hash in it and its structure were checked.

    `expected_hash` defaults to the folder's name.

    Raises:
        Unavailable: MODEL_MISSING where there is no manifest.
        Misconfigured: ARTIFACT_INVALID where a byte is not what was written.
    """
    manifest = read_manifest(
        folder / MANIFEST,
        form=FORMAT,
        expected_hash=folder.name if expected_hash is None else expected_hash,
        missing=("there is no model here", "Train one with `crivo train`."),
    )
    form = _FORMS.get(manifest.get("form", _FOREST))
    if form is None:
        raise broken(folder, "form", " or ".join(_FORMS), manifest["form"])
    names = [item.name for item in fields(form)]
    arrays = {name: read_array(folder, name, manifest["files"]) for name in (*names, "knots")}
    return Artifact(
        kind=ArtifactKind(manifest["kind"]),
        input_names=tuple(entry["name"] for entry in manifest["signature"]),
        set_hash=manifest["set_hash"],
        plan_hash=manifest["plan_hash"],
        body=form(**{name: arrays[name] for name in names}),
        calibration=Calibration(
            margin_low=manifest["calibration"]["margin_low"],
            step_log2=manifest["calibration"]["step_log2"],
            knots=arrays["knots"],
        ),
        metadata=manifest["metadata"],
    )


def _arrays_of(artifact: Artifact) -> dict[str, npt.NDArray[Any]]:
    body = artifact.body
    arrays = {item.name: getattr(body, item.name) for item in fields(body)}
    return {**arrays, "knots": artifact.calibration.knots}


def _files(artifact: Artifact) -> dict[str, bytes]:
    return {f"{name}.npy": array_bytes(array) for name, array in _arrays_of(artifact).items()}


def _manifest(artifact: Artifact) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": artifact.kind.value,
        "signature": artifact.signature,
        "set_hash": artifact.set_hash,
        "plan_hash": artifact.plan_hash,
        "calibration": {
            "margin_low": artifact.calibration.margin_low,
            "step_log2": artifact.calibration.step_log2,
        },
        "metadata": dict(artifact.metadata),
        "files": {name: sha256_of(content) for name, content in _files(artifact).items()},
        # A forest says nothing, as when there was nothing else: its hash stays what it was.
        **({"form": _LINEAR} if isinstance(artifact.body, Linear) else {}),
    }


def _check_forest(forest: Forest, n_inputs: int) -> None:
    n = len(forest.feature)
    for item in fields(Forest):
        array = getattr(forest, item.name)
        if array.dtype != _ARRAYS[item.name] or array.ndim != 1:
            raise unsound(item.name, f"{_ARRAYS[item.name].__name__}[n]", array.dtype)
        if item.name != "roots" and len(array) != n:
            raise unsound(item.name, f"{n} nodes", len(array))
    if not 1 <= len(forest.roots) <= TREES_MAX:
        raise unsound("roots", f"1 to {TREES_MAX} trees", len(forest.roots))
    if forest.roots.min() < 0 or forest.roots.max() >= n:
        raise unsound("roots", f"nodes 0..{n - 1}", "one outside")
    inner = forest.feature != LEAF
    if n_inputs > INPUTS_MAX:
        raise unsound("inputs", f"at most {INPUTS_MAX}", n_inputs)
    if (forest.feature[inner] < 0).any() or (forest.feature[inner] >= n_inputs).any():
        raise unsound("feature", f"inputs 0..{n_inputs - 1}", "one outside")
    if not np.isfinite(forest.threshold[inner]).all():
        raise unsound("threshold", "finite numbers", "one that is not")
    _check_trees(forest, np.flatnonzero(inner))
    if forest.cover.min() < 1:
        raise unsound("cover", "at least one row at each node", int(forest.cover.min()))
    # The sum over all trees must not overflow.
    greatest = max(int(forest.value.max()), -int(forest.value.min()))
    if greatest * len(forest.roots) >= 1 << 62:
        raise unsound("value", "margins whose sum stays below 2^62", "greater ones")


def _check_trees(forest: Forest, inner: npt.NDArray[np.intp]) -> None:
    """Every walk ends, and every node is a root or the child of one other."""
    n = len(forest.feature)
    parents = np.zeros(n, np.int64)
    for name in ("left", "right"):
        child = getattr(forest, name)[inner]
        if (child <= inner).any() or (child >= n).any():
            raise unsound(name, "nodes after their parent", "one that is not")
        np.add.at(parents, child, 1)
    np.add.at(parents, forest.roots, 1)
    below = forest.cover[forest.left[inner]] + forest.cover[forest.right[inner]]
    if (forest.cover[inner] != below).any():
        raise unsound("cover", "as many rows at a node as at its children", "another number")
    if (parents != 1).any():
        raise unsound("left, right, roots", "trees: one way to each node", "another number")


def _check_calibration(calibration: Calibration) -> None:
    knots = calibration.knots
    if knots.dtype != np.int64 or knots.shape != (KNOTS,):
        raise unsound("knots", f"int64[{KNOTS}]", f"{knots.dtype}{list(knots.shape)}")
    if not 0 <= calibration.step_log2 <= STEP_LOG2_MAX:
        raise unsound("step_log2", f"0..{STEP_LOG2_MAX}", calibration.step_log2)
    if abs(calibration.margin_low) >= 1 << 62:
        raise unsound("margin_low", "below 2^62", calibration.margin_low)
    if knots[0] < 0 or knots[-1] > SCORE_ONE or (np.diff(knots) < 0).any():
        raise unsound("knots", f"rising from 0 to {SCORE_ONE}", "others")
