"""Rows of every kind, a million of them transfers: served one by one and replayed in batches, their
vectors and flags are the same bytes; the oracle judges the vectors of a 3 % sample of keys (every
one, but for keys with thousands of events), and every feature varies there.

The long form is the same test over ten million vectors, in half an hour or so:

    PARITY_ROWS=12000000 .venv/bin/python -m pytest tests/parity/test_a_long_stream.py -s
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from crivo.features.engine import BEHIND, LATE, Engine, vector_bytes
from crivo.features.plan import compile_plan
from crivo.features.registry import default_feature_set
from crivo.features.row import RowKind
from tests.parity import sampled
from tests.parity.long_stream import REPORTED, TOLD, parts
from tests.parity.sampled import HOT_VECTORS, Judged, judge

Rows = np.ndarray[Any, Any]

PLAN = compile_plan(default_feature_set())
ROWS = int(os.environ.get("PARITY_ROWS", "1200000"))
#: Three keys in a hundred.
ONE_IN = 33
#: The share of rows that are transfers; the rest are reports and what is told.
TRANSFERS = (1 - REPORTED) * (1 - TOLD)
SEED = 20_261


def replayed(stream: Iterable[Rows]) -> Iterator[tuple[Rows, Any, Any]]:
    """(rows, vectors, flags) in batches; half-way the state goes through a snapshot."""
    engine = Engine(PLAN)
    for number, rows in enumerate(stream):
        if number % 10 == 5:
            arrays = {name: array.copy() for name, array in engine.arrays().items()}
            engine = Engine(PLAN)
            engine.restore(arrays)
        yield rows, *engine.vectors(rows, rows["kind"] == RowKind.TRANSFER)


def served(stream: Iterable[Rows]) -> Iterator[str]:
    """The hash of each part's vectors and flags when every transfer is read and folded alone."""
    engine = Engine(PLAN)
    for rows in stream:
        digest, marked = hashlib.sha256(), bytearray()
        kinds = rows["kind"].tolist()
        for place in range(len(rows)):
            row = rows[place : place + 1]
            if kinds[place] == RowKind.TRANSFER:
                vector, flags = engine.read(row)
                digest.update(vector_bytes(vector))
                marked.append(flags)
            engine.fold(row)
        digest.update(marked)
        yield digest.hexdigest()


def hashes(made: Iterable[tuple[Rows, Any, Any]]) -> list[str]:
    return [
        hashlib.sha256(vector_bytes(vectors) + flags.tobytes()).hexdigest()
        for _, vectors, flags in made
    ]


@pytest.mark.slow
def test_a_million_served_vectors_are_those_of_the_replay() -> None:
    assert list(served(parts(ROWS, SEED))) == hashes(replayed(parts(ROWS, SEED)))


@pytest.mark.slow
def test_the_oracle_judges_the_vectors_of_a_sample_of_keys_among_a_million() -> None:
    judged = judge(replayed(parts(ROWS, SEED)), PLAN, one_in=ONE_IN)
    print(
        f"{judged.vectors:,} vectors of {judged.keys:,} keys, {judged.values:,} values; of them "
        f"{judged.hot_vectors:,} of {judged.hot} hot keys"
    )
    assert judged.said[:20] == []
    # Of each transfer five keys may be in the sample: its parties' and its payee's key and person.
    assert judged.vectors > ROWS * TRANSFERS * 5 / ONE_IN * 0.8
    # Most of a million transfers are at some forty institutions.
    assert judged.hot > 0
    assert judged.hot_vectors >= HOT_VECTORS * judged.hot / 2
    assert judged.constant(PLAN) == []


@pytest.mark.slow
def test_every_feature_varies_over_a_tenth_of_the_stream() -> None:
    assert constant_over(parts(100_000, SEED)) == []


def test_sabotage_a_stream_of_transfers_and_reports_alone_is_noticed() -> None:
    moving = (RowKind.TRANSFER, RowKind.REPORT)
    bare = (rows[np.isin(rows["kind"], moving)] for rows in parts(10_000, SEED))
    assert "payer_day_limit_used_today" in constant_over(bare)


def constant_over(stream: Iterable[Rows]) -> list[str]:
    """The features of which no two values differ over a stream, null aside."""
    least, most = np.full(len(PLAN.names), np.inf), np.full(len(PLAN.names), -np.inf)
    for _, vectors, _ in replayed(stream):
        least = np.fmin(least, np.fmin.reduce(vectors))
        most = np.fmax(most, np.fmax.reduce(vectors))
    return [PLAN.names[place] for place in np.flatnonzero(~(least < most))]


def _cheaper(rows: Rows) -> None:
    rows["amount_centavos"] -= 1


def _a_second_later(rows: Rows) -> None:
    rows["occurred_at"] -= 1_000_000


def _somebody_else(rows: Rows) -> None:
    rows["payee_1"] += 1


def spoilt(change: Callable[[Rows], None]) -> Judged:
    """What the oracle says when one row in a hundred was another than the kernel folded."""
    oracle_sees = []
    for rows, vectors, flags in replayed(parts(20_000, 3)):
        others = rows.copy()
        some = others[::100].copy()
        change(some)
        others[::100] = some
        oracle_sees.append((others, vectors, flags))
    return judge(oracle_sees, PLAN, one_in=3)


@pytest.mark.slow
def test_the_sampled_oracle_agrees_and_can_disagree() -> None:
    judged = spoilt(lambda rows: None)
    assert judged.said == []
    assert judged.vectors > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("change", [_cheaper, _a_second_later, _somebody_else])
def test_sabotage_one_broken_row_in_a_hundred_is_noticed(change: Callable[[Rows], None]) -> None:
    assert spoilt(change).said != []


@pytest.mark.slow
@pytest.mark.parametrize("flag", [LATE, BEHIND])
def test_sabotage_a_flag_that_is_never_raised_is_noticed(flag: int) -> None:
    lowered = [
        (rows, vectors, flags & (7 - flag)) for rows, vectors, flags in replayed(parts(6_000, 3))
    ]
    assert judge(lowered, PLAN, one_in=3).said != []


@pytest.mark.slow
def test_sabotage_a_hot_key_of_which_one_row_in_ten_was_another_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampled, "EVENTS_MAX", 50)
    made = list(replayed(parts(10_000, 3)))
    whole = judge(made, PLAN, one_in=10)
    assert whole.hot > 0
    assert whole.said == []
    for rows, _, _ in made:
        rows["payer_ispb"][::10], rows["payee_ispb"][::10] = 1, 1
    assert any("institution" in each for each in judge(made, PLAN, one_in=10).said)


def test_sabotage_a_served_event_that_was_not_folded_is_noticed() -> None:
    whole = list(parts(10_000, 5))
    assert list(served(whole)) == hashes(replayed(whole))
    # An accepted report about the account that everybody pays.
    hot = (whole[0]["accepted"] == 1) & (whole[0]["payee_1"] == 1)
    lost = [np.delete(whole[0], np.flatnonzero(hot)[0])]
    assert list(served(lost)) != hashes(replayed(whole))
