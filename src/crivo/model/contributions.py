"""What inputs add to a model's margins in the mean: which ones it goes by."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.model.artifact import MARGIN_BITS, Artifact
from crivo.model.judged import JudgedRows
from crivo.model.scorer import Scorer

#: Rows that are asked about, drawn where there are more: the mean of so many is near enough.
ROWS_MAX: Final = 2_000
#: Of all inputs so many are told.
TOLD_MAX: Final = 20


def mean_contributions(artifact: Artifact, judged: JudgedRows) -> list[tuple[str, float]]:
    """The inputs whose contributions are greatest, each with the mean of their sizes in log-odds.

    A row counts by its weight. At most 20, the greatest first; equal ones as the model reads them.

    Raises:
        Misconfigured: as `Scorer.contributions`.
    """
    rows = np.arange(len(judged))
    if len(rows) > ROWS_MAX:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS_MAX, replace=False))
    place = {name: index for index, name in enumerate(judged.names)}
    columns = [place[name] for name in artifact.input_names]
    vectors = np.ascontiguousarray(judged.vectors[rows][:, columns])
    sizes = np.abs(Scorer(artifact).contributions_of(vectors)[:, :-1]) / float(1 << MARGIN_BITS)
    means = np.average(sizes, axis=0, weights=judged.weights[rows])
    greatest = np.argsort(-means, kind="stable")[:TOLD_MAX]
    return [(artifact.input_names[each], float(means[each])) for each in greatest.tolist()]
