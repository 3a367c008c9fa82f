"""pacs.008 on the decision route: by its media type, on both ways, and equal to JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from crivo.bootstrap.service import build_service
from tests.e2e.homes import make_home, settings_of
from tests.integration.doors import opened, request
from tests.unit.adapters.http.orders import ORDER, SAME


@pytest.mark.parametrize("media", ["application/xml", "text/xml; charset=utf-8"])
def test_an_order_is_decided_and_its_json_gets_the_same_answer(tmp_path: Path, media: str) -> None:
    async def talk() -> None:
        async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:
            first = await door.send(request(ORDER.encode(), media=media))
            assert first.status == 200, first.body
            assert json.loads(first.body)["end_to_end_id"] == SAME["end_to_end_id"]
            head, _, rest = request(ORDER.encode(), media=media).partition(b"\r\n\r\n")
            usual = await door.send(head + b"\r\n\r\n", rest)
            in_json = await door.send(request(json.dumps(SAME).encode()))
            assert (usual.body, in_json.body) == (first.body, first.body)
            other = await door.send(
                request(ORDER.replace("123.45", "123.46").encode(), media=media)
            )
            assert (other.status, json.loads(other.body)["code"]) == (409, "CONFLICT")
            for wrong, kind in ((json.dumps(SAME), media), (ORDER, "application/json")):
                answer = await door.send(request(wrong.encode(), media=kind))
                assert (answer.status, json.loads(answer.body)["code"]) == (400, "BODY_MALFORMED")
            charset = await door.send(request(ORDER.encode(), media="text/xml; charset=latin-1"))
            assert charset.status == 415
            assert door.went == ["direct", "usual", *["direct"] * 5]

    asyncio.run(talk())


def test_an_order_from_an_account_to_itself_is_refused_and_one_to_another_bank_is_not(
    tmp_path: Path,
) -> None:
    own = ORDER.replace("999071", "555012").replace("<Issr>42</Issr>", "<Issr>0001</Issr>")
    one_bank = own.replace("<MmbId>87654321</MmbId>", "<MmbId>12345678</MmbId>")

    async def talk() -> None:
        async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:
            refused = await door.send(request(one_bank.encode(), media="application/xml"))
            problem = json.loads(refused.body)
            assert (refused.status, problem["code"]) == (422, "PAYEE_IS_PAYER")
            taken = await door.send(request(own.encode(), media="application/xml"))
            assert taken.status == 200, taken.body

    asyncio.run(talk())


def test_an_order_may_be_of_the_settlement_phase_which_its_query_says(tmp_path: Path) -> None:
    async def talk() -> None:
        async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:

            async def ask(body: str, query: str, media: str = "application/xml") -> tuple:
                sent = request(body.encode(), media=media)
                sent = sent.replace(b"/v1/decisions", b"/v1/decisions" + query.encode(), 1)
                answer = await door.send(sent)
                told = json.loads(answer.body)
                return answer.status, told.get("phase", told.get("field")), told.get("code")

            assert await ask(ORDER, "") == (200, "initiation", None)
            assert await ask(ORDER, "?phase=initiation") == (200, "initiation", None)
            assert await ask(ORDER, "?phase=settlement") == (200, "settlement", None)
            refused = [
                ("?phase=clearing", "phase", "FIELD_VALUE"),
                ("?phase=", "phase", "FIELD_VALUE"),
                ("?phase=settlement&phase=settlement", "phase", "FIELD_VALUE"),
                ("?stage=settlement", "query", "FIELD_UNKNOWN"),
            ]
            for query, field, code in refused:
                assert await ask(ORDER, query) == (422, field, code)
            in_json = await ask(json.dumps(SAME), "?phase=settlement", "application/json")
            assert in_json == (422, "query", "FIELD_UNKNOWN")

    asyncio.run(talk())
