"""The commands of models and features: `train`, `models`, `features list`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crivo.cli.output import notes, print_facts, print_json, print_table, results
from crivo.domain.errors import Code, Misconfigured, invalid
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.domain.money import format_reais

if TYPE_CHECKING:
    from crivo.bootstrap.models import Names
    from crivo.bootstrap.offline import StagedProgress, Training
    from crivo.decision.proposal import Proposal
    from crivo.flows.train import TrainResult
    from crivo.model.artifact import Artifact
    from crivo.model.network import Network
    from crivo.settings import Settings

Word = TypeVar("Word", bound=StrEnum)


def run_train(
    *,
    home: Path | None,
    data: Path | None,
    mapping: Path | None,
    labels_as_of: str | None,
    seed: int,
    allow_leak: str | None,
    tries: int,
    resampling: str,
    calibrator: str,
    challenger: str,
    as_json: bool,
) -> None:
    """`crivo train`."""
    from crivo.bootstrap.offline import Training, read_mapping, train_on_table
    from crivo.model.calibrate import Calibrator
    from crivo.model.challenger import Challenger, check_installed
    from crivo.model.resample import Resampling
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    as_of = None if labels_as_of is None else parse_rfc3339(labels_as_of, field="--labels-as-of")
    training = Training(
        labels_as_of=as_of,
        seed=seed,
        leak_accepted_by=allow_leak or "",
        tries=tries,
        resampling=_one_of(Resampling, resampling, "--resampling"),
        calibrator=_one_of(Calibrator, calibrator, "--calibrator"),
        challenger=_one_of(Challenger, challenger, "--challenger"),
    )
    if training.challenger is Challenger.NETWORK:
        check_installed()
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
    became_champion = promote_first(settings, result, leak_accepted_by=training.leak_accepted_by)
    if as_json:
        print_json(train_facts(result, became_champion=became_champion))
    else:
        show_training(result, became_champion=became_champion)
        if result.policy:
            text = f"The proposal as entries of policy/decision.toml:\n\n{result.policy}"
            results().print(text, markup=False)


def train_home(settings: Settings, training: Training) -> TrainResult:
    """A model of the home folder's log; the stages are said on stderr."""
    from crivo.bootstrap.offline import train_on_log

    return train_on_log(settings, training, progress=_say_stage())


def promote_first(settings: Settings, result: TrainResult, *, leak_accepted_by: str) -> bool:
    """Whether the model became champion: the first one of a home does, as nothing else serves.

    Who looked at a suspected leak before the training answers for the first promotion too.

    A gate of quality that it does not hold is said aloud, and stands in its card.
    """
    from crivo.bootstrap.models import Names, champion_hash, promote_model

    if champion_hash(settings) is not None:
        return False
    names = Names(leak_accepted_by=leak_accepted_by)
    promoted = promote_model(settings, result.artifact.hash, names=names, is_first=True)
    for each in promoted.judgements:
        if not each.holds:
            notes().print(
                f"It does not hold the gate {each.gate.value} ({each.figure}): required "
                f"{each.required}, found {each.found}.",
                markup=False,
            )
    return True


