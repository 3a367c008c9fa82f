"""Composes what is done with trained models: list, compare, promote by gates, roll back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from crivo.bootstrap.home import Paths, policy_text, require_home, wall_clock
from crivo.bootstrap.service import serving_plan
from crivo.domain.errors import Code, Refused, Unavailable, Unfit
from crivo.domain.instant import format_rfc3339
from crivo.flows.aliases import Alias, aliases_of, give_alias
from crivo.flows.gating import compared, figures_of, judged_of
from crivo.flows.promote import promote, read_champion, roll_back
from crivo.governance.card import model_card
from crivo.governance.gates import (
    GATES_FILE,
    Gate,
    Judgement,
    Limits,
    judge,
    parse_limits,
    raise_unless_passed,
)
from crivo.model.artifact import Artifact, ArtifactKind, load_artifact, write_synced
from crivo.model.evaluate import Metric
from crivo.model.network import KIND as NETWORK_KIND
from crivo.model.network import Network, networks_in
from crivo.settings import Settings

#: What lets a model serve that holds not every gate of quality: nothing else does yet.
FIRST: Final = "nobody: it is the first model of its home"

_QUALITY: Final = frozenset({Gate.CALIBRATION, Gate.BASELINE})
_RESAMPLES: Final = 200


@dataclass(frozen=True, slots=True)
class Names:
    """Who answers for what: the promotion, a suspected leak, a champion that cannot be compared."""

    approved_by: str = ""
    leak_accepted_by: str = ""
    unlike_accepted_by: str = ""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The model, its alias, what every gate found, and its card."""

    hash: str
    alias: Alias
    judgements: tuple[Judgement, ...]
    card: Path


