"""Composes what is done with trained models: list, compare, promote by gates, roll back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from crivo.bootstrap.home import Paths, policy_text, require_home, wall_clock
from crivo.bootstrap.service import serving_plan
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, Unfit, invalid
from crivo.domain.instant import format_rfc3339
from crivo.features.served import check_locked, read_lock
from crivo.flows.aliases import Alias, aliases_of, give_alias
from crivo.flows.bundle import scorer_of
from crivo.flows.feature_columns import columns_of
from crivo.flows.gating import (
    compared,
    figures_of,
    have_not_learnt,
    judged_of,
    last_judged,
    rows_to_compare,
)
from crivo.flows.promote import promote, read_champion, roll_back
from crivo.flows.tracker import Tracker
from crivo.governance.card import model_card
from crivo.governance.gate_limits import GATES_FILE, Limits, parse_limits
from crivo.governance.gates import (
    Gate,
    Judgement,
    judge,
    raise_unless_passed,
    said_of,
)
from crivo.model.artifact import MANIFEST, Artifact, ArtifactKind, load_artifact
from crivo.model.contributions import mean_contributions
from crivo.model.evaluate import Metric
from crivo.model.files import whole_folders, write_synced
from crivo.model.network import KIND as NETWORK_KIND
from crivo.model.network import Network, load_network, network_folders
from crivo.settings import Settings

#: What lets a model serve that holds not every gate of quality: nothing else does yet.
FIRST: Final = "nobody: it is the first model of its home"

_QUALITY: Final = frozenset({Gate.CALIBRATION, Gate.BASELINE})
_RESAMPLES: Final = 200

Loaded = TypeVar("Loaded", Artifact, Network)


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


def check_first(settings: Settings) -> None:
    """Nothing, if a model that is trained now could serve: the first one of a home does at once.

    Raises:
        Misconfigured: DEFINITION_INVALID as `promote_model`, where there is no champion yet.
    """
    if champion_hash(settings) is None:
        check_locked(read_lock(), serving_plan().feature_set)


def promote_model(
    settings: Settings,
    prefix: str,
    *,
    alias: Alias = Alias.CHAMPION,
    names: Names | None = None,
    is_first: bool = False,
) -> Promoted:
    """The model bears the alias, if every gate lets it; a champion serves from the next start on.

    Somebody approves it by name. `is_first` lets a model serve that nobody approved and whose
    quality does not hold, since nothing else does; its card says so.

    Raises:
        Refused: NOT_FOUND where the prefix names no model, FIELD_VALUE where it names several, or
            where a name is a blank.
        Misconfigured: DEFINITION_INVALID where a feature of its plan is not in `served.lock`, or
            stands there under another hash.
        Unfit: GATE_FAILED, LEAK_SUSPECTED. A network's is GATE_FAILED, whatever else holds: it may
            be a shadow only.
        Unavailable: NOT_FOUND where the rows that judged it are gone; FILE_UNWRITABLE where the
            tracker is away. Nothing has changed then, unless the tracker went away after it was
            asked: the message says so.
    """
    paths, names = Paths(settings.home), _answering(names or Names(), is_first=is_first)
    artifact = named_model(settings, prefix)
    if isinstance(artifact, Network):
        raise _shadow_only(artifact, alias)
    plan = serving_plan()
    if artifact.plan_hash == plan.plan_hash:  # what reads other inputs is refused by its gate
        check_locked(read_lock(), plan.feature_set)
    now = wall_clock()
    judgements = _judged(settings, artifact, _limits(settings, now), names)
    if is_first:
        judgements = tuple(
            replace(each, accepted_by=FIRST) if each.gate in _QUALITY and not each.passes else each
            for each in judgements
        )
    raise_unless_passed(judgements)
    tracker = _tracker(settings)
    tracker.check()
    card = model_card(
        artifact,
        judgements,
        contributions=mean_contributions(artifact, judged_of(paths.judged, artifact)),
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
    _tell(
        tracker,
        _first(alias, aliases_of(paths.models)),
        tags={"gates": said_of(judgements), "approved_by": names.approved_by},
        card=card,
        done=f"{artifact.hash[:12]} is {alias.value} now",
    )
    return Promoted(artifact.hash, alias, judgements, file)


def roll_back_model(settings: Settings, *, approved_by: str) -> tuple[str, str]:
    """The hashes of the model that serves from the next start on, and of the one that did.

    No gate is asked: it served before. It must read what is served now, though. Who wants it is
    noted beside the model by the tracker.

    Raises:
        Refused: FIELD_VALUE where the name is a blank.
        Misconfigured: PLAN_MISMATCH where it reads other features than are served now.
        Unavailable: MODEL_MISSING where none served before; FILE_UNWRITABLE where the tracker is
            away, as `promote_model`.
    """
    names = _answering(Names(approved_by), is_first=False)
    paths, tracker = Paths(settings.home), _tracker(settings)
    tracker.check()
    former = read_champion(paths.models).previous
    if former:
        # What cannot serve would leave nothing that does, in the hour in which this is asked for.
        scorer_of(load_artifact(paths.models / former), serving_plan())
    champion = roll_back(paths.models, promoted_at=wall_clock())
    _tell(
        tracker,
        _first(Alias.CHAMPION, aliases_of(paths.models)),
        tags={"rolled_back_by": names.approved_by},
        card="",
        done=f"{champion.hash[:12]} is champion again",
    )
    return champion.hash, champion.previous


@dataclass(frozen=True, slots=True)
class ComparedModels:
    """Models with their metrics on the same rows, those by which `judge` was judged.

    `may_have_learnt` says of each whether these rows may have taught it: its figures are no test
    then.
    """

    models: list[Artifact | Network]
    metrics: list[tuple[Metric, ...]]
    may_have_learnt: list[bool]
    judge: str


def compare_models(
    settings: Settings, prefixes: Sequence[str], *, reviews_per_day: int
) -> ComparedModels:
    """The models beside one another, on the rows that the one whose test began last was judged by.

    None split by time has learnt from these rows, if all are of one stream. One that was split
    otherwise, or stands beside such a one, may have, unless both are of the same table.

    Raises:
        Refused: as `named_model`. Misconfigured: PLAN_MISMATCH where they read other inputs.
    """
    models = [named_model(settings, prefix) for prefix in prefixes]
    judge = last_judged(models)
    judged = judged_of(Paths(settings.home).judged, judge)
    found = compared(models, judged, reviews_per_day=reviews_per_day, resamples=_RESAMPLES)
    may = [not have_not_learnt(each, judge) for each in models]
    return ComparedModels(models, found, may, judge.hash)


@dataclass(frozen=True, slots=True)
class Stored:
    """The models and networks of a home folder that are whole, by hash, and what spoilt others."""

    models: tuple[Artifact, ...]
    networks: tuple[Network, ...]
    spoilt: Mapping[str, Misconfigured]

    @property
    def every(self) -> tuple[Artifact | Network, ...]:
        """Models first."""
        return *self.models, *self.networks

    def raise_spoilt(self, prefix: str = "") -> None:
        """Nothing, where all whose hash begins so are whole.

        Raises:
            Misconfigured: ARTIFACT_INVALID for the first that is not.
        """
        for hash_, error in self.spoilt.items():
            if hash_.startswith(prefix):
                raise error


def stored_models(settings: Settings) -> Stored:
    """What the home folder holds, every byte checked: one that was spoilt hides no other.

    Raises:
        Unavailable: NOT_FOUND where there is no home folder.
    """
    paths = Paths(require_home(settings))
    spoilt: dict[str, Misconfigured] = {}
    models = _whole(load_artifact, whole_folders(paths.models, MANIFEST), spoilt)
    networks = _whole(load_network, network_folders(paths.networks), spoilt)
    return Stored(tuple(models), tuple(networks), spoilt)


def named_model(settings: Settings, prefix: str) -> Artifact | Network:
    """The model or network of a hash, of its first characters, or of an alias.

    Raises:
        Refused: NOT_FOUND where that names no model, FIELD_VALUE where it names several.
        Misconfigured: ARTIFACT_INVALID where it names one that was spoilt.
    """
    stored = stored_models(settings)
    aliases = aliases_of(Paths(settings.home).models)
    wanted = aliases[Alias(prefix)] if prefix in set(aliases) else prefix
    if wanted:
        stored.raise_spoilt(wanted)
    named = [each for each in stored.every if wanted and each.hash.startswith(wanted)]
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


def _whole(
    load: Callable[[Path], Loaded], folders: Sequence[Path], spoilt: dict[str, Misconfigured]
) -> list[Loaded]:
    """Those that can be loaded; why the others cannot is noted under their folders' names."""
    found = []
    for folder in folders:
        try:
            found.append(load(folder))
        except Misconfigured as error:
            spoilt[folder.name] = error
    return found


