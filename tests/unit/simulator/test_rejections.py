"""What was tried before a transfer and rejected: by honest people and by fraudsters alike."""

from __future__ import annotations

import numpy as np

from crivo.domain.instant import DAY, MINUTE
from crivo.simulator.draws import Draws
from crivo.simulator.events.rejections import (
    BY_HAND,
    BY_KEY,
    BY_MULES,
    BY_VICTIMS,
    MULES_REFUSED_PER_MILLE,
    REASONS,
    VICTIMS_REFUSED_PER_MILLE,
    tried_before,
)
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.rows import NONE, Rows
from tests.unit.simulator.event_worlds import (
    Cells,
    cells,
    dense_rows,
    dense_shifts,
    dense_world,
    missing,
    world_ids,
)


def persons() -> int:
    return dense_world().town.census.persons


def tries() -> tuple[Cells, np.ndarray]:
    """The attempts of all institutions, and which of them were rejected before a transfer."""
    attempts = cells("transfers", Viewpoint.PAYEE_PSP)
    return attempts, ~np.isin(attempts["end_to_end_id"], world_ids())


def drawn() -> tuple[Rows, Rows, np.ndarray]:
    """The dense world's transfers, and what is tried before them, with the reasons."""
    parts = [
        tried_before(Draws(5, "tried", day.index), day, rows, persons())
        for day, rows in zip(dense_shifts(), dense_rows(), strict=True)
    ]
    tried, reasons = (np.concatenate(column) for column in zip(*parts, strict=True))
    return np.concatenate(dense_rows()), tried, reasons


def test_each_list_of_weights_names_every_reason():
    assert {len(BY_KEY), len(BY_HAND), len(BY_VICTIMS), len(BY_MULES)} == {len(REASONS)}


def test_what_was_tried_is_rejected_and_the_same_payee_is_paid_minutes_later():
    attempts, tried = tries()
    ends, null = cells("settlements"), missing("settlements")
    of = np.isin(ends["end_to_end_id"], attempts["end_to_end_id"][tried])
    assert of.sum() == tried.sum() > 0
    assert set(ends["status"][of].tolist()) == {b"REJECTED"}
    assert not null["rejection"][of].any()
    paid: dict[bytes, list[tuple[int, bytes]]] = {}
    columns = [attempts[name] for name in ("payee_account", "occurred_at", "payer_account")]
    for payee, at, payer in zip(*(column[~tried].tolist() for column in columns), strict=True):
        paid.setdefault(payee, []).append((at, payer))
    same = 0
    for payee, at, payer in zip(*(column[tried].tolist() for column in columns), strict=True):
        soon = {one for later, one in paid[payee] if 0 < later - at <= 4 * MINUTE}
        assert soon
        same += payer in soon
    # Only victims give up and leave it to another one.
    assert 0.6 * tried.sum() < same < tried.sum()


def test_nothing_comes_of_what_was_tried():
    attempts, tried = tries()
    ids = set(attempts["end_to_end_id"][tried].tolist())
    for kind in ("reports", "infractions", "blocks"):
        assert ids.isdisjoint(cells(kind, Viewpoint.PAYEE_PSP)["end_to_end_id"].tolist())


def test_frauds_are_refused_more_often_and_most_who_are_refused_are_honest_all_the_same():
    rows, tried, _ = drawn()
    for hops, per_mille in (
        (rows["hop"] == 1, VICTIMS_REFUSED_PER_MILLE),
        (rows["hop"] > 1, MULES_REFUSED_PER_MILLE),
    ):
        before = np.isin(tried["hop"], np.unique(rows["hop"][hops])).sum() * 1000 / hops.sum()
        assert per_mille / 2 < before < per_mille * 2
    honest = (tried["typology"] == NONE).mean()
    # One in thirty transfers of the dense world is a fraud; elsewhere one in two hundred or fewer.
    assert 0.4 < honest < 0.95


def test_above_a_limit_more_was_asked_for_and_else_the_same():
    rows, tried, reasons = drawn()
    of_payee: dict[int, set[int]] = {}
    for payee, amount in zip(rows["payee"].tolist(), rows["amount_centavos"].tolist(), strict=True):
        of_payee.setdefault(payee, set()).add(amount)
    limit = reasons == REASONS.index("AM02")
    assert limit.any()
    for row, is_above in zip(tried, limit.tolist(), strict=True):
        paid, amount = of_payee[int(row["payee"])], int(row["amount_centavos"])
        assert (amount > min(paid)) if is_above else (amount in paid)


def test_some_victims_give_up_and_honest_payers_and_mules_try_again():
    rows, tried, _ = drawn()
    pairs = set(zip(rows["payer"].tolist(), rows["payee"].tolist(), strict=True))
    again = np.asarray(
        [
            pair in pairs
            for pair in zip(tried["payer"].tolist(), tried["payee"].tolist(), strict=True)
        ]
    )
    robbed = tried["hop"] == 1
    assert again[~robbed].all()
    assert 0.4 < again[robbed].mean() < 0.8


def test_nobody_tries_before_the_day_began():
    for day, rows in zip(dense_shifts(), dense_rows(), strict=True):
        tried, _ = tried_before(Draws(1, "tried", day.index), day, rows, persons())
        assert (tried["occurred_at"] >= day.start).all()
        assert (tried["occurred_at"] < day.start + DAY).all()
