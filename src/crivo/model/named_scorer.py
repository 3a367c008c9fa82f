"""Scores of vectors whose columns are known by name: a model takes those that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import Artifact
from crivo.model.network import Network
from crivo.model.scorer import Scorer


class NamedScorer:
    """Scores vectors with the columns `names` by a model, whose inputs are chosen by their names.

    A name says what a feature is (`features/served.lock`), so a model of another plan can be asked
    about these vectors where all its inputs are among them.

    Raises:
        Misconfigured: PLAN_MISMATCH where the vectors lack an input of the model.
    """

    def __init__(self, model: Artifact | Network, names: Sequence[str]) -> None:
        missing = [name for name in model.input_names if name not in names]
        if missing:
            raise Misconfigured(
                Code.PLAN_MISMATCH,
                f"the rows lack {len(missing)} inputs of the model, {missing[0]} among them",
                hint="Train the one again with the features of the other.",
                field="inputs",
                expected=", ".join(missing[:3]),
                found="nothing of that name",
            )
        place = {name: index for index, name in enumerate(names)}
        columns = [place[name] for name in model.input_names]
        self._columns: Final = None if columns == list(range(len(names))) else columns
        self._model: Final = model
        self._scorer: Final = None if isinstance(model, Network) else Scorer(model)

    def scores(self, vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """int64[n] in 10⁻⁹ of `vectors` float64[n, F]."""
        if self._columns is not None:
            vectors = np.ascontiguousarray(vectors[:, self._columns])
        if self._scorer is None:
            assert isinstance(self._model, Network)
            return self._model.scores(vectors)
        assert isinstance(self._model, Artifact)
        return self._scorer.score(vectors, plan_hash=self._model.plan_hash)[1]
