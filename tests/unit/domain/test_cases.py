"""Values of the rail: facts that do not fit together are refused, cases move by their steps."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

import pytest

import crivo.decision
import crivo.domain
from crivo.decision.alert import AlertStatus
from crivo.domain import (
    claim,
    dict_statistics,
    enrolment,
    fraud_marker,
    funds_recovery,
    infraction,
    precautionary_block,
    refund,
    settlement,
)
from crivo.domain.authorisation import AuthorisationStatus
from crivo.domain.dict_statistics import Entries, Windows
from crivo.domain.errors import Code, Refused, shown
from crivo.domain.instant import DAY
from crivo.domain.limit_change import LimitKind
from crivo.domain.pix_key import KeyType
from crivo.domain.steps import Steps
from tests.unit.domain.examples import DEVICE, ID, NOON, PERSON, RETURN_ID, VALUES, WINDOWS


def modules():
    for package in (crivo.domain, crivo.decision):
        for found in pkgutil.iter_modules(package.__path__):
            if not found.ispkg:
                yield importlib.import_module(f"{package.__name__}.{found.name}")


MACHINES = [
    module.STEPS for module in modules() if isinstance(getattr(module, "STEPS", None), Steps)
]


def machine_name(machine):
    return type(next(iter(machine.follows[None]))).__name__


def example(schema, place=0):
    """The n-th example of a schema's class, by the class's name."""
    return [value for value in VALUES if type(value).__name__ == schema][place]


def refused_field(value, **changes):
    with pytest.raises(Refused) as caught:
        replace(value, **changes)
    assert caught.value.context["expected"]
    return caught.value.context["field"]


@pytest.mark.parametrize(
    ("schema", "place", "changes", "field"),
    [
        ("Settlement", 0, {"rejection": settlement.Rejection.AM04}, "rejection"),
        ("Settlement", 2, {"rejection": None}, "rejection"),
        ("Settlement", 3, {"return_id": None}, "return_id"),
        ("Settlement", 0, {"return_id": RETURN_ID}, "return_id"),
        ("Settlement", 3, {"return_id": ID}, "return_id"),
        ("Settlement", 3, {"returned_centavos": 100_001}, "returned_centavos"),
        ("Settlement", 0, {"message_id": ID}, "message_id"),
        ("PrecautionaryBlock", 0, {"blocked_centavos": 100_001}, "blocked_centavos"),
        ("RiskSignals", 1, {"longitude": None}, "longitude"),
        ("RiskSignals", 1, {"latitude": 90_000_001}, "latitude"),
        ("RiskSignals", 1, {"is_rooted": 0}, "is_rooted"),
        ("RiskSignals", 1, {"screen_brightness_percent": 101}, "screen_brightness_percent"),
        ("DictEntry", 0, {"person_id": PERSON}, "person_id"),
        ("DictEntry", 1, {"restriction": None}, "restriction"),
        ("DictEntry", 1, {"account_id": PERSON}, "account_id"),
        ("DictEntry", 2, {"key_owned_since": NOON - 3 * DAY}, "key_owned_since"),
        (
            "DictStatistics",
            0,
            {"settlements": dict_statistics.Settlements(NOON + 1, WINDOWS)},
            "settlements.watermark",
        ),
        ("DictStatistics", 0, {"entries": Entries(NOON, None, WINDOWS)}, "entries"),
        ("DictStatistics", 2, {"entries": Entries(NOON, 1, None)}, "entries"),
        ("Claim", 0, {"key_type": KeyType.EMAIL}, "key_type"),
        ("Claim", 1, {"key_type": KeyType.EVP}, "key_type"),
        ("LimitChange", 0, {"effective_at": NOON - 1}, "effective_at"),
        ("LimitChange", 0, {"after_centavos": None}, "after_centavos"),
        ("LimitChange", 0, {"payee_id": PERSON}, "payee_id"),
        ("LimitChange", 3, {"night_start_hour": None}, "night_start_hour"),
        ("LimitChange", 3, {"night_start_hour": 24}, "night_start_hour"),
        ("LimitChange", 3, {"kind": LimitKind.DAY}, "night_start_hour"),
        ("AuthorisationRequest", 0, {"most_centavos": 1}, "most_centavos"),
        ("InfractionReport", 0, {"analysis": infraction.Analysis.AGREED}, "analysis"),
        ("InfractionReport", 1, {"analysis": None}, "analysis"),
        ("InfractionReport", 1, {"fraud_type": None}, "fraud_type"),
        ("InfractionReport", 2, {"fraud_type": fraud_marker.FraudType.OTHER}, "fraud_type"),
        ("Refund", 0, {"refunded_centavos": 0}, "refunded_centavos"),
        ("Refund", 1, {"refunded_centavos": 100_000}, "refunded_centavos"),
        ("Refund", 2, {"refunded_centavos": 1}, "refunded_centavos"),
        ("Refund", 2, {"rejection": None}, "rejection"),
        ("Refund", 3, {"refunded_centavos": 99_999}, "refunded_centavos"),
        ("Refund", 3, {"rejection": refund.RefundRejection.OTHER}, "rejection"),
        ("ListEntry", 0, {"expires_at": NOON}, "expires_at"),
        ("Alert", 0, {"reasons": ("",)}, "reasons[0]"),
        ("Alert", 0, {"reasons": ["A"]}, "reasons"),
        ("Login", 0, {"device_id": DEVICE[:15]}, "device_id"),
        ("Login", 0, {"login_id": "x" * 65}, "login_id"),
        ("Report", 0, {"amount_centavos": True}, "amount_centavos"),
        ("Transfer", 1, {"txid": "***"}, "txid"),
        ("Transfer", 1, {"initiator_ispb": "1234"}, "initiator_ispb"),
    ],
)
def test_facts_that_do_not_fit_together_are_refused_with_their_field(schema, place, changes, field):
    assert refused_field(example(schema, place), **changes) == field


def test_every_value_that_tells_a_step_has_its_steps():
    moving = {type(value) for value in VALUES if "previous" in type(value).__annotations__}
    assert len(MACHINES) == len(moving)


@pytest.mark.parametrize("machine", MACHINES, ids=machine_name)
def test_of_all_pairs_of_states_the_written_steps_alone_are_taken(machine):
    states = list(type(next(iter(machine.follows[None]))))
    for before in (None, *states):
        for after in states:
            if after in machine.follows.get(before, ()):
                assert machine.check(before, after) is after
                continue
            with pytest.raises(Refused) as caught:
                machine.check(before, after)
            assert caught.value.code is Code.STEP_INVALID
            assert caught.value.context["found"] == shown(after.value)


#: The steps of the cases of MED, written once more; what is not here is refused.
STEPS_OF_MED = {
    infraction: {
        (None, "OPEN"),
        ("OPEN", "ACKNOWLEDGED"),
        ("OPEN", "CANCELLED"),
        ("ACKNOWLEDGED", "CLOSED"),
        ("ACKNOWLEDGED", "CANCELLED"),
    },
    funds_recovery: {
        (None, "CREATED"),
        ("CREATED", "TRACKED"),
        ("TRACKED", "AWAITING_ANALYSIS"),
        ("AWAITING_ANALYSIS", "ANALYSED"),
        ("ANALYSED", "REFUNDING"),
        ("REFUNDING", "COMPLETED"),
        ("CREATED", "CANCELLED"),
        ("TRACKED", "CANCELLED"),
        ("AWAITING_ANALYSIS", "CANCELLED"),
        ("ANALYSED", "CANCELLED"),
        ("REFUNDING", "CANCELLED"),
    },
}


def steps_taken(machine):
    """Of all pairs of states, those that the machine takes."""
    states = list(type(next(iter(machine.follows[None]))))
    taken = set()
    for before in (None, *states):
        for after in states:
            try:
                machine.check(before, after)
            except Refused:
                continue
            taken.add((before and before.value, after.value))
    return taken


@pytest.mark.parametrize("module", STEPS_OF_MED, ids=lambda module: module.__name__.split(".")[-1])
def test_of_all_pairs_of_states_of_med_those_of_the_table_are_taken(module):
    assert steps_taken(module.STEPS) == STEPS_OF_MED[module]


@pytest.mark.parametrize("module", STEPS_OF_MED, ids=lambda module: module.__name__.split(".")[-1])
def test_sabotage_a_step_too_many_or_too_few_is_noticed(module):
    follows = module.STEPS.follows
    first = next(iter(follows[None]))
    assert steps_taken(Steps({**follows, first: frozenset()})) != STEPS_OF_MED[module]
    back = {before: after | {first} for before, after in follows.items()}
    assert steps_taken(Steps(back)) != STEPS_OF_MED[module]


@pytest.mark.parametrize("machine", MACHINES, ids=machine_name)
def test_every_state_is_reached_from_the_beginning(machine):
    reached, rest = set(), list(machine.follows[None])
    while rest:
        state = rest.pop()
        if state not in reached:
            reached.add(state)
            rest += machine.follows.get(state, ())
    assert reached == set(type(next(iter(reached))))


@pytest.mark.parametrize(
    ("schema", "previous", "status"),
    [
        ("InfractionReport", infraction.InfractionStatus.OPEN, infraction.InfractionStatus.CLOSED),
        ("FundsRecovery", funds_recovery.RecoveryStatus.COMPLETED, None),
        ("Refund", None, refund.RefundStatus.CLOSED),
        ("Claim", claim.ClaimStatus.COMPLETED, claim.ClaimStatus.CANCELLED),
        ("FraudMarker", None, fraud_marker.MarkerStatus.CANCELLED),
        ("PrecautionaryBlock", None, precautionary_block.BlockStatus.RELEASED),
        ("Enrolment", None, enrolment.EnrolmentStatus.AUTHORISED),
        ("AuthorisationRequest", None, AuthorisationStatus.AUTHORISED),
        ("Alert", AlertStatus.DISMISSED, AlertStatus.OPEN),
    ],
)
def test_a_step_that_does_not_exist_makes_no_event(schema, previous, status):
    value = example(schema)
    changes = {"previous": previous} if status is None else {"previous": previous, "status": status}
    with pytest.raises(Refused) as caught:
        replace(value, **changes)
    assert caught.value.code is Code.STEP_INVALID


def test_not_collected_is_not_no():
    without = example("RiskSignals", 0)
    assert without.is_rooted is None and replace(without, is_rooted=False) != without


def test_no_data_is_not_zero():
    none = example("DictStatistics", 0)
    zero = replace(none, settlements=dict_statistics.Settlements(NOON, Windows(0, 0, 0)))
    assert none.settlements is None and zero != none