def train_facts(result: TrainResult, *, became_champion: bool) -> dict[str, object]:
    """A training, as JSON shows it."""
    return {
        "model": result.artifact.hash,
        "became_champion": became_champion,
        "shadow": None if result.network is None else result.network.hash,
        "folder": result.folder,
        "run_id": result.run.run_id,
        "version": result.run.version,
        "split": result.split.as_json(),
        "metrics": result.table(),
        "left_out": dict(result.left_out),
        "proposal": None if result.proposal is None else result.proposal.as_json(),
        "policy": result.policy or None,
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
    if result.proposal is not None:
        _show_proposal(result.proposal)
    if result.network is not None:
        shadow = result.network.hash[:12]
        when = (
            "from the next start on"
            if result.artifact.plan_hash
            else "nothing: rows are not decided"
        )
        notes().print(f"The network {shadow} is the shadow; it scores {when}.")
    if became_champion:
        notes().print("It is the first model here, so it is the champion: `crivo serve` serves it.")
    else:
        notes().print(f"`crivo models promote {result.artifact.hash[:12]}` makes it the champion.")


def _show_proposal(proposal: Proposal) -> None:
    """Thresholds by cost, and what they would have done a day on the test rows."""
    later = proposal.judged
    rows = [
        (outcome.value, f"{threshold / 1e9:.9f}", f"{later.outcomes[outcome]:,.1f}")
        for outcome, threshold in proposal.thresholds.items()
    ]
    print_table(
        "Thresholds proposed by policy/costs.toml (policy/decision.toml decides)",
        ("outcome", "score from", "transfers a day"),
        rows,
    )
    money = {
        "saved a day": later.saved,
        "lost a day": later.lost,
        "friction a day": later.friction,
        "frozen a day": later.frozen,
        "reviews a day": later.review,
        "one more review a day": proposal.review_price,
    }
    print_facts(
        "On the test rows",
        {name: format_reais(round(centavos)) for name, centavos in money.items()},
    )


def run_models_list(*, home: Path | None, as_json: bool) -> None:
    """`crivo models list`."""
    from crivo.bootstrap.models import model_aliases, stored_models, stored_networks
    from crivo.model.network import KIND
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    every: list[tuple[Artifact | Network, str]] = [
        *((each, each.kind.value) for each in stored_models(settings)),
        *((each, KIND) for each in stored_networks(settings)),
    ]
    given = model_aliases(settings)
    borne = {
        a.hash: [name.value for name, hash_ in given.items() if hash_ == a.hash] for a, _ in every
    }
    if as_json:
        print_json(
            [
                {
                    "model": a.hash,
                    "kind": kind,
                    "champion": "champion" in borne[a.hash],
                    "aliases": borne[a.hash],
                    **a.metadata,
                }
                for a, kind in every
            ]
        )
        return
    rows = [(a.hash[:12], kind, len(a.input_names), ", ".join(borne[a.hash])) for a, kind in every]
    print_table("Models", ("model", "kind", "inputs", "aliases"), rows)


def run_models_compare(
    models: list[str], *, home: Path | None, reviews_per_day: int, as_json: bool
) -> None:
    """`crivo models compare`."""
    from crivo.bootstrap.models import compare_models
    from crivo.flows.comparing import differences
    from crivo.model.judged import as_table
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    artifacts, metrics = compare_models(settings, models, reviews_per_day=reviews_per_day)
    unlike = differences(artifacts)
    if as_json:
        print_json(
            [
                {
                    "model": a.hash,
                    "metrics": as_table(found),
                    "differs": {name: values[place] for name, values in unlike.items()},
                }
                for place, (a, found) in enumerate(zip(artifacts, metrics, strict=True))
            ]
        )
        return
    rows = [
        (a.hash[:12], *(f"{m.value:.3f} ({m.low:.3f}–{m.high:.3f})" for m in found))
        for a, found in zip(artifacts, metrics, strict=True)
    ]
    print_table(
        f"On the rows that judged {artifacts[0].hash[:12]} (95 % interval)",
        ("model", *(m.name for m in metrics[0])),
        rows,
    )
    print_table(
        "In what their runs differ",
        ("", *(a.hash[:12] for a in artifacts)),
        [(name, *values) for name, values in unlike.items()],
    )


def run_models_promote(
    model: str, *, home: Path | None, to: str, names: Names, as_json: bool
) -> None:
    """`crivo models promote`."""
    from crivo.bootstrap.models import promote_model
    from crivo.flows.aliases import Alias
    from crivo.settings import load_settings

    alias = _one_of((Alias.CHAMPION, Alias.STAGING), to, "--to")
    promoted = promote_model(load_settings(os.environ, home=home), model, alias=alias, names=names)
    if as_json:
        gates = [each.as_json() for each in promoted.judgements]
        facts = {promoted.alias.value: promoted.hash, "gates": gates, "card": str(promoted.card)}
        print_json(facts)
        return
    rows = [
        (each.gate.value, each.figure, each.required, each.found, each.accepted_by or "holds")
        for each in promoted.judgements
    ]
    print_table("Gates", ("gate", "figure", "required", "found", ""), rows)
    facts = {"model": promoted.hash, "card": str(promoted.card)}
    if promoted.alias is Alias.CHAMPION:
        facts["from"] = "the next start of `crivo serve`"
    print_facts(promoted.alias.value.capitalize(), facts)


def run_models_rollback(*, home: Path | None, as_json: bool) -> None:
    """`crivo models rollback`."""
    from crivo.bootstrap.models import roll_back_model
    from crivo.settings import load_settings

    champion, previous = roll_back_model(load_settings(os.environ, home=home))
    if as_json:
        print_json({"champion": champion, "previous": previous})
    else:
        print_facts(
            "Champion",
            {
                "model": champion,
                "in place of": previous,
                "from": "the next start of `crivo serve`",
            },
        )


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


def _one_of(allowed: Iterable[Word], given: str, option: str) -> Word:
    """The member that an option's text names.

    Raises:
        Refused: FIELD_VALUE, with all that is allowed.
    """
    members = {member.value: member for member in allowed}
    if given not in members:
        raise invalid(
            Code.FIELD_VALUE, field=option, expected=f"one of {', '.join(members)}", found=given
        )
    return members[given]


def _say_stage() -> StagedProgress:
    console = notes()
    said: set[str] = set()

    def say(stage: str, _done: int, _total: int) -> None:
        if stage not in said:
            said.add(stage)
            console.print(f"  {stage} …", markup=False)

    return say
