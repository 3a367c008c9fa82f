"""One booster beside ours on the rows of a folder, in an environment of its own: prints JSON.

    python -m benchmarks.peers.boosters NAME FOLDER

The folder holds `vectors.npy` (float64[n, F]), `labels.npy`, `weights.npy`, `asked.npy`
(float64[m, F]) and `options.json`, the settings of `BoosterOptions`; each library takes them as far
as it has them, and nothing else is tuned. `margins.npy` is written beside them: what the library
answers to `asked`. Training takes the threads that are asked for, scoring one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]
Answer = Callable[[Array], Array]
Options = Mapping[str, Any]
#: Makes of vectors, labels, weights and settings what answers rows with margins.
Fit = Callable[[Array, Array, Array, Options], Answer]


def with_xgboost(vectors: Array, labels: Array, weights: Array, options: Options) -> Answer:
    """XGBoost, by histograms and leaf by leaf. It knows no least number of rows of a leaf."""
    import xgboost

    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": options["leaves"],
        "max_depth": 0,
        "max_bin": options["bins_max"],
        "learning_rate": options["learning_rate"],
        "min_child_weight": options["hessian_min"],
        "colsample_bytree": options["feature_share"],
        "reg_lambda": options["penalty"],
        "base_score": 0.5,
        "nthread": options["threads"],
        "seed": options["seed"],
        "verbosity": 0,
    }
    rows = xgboost.QuantileDMatrix(
        vectors, labels, weight=weights, max_bin=options["bins_max"], nthread=options["threads"]
    )
    booster = xgboost.train(settings, rows, num_boost_round=options["trees"])
    booster.set_param({"nthread": 1})

    def answer(asked: Array) -> Array:
        return np.asarray(booster.inplace_predict(asked, predict_type="margin"), np.float64)

    return answer


def with_catboost(vectors: Array, labels: Array, weights: Array, options: Options) -> Answer:
    """CatBoost, leaf by leaf in place of its symmetric trees. It knows no least hessian."""
    import catboost

    model = catboost.CatBoostClassifier(
        iterations=options["trees"],
        learning_rate=options["learning_rate"],
        grow_policy="Lossguide",
        max_leaves=options["leaves"],
        depth=options["leaves"],
        min_data_in_leaf=options["rows_leaf_min"],
        border_count=options["bins_max"],
        rsm=options["feature_share"],
        l2_leaf_reg=options["penalty"],
        bootstrap_type="No",
        boost_from_average=False,
        random_seed=options["seed"],
        thread_count=options["threads"],
        allow_writing_files=False,
        verbose=False,
    )
    model.fit(vectors, labels.astype(np.int64), sample_weight=weights)

    def answer(asked: Array) -> Array:
        found = model.predict(asked, prediction_type="RawFormulaVal", thread_count=1)
        return np.asarray(found, np.float64)

    return answer


PEERS: Final[Mapping[str, Fit]] = {"XGBoost": with_xgboost, "CatBoost": with_catboost}


def main(name: str, path: str) -> None:
    """Prints the seconds of training, and rows a second of the first `scored_rows` asked."""
    folder = Path(path)
    vectors, labels, weights, asked = (
        np.load(folder / f"{each}.npy") for each in ("vectors", "labels", "weights", "asked")
    )
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    begun = time.perf_counter()
    answer = PEERS[name](vectors, labels, weights, options)
    train_seconds = time.perf_counter() - begun
    some = asked[: options["scored_rows"]]
    begun = time.perf_counter()
    answer(some)
    rows_per_second = len(some) / (time.perf_counter() - begun)
    np.save(folder / "margins.npy", answer(asked))
    print(json.dumps({"train_seconds": train_seconds, "rows_per_second": rows_per_second}))


if __name__ == "__main__":
    main(*sys.argv[1:])
