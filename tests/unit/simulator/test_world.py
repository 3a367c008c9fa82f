from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from crivo.domain.identifiers import check_id_time, end_to_end_id_minute
from crivo.domain.instant import MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.options import NATURAL_PREVALENCE, SimulationOptions
from crivo.simulator.rhythm import HALF_HOURS, hours_of
from crivo.simulator.rows import INITIATIONS, NONE
from crivo.simulator.tables import REPORTS, TRANSFERS, TRUTH, Columns, tables
from crivo.simulator.world import simulate
from tests.unit.simulator.worlds import (
    SMALL,
    all_rows,
    medium_rows,
    medium_world,
    small_world,
)

pytestmark = pytest.mark.slow


def gathered(name: str) -> dict[str, np.ndarray]:
    pieces: list[Columns] = [columns for table, columns in tables(small_world()) if table == name]
    return {
        column.name: np.concatenate([piece[place].values for piece in pieces])
        for place, column in enumerate(pieces[0])
    }


def test_every_end_to_end_id_parses_is_unique_and_names_the_minute_and_the_payers_institution():
    transfers = gathered(TRANSFERS)
    ids = [value.decode() for value in transfers["end_to_end_id"].tolist()]
    assert len(set(ids)) == len(ids) == SMALL.transfers
    for own_id, occurred_at, ispb in zip(
        ids, transfers["occurred_at"].tolist(), transfers["payer_ispb"].tolist(), strict=True
    ):
        assert end_to_end_id_minute(own_id) == occurred_at // MINUTE * MINUTE
        assert own_id[1:9] == ispb.decode()
        check_id_time(own_id, occurred_at)


def test_transfers_are_in_time_order_and_within_the_days_of_the_world():
    world = small_world()
    occurred_at = gathered(TRANSFERS)["occurred_at"]
    assert (np.diff(occurred_at) >= 0).all()
    assert occurred_at[0] >= world.days[0].start
    assert occurred_at[-1] < world.days[-1].end
    assert world.days[0].start == 1_785_726_000_000_000  # 2026-08-03T03:00Z: midnight in Brasília


def test_the_world_holds_exactly_as_many_transfers_as_asked():
    assert len(medium_rows()) == medium_world().options.transfers
    for day, rows in small_world().rows():
        assert len(rows) == day.transfers


def test_a_world_holds_exactly_the_frauds_asked_for():
    for world in (small_world(), medium_world()):
        assert len(world.frauds) == world.options.frauds_wanted


def test_natural_prevalence_is_natural():
    options = SimulationOptions(days=30, scale=Decimal(6), prevalence=NATURAL_PREVALENCE)
    world = simulate(options)
    assert len(world.frauds) == 21


def test_a_world_without_fraud_has_none():
    world = simulate(SimulationOptions(days=2, scale=Decimal("0.3"), prevalence=Decimal(0)))
    rows = all_rows(world)
    assert len(rows) == 1000
    assert (rows["typology"] == NONE).all()
    assert [name for name, _ in tables(world)].count(REPORTS) == 1


def test_a_past_has_its_own_exact_counts_and_leaves_the_window_its_own():
    options = SimulationOptions(days=7, past_days=14, scale=Decimal("0.3"))
    world = simulate(options)
    in_past = all_rows(world)["occurred_at"] < world.window_start
    frauds = world.frauds["occurred_at"] < world.window_start
    assert (in_past.sum(), (~in_past).sum()) == (7000, 3500)
    assert (frauds.sum(), (~frauds).sum()) == (options.past_frauds, options.window_frauds)
    assert options.window_frauds == 17
    assert world.days[14].date == options.start
    assert [day.index for day in world.days] == list(range(21))
    campaigns = world.frauds["campaign"]
    assert set(campaigns[frauds].tolist()).isdisjoint(campaigns[~frauds].tolist())


def test_every_planned_fraud_happens_once():
    happened = medium_rows()[medium_rows()["typology"] != NONE]
    planned = medium_world().frauds
    assert np.array_equal(np.bincount(happened["campaign"]), np.bincount(planned["campaign"]))
    assert happened["amount_centavos"].sum() == planned["amount_centavos"].sum()


def test_each_typology_has_about_its_share():
    world = medium_world()
    whole = sum(one.share_per_mille for one in world.typologies if one.steals)
    counts = np.bincount(world.frauds["typology"], minlength=len(world.typologies))
    for typology, count in zip(world.typologies, counts.tolist(), strict=True):
        share = typology.share_per_mille / whole if typology.steals else 0
        assert abs(count - len(world.frauds) * share) <= 1


