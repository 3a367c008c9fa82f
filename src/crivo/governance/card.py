"""The model card: what a model is for, what it was made of, what was found, who let it pass.

Written from the run that made it (Mitchell et al., 2019), never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crivo.domain.instant import DAY, format_rfc3339
from crivo.governance.gates import Judgement
from crivo.model.artifact import Artifact, ArtifactKind


def model_card(
    artifact: Artifact,
    judgements: Sequence[Judgement],
    *,
    contributions: Sequence[tuple[str, float]],
    alias: str,
    at: str,
    approved_by: str,
) -> str:
    """The card as Markdown.

    `contributions` are inputs with the mean size of what each adds, in log-odds. `at` is when the
    gates were asked (RFC 3339); `approved_by` may be empty.
    """
    found = artifact.metadata
    parts = [
        f"# Model {artifact.hash[:12]}",
        _use(artifact),
        _section("Gates", _gates(judgements)),
        f"Asked at {at}, for the alias `{alias}`"
        + (f", approved by {approved_by}." if approved_by else "."),
        _section("Quality on the test rows (95 % interval)", _metrics(found["metrics"])),
        _section("By month and amount", _segments(found["segments"])),
        _section(
            f"What it goes by: the {len(contributions)} inputs of the greatest mean contribution",
            _contributions(contributions),
        ),
        _section("Data", _facts({**_data(found["data"]), **_split(found["split"])})),
        _section("Options", _facts(_flat(found["options"]))),
        _section("Versions", _facts({**found["versions"], **_hashes(artifact)})),
    ]
    return "\n\n".join(parts) + "\n"


def _use(artifact: Artifact) -> str:
    if artifact.kind is ArtifactKind.EVENTS:
        return (
            "Scores Pix transfers: the probability, at the prevalence of the training data, that a "
            "participant will accept a report of fraud about the transfer. Not for returns, not "
            "for judging people. Frauds that nobody reports are unknown to it."
        )
    return (
        "Scores rows of the columns below, as a probability at the prevalence that their weights "
        "restore. It answers `/predict` and decides no transfer."
    )


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _gates(judgements: Sequence[Judgement]) -> str:
    rows = [
        (
            each.gate.value,
            each.figure,
            each.required,
            each.found,
            each.said,
        )
        for each in judgements
    ]
    return _table(("gate", "figure", "required", "found", "verdict"), rows)


def _metrics(metrics: Mapping[str, Mapping[str, Sequence[float | None]]]) -> str:
    names = sorted(dict.fromkeys(name for found in metrics.values() for name in found), key=_place)
    rows = [
        (model, *(_interval(found.get(name)) for name in names)) for model, found in metrics.items()
    ]
    return _table(("model", *names), rows)


def _place(metric: str) -> tuple[bool, bool]:
    """Where a metric stands: average precision first, the area under the ROC curve last."""
    return metric == "auc", metric != "average_precision"


def _segments(segments: Mapping[str, Mapping[str, Any]]) -> str:
    names = ("average_precision", "recall_at_fpr_1_percent", "calibration_error")
    rows = [
        (
            part,
            f"{found['rows']:,}",
            f"{found['frauds']:,}",
            *(_interval(found["metrics"].get(name)) for name in names),
        )
        for part, found in segments.items()
    ]
    return _table(("part", "rows", "frauds", *names), rows)


def _contributions(found: Sequence[tuple[str, float]]) -> str:
    rows = [(name, f"{mean:.4f}") for name, mean in found]
    return _table(("input", "mean size of its contribution, log-odds, test rows"), rows)


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the data, whose spans and instants are microseconds, as people read them."""
    said = dict(data)
    if isinstance(said.get("label_delay"), int):
        said["label_delay"] = f"{said['label_delay'] / DAY:g} days"
    if isinstance(said.get("labels_as_of"), int):
        said["labels_as_of"] = format_rfc3339(said["labels_as_of"])
    else:
        said.pop("labels_as_of", None)
    return said


def _split(split: Mapping[str, Any]) -> dict[str, Any]:
    return {f"split {name.replace('_', ' ')}": value for name, value in split.items()}


def _hashes(artifact: Artifact) -> dict[str, str]:
    return {
        "model hash": artifact.hash,
        "feature set hash": artifact.set_hash,
        "plan hash": artifact.plan_hash or "–",
    }


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        found.update(_flat(value) if isinstance(value, Mapping) else {name: value})
    return found


def _facts(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"* {name.replace('_', ' ')}: {value}" for name, value in facts.items())


def _interval(found: Sequence[float | None] | None) -> str:
    if found is None or found[0] is None:
        return "–"
    low, high = found[1], found[2]
    return f"{found[0]:.4f}" + ("" if low is None else f" ({low:.4f}–{high:.4f})")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
