"""The pages of the model and of health show what the artifact, its rows and the service say."""

from __future__ import annotations

import itertools
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from crivo.adapters.http.pages.terms import TERMS
from crivo.adapters.http.pages.words import word
from crivo.bootstrap.home import Paths
from crivo.bootstrap.service import Service, build_service
from crivo.decision.reason_texts import Language
from crivo.flows.judged_scores import JudgedScores, judged_scores, threshold_curves
from crivo.governance.plots import Words, reliability
from tests.e2e.homes import KEY, settings_of
from tests.e2e.judged_homes import make_judged_home
from tests.integration.calling import Caller
from tests.integration.page_trees import facts, rows, said, section, tree
from tests.integration.test_http_page_values import asked, shown
from tests.integration.test_http_pages import decided, opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_judged_home(tmp_path_factory.mktemp("model") / "home")))


@pytest.fixture
def client(running: Caller) -> Caller:
    return opened(running, KEY)


def lines_of(figure: Element) -> dict[str, list[tuple[float, float]]]:
    """The lines of a plot as points from 0 to 1, by the name that stands beside their colour."""
    drawn = [
        (
            each.get("stroke"),
            [tuple(map(float, end.split(","))) for end in each.get("points").split()],
        )
        for each in figure.iter("polyline")
    ]
    (left, top), (_, bottom), (right, _) = drawn[0][1]
    names = {}
    parts = list(figure.iter())
    for before, each in itertools.pairwise(parts):
        if before.tag == "polyline" and each.tag == "text":
            names[before.get("stroke")] = said(each)
    return {
        names[colour]: [
            ((x - left) / (right - left), (bottom - y) / (bottom - top)) for x, y in line
        ]
        for colour, line in drawn[1:]
        if len(line) > 2
    }


def test_the_models_thresholds_are_those_that_a_person_would_count(
    client: Caller, service: Service
) -> None:
    judged = judged_of(service)
    page = section(shown(client, "/page/model", Language.EN), word("thresholds", Language.EN))
    thresholds = threshold_curves(judged).thresholds
    held = [judged.chances >= each for each in thresholds]
    counted = {
        "frauds held": [judged.labels[each].sum() / judged.labels.sum() for each in held],
        "held rightly": [judged.labels[each].mean() for each in held],
        "share of all that is held": [each.mean() for each in held],
    }
    assert [list(row.values()) for row in rows(page)] == [
        [
            f"{100 * value:.2f} %"
            for value in (thresholds[at], *(each[at] for each in counted.values()))
        ]
        for at in range(0, len(thresholds), 7)
    ]
    assert list(rows(page)[0]) == ["Risk", *counted]
    lines = lines_of(page.find("figure"))
    assert list(lines) == list(counted)
    for name, line in lines.items():
        assert [y for _, y in line] == pytest.approx(counted[name], abs=0.001), name


def judged_of(service: Service) -> JudgedScores:
    artifact = service.decisions.bundle.artifact
    found = judged_scores(Paths(service.home.settings.home).judged, artifact)
    assert found is not None and np.unique(found.chances).size == 2
    return found


def test_the_models_calibration_sets_the_chances_that_were_said_against_what_came(
    client: Caller, service: Service
) -> None:
    judged = judged_of(service)
    title = word("calibration_title", Language.EN)
    words = Words(title, *(word(name, Language.EN) for name in ("score_axis", "came_axis")))
    expected = tree(
        f"<html>{reliability(judged.chances, judged.labels, judged.weights, words=words)}</html>"
    )
    found = section(shown(client, "/page/model", Language.EN), word("calibration", Language.EN))
    assert next(said(each) for each in found.iterfind(".//svg/text")) == title
    for tag in ("circle", "polyline", "text"):
        ours, theirs = (
            [(each.attrib, each.text) for each in page.iter(tag)] for page in (found, expected)
        )
        assert ours == theirs != []


def test_the_models_facts_and_figures_are_those_of_its_artifact(
    client: Caller, service: Service
) -> None:
    artifact = service.decisions.bundle.artifact
    page = shown(client, "/page/model", Language.EN)
    told = facts(section(page, word("serving_model", Language.EN)))
    assert told == {
        "Hash": artifact.hash,
        "What it reads": "events of transfers",
        "Plan": artifact.plan_hash,
        "Inputs": str(len(artifact.input_names)),
    }
    assert asked(client, "/v1/model")["hash"] == artifact.hash
    expected = [
        {
            "Model": "lightgbm",
            "Metric": TERMS["metric"][name][1],
            "Value": spelt(value),
            "95 % interval": f"{spelt(low)} … {spelt(high)}",
        }
        for name, (value, low, high) in artifact.metadata["metrics"]["lightgbm"].items()
        if low is not None
    ]
    found = rows(section(page, word("metrics", Language.EN)))
    assert [each for each in found if each["95 % interval"] != "—"] == expected != []
    portuguese = section(shown(client, "/page/model"), word("metrics", Language.PT))
    value = artifact.metadata["metrics"]["lightgbm"]["average_precision"][0]
    (line,) = (each for each in rows(portuguese) if each["Métrica"] == "precisão média")
    assert line["Valor"] == spelt(value).replace(".", ",")
    axis = [said(each) for each in shown(client, "/page/model").iterfind(".//svg/text")]
    assert "0,5" in axis and "0.5" not in axis


def spelt(value: float) -> str:
    """A share as an English page has it: to four digits."""
    assert value == 0 or 0.0001 < value < 1_000
    return f"{value:.4g}"


def test_health_says_ready_only_while_the_service_is(
    client: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for is_ready in (True, False):
        monkeypatch.setattr(service.running, "_ready", is_ready)
        assert client.get("/health/ready").status_code == (200 if is_ready else 503)
        state = section(shown(client, "/page/health", Language.EN), word("state", Language.EN))
        expected = word("ready" if is_ready else "not_ready", Language.EN)
        assert said(state.find("p")) == expected


def test_healths_numbers_and_versions_are_the_services(client: Caller, service: Service) -> None:
    made = decided(client)
    page = shown(client, "/page/health", Language.EN)
    told = facts(section(page, word("state", Language.EN)))
    assert told["Events in the log"] == f"{service.home.reader.end():,}"
    counts = service.decisions.counts
    assert told["Keys in state"] == f"{counts.keys:,}" != "0"
    assert told["Bytes of state"] == f"{counts.state_bytes:,}"
    assert told["Late transfers"] == f"{counts.late:,}"
    assert told["Open holds"] == f"{len(service.decisions.holds):,}"
    assert told["Clock of the log"] == "time of each request"
    versions = asked(client, f"/v1/decisions/{made}")["versions"]
    kernel = service.decisions.bundle.versions.kernel
    assert facts(section(page, word("versions", Language.EN))) == {**versions, "kernel": kernel}