def promote_model(
    settings: Settings,
    prefix: str,
    *,
    alias: Alias = Alias.CHAMPION,
    names: Names | None = None,
    is_first: bool = False,
) -> Promoted:
    """The model bears the alias, if every gate lets it; a champion serves from the next start on.

    `is_first` lets a model serve whose quality does not hold, since nothing else does; its card
    says so.

    Raises:
        Refused: NOT_FOUND where the prefix names no model, FIELD_VALUE where it names several.
        Unfit: GATE_FAILED, LEAK_SUSPECTED; nothing has changed then. A network's is GATE_FAILED,
            whatever else holds: it may be a shadow only.
        Unavailable: NOT_FOUND where the rows that judged it are gone.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker

    paths, names = Paths(settings.home), names or Names()
    artifact = named_model(settings, prefix)
    if isinstance(artifact, Network):
        raise _shadow_only(artifact, alias)
    now = wall_clock()
    judgements = _judged(settings, artifact, _limits(settings, now), names)
    if is_first:
        judgements = tuple(
            replace(each, accepted_by=FIRST) if each.gate in _QUALITY and not each.holds else each
            for each in judgements
        )
    raise_unless_passed(judgements)
    card = model_card(
        artifact,
        judgements,
        alias=alias,
        at=format_rfc3339(now),
        approved_by=names.approved_by,
    )
    paths.cards.mkdir(parents=True, exist_ok=True)
    file = paths.cards / f"{artifact.hash}.md"
    write_synced(file, card.encode())
    if alias is Alias.CHAMPION:
        promote(paths.models, artifact.hash, promoted_at=now)
    else:
        give_alias(paths.models, alias, artifact.hash)
    approved = {"approved_by": names.approved_by} if names.approved_by else {}
    MlflowTracker(paths.tracking, url=settings.tracking_url or "").mark(
        _first(alias, aliases_of(paths.models)), tags={"gates": "passed", **approved}, card=card
    )
    return Promoted(artifact.hash, alias, judgements, file)


def roll_back_model(settings: Settings) -> tuple[str, str]:
    """The hashes of the model that serves from the next start on, and of the one that did.

    Raises:
        Unavailable: MODEL_MISSING where none served before.
    """
    from crivo.adapters.mlflow.tracker import MlflowTracker

    paths = Paths(settings.home)
    champion = roll_back(paths.models, promoted_at=wall_clock())
    MlflowTracker(paths.tracking, url=settings.tracking_url or "").mark(
        _first(Alias.CHAMPION, aliases_of(paths.models)), tags={}, card=""
    )
    return champion.hash, champion.previous


def compare_models(
    settings: Settings, prefixes: Sequence[str], *, reviews_per_day: int
) -> tuple[list[Artifact | Network], list[tuple[Metric, ...]]]:
    """The models and their metrics on the rows that the first of them was judged by.

    Raises:
        Refused: as `named_model`. Misconfigured: PLAN_MISMATCH where they read other inputs.
    """
    models = [named_model(settings, prefix) for prefix in prefixes]
    judged = judged_of(Paths(settings.home).judged, models[0])
    return models, compared(models, judged, reviews_per_day=reviews_per_day, resamples=_RESAMPLES)


def named_model(settings: Settings, prefix: str) -> Artifact | Network:
    """The model or network of a hash, of its first characters, or of an alias.

    Raises:
        Refused: NOT_FOUND where that names no model, FIELD_VALUE where it names several.
    """
    models: list[Artifact | Network] = [*stored_models(settings), *stored_networks(settings)]
    aliases = aliases_of(Paths(settings.home).models)
    wanted = aliases[Alias(prefix)] if prefix in set(aliases) else prefix
    named = [each for each in models if wanted and each.hash.startswith(wanted)]
    if len(named) != 1:
        raise Refused(
            Code.FIELD_VALUE if named else Code.NOT_FOUND,
            f"{prefix!r} names {len(named)} models",
            hint="`crivo models list` shows them; more characters tell them apart.",
            field="model",
            expected="the hash of one model, its first characters, or an alias",
            found=", ".join(each.hash[:16] for each in named) or prefix,
        )
    return named[0]


def stored_models(settings: Settings) -> list[Artifact]:
    """The models of the home folder, verified, by hash.

    Raises:
        Unavailable: NOT_FOUND where there is no home folder.
    """
    folder = Paths(require_home(settings)).models
    return [load_artifact(path.parent) for path in sorted(folder.glob("*/manifest.json"))]


def stored_networks(settings: Settings) -> list[Network]:
    """The networks of the home folder, verified, by hash.

    Raises:
        Unavailable: NOT_FOUND where there is no home folder.
    """
    return networks_in(Paths(require_home(settings)).networks)


def model_aliases(settings: Settings) -> dict[Alias, str]:
    """The hash behind each alias of the home folder."""
    return aliases_of(Paths(settings.home).models)


def champion_hash(settings: Settings) -> str | None:
    """The hash of the model that serves, if one was promoted."""
    try:
        return read_champion(Paths(settings.home).models).hash
    except Unavailable:
        return None


def _judged(
    settings: Settings, artifact: Artifact, limits: Limits, names: Names
) -> tuple[Judgement, ...]:
    paths = Paths(settings.home)
    champion = champion_hash(settings)
    serving = None
    if champion is not None and champion != artifact.hash:
        serving = load_artifact(paths.models / champion)
    folder = paths.models / artifact.hash
    figures = figures_of(
        artifact,
        serving,
        judged_of(paths.judged, artifact),
        plan_expected=serving_plan().plan_hash if artifact.kind is ArtifactKind.EVENTS else "",
        size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        clock=time.perf_counter_ns,
    )
    return judge(
        figures,
        limits,
        leak_accepted_by=names.leak_accepted_by,
        unlike_accepted_by=names.unlike_accepted_by,
    )


def _shadow_only(network: Network, alias: Alias) -> Unfit:
    return Unfit(
        Code.GATE_FAILED,
        f"the network {network.hash[:12]} may be a shadow only, and never {alias.value}: its "
        "scores depend on the processor, so that no replay could vouch for them",
        hint="Promote a forest: `crivo models list` shows which are there.",
        field="kind",
        expected=" or ".join(ArtifactKind),
        found=NETWORK_KIND,
    )


def _limits(settings: Settings, now: int) -> Limits:
    return parse_limits(policy_text(settings, GATES_FILE), at=now)


def _first(alias: Alias, aliases: dict[Alias, str]) -> dict[str, str]:
    """The aliases by their words, this one first."""
    ordered = sorted(aliases, key=lambda each: each is not alias)
    return {each.value: aliases[each] for each in ordered}
