"""Bounds of the simulated rail and of its fraudsters, each said once more, as its source has it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from crivo.domain.instant import HOUR, MINUTE
from crivo.simulator import laundering
from crivo.simulator.events import tracing
from crivo.simulator.events.tracing import Trails
from crivo.simulator.roles import Role
from crivo.simulator.rows import ROW, Rows
from crivo.simulator.world import simulate
from tests.unit.simulator.event_worlds import cells, missing
from tests.unit.simulator.worlds import SMALL

#: From R$ 200 the directory follows payments, two hops far, and finds five at most.
FOLLOWED_FROM_CENTAVOS = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("counter", ["settlements", "markers", "reports"])
def test_statistics_of_the_directory_are_made_every_twelve_hours(counter: str):
    name = f"dict_{counter}_watermark"
    made = np.unique(cells("dict_look_ups")[name][~missing("dict_look_ups")[name]])
    # Before the first claim the watermark of markers and of reports is the beginning of time.
    spans = np.diff(made[made > 0])
    assert len(spans) > 10
    assert spans.min() == 12 * HOUR
    assert (spans % (12 * HOUR) == 0).all()


def passed_on(*payments: tuple[int, int, int]) -> Rows:
    """Rows of one campaign, a minute apart: who pays whom how many centavos."""
    rows = np.zeros(len(payments), ROW)
    rows["campaign"], rows["hop"] = 3, 2
    rows["occurred_at"] = HOUR + MINUTE * np.arange(len(payments))
    rows["payer"], rows["payee"], rows["amount_centavos"] = zip(*payments, strict=True)
    return rows


def found(rows: Rows, *, until: int = 9 * HOUR) -> int:
    contested = passed_on((1, 2, 50_000))
    contested["occurred_at"] = 0
    return int(Trails(rows).found(contested, np.asarray([until]))[0])


CHAIN = ((2, 3, 40_000), (3, 4, 40_000), (4, 5, 40_000), (5, 6, 40_000), (6, 7, 40_000))


def test_money_is_followed_two_hops_far():
    assert [found(passed_on(*CHAIN[:length])) for length in range(1, 6)] == [1, 2, 2, 2, 2]


def test_sabotage_money_followed_five_hops_far_is_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tracing, "_HOPS", 5)
    assert found(passed_on(*CHAIN)) == 5


def test_of_what_leaves_an_account_five_payments_are_found():
    assert found(passed_on(*((2, payee, 40_000) for payee in range(10, 17)))) == 5


def test_money_is_followed_from_two_hundred_reais_and_until_the_instant():
    least = FOLLOWED_FROM_CENTAVOS
    assert found(passed_on((2, 3, least - 1), (2, 4, least))) == 1
    assert found(passed_on((2, 3, least), (2, 4, least)), until=HOUR + MINUTE) == 1


def of_evasive_networks(monkeypatch: pytest.MonkeyPatch) -> Rows:
    """What mules pass on where every network evades tracing."""
    monkeypatch.setattr(laundering, "_EVASIVE_PER_MILLE", 1_000)
    world = simulate(replace(SMALL, prevalence=Decimal("0.03")), look_alikes=())
    network = [typology.code for typology in world.typologies].index("T14")
    of_network = world.frauds[world.frauds["typology"] == network]
    return of_network[of_network["role"] == Role.MULE]


def test_a_network_that_evades_tracing_passes_on_less_than_is_traced(
    monkeypatch: pytest.MonkeyPatch,
):
    rows = of_evasive_networks(monkeypatch)
    assert len(rows) > 20
    assert rows["amount_centavos"].max() < FOLLOWED_FROM_CENTAVOS


def test_sabotage_parts_of_up_to_399_reais_are_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(laundering, "_EVASIVE_PART", (12_000, 39_900))
    rows = of_evasive_networks(monkeypatch)
    assert rows["amount_centavos"].max() >= FOLLOWED_FROM_CENTAVOS


def watched_and_left() -> tuple[dict[bytes, int], dict[bytes, int]]:
    """When each payee's entry in the watch list was made, and when it was removed, by entry id."""
    entries = cells("lists")
    of_payees = (entries["list"] == b"WATCH") & (entries["side"] == b"PAYEE")
    parts = []
    for action in (b"ADDED", b"REMOVED"):
        which = of_payees & (entries["action"] == action)
        ids, at = entries["entry_id"][which].tolist(), entries["occurred_at"][which].tolist()
        parts.append(dict(zip(ids, at, strict=True)))
    return parts[0], parts[1]


def test_whoever_is_watched_leaves_the_list_once_the_claim_is_settled():
    added, removed = watched_and_left()
    assert len(added) > 50
    assert added.keys() == removed.keys()
    assert all(added[entry] < removed[entry] for entry in added)
