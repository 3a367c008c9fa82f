"""Transfers, reports and the clock refuse what cannot be."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from crivo.domain.clock import CLOCK_AHEAD_MAX, ClockKind, LogClock
from crivo.domain.errors import Code, CrivoError, Refused, invalid
from crivo.domain.event import make_event_id, transfer_event_id
from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import parse_rfc3339
from crivo.domain.report import Report, ReportStatus
from crivo.domain.transfer import Purpose, Transfer, check_two_accounts

NOON = parse_rfc3339("2026-11-23T12:00:00Z")
TRANSFER = Transfer(
    end_to_end_id=derived_end_to_end_id(NOON, "test", "1"),
    occurred_at=NOON,
    amount_centavos=1_990,
    payer_account_id=b"p" * 16,
    payee_account_id=b"q" * 16,
)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount_centavos": 0}, Code.AMOUNT_RANGE),
        ({"occurred_at": 0}, Code.TIME_RANGE),
        ({"end_to_end_id": "E1"}, Code.ID_INVALID),
        ({"payer_account_id": None}, Code.FIELD_MISSING),
        ({"payee_account_id": None}, Code.FIELD_MISSING),
        ({"payer_ispb": "1234567"}, Code.ID_INVALID),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(change: dict[str, object], code: Code) -> None:
    with pytest.raises(Refused) as caught:
        replace(TRANSFER, **change)  # type: ignore[arg-type]
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"end_to_end_id": None}, Code.FIELD_MISSING),
        ({"end_to_end_id": b"E" * 32}, Code.FIELD_TYPE),
        ({"occurred_at": 0.5}, Code.FIELD_TYPE),
        ({"occurred_at": float(NOON)}, Code.FIELD_TYPE),
        ({"amount_centavos": True}, Code.AMOUNT_INVALID),
        ({"payer_account_id": b"x"}, Code.ID_INVALID),
        ({"payer_account_id": b""}, Code.ID_INVALID),
        ({"payer_account_id": "x" * 16}, Code.FIELD_TYPE),
        ({"payee_account_id": bytearray(16)}, Code.FIELD_TYPE),
        ({"payer_person_id": b"x" * 17}, Code.ID_INVALID),
        ({"payee_person_id": 7}, Code.FIELD_TYPE),
        ({"payee_key_id": b"k"}, Code.ID_INVALID),
        ({"device_id": 7}, Code.FIELD_TYPE),
        ({"payer_ispb": 38_166}, Code.FIELD_TYPE),
        ({"payee_ispb": b"00038166"}, Code.FIELD_TYPE),
        ({"initiation": "DICT"}, Code.FIELD_TYPE),
        ({"initiation": Purpose.IPAY}, Code.FIELD_TYPE),
        ({"purpose": 3}, Code.FIELD_TYPE),
        ({"service_level": "ZZZ"}, Code.FIELD_TYPE),
        ({"txid": 1}, Code.FIELD_TYPE),
        ({"initiator_ispb": False}, Code.FIELD_TYPE),
        ({"payer_segment": "MEI"}, Code.FIELD_TYPE),
    ],
)
def test_a_transfer_refuses_a_field_of_another_type_or_length_and_names_it(
    change: dict[str, object], code: Code
) -> None:
    with pytest.raises(Refused) as caught:
        replace(TRANSFER, **change)  # type: ignore[arg-type]
    assert caught.value.code is code
    assert caught.value.context["field"] == next(iter(change))


def test_every_field_of_a_transfer_refuses_another_type() -> None:
    """Found by reflection, so that a field that is appended is checked too."""
    for each in fields(Transfer):
        with pytest.raises(Refused) as caught:
            replace(TRANSFER, **{each.name: object()})
        assert caught.value.context["field"] == each.name


def test_a_payee_is_its_account_else_person_else_key() -> None:
    person = replace(TRANSFER, payee_account_id=None, payee_person_id=b"r" * 16)
    key = replace(TRANSFER, payee_account_id=None, payee_key_id=b"k" * 16)
    assert (TRANSFER.payee_id, person.payee_id, key.payee_id) == (b"q" * 16, b"r" * 16, b"k" * 16)


def test_an_event_id_depends_on_each_of_its_parts() -> None:
    ids = {make_event_id(*parts) for parts in (("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""))}
    assert len(ids) == 3
    assert transfer_event_id("x") == make_event_id("transfer", "pix", "x")


def test_a_report_names_a_valid_transfer() -> None:
    with pytest.raises(Refused) as caught:
        Report("r1", ReportStatus.ACCEPTED, "E1", b"p" * 16, b"q" * 16, 100, NOON)
    assert caught.value.code is Code.ID_INVALID


def test_a_wall_clock_ignores_what_the_sender_supplies() -> None:
    clock = LogClock(ClockKind.WALL, wall=lambda: NOON)
    assert clock.stamp(occurred_at=NOON - 5, supplied=NOON - 3) == NOON


def test_a_replay_clock_takes_the_senders_time_and_never_goes_back() -> None:
    clock = LogClock(ClockKind.REPLAY, wall=lambda: 0)
    assert clock.stamp(occurred_at=NOON, supplied=None) == NOON
    assert clock.stamp(occurred_at=NOON - 9, supplied=NOON - 7) == NOON - 7
    assert clock.now() == NOON


def test_an_event_from_the_future_is_refused_as_clock_ahead() -> None:
    clock = LogClock(ClockKind.WALL, wall=lambda: NOON)
    assert clock.stamp(occurred_at=NOON + CLOCK_AHEAD_MAX, supplied=None) == NOON
    with pytest.raises(Refused) as caught:
        clock.stamp(occurred_at=NOON + CLOCK_AHEAD_MAX + 1, supplied=None)
    assert caught.value.code is Code.CLOCK_AHEAD


def test_an_error_says_field_expected_found_and_hint() -> None:
    error: CrivoError = invalid(
        Code.FIELD_VALUE, field="phase", expected="initiation", found="x" * 500, hint="Omit it."
    )
    assert "phase" in str(error) and "initiation" in str(error) and "Omit it." in str(error)
    assert len(str(error.context["found"])) <= 80


SAME = {"payee_account_id": TRANSFER.payer_account_id}
ONE, OTHER = "12345678", "87654321"


@pytest.mark.parametrize(
    ("change", "pays_itself"),
    [
        ({}, False),
        (SAME, True),
        ({**SAME, "payer_ispb": ONE}, True),
        ({**SAME, "payee_ispb": ONE}, True),
        ({**SAME, "payer_ispb": ONE, "payee_ispb": ONE}, True),
        # One number of two banks, and one person's own accounts.
        ({**SAME, "payer_ispb": ONE, "payee_ispb": OTHER}, False),
        ({"payer_person_id": b"n" * 16, "payee_person_id": b"n" * 16}, False),
        ({"payer_account_id": None, "payer_person_id": b"q" * 16}, False),
    ],
)
def test_one_account_of_one_institution_pays_itself(change, pays_itself) -> None:
    made = replace(TRANSFER, **change)
    assert made.pays_itself == pays_itself
    if not pays_itself:
        check_two_accounts(made)
        return
    with pytest.raises(Refused) as caught:
        check_two_accounts(made)
    assert caught.value.code is Code.PAYEE_IS_PAYER
    assert caught.value.context["field"] == "payee_account_id"
