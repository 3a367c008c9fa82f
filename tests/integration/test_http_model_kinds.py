"""`GET /v1/model` and `POST /predict` for each kind of model: the signature is what a row has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crivo.bootstrap.home import Paths
from crivo.bootstrap.service import Service, build_service
from crivo.flows.promote import promote
from crivo.model.artifact import ArtifactKind, names_hash, save_artifact
from tests.e2e import homes
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller
from tests.unit.adapters.http.bodies import GOOD

#: The columns of the card data set of the Université Libre de Bruxelles.
ULB = (*(f"V{number}" for number in range(1, 29)), "Amount")


def make_ulb_home(folder: Path) -> Path:
    """A home whose champion reads rows of that data set: two leaves over V1."""
    artifact = replace(
        homes._artifact(ArtifactKind.ROWS), input_names=ULB, set_hash=names_hash(ULB)
    )
    paths = Paths(folder)
    paths.models.mkdir(parents=True)
    save_artifact(paths.models, artifact)
    promote(paths.models, artifact.hash, promoted_at=1_795_435_200_000_000)
    return folder


@pytest.fixture(scope="module", params=["events", "ulb"])
def service(request, tmp_path_factory: pytest.TempPathFactory) -> Service:
    make = {"events": make_home, "ulb": make_ulb_home}[request.param]
    return build_service(settings_of(make(tmp_path_factory.mktemp("kinds") / "home")))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Caller]:
    caller = Caller(service)
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}"}
    yield caller
    caller.stop()


def test_the_model_names_its_kind_its_hash_and_the_inputs_of_a_row(
    service: Service, client: Caller
) -> None:
    model = client.get("/v1/model").json()
    artifact = service.decisions.bundle.artifact
    assert (model["hash"], model["kind"]) == (artifact.hash, artifact.kind.value)
    assert [each["name"] for each in model["signature"]] == list(artifact.input_names)
    row = client.get("/openapi.json").json()["components"]["schemas"]["PredictRow"]
    assert row["required"] == list(artifact.input_names)


def test_a_row_of_the_signature_is_scored_alone_and_among_others(client: Caller) -> None:
    model = client.get("/v1/model").json()
    names = [each["name"] for each in model["signature"]]
    low, high, null = (dict.fromkeys(names, value) for value in (0.0, 10**9, None))
    one = [client.post("/predict", json=row).json() for row in (low, high, null)]
    many = client.post("/predict", json=[low, high, null]).json()
    assert {each["model"] for each in (*one, many)} == {model["hash"]}
    assert many["scores"] == [each["score"] for each in one]
    assert many["scores"][0] < many["scores"][1]
    assert client.post("/predict", json=[low]).json()["scores"] == [one[0]["score"]]


def test_a_faulty_row_of_a_long_list_is_named_by_its_place_in_the_request(client: Caller) -> None:
    names = [each["name"] for each in client.get("/v1/model").json()["signature"]]
    rows: list[dict[str, object]] = [dict.fromkeys(names, 1.0) for _ in range(150)]
    rows[137] = {**rows[137], names[0]: "x"}
    refused = client.post("/predict", json=rows)
    assert (refused.status_code, refused.json()["field"]) == (422, f"rows[137].{names[0]}")


def test_a_row_that_is_no_row_of_the_signature_names_what_is_wrong(client: Caller) -> None:
    names = [each["name"] for each in client.get("/v1/model").json()["signature"]]
    whole = dict.fromkeys(names, 1.0)
    last = names[-1]
    fewer = {name: value for name, value in whole.items() if name != last}
    for row, code in (
        (fewer, "FIELD_MISSING"),
        ({**whole, "hostile": 1}, "FIELD_UNKNOWN"),
        ({**whole, last: "1"}, "FIELD_TYPE"),
        ({**whole, last: True}, "FIELD_TYPE"),
        ({**whole, last: 1 << 60}, "FIELD_TYPE"),
    ):
        problem = client.post("/predict", json=[whole, row]).json()
        field = "hostile" if code == "FIELD_UNKNOWN" else last
        assert (problem["code"], problem["field"]) == (code, f"rows[1].{field}")


def test_only_a_model_of_events_decides_transfers(service: Service, client: Caller) -> None:
    deadline = time.monotonic() + 900
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    answer = client.post("/v1/decisions", json=GOOD)
    if service.decisions.bundle.decides_transfers:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NOT_FOR_TRANSFERS")
