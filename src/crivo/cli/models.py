"""The commands of models and features: `train`, `models list|promote`, `features list`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.output import notes, print_facts, print_json, print_table
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import format_rfc3339, parse_rfc3339

if TYPE_CHECKING:
    from crivo.bootstrap.offline import StagedProgress, Training
    from crivo.flows.train import TrainResult
    from crivo.settings import Settings


def run_train(
    *,
    home: Path | None,
    data: Path | None,
    mapping: Path | None,
    labels_as_of: str | None,
    seed: int,
    allow_leak: str | None,
    as_json: bool,
) -> None:
    """`crivo train`."""
    from crivo.bootstrap.offline import Training, read_mapping, train_on_table
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    as_of = None if labels_as_of is None else parse_rfc3339(labels_as_of, field="--labels-as-of")
    training = Training(as_of, seed, allow_leak or "")
    if data is None:
        if mapping is not None:
            raise Misconfigured(
                Code.MAPPING_INVALID,
                "--mapping explains a table, and there is none without --data",
                hint="Give --data FILE too; the log needs no mapping.",
                field="--mapping",
            )
        result = train_home(settings, training)
    else:
        if mapping is None:
            raise Misconfigured(
                Code.MAPPING_INVALID,
                "--data needs --mapping",
                hint="See mappings/.",
                field="mapping",
            )
        result = train_on_table(
            settings, data, read_mapping(mapping), training, progress=_say_stage()
        )
    became_champion = promote_first(settings, result)
    if as_json:
        print_json(train_facts(result, became_champion=became_champion))
    else:
        show_training(result, became_champion=became_champion)


def train_home(settings: Settings, training: Training) -> TrainResult:
    """A model of the home folder's log; the stages are said on stderr."""
    from crivo.bootstrap.offline import train_on_log

    return train_on_log(settings, training, progress=_say_stage())


def promote_first(settings: Settings, result: TrainResult) -> bool:
    """Whether the model became champion: the first one of a home does, as nothing else serves."""
    from crivo.bootstrap.offline import champion_hash, promote_model

    if champion_hash(settings) is not None:
        return False
    promote_model(settings, result.artifact.hash)
    return True


def train_facts(result: TrainResult, *, became_champion: bool) -> dict[str, object]:
    """A training, as JSON shows it."""
    return {
        "model": result.artifact.hash,
        "became_champion": became_champion,
        "folder": result.folder,
        "run_id": result.run.run_id,
        "version": result.run.version,
        "split": result.split.as_json(),
        "metrics": result.table(),
        "left_out": dict(result.left_out),
    }


def show_training(result: TrainResult, *, became_champion: bool) -> None:
    """A training, for people: every model beside the others, each figure with its interval."""
    names = [metric.name for metric in next(iter(result.metrics.values()))]
    rows = [
        (model, *(f"{m.value:.3f} ({m.low:.3f}–{m.high:.3f})" for m in metrics))
        for model, metrics in result.metrics.items()
    ]
    print_table("On the last weeks, which no model saw (95 % interval)", ("model", *names), rows)
    split = result.split
    print_facts(
        f"Model {result.artifact.hash[:12]}",
        {
            "train": f"{format_rfc3339(split.train_start)} to {format_rfc3339(split.train_end)}, "
            f"{split.rows_train:,} rows, {split.positives_train:,} frauds",
            "test": f"{format_rfc3339(split.test_start)} to {format_rfc3339(split.test_end)}, "
            f"{split.rows_test:,} rows, {split.positives_test:,} frauds",
            "left out": ", ".join(f"{n:,} {cause}" for cause, n in result.left_out.items()) or "–",
            "registered": f"version {result.run.version} (candidate) in {result.run.location}",
        },
    )
    if became_champion:
        notes().print("It is the first model here, so it is the champion: `crivo serve` serves it.")
    else:
        notes().print(f"`crivo models promote {result.artifact.hash[:12]}` makes it the champion.")


def run_models_list(*, home: Path | None, as_json: bool) -> None:
    """`crivo models list`."""
    from crivo.bootstrap.offline import champion_hash, stored_models
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    champion = champion_hash(settings)
    models = stored_models(settings)
    if as_json:
        print_json(
            [
                {"model": a.hash, "kind": a.kind, "champion": a.hash == champion, **a.metadata}
                for a in models
            ]
        )
        return
    rows = [
        (a.hash[:12], a.kind, len(a.input_names), "champion" if a.hash == champion else "")
        for a in models
    ]
    print_table("Models", ("model", "kind", "inputs", "serves"), rows)


def run_models_promote(model: str, *, home: Path | None, as_json: bool) -> None:
    """`crivo models promote`."""
    from crivo.bootstrap.offline import promote_model
    from crivo.settings import load_settings

    promoted = promote_model(load_settings(os.environ, home=home), model)
    if as_json:
        print_json({"champion": promoted})
    else:
        print_facts("Champion", {"model": promoted, "from": "the next start of `crivo serve`"})


def run_features_list(*, as_json: bool) -> None:
    """`crivo features list`."""
    from crivo.features.registry import default_feature_set

    features = default_feature_set()
    if as_json:
        print_json(
            [
                {
                    "name": f.name,
                    "hash": f.hash,
                    **{name: str(getattr(f.card, name)) for name in f.card.__slots__},
                }
                for f in features.features
            ]
        )
        return
    rows = [(f.name, f.card.unit, f.card.meaning, f.card.null_meaning) for f in features.features]
    print_table(f"Feature set {features.hash[:12]}", ("feature", "unit", "meaning", "null"), rows)


def run_features_lock(*, as_json: bool) -> None:
    """`crivo features lock`: adds to `features/served.lock` what is declared and not in it."""
    from crivo.features.registry import default_feature_set
    from crivo.features.served import LOCK_FILE, format_lock, parse_lock, with_served

    before = parse_lock(LOCK_FILE.read_text(encoding="utf-8"))
    after = with_served(before, default_feature_set())
    LOCK_FILE.write_text(format_lock(after), encoding="utf-8")
    facts = {"served": len(after), "added": sorted(set(after) - set(before)), "file": LOCK_FILE}
    if as_json:
        print_json({**facts, "file": str(LOCK_FILE)})
    else:
        print_facts("Served features", facts)


def _say_stage() -> StagedProgress:
    console = notes()
    said: set[str] = set()

    def say(stage: str, _done: int, _total: int) -> None:
        if stage not in said:
            said.add(stage)
            console.print(f"  {stage} …", markup=False)

    return say
