"""The model's page, with curves of the rows it was judged by, and the page of health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from msgspec.structs import asdict

from crivo.adapters.http.pages.render import count, decimal_of, figure, percent
from crivo.adapters.http.pages.terms import TERMS, named_versions, term
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
            (word("hash", language), artifact.hash),
            (word("kind", language), term("kind", artifact.kind.value, language)),
            (word("plan", language), artifact.plan_hash),
            (word("inputs", language), count(len(artifact.input_names), language)),
        ],
        "metrics": metric_rows(found, language) if isinstance(found, Mapping) else [],
        "curves": None if judged is None else _curves(judged, language),
    }


def metric_rows(
    found: Mapping[str, Mapping[str, Sequence[float | None]]], language: Language
) -> list[tuple[str, str, str, str]]:
    """(model, metric, value, interval) of all that a training judged by the same rows.

    Args:
        found: By model, by metric: value, low and high end, as a model's `metrics` have them.
        language: Of the metrics' words, and of the numbers.
    """
    rows = []
    for model, metrics in found.items():
        for name, (value, low, high) in metrics.items():
            # A model of another release may have been judged by what has no word here.
            said = term("metric", name, language) if name in TERMS["metric"] else name
            ends = [figure(end, language) for end in (low, high)]
            interval = "—" if low is None or high is None else " … ".join(ends)
            rows.append((model, said, figure(value, language), interval))
    return rows


def _curves(judged: JudgedScores, language: Language) -> Curves:
    def said(name: str) -> str:
        return word(name, language)

    words = Words(said("calibration_title"), said("score_axis"), said("came_axis"))
    decimal = decimal_of(language)
    calibration = reliability(
        judged.chances, judged.labels, judged.weights, words=words, decimal=decimal
    )
    found = threshold_curves(judged)
    shares = {
        said("recall"): found.recall,
        said("precision"): found.precision,
        said("review_load"): found.load,
    }
    drawn = shares_over_threshold(
        shares, title=said("thresholds_title"), across=said("threshold"), decimal=decimal
    )
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
        (word("clock", language), term("clock", decisions.log.manifest.clock.value, language)),
        (word("version", language), parts.version),
    ]
    return {
        "is_ready": parts.is_ready(),
        "given": given,
        "versions": named_versions(asdict(decisions.bundle.versions), language),
    }
