"""Composes a backtest: a log, policy folders, models of the home folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from crivo.adapters.processes.pool import ProcessPool
from crivo.bootstrap.collecting import seldom_collected
from crivo.bootstrap.home import Paths, policy_text
from crivo.bootstrap.models import named_model
from crivo.bootstrap.offline import Progress, log_reader
from crivo.bootstrap.reading import reading_much
from crivo.bootstrap.service import champion_bundle
from crivo.decision.declared import declared_procedure
from crivo.decision.proposal import COSTS_FILE, Costs, parse_costs
from crivo.domain.errors import Code, Misconfigured, Refused, invalid
from crivo.flows.backtest import Hands, Labelling, backtest
from crivo.flows.backtest_bench import Arm
from crivo.flows.backtest_rows import Interval
from crivo.flows.bundle import read_policy
from crivo.flows.newest import newest_receipt
from crivo.flows.policy_file import policy_file
from crivo.governance.backtest_figures import Backtested
from crivo.model.artifact import Artifact, ArtifactKind
from crivo.model.network import Network
from crivo.settings import Settings

#: The arm of the champion under the policy of the settings, with which imports are compared.
NOW: Final = "now"

#: Events of a log for which it pays to begin a process, which takes about two seconds.
EVENTS_A_PROCESS: Final = 131_072


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be compared: each policy with each model, those in force then where none is named.

    `labels_as_of` None: the log's end. `is_imported`: of transfers that were imported and never
    decided, by which is in force now where none is named. `processes` None: as many as the log and
    the machine are worth.
    """

    policies: tuple[Path, ...]
    models: tuple[str, ...]
    interval: Interval
    labels_as_of: int | None
    label_delay: int
    is_imported: bool = False
    processes: int | None = None


def backtest_home(settings: Settings, wanted: Wanted, *, progress: Progress) -> Backtested:
    """What the arms would have answered to the decided transfers of the home's log.

    Raises:
        Refused: FIELD_VALUE where nothing is to be compared, or the interval is empty; NOT_FOUND
            for a model; as `flows.backtest`. Misconfigured: POLICY_INVALID, which names the folder,
            file and field. Unavailable: NOT_FOUND without a log; MODEL_MISSING where imports are
            asked for and nothing decides.
    """
    _check(wanted)
    importer = champion_bundle(settings) if wanted.is_imported else None
    reader = log_reader(settings)
    try:
        as_of = newest_receipt(reader) if wanted.labels_as_of is None else wanted.labels_as_of
        arms = _arms(settings, wanted, at=as_of)
        labelling = Labelling(as_of, wanted.label_delay)
        with seldom_collected():
            return backtest(
                reader,
                Paths(settings.home).bundles,
                arms,
                wanted.interval,
                labelling,
                progress=progress,
                importer=importer,
                hands=_hands(settings, wanted, reader.end()),
            )
    finally:
        reader.close()


def _hands(settings: Settings, wanted: Wanted, end: int) -> Hands | None:
    """Processes that share a long log; None where this one does it alone.

    A log in Kafka is read from its beginning by everybody who opens it, and imports are one fold.
    """
    if wanted.is_imported or settings.log.url is not None:
        return None
    processes = wanted.processes
    if processes is None:
        processes = min(os.cpu_count() or 1, end // EVENTS_A_PROCESS)
    if processes <= 1:
        return None
    return Hands(partial(reading_much, Paths(settings.home).log), ProcessPool(processes - 1))


def _check(wanted: Wanted) -> None:
    if not wanted.policies and not wanted.models:
        raise Refused(
            Code.FIELD_MISSING,
            "there is nothing to compare with what was answered",
            hint="Name a policy folder with --policy, a model with --model, or several.",
            field="--policy",
            expected="a policy folder, or --model",
            found="neither",
        )
    start, end = wanted.interval.start, wanted.interval.end
    if start is not None and end is not None and end <= start:
        raise invalid(
            Code.TIME_RANGE, field="--to", expected="after --from", found=wanted.interval.text
        )


def _arms(settings: Settings, wanted: Wanted, *, at: int) -> list[Arm]:
    own = parse_costs(policy_text(settings, COSTS_FILE), at=at)
    policies: list[tuple[str, dict[str, str] | None, Costs]] = [
        (str(folder), *_policy(folder, own, at=at)) for folder in wanted.policies
    ]
    models: list[tuple[str, Artifact | Network | None]] = [
        (name, _model(settings, name)) for name in wanted.models
    ]
    if not policies:
        policies = [("", None, own)]
    if not models:
        models = [("", None)]
    first = [Arm(NOW, None, None, own)] if wanted.is_imported else []
    return first + [
        Arm(" with ".join(filter(None, (policy, name))), texts, model, costs)
        for policy, texts, costs in policies
        for name, model in models
    ]


def _policy(folder: Path, costs: Costs, *, at: int) -> tuple[dict[str, str], Costs]:
    """The texts and the costs of a policy folder; `costs` where it has none of its own.

    Raises:
        Misconfigured: FILE_UNREADABLE, POLICY_INVALID; both name the folder.
    """
    try:
        texts = read_policy(folder)
        declared_procedure(texts)
        if (folder / COSTS_FILE).is_file():
            costs = parse_costs(policy_file(folder / COSTS_FILE), at=at)
    except Misconfigured as fault:
        context = {"folder": str(folder), **fault.context}
        raise Misconfigured(fault.code, fault.message, hint=fault.hint, **context) from None
    return texts, costs


def _model(settings: Settings, name: str) -> Artifact | Network:
    model = named_model(settings, name)
    if isinstance(model, Artifact) and model.kind is not ArtifactKind.EVENTS:
        raise invalid(
            Code.FIELD_VALUE,
            field="--model",
            expected="a model of transfers",
            found=name,
            hint="It answers `/predict` alone: `crivo models list` says of which kind each is.",
        )
    return model
