"""A network of dense layers as arrays, scored by numpy: a challenger, which never decides.

A network's score passes through matrix products and an exponential, so its bytes depend on the
processor (CONTRACTS: such a model may be a shadow only). It therefore has a manifest of its own,
lies in a folder of its own, and is no `Artifact`: nothing that decides can load it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.model.artifact import SCORE_ONE
from crivo.model.files import (
    array_bytes,
    canonical_json,
    read_array,
    read_manifest,
    sha256_of,
    unsound,
    whole_folders,
    write_folder,
)

FORMAT: Final = "crivo.network.v1"
#: As lists of models name it, beside `events` and `rows`.
KIND: Final = "network"
MANIFEST: Final = "network.json"
LAYERS_MAX: Final = 8

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Layers:
    """F inputs as the network reads them, and L dense layers, all but the last followed by ReLU.

    An input x becomes (sign(x) · log1p(|x|) − `center`) / `scale`, both float64[F], a null 0; after
    the F values stand F marks, 1 where the input was null. `kernels` are float64[n_in, n_out],
    `biases` float64[n_out]; the last has one output, a log-odds.
    """

    center: Float64s
    scale: Float64s
    kernels: tuple[Float64s, ...]
    biases: tuple[Float64s, ...]

    def inputs(self, vectors: Float64s) -> Float64s:
        """float64[n, 2F] of `vectors` float64[n, F]."""
        is_null = np.isnan(vectors)
        known = np.where(is_null, 0.0, vectors)
        values = (np.sign(known) * np.log1p(np.abs(known)) - self.center) / self.scale
        return np.concatenate([np.where(is_null, 0.0, values), is_null], axis=1)

    def log_odds(self, vectors: Float64s) -> Float64s:
        """float64[n] of `vectors` float64[n, F]."""
        found = self.inputs(vectors)
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            found = np.maximum(found @ kernel + bias, 0.0)
        result: Float64s = (found @ self.kernels[-1] + self.biases[-1])[:, 0]
        return result


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network and what it was made of; `hash` names it and changes with any of it.

    The score is 1 / (1 + exp(−(`slope` · log-odds + `intercept`))). `plan_hash` is empty where
    inputs are plain columns.

    Raises:
        Misconfigured: ARTIFACT_INVALID where the arrays are no network of these inputs.
    """

    input_names: tuple[str, ...]
    set_hash: str
    plan_hash: str
    layers: Layers
    slope: float
    intercept: float
    metadata: Mapping[str, Any]
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        _check(self.layers, len(self.input_names))
        for array in _arrays_of(self.layers).values():
            array.flags.writeable = False
        object.__setattr__(self, "hash", sha256_of(canonical_json(_manifest(self))))

    def scores(self, vectors: Float64s) -> Int64s:
        """int64[n] in 10^-9 of `vectors` float64[n, F]; equal on one machine, close on others."""
        margins = self.slope * self.layers.log_odds(vectors) + self.intercept
        chances = 1 / (1 + np.exp(-np.clip(margins, -700, 700)))
        return np.rint(chances * SCORE_ONE).astype(np.int64)

    def score_one(self, vector: Float64s) -> int:
        """The score of one float64[F]."""
        return int(self.scores(vector.reshape(1, -1))[0])


def save_network(folder: Path, network: Network) -> Path:
    """`<folder>/<hash>/`, complete and on disk, or not there; there already, it is checked.

    Raises:
        Misconfigured: ARTIFACT_INVALID where another content stands under this hash.
    """
    target = folder / network.hash
    if not target.exists():
        files = {**_files(network.layers), MANIFEST: canonical_json(_manifest(network))}
        write_folder(target, files)
    load_network(target)
    return target


def load_network(folder: Path) -> Network:
    """The network in a folder that bears its hash, after every byte was checked.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID.
    """
    manifest = read_manifest(
        folder / MANIFEST,
        form=FORMAT,
        expected_hash=folder.name,
        missing=(
            "there is no network here",
            "Train one with `crivo train --challenger network`.",
        ),
    )
    files = manifest["files"]
    kernels, biases = (
        tuple(read_array(folder, f"{name}_{layer}", files) for layer in range(manifest["layers"]))
        for name in ("kernel", "bias")
    )
    center, scale = (read_array(folder, name, files) for name in ("center", "scale"))
    return Network(
        input_names=tuple(manifest["inputs"]),
        set_hash=manifest["set_hash"],
        plan_hash=manifest["plan_hash"],
        layers=Layers(center, scale, kernels, biases),
        slope=manifest["slope"],
        intercept=manifest["intercept"],
        metadata=manifest["metadata"],
    )


def network_folders(folder: Path) -> list[Path]:
    """Where the networks of a folder lie, by hash."""
    found = whole_folders(folder, MANIFEST)
    return [each for each in found if _HASH.fullmatch(each.name)]


def _arrays_of(layers: Layers) -> dict[str, Float64s]:
    return {
        "center": layers.center,
        "scale": layers.scale,
        **{f"kernel_{place}": kernel for place, kernel in enumerate(layers.kernels)},
        **{f"bias_{place}": bias for place, bias in enumerate(layers.biases)},
    }


def _files(layers: Layers) -> dict[str, bytes]:
    return {f"{name}.npy": array_bytes(array) for name, array in _arrays_of(layers).items()}


def _manifest(network: Network) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "inputs": list(network.input_names),
        "set_hash": network.set_hash,
        "plan_hash": network.plan_hash,
        "layers": len(network.layers.kernels),
        "slope": network.slope,
        "intercept": network.intercept,
        "metadata": dict(network.metadata),
        "files": {name: sha256_of(content) for name, content in _files(network.layers).items()},
    }


def _check(layers: Layers, width: int) -> None:
    """Nothing, if the layers follow one another from the inputs to one output."""
    if not 1 <= len(layers.kernels) == len(layers.biases) <= LAYERS_MAX:
        raise unsound("layers", f"1 to {LAYERS_MAX}, each with its bias", len(layers.kernels))
    for name, array in _arrays_of(layers).items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise unsound(name, "finite float64 numbers", array.dtype)
    _check_shape("center", layers.center, (width,))
    _check_shape("scale", layers.scale, (width,))
    if width and layers.scale.min() <= 0:
        raise unsound("scale", "above 0", float(layers.scale.min()))
    sizes = [2 * width, *(len(bias) for bias in layers.biases)]
    if sizes[-1] != 1:
        raise unsound("the last layer", "one output", sizes[-1])
    for place, (kernel, bias) in enumerate(zip(layers.kernels, layers.biases, strict=True)):
        _check_shape(f"kernel_{place}", kernel, (sizes[place], sizes[place + 1]))
        _check_shape(f"bias_{place}", bias, (sizes[place + 1],))


def _check_shape(name: str, array: Float64s, expected: Sequence[int]) -> None:
    if array.shape != tuple(expected):
        raise unsound(name, f"float64{list(expected)}", f"float64{list(array.shape)}")
