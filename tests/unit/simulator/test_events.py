"""What single streams say: settlements, directory, devices, limits, balances, authorisations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR
from crivo.domain.tax_id import parse_cnpj, parse_cpf
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws
from crivo.simulator.events.directory import EVERY
from crivo.simulator.events.registry import UNREGISTERED_MAX_CENTAVOS
from crivo.simulator.events.sessions import SESSION_GAP, sessions_of
from crivo.simulator.events.sorted_pairs import SortedPairs, firsts, paired
from crivo.simulator.events.tally import Tally
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.rows import INITIATIONS, NONE
from tests.unit.simulator.event_worlds import (
    cells,
    dense_rows,
    dense_shifts,
    dense_world,
    missing,
    world_ids,
)

#: What many entries lack.
NOT_ALWAYS = ("dict_trade_name", "dict_claim_opened_at")


def test_the_transfers_are_those_of_the_world():
    """Beside them are only attempts that came to nothing."""
    transfers = cells("transfers")
    mine = np.isin(transfers["end_to_end_id"], world_ids())
    rows = np.concatenate(dense_rows())
    assert np.array_equal(transfers["occurred_at"][mine], rows["occurred_at"])
    assert np.array_equal(transfers["amount_centavos"][mine], rows["amount_centavos"])


def test_the_rail_hears_of_no_authorisation_inside_one_institution():
    asked, heard = cells("authorisations"), cells("authorisations", Viewpoint.RAIL)
    inside = asked["is_same_psp"].astype(bool)
    assert inside.any()
    expected = np.unique(asked["authorisation_id"][~inside])
    assert np.array_equal(np.unique(heard["authorisation_id"]), expected)


def test_every_attempt_ends_once_and_returns_follow_settlements():
    settlements, attempts = cells("settlements"), cells("transfers")
    status, ids = settlements["status"], settlements["end_to_end_id"]
    ends = status != b"RETURNED"
    assert sorted(ids[ends].tolist()) == sorted(attempts["end_to_end_id"].tolist())
    settled = dict(
        zip(
            ids[status == b"SETTLED"].tolist(),
            settlements["amount_centavos"][status == b"SETTLED"].tolist(),
            strict=True,
        )
    )
    returned = Counter(ids[~ends].tolist())
    assert returned
    assert set(returned.values()) == {1}
    for each, amount in zip(
        ids[~ends].tolist(), settlements["returned_centavos"][~ends].tolist(), strict=True
    ):
        assert 0 < amount <= settled[each]


def test_only_rejections_and_returns_have_reasons_and_only_returns_an_id():
    settlements, null = cells("settlements"), missing("settlements")
    status = settlements["status"]
    assert np.array_equal(~null["rejection"], status == b"REJECTED")
    for name in ("return_id", "return_reason", "returned_centavos"):
        assert np.array_equal(~null[name], status == b"RETURNED")
    for name in settlements["return_id"][status == b"RETURNED"].tolist():
        assert name[:1] == b"D"
        end_to_end_id_minute("E" + name[1:].decode())


def test_typed_payments_fail_more_often_and_contested_ones_never():
    settlements, transfers = cells("settlements"), cells("transfers")
    rejected = set(settlements["end_to_end_id"][settlements["status"] == b"REJECTED"].tolist())
    failed = np.asarray([each in rejected for each in transfers["end_to_end_id"].tolist()])
    by_hand = transfers["initiation"] == b"MANU"
    assert 0.06 < failed[by_hand].mean() < 0.13
    assert failed[~by_hand].mean() < 0.01
    assert rejected.isdisjoint(cells("reports")["end_to_end_id"].tolist())


def test_the_directory_says_nothing_about_typed_payments_and_inside_one_institution():
    transfers, null = cells("transfers"), missing("transfers")
    unasked = (transfers["initiation"] == b"MANU") | transfers["is_same_psp"]
    fields = [name for name in transfers if name.startswith("dict_")]
    assert len(fields) > 15
    for name in fields:
        assert null[name][unasked].all()
        assert name in NOT_ALWAYS or not null[name][~unasked].any()


@pytest.mark.parametrize("block", ["settlements", "markers", "reports"])
def test_statistics_are_at_most_twelve_hours_old_and_never_newer_than_the_question(block: str):
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    watermark = asked[f"dict_{block}_watermark"]
    some = ~null[f"dict_{block}_watermark"] & (watermark != 0)
    age = asked["occurred_at"][some] - watermark[some]
    assert some.any()
    assert age.min() >= 0
    assert age.max() < EVERY


def test_no_data_has_the_watermark_1970_and_no_counts():
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    nothing = ~null["dict_markers_watermark"] & (asked["dict_markers_watermark"] == 0)
    assert nothing.any()
    for name in ("dict_mule_accounts_m60", "dict_fraud_reais_d90", "dict_fraud_reporters_m12"):
        assert (asked[name][nothing] == 0).all()


def _slow_count(events: dict[str, np.ndarray], account: bytes, until: int) -> int:
    first = ((until - 1 + BRASILIA_OFFSET) // DAY - 89) * DAY - BRASILIA_OFFSET
    mine = (events["payee_account"] == account) & (events["occurred_at"] < until)
    return int((mine & (events["occurred_at"] >= first)).sum())


def test_counts_of_settlements_are_those_of_a_slow_count():
    transfers, null = cells("transfers"), missing("transfers")
    settlements = cells("settlements")
    settled = {
        name: values[settlements["status"] == b"SETTLED"] for name, values in settlements.items()
    }
    start = dense_world().days[0].start
    # Accounts that opened during the world have no past that a count would have to know.
    young = ~null["dict_account_opened_at"] & (transfers["dict_account_opened_at"] >= start)
    known = young & (transfers["dict_settlements_watermark"] != 0)
    places = np.flatnonzero(known)
    assert len(places) > 50
    for place in places[:200].tolist():
        expected = _slow_count(
            settled,
            transfers["payee_account"][place],
            int(transfers["dict_settlements_watermark"][place]),
        )
        assert transfers["dict_key_settlements_d90"][place] == expected


def test_open_reports_are_those_of_a_slow_count():
    transfers, null = cells("transfers"), missing("transfers")
    reports = cells("reports")
    claimed = reports["status"] == b"CLAIMED"
    places = np.flatnonzero(~null["dict_open_reports"] & (transfers["dict_open_reports"] > 0))
    assert len(places) > 20
    persons = dict(
        zip(transfers["payee_account"].tolist(), transfers["payee_person"].tolist(), strict=True)
    )
    subject = np.asarray([persons[each] for each in reports["payee_account"].tolist()])
    for place in places[:200].tolist():
        until = transfers["dict_reports_watermark"][place]
        mine = (subject == transfers["payee_person"][place]) & (reports["occurred_at"] < until)
        found = int((mine & claimed).sum()) - int((mine & ~claimed).sum())
        assert transfers["dict_open_reports"][place] == found


def test_a_device_that_is_not_registered_pays_small_sums_only():
    transfers, null = cells("transfers"), missing("transfers")
    unregistered = ~null["device"] & ~transfers["is_device_registered"]
    assert (transfers["amount_centavos"][unregistered] <= UNREGISTERED_MAX_CENTAVOS).all()
    registered = ~null["device_registered_at"]
    assert (
        transfers["device_registered_at"][registered] <= transfers["occurred_at"][registered]
    ).all()


def test_a_registration_is_an_event_and_the_transfers_say_the_same():
    transfers, null = cells("transfers"), missing("transfers")
    made = cells("devices")
    registered = made["status"] == b"REGISTERED"
    accounts, devices, at = (
        made[name][registered].tolist() for name in ("account", "device", "occurred_at")
    )
    known = dict(zip(zip(accounts, devices, strict=True), at, strict=True))
    assert len(known) == registered.sum() > 0
    pairs = zip(transfers["payer_account"].tolist(), transfers["device"].tolist(), strict=True)
    for place, pair in enumerate(pairs):
        if pair in known and not null["device_registered_at"][place]:
            assert transfers["device_registered_at"][place] == known[pair]


def test_a_device_moves_by_steps_that_the_log_knows_and_every_one_of_them_happens():
    made, null = cells("devices"), missing("devices")
    stands: dict[tuple[bytes, bytes], bytes] = {}
    for place in range(len(made["status"])):
        pair = (made["account"][place], made["device"][place])
        status, before = made["status"][place], made["previous"][place]
        if null["previous"][place]:
            assert pair not in stands
        elif pair in stands:
            assert stands[pair] == before
        else:
            # Registered before the world began.
            assert before == b"REGISTERED"
        stands[pair] = status
    assert set(made["status"].tolist()) == {b"SEEN", b"REGISTERED", b"BLOCKED", b"REMOVED"}


def test_only_a_device_that_is_registered_has_a_second_factor():
    made, null = cells("devices"), missing("devices")
    assert np.array_equal(~null["second_factor"], made["status"] == b"REGISTERED")


def test_a_raise_waits_a_day_or_two_and_a_cut_does_not():
    limits = cells("limits")
    delay = limits["effective_at"] - limits["occurred_at"]
    raised = limits["after_centavos"] > limits["before_centavos"]
    assert raised.any()
    assert (~raised).any()
    assert delay[raised].min() >= 24 * HOUR
    assert delay[raised].max() <= 48 * HOUR
    assert (delay[~raised] == 0).all()


def test_the_limit_before_is_the_one_that_was_asked_for_last():
    limits = cells("limits")
    last: dict[tuple[bytes, bytes], int] = {}
    for account, period, before, after in zip(
        *(limits[name].tolist() for name in ("account", "kind", "before_centavos")),
        limits["after_centavos"].tolist(),
        strict=True,
    ):
        assert last.get((account, period), before) == before
        last[account, period] = after


def test_a_payer_had_what_it_paid():
    transfers, settlements = cells("transfers"), cells("settlements")
    settled = set(settlements["end_to_end_id"][settlements["status"] == b"SETTLED"].tolist())
    paid = np.asarray([each in settled for each in transfers["end_to_end_id"].tolist()])
    assert (transfers["payer_balance_centavos"] >= 0).all()
    enough = transfers["payer_balance_centavos"] >= transfers["amount_centavos"]
    assert enough[paid].all()


@pytest.mark.slow
def test_money_that_came_is_there_when_it_goes_on():
    transfers, rows = cells("transfers"), np.concatenate(dense_rows())
    mine = np.isin(transfers["end_to_end_id"], world_ids())
    passed_on = rows["hop"] > 1
    assert passed_on.any()
    assert (transfers["payer_balance_centavos"][mine][passed_on] > 0).all()


def test_a_login_precedes_every_payment_from_a_device():
    transfers, null, logins = cells("transfers"), missing("transfers"), cells("logins")
    good = (logins["action"] == b"LOGIN") & (logins["result"] == b"SUCCEEDED")
    by_device: dict[tuple[bytes, bytes], list[int]] = {}
    for account, device, at in zip(
        logins["account"][good].tolist(),
        logins["device"][good].tolist(),
        logins["occurred_at"][good].tolist(),
        strict=True,
    ):
        by_device.setdefault((account, device), []).append(at)
    in_app = ~null["device"] & (transfers["initiation"] != b"AUTO")
    for place in np.flatnonzero(in_app)[::7].tolist():
        session = (transfers["payer_account"][place], transfers["device"][place])
        at = np.asarray(by_device[session])
        assert (at <= transfers["occurred_at"][place]).any()
    assert 0.01 < (logins["result"] == b"FAILED").mean() < 0.08


def test_a_signal_that_is_not_collected_is_null_and_not_false():
    transfers, null = cells("transfers"), missing("transfers")
    name = "is_call_in_progress"
    assert null[name][null["device"]].all()
    collected = ~null[name]
    assert 0.5 < collected.mean() < 0.9
    assert not transfers[name][collected].all()


def test_dynamic_codes_have_ids_static_ones_may_and_other_payments_have_none():
    transfers, null = cells("transfers"), missing("transfers")
    static = np.isin(transfers["initiation"], [b"QRES", b"APES"])
    dynamic = np.isin(transfers["initiation"], [b"QRDN", b"APDN"])
    assert not null["txid"][dynamic].any()
    assert 0.4 < null["txid"][static].mean() < 0.8
    assert null["txid"][~static & ~dynamic].all()
    assert set(np.char.str_len(transfers["txid"][dynamic]).tolist()) == {32}
    assert set(np.char.str_len(transfers["txid"][static & ~null["txid"]]).tolist()) == {25}


def test_a_tally_forgets_what_is_older_than_its_span():
    tally, every = Tally(4, 3), np.arange(4)
    tally.add(1, np.asarray([0, 0, 2]))
    tally.add(2, np.asarray([2]), np.asarray([5]))
    tally.forget(3)
    assert tally.of(every).tolist() == [2, 0, 6, 0]
    tally.forget(4)
    assert tally.of(every).tolist() == [0, 0, 5, 0]
    tally.forget(9)
    assert tally.of(every).tolist() == [0, 0, 0, 0]


def test_pairs_are_remembered_with_their_instants():
    known = SortedPairs()
    pairs = paired(np.asarray([3, 1, 3]), np.asarray([7, 9, 2]))
    found, _ = known.look_up(pairs)
    assert not found.any()
    known.add(pairs, np.asarray([10, 20, 30]))
    found, at = known.look_up(paired(np.asarray([3, 3, 1, 2]), np.asarray([2, 7, 9, 9])))
    assert found.tolist() == [True, True, True, False]
    assert at.tolist() == [30, 10, 20, 0]
    assert firsts(np.asarray([5, 3, 5, 3, 9])).tolist() == [1, 0, 4]


def test_a_session_serves_payments_until_a_pause():
    transfers = dense_rows()[0]
    day = dense_shifts()[0]
    sessions = sessions_of(Draws(1, "sessions"), transfers, day.start)
    starts = set(sessions.first.tolist())
    last: dict[tuple[int, int], int] = {}
    automatic = INITIATIONS.index(Initiation.AUTO)
    for place, row in enumerate(transfers.tolist()):
        at, _, payer, _, device, initiation = row[:6]
        if device == NONE or initiation == automatic:
            continue
        fresh = at - last.get((payer, device), -DAY) > SESSION_GAP
        assert (place in starts) == fresh
        session = sessions.of[place]
        assert sessions.first[session] <= place
        assert day.start <= sessions.began_at[session] <= at
        last[payer, device] = at


def test_identities_are_valid_and_the_payees_name_comes_from_the_directory():
    transfers, null = cells("transfers"), missing("transfers")
    for side in ("payer", "payee"):
        numbers = set(transfers[f"{side}_tax_id"].tolist())
        for number in (each.decode() for each in numbers):
            assert number == (parse_cpf(number) if len(number) == 11 else parse_cnpj(number))
        is_company = np.char.str_len(transfers[f"{side}_tax_id"]) == 14
        assert 0.02 < is_company.mean() < 0.9
    assert np.array_equal(null["dict_owner_name"], null["dict_account_opened_at"])
    names = transfers["dict_owner_name"][~null["dict_owner_name"]]
    assert (np.char.str_len(names) > 5).all()
