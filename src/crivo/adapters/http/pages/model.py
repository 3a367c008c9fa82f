"""The model's page, with curves of the rows it was judged by, and the page of health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from msgspec.structs import asdict

from crivo.adapters.http.pages.render import count, percent
from crivo.adapters.http.pages.words import word
from crivo.adapters.http.service import Parts
from crivo.decision.reason_texts import Language
from crivo.flows.judged_scores import JudgedScores, threshold_curves
from crivo.governance.plots import Words, reliability, shares_over_threshold
from crivo.model.artifact import SCORE_ONE

#: Of the thresholds that are drawn, each so many-th is a row of the table.
EACH: Final = 7


@dataclass(frozen=True, slots=True)
class Curves:
    """What a model's page draws."""

    calibration: Markup
    thresholds: Markup
    rows: list[tuple[str, ...]]


def model_values(parts: Parts, language: Language) -> dict[str, Any]:
    """What the page of the serving model shows.

    Raises:
        Misconfigured: ARTIFACT_INVALID where the rows that judged it are damaged.
    """
    artifact = parts.decisions.bundle.artifact
    judged = parts.judged()
    found = artifact.metadata.get("metrics")
    return {
        "given": [
            ("hash", artifact.hash),
            ("kind", artifact.kind.value),
            ("plan", artifact.plan_hash),
            ("inputs", count(len(artifact.input_names), language)),
        ],
        "metrics": metric_rows(found) if isinstance(found, Mapping) else [],
        "curves": None if judged is None else _curves(judged, language),
    }


def metric_rows(
    found: Mapping[str, Mapping[str, Sequence[float | None]]],
) -> list[tuple[str, str, str, str]]:
    """(model, metric, value, interval) of all that a training judged by the same rows.

    Args:
        found: By model, by metric: value, low and high end, as a model's `metrics` have them.
    """
    rows = []
    for model, metrics in found.items():
        for name, (value, low, high) in metrics.items():
            interval = "—" if low is None or high is None else f"{low:.4g} … {high:.4g}"
            rows.append((model, name, "—" if value is None else f"{value:.4g}", interval))
    return rows


def _curves(judged: JudgedScores, language: Language) -> Curves:
    def said(name: str) -> str:
        return word(name, language)

    words = Words(said("calibration_title"), said("score_axis"), said("came_axis"))
    calibration = reliability(judged.chances, judged.labels, judged.weights, words=words)
    found = threshold_curves(judged)
    shares = {
        said("recall"): found.recall,
        said("precision"): found.precision,
        said("review_load"): found.load,
    }
    drawn = shares_over_threshold(shares, title=said("thresholds_title"), across=said("threshold"))
    columns = (found.thresholds, found.recall, found.precision, found.load)
    rows = [
        tuple(percent(round(float(value) * SCORE_ONE), language) for value in row)
        for row in zip(*(column[::EACH] for column in columns), strict=True)
    ]
    # The plots escape their words themselves: they are text nodes of their own trees.
    return Curves(Markup(calibration), Markup(drawn), rows)  # noqa: S704


def health_values(parts: Parts, language: Language) -> dict[str, Any]:
    """What the page of health shows.

    Raises:
        Unavailable: LOG_UNAVAILABLE, INDEX_UNAVAILABLE.
    """
    decisions = parts.decisions
    if parts.is_ready():
        parts.check_log()
    end, counts = decisions.log.end(), decisions.counts
    numbers = {
        "log_events": end,
        "behind": max(end - parts.index.reached(), 0),
        "keys": counts.keys,
        "state_bytes": counts.state_bytes,
        "late": counts.late,
        "open_holds": len(decisions.holds),
        "open_reviews": len(decisions.replica.reviews),
        "list_entries": decisions.replica.lists.added,
    }
    given = [(word(name, language), count(number, language)) for name, number in numbers.items()]
    given += [
        (word("clock", language), decisions.log.manifest.clock.value),
        (word("version", language), parts.version),
    ]
    return {
        "is_ready": parts.is_ready(),
        "given": given,
        "versions": list(asdict(decisions.bundle.versions).items()),
    }
