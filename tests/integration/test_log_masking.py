"""Nothing that names somebody gets into the log, whatever a caller sends and whatever fails."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from crivo.bootstrap import logs
from crivo.bootstrap.logs import configure_logging, masked
from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code, Misconfigured, invalid
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller, called
from tests.unit.adapters.http.bodies import GOOD

#: Each in a place of its own, so that a leak says where it came from.
PEOPLE = {
    "payer_account_id": "12345678/0001/9988776-5",
    "payer_person_id": "111.444.777-35",
    "payee_key_id": "maria.silva@exemplo.com.br",
    "payee_account_id": "Maria da Silva Santos",
    "device_id": "6a2f41a3-c54c-fce8-32d2-0324e1c32e22",
}
TOKENS = ("Bearer " + "s" * 43, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYXJpYSJ9.")
JSON = {"content-type": "application/json"}


@pytest.fixture(params=[True, False], ids=["json", "people"])
def said(request) -> Iterator[io.StringIO]:
    """What the process logs, as it is configured for a service."""
    root, out = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    configure_logging(json_lines=request.param)
    # The test's own client speaks of its requests in the same process.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    (handler,) = root.handlers
    handler.setStream(out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)


def send_everything(client: Caller, service, patched: pytest.MonkeyPatch) -> None:
    """Good, refused and failing requests, each with people in it."""

    def fault(*_: object, **__: object) -> None:
        try:
            raise KeyError(*PEOPLE.values(), *TOKENS)
        except KeyError as error:
            raise ZeroDivisionError(str(PEOPLE)) from error

    def misconfigured(*_: object, **__: object) -> None:
        raise Misconfigured(
            Code.PLAN_MISMATCH, f"of {PEOPLE['payee_key_id']}", found=PEOPLE["payee_account_id"]
        )

    def refused(*_: object, **__: object) -> None:
        error = invalid(Code.PLAN_MISMATCH, field="x", expected="y", found=PEOPLE)
        raise error

    client.forgiving = True
    body = json.dumps({**GOOD, **PEOPLE})
    for failing in (None, fault, misconfigured, refused):
        with patched.context() as here:
            if failing is not None:
                for name in ("decide", "find"):
                    here.setattr(type(service.decisions), name, failing)
                here.setattr(type(service.app._parts.telling), "tell", failing)
            for path, content in (
                ("/v1/decisions", body),
                ("/v1/decisions", body[:-9]),
                ("/v1/reports", body),
                ("/v1/events/login.v1", json.dumps(PEOPLE)),
                ("/predict", body),
            ):
                client.post(path, content=content, headers=JSON)
            client.get("/v1/decisions", params={"payer": PEOPLE["payer_account_id"]})
            client.get("/v1/decisions", params={"cursor": PEOPLE["payee_key_id"]})
            client.get("/v1/decisions/E12345678202611231200neverMade00")
            client.get(f"/v1/{PEOPLE['payee_account_id']}")
            for token in TOKENS:
                client.get("/v1/model", headers={"authorization": token})
    logging.getLogger("crivo.test").warning(
        "of %s", PEOPLE["payee_key_id"], extra={"facts": {"words": PEOPLE["payer_person_id"]}}
    )


def leaks(text: str) -> list[str]:
    """What of the people and tokens stands in the text, in whole or by a part that says enough."""
    wanted = {*PEOPLE.values(), *TOKENS, KEY, "Maria", "maria.silva", "9988776", "444.777", "s" * 9}
    return sorted(each for each in wanted if each in text)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("masked") / "home")))


@pytest.fixture(scope="module")
def client(service) -> Iterator[Caller]:
    with called(service) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        yield caller


def test_no_request_leaves_a_name_in_the_log(
    service, client: Caller, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_everything(client, service, monkeypatch)
    text = said.getvalue()
    assert leaks(text) == []
    # It was told of the faults all the same: which, and where.
    assert "PLAN_MISMATCH" in text
    assert "crivo.test" in text
    assert re.search(r"test_log_masking\.py", text)


@pytest.mark.parametrize("fault", ["mask", "words"])
def test_sabotage_a_log_that_does_not_mask_is_seen(
    service, client: Caller, said: io.StringIO, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "mask":
        monkeypatch.setattr(logs, "masked", lambda text: text)
    else:
        monkeypatch.setattr(logs, "_words", repr)
    send_everything(client, service, monkeypatch)
    assert leaks(said.getvalue())


@pytest.mark.parametrize(
    "text",
    [
        "projection.failed",
        "LOG_UNAVAILABLE of E12345678202611231200abcDEF12345",
        "at 2026-11-26T15:40:00.123456Z, day 2026-11-26",
        "model " + "0123456789abcdef" * 4,
        "http://127.0.0.1:8000",
        "1234 rows in 0.25 s",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "11144477735",
        "111.444.777-35",
        "12.345.678/0001-95",
        "+55 11 91234-5678",
        "(11) 91234-5678",
        "12345678/0001/55501-2",
        "ana@exemplo.com",
        "6a2f41a3-c54c-fce8-32d2-0324e1c32e22",
        "Bearer abc",
    ],
)
def test_what_names_somebody_goes(text: str) -> None:
    assert masked(f"<{text}>") == f"<{logs.MASK}>"
