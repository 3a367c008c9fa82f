"""The steps of a marker and of a list entry name one party, whichever comes first."""

from __future__ import annotations

import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import MINUTE, SECOND, format_rfc3339
from crivo.flows.telling import TellingService
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_telling import PSEUDONYMS


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def telling(played):
    return TellingService(played.service, PSEUDONYMS)


def marker(who, *, cancelled=False, at=START):
    was = {"previous": "REGISTERED"} if cancelled else {}
    return "fraud_marker.v1", {
        "marker_id": "m-1",
        "occurred_at": format_rfc3339(at),
        "person_id": who,
        "fraud_type": "SCAMMER_ACCOUNT",
        "status": "CANCELLED" if cancelled else "REGISTERED",
        **was,
    }


def entry(who, *, cancelled=False, at=START):
    return "list_entry.v1", {
        "entry_id": "e-1",
        "occurred_at": format_rfc3339(at),
        "entity": "PERSON",
        "entity_id": who,
        "kind": "DENY",
        "side": "BOTH",
        "action": "REMOVED" if cancelled else "ADDED",
    }


def refused(telling, told):
    before = telling._log.end()
    with pytest.raises(Refused) as caught:
        telling.tell(*told)
    assert telling._log.end() == before
    return caught.value.code, caught.value.context["field"]


@pytest.mark.parametrize(("step", "field"), [(marker, "person_id"), (entry, "entity_id")])
@pytest.mark.parametrize("is_end_first", [False, True])
def test_a_step_of_somebody_else_is_refused_and_the_right_one_still_ends_it(
    played, telling, step, field, is_end_first
):
    first = step("ana", cancelled=is_end_first, at=START + is_end_first * SECOND)
    telling.tell(*first).result(60)
    second_at = START + (not is_end_first) * SECOND
    wrong = step("rui", cancelled=not is_end_first, at=second_at)
    assert refused(telling, wrong) == (Code.CONFLICT, field)
    telling.tell(*step("ana", cancelled=not is_end_first, at=second_at)).result(60)
    ana = transfer(1, occurred_at=START + MINUTE, payee_person_id=PSEUDONYMS.person("ana"))
    assert played.service.replica.lists.of(ana, ana.occurred_at) == ()
    # A repeat is answered as before, and is no conflict.
    telling.tell(*first).result(60)


def test_another_id_may_name_another_party(telling):
    telling.tell(*marker("ana")).result(60)
    kind, other = marker("rui")
    assert telling.tell(kind, {**other, "marker_id": "m-2"}).result(60).schema == kind


def test_sabotage_a_door_that_looks_at_no_other_step_keeps_the_right_end_out(
    played, telling, monkeypatch
):
    monkeypatch.setattr("crivo.flows.telling.check_same_party", lambda *_: None)
    telling.tell(*marker("ana")).result(60)
    telling.tell(*marker("rui", cancelled=True, at=START + SECOND)).result(60)
    right = marker("ana", cancelled=True, at=START + SECOND)
    assert refused(telling, right) == (Code.CONFLICT, "event")
