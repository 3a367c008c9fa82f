"""`crivo train --learner logistic`: a regression is registered, promoted, served and replayed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code
from crivo.domain.instant import DAY, format_rfc3339
from crivo.flows.promote import load_champion
from crivo.model.artifact import load_artifact
from crivo.model.linear import Linear
from crivo.model.scorer import Scorer
from tests.e2e.homes import KEY, settings_of
from tests.integration.calling import called
from tests.integration.commands import crivo
from tests.lookalikes import handbook, ulb, write
from tests.unit.adapters.http.bodies import GOOD


def train(capsys, table, mapping, home, *options: object):
    given = ("--data", table, "--mapping", mapping, "--home", home, "--allow-leak", "the test")
    return crivo(capsys, "train", *given, "--learner", "logistic", "--json", *options)


@pytest.mark.slow
def test_a_regression_decides_transfers_and_its_decisions_are_derived_again(
    capsys, monkeypatch, tmp_path, root
):
    monkeypatch.setenv("CRIVO_LOG__CLOCK", "replay")
    table, home = write(handbook(4_000), tmp_path / "handbook.csv"), tmp_path / "home"
    said = train(capsys, table, root / "mappings" / "handbook.toml", home)
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["became_champion"]
    assert [row["model"].split()[0] for row in made["metrics"]] == ["logistic", "only"]
    champion = load_champion(home / "models")
    assert isinstance(champion.body, Linear)
    instant = champion.metadata["data"]["labels_as_of"] + DAY
    minute = format_rfc3339(instant)[:16].replace("-", "").replace("T", "").replace(":", "")
    with called(build_service(settings_of(home))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        for number in range(20):
            body = {
                **GOOD,
                "end_to_end_id": f"E12345678{minute}abcDEF123{number:02d}",
                "occurred_at": format_rfc3339(instant + number),
                "amount_centavos": 1_000 * (1 + number) ** 3,
            }
            answer = caller.post("/v1/decisions", json=body).json()
            assert 0 <= answer["score"] <= 10**9
        assert caller.get("/v1/model").json()["hash"] == champion.hash
    said = crivo(capsys, "replay", "--home", home, "--json")
    assert said.code == 0, said.err
    replayed = json.loads(said.out)
    assert (replayed["compared"], replayed["differing"]) == (20, 0)


@pytest.mark.slow
def test_a_regression_of_rows_answers_and_one_byte_of_another_file_is_refused(
    capsys, tmp_path, root
):
    table, home = write(ulb(8_000), tmp_path / "rows.parquet"), tmp_path / "home"
    said = train(capsys, table, root / "mappings" / "ulb.toml", home, "--resampling", "weights")
    assert said.code == 0, said.err
    model = json.loads(said.out)["model"]
    listed = json.loads(crivo(capsys, "models", "list", "--home", home, "--json").out)
    assert {each["model"]: (each["kind"], each["form"]) for each in listed}[model] == (
        "rows",
        "linear",
    )
    folder = home / "models" / model
    artifact = load_artifact(folder)
    row = dict.fromkeys(artifact.input_names, 0.5) | {"V1": None}
    with called(build_service(settings_of(home))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        score = caller.post("/predict", json=row).json()["score"]
    vector = np.array([np.nan if row[name] is None else 0.5 for name in artifact.input_names])
    assert Scorer(artifact).score_one(vector, plan_hash="")[1] == score
    whole = (folder / "weight.npy").read_bytes()
    (folder / "weight.npy").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    by = ("--approved-by", "the test")
    said = crivo(capsys, "models", "promote", model, "--home", home, *by)
    assert (said.code, Code.ARTIFACT_INVALID in said.err) == (2, True)


def test_a_regression_has_nothing_to_search(capsys, tmp_path, root):
    table = write(ulb(200), tmp_path / "rows.parquet")
    said = train(capsys, table, root / "mappings" / "ulb.toml", tmp_path / "home", "--tries", "3")
    assert (said.code, Code.FIELD_VALUE in said.err) == (2, True)
    assert "--tries" in said.err
