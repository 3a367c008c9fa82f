"""What a key takes: little until something is told of it, and what follows then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crivo.domain.instant import DAY, MINUTE
from crivo.features import layout as k
from crivo.features.engine import Engine
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import ABSENT, EVENT_ROW, RowKind

Rows = np.ndarray[Any, Any]

PLAN = compile_plan(default_feature_set())
START = 20_500 * DAY


def row(kind: RowKind, at: int) -> Rows:
    """An event of that kind of account 1, who pays account 2."""
    rows = np.zeros(1, dtype=EVENT_ROW)
    for name in EVENT_ROW.names or ():
        rows[name] = ABSENT if EVENT_ROW[name].kind == "i" else 0
    rows["kind"], rows["occurred_at"], rows["received_at"] = kind, at, at
    rows["amount_centavos"] = 100 if kind is RowKind.TRANSFER else 0
    rows["payer_0"], rows["payee_0"] = 1, 2 if kind is RowKind.TRANSFER else 0
    return rows


def words(engine: Engine) -> int:
    """Words of the arena that are taken."""
    return int(engine.arrays()["arena"].size)


def grown(engine: Engine, rows: Rows) -> int:
    before = words(engine)
    engine.fold(rows)
    return words(engine) - before


def test_an_account_takes_an_annex_when_something_but_a_transfer_is_first_told_of_it() -> None:
    engine = Engine(PLAN)
    engine.fold(row(RowKind.TRANSFER, START))
    annex = int(PLAN.table[k.P_ANNEX_WORDS + k.PAYER])
    block = 1 << k.CLASS_MIN
    assert grown(engine, row(RowKind.LOGIN, START + MINUTE)) == annex + block
    assert grown(engine, row(RowKind.LOGIN, START + 2 * MINUTE)) == 0


def test_what_is_told_first_is_read_by_the_next_transfer_of_the_same_batch() -> None:
    told = [RowKind.TRANSFER, RowKind.LOGIN, RowKind.TRANSFER, RowKind.LOGIN, RowKind.TRANSFER]
    rows = np.concatenate([row(kind, START + i * MINUTE) for i, kind in enumerate(told)])
    vectors, _ = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    column = PLAN.names.index("payer_login_count_24h")
    assert vectors[:, column].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("table", [k.PAYER, k.PAYEE])
def test_the_head_of_an_account_has_no_room_for_what_is_seldom_told(table: int) -> None:
    head, annex = (int(PLAN.table[part + table]) for part in (k.P_HEAD_WORDS, k.P_ANNEX_WORDS))
    assert head < annex
    assert head % k.LINE_WORDS == annex % k.LINE_WORDS == 0
