"""What `mlflow.pyfunc.load_model` finds in a run: the artifact's own scorer, from checked arrays.

MLflow imports this module by its name (the `loader_module` of an MLmodel file) and calls
`_load_pyfunc` with the artifact's folder: no pickle is written or read on this way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from crivo.model.artifact import load_artifact
from crivo.model.network import MANIFEST, load_network
from crivo.model.scorer import Scorer

if TYPE_CHECKING:
    import pandas

#: What `predict` answers: int64 columns, as the scorer has them.
MARGIN: Final = "margin"
SCORE: Final = "score"


class ServedArtifact:
    """The scorer as MLflow asks for it: a frame in, a frame out."""

    def __init__(self, folder: Path) -> None:
        self._scorer: Final = Scorer(load_artifact(folder))

    def predict(self, model_input: pandas.DataFrame, params: Any = None) -> pandas.DataFrame:
        """Margins (int64 in 2^-40) and scores (int64 in 10^-9) of a frame of the model's inputs.

        MLflow has checked names and types by the signature; a null is a missing value.

        Raises:
            KeyError: an input is no column of the frame, where nothing was checked before.
        """
        import pandas

        artifact = self._scorer.artifact
        columns = model_input[list(artifact.input_names)]
        vectors = np.ascontiguousarray(columns.to_numpy(np.float64, na_value=np.nan))
        margins, scores = self._scorer.score(vectors, plan_hash=artifact.plan_hash)
        return pandas.DataFrame({MARGIN: margins, SCORE: scores}, index=model_input.index)


class ServedNetwork:
    """A network as MLflow asks for it; it answers scores alone."""

    def __init__(self, folder: Path) -> None:
        self._network: Final = load_network(folder)

    def predict(self, model_input: pandas.DataFrame, params: Any = None) -> pandas.DataFrame:
        """Scores (int64 in 10^-9) of a frame of the network's inputs; else as `ServedArtifact`."""
        import pandas

        columns = model_input[list(self._network.input_names)]
        scores = self._network.scores(columns.to_numpy(np.float64, na_value=np.nan))
        return pandas.DataFrame({SCORE: scores}, index=model_input.index)


def _load_pyfunc(path: str) -> ServedArtifact | ServedNetwork:
    """The artifact or network of a folder, which bears its hash.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID where a byte is another.
    """
    folder = Path(path)
    return ServedNetwork(folder) if (folder / MANIFEST).is_file() else ServedArtifact(folder)
