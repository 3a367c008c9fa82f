"""What a decision followed from, asked over HTTP: of the bundle that decided it, then and later."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.flows.bundle import Bundle
from crivo.flows.explain import Explainer
from tests.e2e.homes import KEY, RISKY_CENTAVOS, ROOT, make_home, settings_of
from tests.integration.calling import Caller
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

DECIDED = "E12345678202611231200expl0000001"
RETURNED = "E12345678202611231200expl0000002"


@contextmanager
def served(home: Path, **changes: str) -> Iterator[Caller]:
    """A caller of a service over this home, once it is ready."""
    caller = Caller(build_service(settings_of(home, **changes)))
    caller.start()
    try:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        deadline = time.monotonic() + 900
        while caller.get("/health/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield caller
    finally:
        caller.stop()


def explained(caller: Caller, end_to_end_id: str) -> dict:
    answer = caller.get(f"/v1/decisions/{end_to_end_id}/explanation")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_explanation_adds_up_and_outlives_the_bundle_that_decided(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    facts = {**GOOD, "amount_centavos": RISKY_CENTAVOS + 1}
    with served(home) as caller:
        decided = caller.post("/v1/decisions", json={**facts, "end_to_end_id": DECIDED}).json()
        returned = {**facts, "end_to_end_id": RETURNED, "purpose": "REFU"}
        caller.post("/v1/decisions", json=returned)
        found = explained(caller, DECIDED)
        unscored = explained(caller, RETURNED)
        for path, status in ((DECIDED[:-1] + "9", 404), ("E1", 422)):
            refusal = caller.get(f"/v1/decisions/{path}/explanation")
            assert refusal.status_code == status
            assert refusal.json()["code"] in {"NOT_FOUND", "ID_INVALID"}
        signature = caller.get("/v1/model").json()["signature"]
    parts = [each["contribution"] for each in found["inputs"]]
    assert found["base"] + sum(parts) == found["margin"]
    assert found["margin"] == 0.0  # the greater of the forest's two leaves
    assert [abs(part) for part in parts] == sorted(map(abs, parts), reverse=True)
    first = found["inputs"][0]
    assert first["name"] == "transfer_amount_value_now"
    assert first["value"] == RISKY_CENTAVOS + 1
    assert first["contribution"] == 1.0
    assert first["meaning"]
    assert {each["name"] for each in found["inputs"]} == {each["name"] for each in signature}
    for name in ("end_to_end_id", "outcome", "score", "reasons", "versions", "as_of", "degraded"):
        assert found[name] == decided[name], name
    assert unscored["inputs"] == []
    assert unscored["base"] is unscored["margin"] is unscored["score"] is None
    # Another policy, so another bundle: the first decision is explained by its own all the same.
    policy = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", policy)
    rules = (policy / "rules.toml").read_text()
    assert '"shadow"' in rules
    (policy / "rules.toml").write_text(rules.replace('"shadow"', '"off"', 1))
    with served(home, POLICY=str(policy)) as caller:
        second = {**facts, "end_to_end_id": DECIDED[:-1] + "3"}
        now = caller.post("/v1/decisions", json=second).json()
        assert now["versions"]["bundle"] != found["versions"]["bundle"]
        assert explained(caller, DECIDED) == found
        # Sabotage: a bundle with another byte in it explains nothing, and says so.
        (model,) = (home / "bundles" / found["versions"]["bundle"] / "model").iterdir()
        (model / "threshold.npy").write_bytes(b"another")
        assert explained(caller, DECIDED) == found  # held since it was asked for
    with served(home, POLICY=str(policy)) as caller:
        refusal = caller.get(f"/v1/decisions/{DECIDED}/explanation")
        assert (refusal.status_code, refusal.json()["code"]) == (500, "INTERNAL")
        assert str(home) not in refusal.text


def test_a_decision_of_another_release_is_refused_by_name(tmp_path: Path) -> None:
    def load(_: str) -> Bundle:
        raise Misconfigured(
            Code.PLAN_MISMATCH, "another program made it", field="program", found="another"
        )

    with served(make_home(tmp_path / "home")) as caller:
        caller.post("/v1/decisions", json={**GOOD, "end_to_end_id": DECIDED})
        decisions = caller._service.decisions
        versions = replace(
            decisions.bundle, versions=structs.replace(decisions.bundle.versions, bundle="0" * 64)
        )
        explainer = Explainer(log=decisions.log, bundle=lambda: versions, load=load, features=())
        with pytest.raises(Refused) as refusal:
            explainer.explain(DECIDED)
    assert refusal.value.code is Code.CONFLICT
    assert refusal.value.context["found"] == "another"
