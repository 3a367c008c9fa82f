"""Small networks of drawn weights."""

from __future__ import annotations

import itertools

import numpy as np

from crivo.model.network import Layers, Network


def network(
    names: tuple[str, ...] = ("a", "b", "c"),
    *,
    plan_hash: str = "1" * 64,
    seed: int = 1,
    units: tuple[int, ...] = (5, 4),
    **metadata: object,
) -> Network:
    dice = np.random.default_rng(seed)
    sizes = [2 * len(names), *units, 1]
    pairs = list(itertools.pairwise(sizes))
    return Network(
        input_names=names,
        set_hash="0" * 64,
        plan_hash=plan_hash,
        layers=Layers(
            center=dice.normal(size=len(names)),
            scale=1 + dice.random(len(names)),
            kernels=tuple(dice.normal(size=pair) for pair in pairs),
            biases=tuple(dice.normal(size=size) for _, size in pairs),
        ),
        slope=0.5,
        intercept=-3.0,
        metadata=metadata,
    )
