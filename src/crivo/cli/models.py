"""The commands of models and features: `models`, `features list`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crivo.cli.output import print_facts, print_json, print_table
from crivo.domain.errors import Code, invalid

if TYPE_CHECKING:
    from crivo.bootstrap.models import Names
    from crivo.model.artifact import Artifact
    from crivo.model.network import Network

Word = TypeVar("Word", bound=StrEnum)


def run_models_list(*, home: Path | None, as_json: bool) -> None:
    """`crivo models list`: every model that is whole; then the first that is not is refused."""
    from crivo.bootstrap.models import model_aliases, stored_models
    from crivo.model.network import KIND
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    stored = stored_models(settings)
    every: list[tuple[Artifact | Network, str, str]] = [
        *((each, each.kind.value, each.form) for each in stored.models),
        *((each, KIND, KIND) for each in stored.networks),
    ]
    given = model_aliases(settings)
    borne = {
        a.hash: [name.value for name, hash_ in given.items() if hash_ == a.hash]
        for a, _, _ in every
    }
    if as_json:
        print_json(
            [
                {
                    "model": a.hash,
                    "kind": kind,
                    "form": form,
                    "champion": "champion" in borne[a.hash],
                    "aliases": borne[a.hash],
                    **a.metadata,
                }
                for a, kind, form in every
            ]
        )
    else:
        rows = [
            (a.hash[:12], kind, form, len(a.input_names), ", ".join(borne[a.hash]))
            for a, kind, form in every
        ]
        print_table("Models", ("model", "kind", "form", "inputs", "aliases"), rows)
    stored.raise_spoilt()


def run_models_compare(
    models: list[str], *, home: Path | None, reviews_per_day: int, as_json: bool
) -> None:
    """`crivo models compare`."""
    from crivo.bootstrap.models import compare_models
    from crivo.flows.comparing import differences
    from crivo.model.judged import as_table
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    found = compare_models(settings, models, reviews_per_day=reviews_per_day)
    artifacts, metrics = found.models, found.metrics
    unlike = differences(artifacts)
    if as_json:
        print_json(
            [
                {
                    "model": a.hash,
                    "judged_with": found.judge,
                    "may_have_learnt": found.may_have_learnt[place],
                    "metrics": as_table(each),
                    "differs": {name: values[place] for name, values in unlike.items()},
                }
                for place, (a, each) in enumerate(zip(artifacts, metrics, strict=True))
            ]
        )
        return
    rows = [
        (
            a.hash[:12] + (" (may have learnt these rows)" if may else ""),
            *(f"{m.value:.3f} ({m.low:.3f}–{m.high:.3f})" for m in each),
        )
        for a, each, may in zip(artifacts, metrics, found.may_have_learnt, strict=True)
    ]
    print_table(
        f"On the rows that judged {found.judge[:12]}, whose test began last (95 % interval)",
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
        (each.gate.value, each.figure, each.required, each.found, each.said)
        for each in promoted.judgements
    ]
    print_table("Gates", ("gate", "figure", "required", "found", "verdict"), rows)
    facts = {"model": promoted.hash, "card": str(promoted.card)}
    if promoted.alias is Alias.CHAMPION:
        facts["from"] = "the next start of `crivo serve`"
    print_facts(promoted.alias.value.capitalize(), facts)


def run_models_rollback(*, home: Path | None, approved_by: str, as_json: bool) -> None:
    """`crivo models rollback`."""
    from crivo.bootstrap.models import roll_back_model
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    champion, previous = roll_back_model(settings, approved_by=approved_by)
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
    from crivo.features.served import LOCK_FILE, format_lock, read_lock, with_served

    before, features = read_lock(), default_feature_set()
    after = with_served(before, features)
    LOCK_FILE.write_text(format_lock(after), encoding="utf-8")
    facts = {
        "served": len(after),
        "in_force": len(features.features),
        # A name keeps its meaning for good, so that old decisions can be derived again.
        "no_longer": sorted(set(after) - {feature.name for feature in features.features}),
        "added": sorted(set(after) - set(before)),
        "file": LOCK_FILE,
    }
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
