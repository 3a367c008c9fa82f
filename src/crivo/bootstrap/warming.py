"""Compiled functions that run once before anybody waits for them."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import EARLIEST
from crivo.domain.transfer import Transfer
from crivo.features.engine import Engine
from crivo.features.row import transfer_row
from crivo.flows.bundle import Bundle
from crivo.model.masked import ROWS_MIN

#: Nobody's transfer, decided by nothing: it only makes the kernels compile.
_WARMING: Final = Transfer(
    "E00000000200001010000WARMING0000", EARLIEST, 1, bytes(16), bytes(15) + b"\x01"
)


def warm(bundle: Bundle) -> None:
    """Runs each kernel once on a throwaway engine; the state that decides is not touched."""
    scorer = bundle.scorer
    width = len(scorer.artifact.input_names)
    plan_hash = scorer.artifact.plan_hash
    for rows in (1, ROWS_MIN):
        scorer.score(np.zeros((rows, width)), plan_hash=plan_hash)
    scorer.score_one(np.zeros(width), plan_hash=plan_hash)
    scorer.contributions(np.zeros(width))
    if bundle.decides_transfers:
        row = transfer_row(_WARMING, received_at=_WARMING.occurred_at)
        engine = Engine(bundle.plan)
        engine.read_row(row)
        engine.fold_row(row)
        conditions = bundle.procedure.at(EARLIEST).conditions
        conditions(np.zeros(width))
        conditions.many(np.zeros((1, width)))