def model_aliases(settings: Settings) -> dict[Alias, str]:
    """The hash behind each alias of the home folder."""
    return aliases_of(Paths(settings.home).models)


def champion_hash(settings: Settings) -> str | None:
    """The hash of the model that serves, if one was promoted."""
    try:
        return read_champion(Paths(settings.home).models).hash
    except Unavailable:
        return None


def _tracker(settings: Settings) -> Tracker:
    from crivo.adapters.mlflow.tracker import MlflowTracker

    return MlflowTracker(Paths(settings.home).tracking, url=settings.tracking_url or "")


def _tell(
    tracker: Tracker,
    aliases: dict[str, str],
    *,
    tags: dict[str, str],
    card: str,
    done: str,
) -> None:
    """The tracker knows what was done.

    Raises:
        Unavailable: FILE_UNWRITABLE, which says what was done without it.
    """
    try:
        tracker.mark(aliases, tags=tags, card=card)
    except Unavailable as error:
        raise Unavailable(
            error.code,
            f"{done}, and the tracker, which went away meanwhile, was not told: {error.message}",
            hint="The next promotion or rollback tells it every alias.",
            **error.context,
        ) from error


def _answering(names: Names, *, is_first: bool) -> Names:
    """The names without blanks around them.

    Raises:
        Refused: FIELD_VALUE where one is nothing but blanks, or nobody approves.
    """
    given = {
        "approved_by": names.approved_by or (FIRST if is_first else " "),
        "leak_accepted_by": names.leak_accepted_by,
        "unlike_accepted_by": names.unlike_accepted_by,
    }
    for field, name in given.items():
        if name and not name.strip():
            raise invalid(
                Code.FIELD_VALUE,
                field=field,
                expected="somebody's name",
                found=getattr(names, field),
            )
    return Names(**{field: name.strip() for field, name in given.items()})


def _judged(
    settings: Settings, artifact: Artifact, limits: Limits, names: Names
) -> tuple[Judgement, ...]:
    paths = Paths(settings.home)
    champion = champion_hash(settings)
    serving = None
    if champion is not None and champion != artifact.hash:
        serving = load_artifact(paths.models / champion)
    folder = paths.models / artifact.hash
    plan = serving_plan()
    figures = figures_of(
        artifact,
        serving,
        judged_of(paths.judged, artifact),
        beside=rows_to_compare(paths.judged, artifact, serving),
        plan_expected=plan.plan_hash if artifact.kind is ArtifactKind.EVENTS else "",
        size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        clock=time.perf_counter_ns,
        made_of={each.name: columns_of(each) for each in plan.feature_set.features},
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
