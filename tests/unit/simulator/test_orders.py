"""Orders that were never sent: taken back by the payer, or refused by its own institution."""

from __future__ import annotations

from collections import Counter

import numpy as np

from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.facts import FactKind
from tests.unit.simulator.event_worlds import Cells, cells, dense_world, missing, world_ids


def unsent() -> tuple[Cells, np.ndarray]:
    """Attempts as the payer's institution sees them, and which of them nobody else sees."""
    attempts = cells("transfers")
    sent = cells("transfers", Viewpoint.PAYEE_PSP)["end_to_end_id"]
    return attempts, ~np.isin(attempts["end_to_end_id"], sent)


def count_of(kind: FactKind) -> int:
    return int((dense_world().facts["kind"] == kind).sum())


def ends_of_unsent() -> list[tuple[bytes, bytes, int]]:
    """Status, code and the time it took of each end of such an attempt."""
    attempts, mine = unsent()
    ends, null = cells("settlements"), missing("settlements")
    of = np.isin(ends["end_to_end_id"], attempts["end_to_end_id"][mine])
    took = (ends["occurred_at"] - ends["transfer_occurred_at"])[of].tolist()
    codes = np.where(null["rejection"], b"", ends["rejection"])[of].tolist()
    return list(zip(ends["status"][of].tolist(), codes, took, strict=True))


def test_each_scheduled_or_refused_order_of_a_campaign_is_an_attempt_that_was_never_sent():
    _, mine = unsent()
    scheduled, refused = count_of(FactKind.SCHEDULED), count_of(FactKind.LIMIT_REFUSED)
    assert scheduled > 0
    assert refused > 0
    assert mine.sum() == scheduled + refused
    ends = Counter((status, code) for status, code, _ in ends_of_unsent())
    assert ends == {(b"CANCELLED", b""): scheduled, (b"REJECTED", b"AM02"): refused}


def test_an_order_is_scheduled_and_taken_back_when_its_campaign_says_so():
    attempts, mine = unsent()
    levels = attempts["service_level"][mine]
    assert (levels == b"PAGAGD").sum() == count_of(FactKind.SCHEDULED)
    facts = dense_world().facts
    told = facts["occurred_at"][facts["kind"] == FactKind.SCHEDULE_CANCELLED]
    ends = cells("settlements")
    of = np.isin(ends["end_to_end_id"], attempts["end_to_end_id"][mine])
    back = ends["occurred_at"][of & (ends["status"] == b"CANCELLED")]
    assert set(told.tolist()) <= set(back.tolist())


def test_neither_payee_nor_rail_hears_of_an_order_that_was_never_sent():
    attempts, mine = unsent()
    hidden = set(attempts["end_to_end_id"][mine].tolist())
    for viewpoint in (Viewpoint.PAYEE_PSP, Viewpoint.RAIL):
        for kind in ("transfers", "settlements"):
            assert hidden.isdisjoint(cells(kind, viewpoint)["end_to_end_id"].tolist())


def test_the_transfers_have_the_ids_of_the_other_tables():
    ids = cells("transfers", Viewpoint.PAYEE_PSP)["end_to_end_id"]
    assert np.array_equal(ids[np.isin(ids, world_ids())], world_ids())
