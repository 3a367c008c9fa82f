"""Erasing whoever told a tax id at one time, and a person id or an account alone at another."""

from __future__ import annotations

import pytest

from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.domain.errors import Code, Unavailable
from crivo.flows.erase import PrivacyService
from tests.e2e.homes import make_home
from tests.integration.test_http_explanation import served
from tests.integration.test_identity import CNPJ, CPF, body, id_of

pytestmark = pytest.mark.slow

OTHER_CPF = "123.456.789-09"
BY = {"by": "dpo", "reason": "letter 11"}


def pay(caller, number, account, *, tax_id=None, person=None):
    """A decision whose payer is called something, by as much as it is told."""
    named = {"name": f"Payer {number}"} | ({} if tax_id is None else {"tax_id": tax_id})
    ids = {"payer_account_id": account} | ({} if person is None else {"payer_person_id": person})
    sent = {**body(number, **ids), "identity": {"payer": named}}
    assert caller.post("/v1/decisions", json=sent).status_code == 200


def erase(caller, person):
    return caller.post("/v1/erasures", json={"person": person, **BY, "override": True})


def readable(caller, *numbers):
    """Whose names can still be read."""
    asked = [caller.post("/v1/reveals", json={"end_to_end_id": id_of(n), **BY}) for n in numbers]
    assert {each.status_code for each in asked} == {200}
    found = zip(numbers, asked, strict=True)
    return [number for number, each in found if each.json()["payer"]["name"] is not None]


@pytest.fixture
def caller(tmp_path):
    with served(make_home(tmp_path / "home")) as serving:
        yield serving


@pytest.mark.parametrize("who", [CPF, "customer-1", "account-2"])
def test_whoever_is_erased_by_one_id_is_erased_under_the_others(caller, who):
    pay(caller, 1, "account-1", tax_id=CPF)
    pay(caller, 2, "account-1")
    pay(caller, 3, "account-2", person="customer-1")
    pay(caller, 4, "account-2", person="customer-1", tax_id=CPF)
    pay(caller, 5, "account-2")
    pay(caller, 6, "account-3", tax_id=OTHER_CPF)
    assert readable(caller, *range(1, 7)) == [1, 2, 3, 4, 5, 6]
    answer = erase(caller, who).json()
    assert readable(caller, *range(1, 7)) == [6]
    assert sorted(each["records"] for each in answer["erasures"]) == [1, 1, 1, 2]
    assert answer["left"] == []
    assert erase(caller, who).status_code == 404


def test_what_may_be_another_holders_is_left_and_told(caller):
    pay(caller, 1, "joint", tax_id=CPF)
    pay(caller, 2, "joint", tax_id=OTHER_CPF)
    pay(caller, 3, "joint")
    pay(caller, 4, "joint")
    answer = erase(caller, CPF).json()
    assert [each["records"] for each in answer["erasures"]] == [1]
    left = sorted(answer["left"], key=lambda each: each["records"])
    assert left == [
        {"records": 1, "end_to_end_id": id_of(2), "phase": "initiation"},
        {"records": 2, "end_to_end_id": id_of(4), "phase": "initiation"},
    ]
    assert readable(caller, 1, 2, 3, 4) == [2, 3, 4]
    answer = erase(caller, OTHER_CPF).json()
    assert (len(answer["erasures"]), answer["left"]) == (2, [])
    assert readable(caller, 1, 2, 3, 4) == []


def test_a_person_who_never_told_a_tax_id_is_told_as_left(caller):
    """Nobody can say whether `customer-2` is the person of this tax id."""
    pay(caller, 1, "account-4", tax_id=CPF)
    pay(caller, 2, "account-4", person="customer-2")
    (left,) = erase(caller, CPF).json()["left"]
    assert left == {"records": 1, "end_to_end_id": id_of(2), "phase": "initiation"}
    assert readable(caller, 1, 2) == [2]
    assert erase(caller, "customer-2").status_code == 200
    assert readable(caller, 1, 2) == []


def test_an_erasure_that_stopped_half_way_is_asked_for_by_the_same_id_again(caller, monkeypatch):
    pay(caller, 1, "account-5", tax_id=CPF)
    pay(caller, 2, "account-5")
    real, calls = SqlitePersonKeys.erase, []

    def stops(keys, subject):
        calls.append(subject)
        if len(calls) == 2:
            raise Unavailable(Code.FILE_UNWRITABLE, "the disk is full")
        return real(keys, subject)

    with monkeypatch.context() as patched:
        patched.setattr(SqlitePersonKeys, "erase", stops)
        refused = erase(caller, CPF)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["code"] == "FILE_UNWRITABLE" and refused.json()["hint"]
    assert readable(caller, 1, 2) == [1]
    assert erase(caller, CPF).status_code == 200
    assert readable(caller, 1, 2) == []


def test_sabotage_an_erasure_that_forgets_other_ids_leaves_the_person_readable(caller, monkeypatch):
    pay(caller, 1, "account-6", tax_id=CNPJ)
    pay(caller, 2, "account-6")
    monkeypatch.setattr(PrivacyService, "_is_of", lambda *_: False)
    assert erase(caller, CNPJ).status_code == 200
    assert readable(caller, 1, 2) == [2]