def test_hours_follow_the_official_curve():
    hours = hours_of(medium_rows()["occurred_at"])
    found = np.bincount(hours, minlength=24) / len(hours)
    expected = np.asarray(HALF_HOURS).reshape(24, 2).sum(axis=1) / sum(HALF_HOURS)
    assert np.abs(found - expected).max() < 0.006


def test_friday_is_the_busiest_day_and_sunday_the_quietest():
    totals = np.zeros(7)
    for day in medium_world().days:
        totals[day.date.weekday()] += day.transfers
    assert totals.argmax() == 4
    assert totals.argmin() == 6


def test_amounts_and_initiations_are_composed_as_the_rails_are():
    rows = medium_rows()
    assert 0.58 < (rows["amount_centavos"] < 100_00).mean() < 0.66
    shares = np.bincount(rows["initiation"], minlength=len(INITIATIONS)) / len(rows)
    expected = {
        Initiation.QRDN: 0.43,
        Initiation.DICT: 0.37,
        Initiation.MANU: 0.107,
        Initiation.QRES: 0.082,
    }
    for initiation, share in expected.items():
        assert abs(shares[INITIATIONS.index(initiation)] - share) < 0.03


def test_no_claim_comes_before_its_transfer_and_no_verdict_before_its_claim():
    rows = medium_rows()
    claimed = rows["contested_at"] != NONE
    assert (rows["contested_at"] > rows["occurred_at"])[claimed].all()
    assert (rows["settled_at"] > rows["contested_at"])[claimed].all()
    assert (claimed == (rows["settled_at"] != NONE)).all()
    assert not rows["accepted"][~claimed].any()


def test_labels_are_late_incomplete_and_sometimes_wrong():
    rows = medium_rows()
    fraud, accepted = rows["typology"] != NONE, rows["accepted"]
    delays = (rows["settled_at"] - rows["occurred_at"])[accepted]
    days = np.median(delays) / 86_400_000_000
    assert 2 < days < 10
    assert 0.4 < accepted[fraud].mean() < 0.8
    assert accepted[~fraud].any()


def test_the_reports_and_the_label_columns_say_the_same():
    transfers, reports, truth = gathered(TRANSFERS), gathered(REPORTS), gathered(TRUTH)
    accepted = reports["status"] == b"ACCEPTED"
    assert len(set(reports["report_id"].tolist())) == len(reports["report_id"])
    assert (np.diff(reports["known_at"]) >= 0).all()
    said = dict(
        zip(
            reports["end_to_end_id"][accepted].tolist(),
            reports["known_at"][accepted].tolist(),
            strict=True,
        )
    )
    reported = transfers["reported"]
    labels = zip(
        transfers["end_to_end_id"][reported].tolist(),
        transfers["reported_at"][reported].tolist(),
        strict=True,
    )
    assert said == dict(labels)
    assert transfers["end_to_end_id"].tolist() == truth["end_to_end_id"].tolist()
    assert truth["is_fraud"].sum() == len(small_world().frauds)


def test_a_transfer_typed_by_hand_has_no_key():
    for name, columns in tables(small_world()):
        if name == TRANSFERS:
            by_name = {column.name: column for column in columns}
            by_hand = by_name["initiation"].values == b"MANU"
            missing = by_name["payee_key"].missing
            assert missing is not None
            assert np.array_equal(by_hand, missing)


def test_nobody_pays_the_account_it_pays_from():
    assert (medium_rows()["payer"] != medium_rows()["payee"]).all()


def test_payees_follow_a_power_law_and_payers_have_habits():
    rows, size = medium_rows(), medium_world().town.census
    shops = rows["payee"] - size.first_business
    paid = np.bincount(shops[(shops >= 0) & (shops < size.businesses)])
    paid[::-1].sort()
    assert paid[: len(paid) // 10].sum() > 0.35 * paid.sum()
    pairs = rows["payer"] * 10**8 + rows["payee"]
    again = 1 - len(np.unique(pairs)) / len(pairs)
    assert 0.25 < again < 0.75


def test_walking_twice_gives_equal_rows_and_reports_progress():
    seen: list[tuple[int, int]] = []
    first = np.concatenate([rows for _, rows in small_world().rows(lambda *at: seen.append(at))])
    assert np.array_equal(first, all_rows(small_world()))
    assert len(seen) == SMALL.days
    assert seen[-1] == (SMALL.transfers, SMALL.transfers)


@pytest.mark.parametrize("days", [1, 3])
def test_the_smallest_worlds_are_whole(days: int):
    options = SimulationOptions(seed=3, days=days, scale=Decimal("0.3"))
    world = simulate(options)
    rows = all_rows(world)
    assert len(rows) == options.transfers
    assert len(world.frauds) >= 1
