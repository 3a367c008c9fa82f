"""A log that a service made of what it was asked and told over HTTP: transfers, late ones, reports,
what the rail did, devices, keys, limits and log-ins.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND, format_rfc3339
from tests.e2e.serving import Served
from tests.unit.decision.worlds import START

SEED = 11
#: Transfers of one request, and what is told after each.
BATCH = 95
TOLD = 5

AMOUNTS = (1, 5_000, 20_000, 120_000, 400_000, 5_000_000)
INITIATIONS = (None, "DICT", "DICT", "MANU", "AUTO")
PURPOSES = (None, "IPAY", "IPAY", "REFU")
REPORTS, EVENTS = "/v1/reports", "/v1/events/"
TOLD_OF = (
    *("report.v1", "settlement.v1", "device_change.v1", "dict_entry.v1"),
    *("limit_change.v1", "login.v1"),
)

Body = Mapping[str, Any]


def play(service: Served, events: int) -> int:
    """Asks and tells until the log has about so many events; how many transfers were decided."""
    decided = told = 0
    with service.client() as client:
        for batch, later in _played(events):
            answer = client.post("/v1/decisions:batch", json=batch)
            assert answer.status_code == 200, answer.text
            assert {each["status"] for each in answer.json()} == {200}, answer.text
            decided += len(batch)
            for path, body in later:
                answer = client.post(path, json=body)
                assert answer.status_code == 200, answer.text
                told += 1
    assert decided + told >= events
    return decided


def _played(events: int) -> Iterator[tuple[list[Body], list[tuple[str, Body]]]]:
    """Requests in the order of their receipt: a batch of transfers, then what is told of some."""
    chance, now = random.Random(SEED), START
    accounts = max(12, events // 40)
    for first in range(0, events, BATCH + TOLD):
        batch = []
        for number in range(first, first + BATCH):
            now += chance.choice([0, 1, SECOND, MINUTE])
            batch.append(_transfer(chance, number, now, accounts))
        told = []
        for number, about in enumerate(chance.sample(batch, TOLD), start=first):
            now += SECOND
            told.append(_told(chance, number, about, now))
        yield batch, told


def _transfer(chance: random.Random, number: int, now: int, accounts: int) -> Body:
    late = chance.randrange(3 * HOUR) if chance.random() < 0.05 else 0
    payer, payee = (int(accounts * chance.random() ** 2) for _ in range(2))
    body = {
        "end_to_end_id": derived_end_to_end_id(now - late, "played", str(number)),
        "occurred_at": format_rfc3339(now - late),
        "received_at": format_rfc3339(now),
        "amount_centavos": chance.choice(AMOUNTS),
        "payer_account_id": f"account-{payer}",
        "payee_account_id": f"account-{payee + accounts}",
        "payee_key_id": f"key-{payee}",
        "device_id": f"device-{payer}",
        "payer_ispb": f"{payer % 7:08d}",
        "payee_ispb": f"{payee % 11:08d}",
        "initiation": chance.choice(INITIATIONS),
        "purpose": chance.choice(PURPOSES),
    }
    return {name: value for name, value in body.items() if value is not None}


def _told(chance: random.Random, number: int, about: Body, now: int) -> tuple[str, Body]:
    schema, at = chance.choice(TOLD_OF), format_rfc3339(now)
    about_it = {"end_to_end_id": about["end_to_end_id"], "received_at": at}
    payer = {"occurred_at": at, "received_at": at, "account_id": about["payer_account_id"]}
    match schema:
        case "report.v1":
            status = chance.choice(["CLAIMED", "ACCEPTED"])
            return REPORTS, {**about_it, "report_id": f"r{number}", "status": status}
        case "settlement.v1":
            status = chance.choice(["SETTLED", "CANCELLED"])
            body = {**about_it, "occurred_at": at, "status": status}
        case "device_change.v1":
            device = {"device_id": about["device_id"], "status": "REGISTERED"}
            body = {**payer, **device, "change_id": f"d{number}"}
        case "dict_entry.v1":
            made = format_rfc3339(now - chance.randrange(1, 90) * DAY)
            body = {"occurred_at": at, "received_at": at, "entry_id": f"e{number}"}
            body |= {"key_id": about["payee_key_id"], "action": "FOUND", "key_created_at": made}
            body |= {"account_id": about["payee_account_id"], "account_opened_at": made}
        case "limit_change.v1":
            after = chance.choice(AMOUNTS)
            body = {**payer, "change_id": f"l{number}", "kind": "DAY", "after_centavos": after}
            body |= {"effective_at": at}
        case _:
            result = chance.choice(["FAILED", "SUCCEEDED"])
            body = {**payer, "login_id": f"i{number}", "action": "LOGIN", "method": "PIN"}
            body |= {"result": result, "device_id": about["device_id"]}
    return f"{EVENTS}{schema}", body
