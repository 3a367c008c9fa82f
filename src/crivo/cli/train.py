"""`crivo train`: what it does and what it shows; the demo trains by the same code."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.left_out import left_out_text
from crivo.cli.output import notes, print_facts, print_json, print_table, results
from crivo.cli.proposed import in_force, show_proposal
from crivo.cli.staged import staged_progress
from crivo.domain.choice import parse_choice
from crivo.domain.errors import Code, Misconfigured, invalid
from crivo.domain.instant import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crivo.bootstrap.training import Training
    from crivo.decision.procedure import Procedure
    from crivo.flows.ingest import IngestResult
    from crivo.flows.train import TrainResult
    from crivo.governance.gates import Judgement
    from crivo.model.evaluate import Metric
    from crivo.model.split import Split
    from crivo.settings import Settings


@dataclass(frozen=True, slots=True)
class TrainFlags:
    """The options of `crivo train`, as they were typed."""

    home: Path | None
    data: Path | None
    mapping: Path | None
    labels_as_of: str | None
    seed: int
    allow_leak: str | None
    tries: int
    resampling: str
    calibrator: str
    calibration_share: float | None
    challenger: str
    apart: float | None
    without_compromised: bool
    learner: str
    log: str | None = None

    def training(self) -> Training:
        """What they ask for.

        Raises:
            Refused: FIELD_VALUE and the like, with the option.
            Misconfigured: SETTING_INVALID where a challenger's libraries are not installed.
        """
        from crivo.bootstrap.training import Training
        from crivo.model.calibrate import Calibrator
        from crivo.model.challenger import Challenger, check_installed
        from crivo.model.learner import Method
        from crivo.model.resample import Resampling

        shares = {"--apart": self.apart, "--calibration-share": self.calibration_share}
        for option, share in shares.items():
            if share is not None and not 0 < share < 1:
                raise invalid(
                    Code.FIELD_VALUE,
                    field=option,
                    expected="a share above 0 and below 1",
                    found=share,
                )
        method = parse_choice(Method, self.learner, field="--learner")
        if method is Method.LOGISTIC and self.tries > 1:
            raise invalid(
                Code.FIELD_VALUE,
                field="--tries",
                expected="1 beside --learner logistic, which has nothing to search",
                found=self.tries,
            )
        as_of = self.labels_as_of
        training = Training(
            labels_as_of=None if as_of is None else parse_rfc3339(as_of, field="--labels-as-of"),
            seed=self.seed,
            leak_accepted_by=self.allow_leak or "",
            tries=self.tries,
            resampling=parse_choice(Resampling, self.resampling, field="--resampling"),
            calibrator=parse_choice(Calibrator, self.calibrator, field="--calibrator"),
            calibration_share=self.calibration_share,
            challenger=parse_choice(Challenger, self.challenger, field="--challenger"),
            apart=self.apart,
            without_compromised=self.without_compromised,
            method=method,
        )
        if training.challenger is Challenger.NETWORK:
            check_installed()
        return training


@dataclass(frozen=True, slots=True)
class Found:
    """What a training found, in which home folder, and what became of a table that was imported.

    `procedure` is what decides there; None for a model of plain rows, which decides no transfer.
    """

    settings: Settings
    result: TrainResult
    taken: IngestResult | None = None
    procedure: Procedure | None = None


def run_train(flags: TrainFlags, *, as_json: bool) -> None:
    """`crivo train`."""
    from crivo.cli.data import conservation_line, ingest_facts, say_unnamed

    training = flags.training()
    found = _train(flags, training)
    result, taken = found.result, found.taken
    accepted_by = training.leak_accepted_by
    if taken is not None:
        say_unnamed(taken)
    became_champion = promote_first(found.settings, result, leak_accepted_by=accepted_by)
    if as_json:
        facts = train_facts(result, became_champion=became_champion)
        imported = None if taken is None else ingest_facts(taken)
        print_json({**facts, "home": str(found.settings.home), "ingested": imported})
        return
    if taken is not None:
        results().print(f"{found.settings.home}: {conservation_line(taken)}", markup=False)
    show_training(
        result,
        became_champion=became_champion,
        procedure=found.procedure,
        home=found.settings.home,
        accepted_by=accepted_by,
        unnamed=() if taken is None else taken.unnamed,
    )
    if result.policy:
        text = f"The proposal as entries of policy/decision.toml:\n\n{result.policy}"
        results().print(text, markup=False)


def _train(flags: TrainFlags, training: Training) -> Found:
    """A training on the log, or on the table that was named.

    Raises:
        Misconfigured: MAPPING_INVALID for a table without a mapping, or a mapping without a table.
    """
    from crivo.bootstrap.models import check_first
    from crivo.bootstrap.offline import read_mapping
    from crivo.bootstrap.training import own_home, train_on_events, train_on_rows
    from crivo.cli.data import check_described
    from crivo.flows.mapping import Kind
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=flags.home, log__url=flags.log)
    if flags.data is None:
        if flags.mapping is not None:
            raise Misconfigured(
                Code.MAPPING_INVALID,
                "--mapping explains a table, and there is none without --data",
                hint="Give --data FILE too; the log needs no mapping.",
                field="--mapping",
            )
        check_first(settings)
        procedure = procedure_in_force(settings)
        return Found(settings, train_home(settings, training), procedure=procedure)
    if flags.mapping is None:
        raise Misconfigured(
            Code.MAPPING_INVALID, "--data needs --mapping", hint="See mappings/.", field="mapping"
        )
    mapping = read_mapping(flags.mapping)
    if mapping.kind is Kind.ROWS:
        if flags.labels_as_of is not None:
            raise invalid(
                Code.FIELD_VALUE,
                field="--labels-as-of",
                expected="a log or a table of transfers: plain rows have no reports to be late",
                found=flags.labels_as_of,
            )
        with staged_progress() as say:
            result = train_on_rows(settings, flags.data, mapping, training, progress=say)
        return Found(settings, result)
    if flags.home is None:
        settings = load_settings(os.environ, home=own_home(settings, mapping), log__url=flags.log)
    check_first(settings)
    check_described(flags.data, mapping, None)
    procedure = procedure_in_force(settings)
    with staged_progress() as say:
        taken, result = train_on_events(settings, flags.data, mapping, training, progress=say)
    return Found(settings, result, taken, procedure)


def train_home(settings: Settings, training: Training) -> TrainResult:
    """A model of the home folder's log; the stages are said on stderr."""
    from crivo.bootstrap.training import train_on_log

    with staged_progress() as progress:
        return train_on_log(settings, training, progress=progress)


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
    _say_gates(promoted.judgements)
    return True


def _say_gates(judgements: Sequence[Judgement]) -> None:
    """What follows of each gate that does not hold, for whoever reads on."""
    from crivo.governance.gates import FOLLOWS, Gate, Verdict

    console, failed = notes(), [each for each in judgements if each.verdict is Verdict.FAILS]
    undecided = [each for each in judgements if each.verdict is Verdict.UNDECIDED]
    for each in undecided:
        told = f"is {each.found}, required {each.required}. These rows are too few to say"
        if each.undecidable:
            told = f"has no figure, required {each.required}. {each.undecidable.capitalize()}"
        console.print(
            f"The gate {each.gate.value} is undecided: {each.figure} {told}; let pass by "
            f"{each.accepted_by}.",
            markup=False,
        )
    for each in failed:
        is_seen = each.gate is Gate.LEAK and each.accepted_by
        looked = f" Looked at, and let pass, by {each.accepted_by}." if is_seen else ""
        console.print(
            f"The gate {each.gate.value} does not hold: {each.figure} is {each.found}, required "
            f"{each.required}. {FOLLOWS[each.gate]}{looked}",
            markup=False,
        )
    if failed:
        console.print(
            "The model serves all the same, since nothing else does yet; its card says so. The "
            "next one takes its place only if it passes every gate.",
            markup=False,
        )


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
        "leak": [each.as_json() for each in result.findings],
        "proposal": None if result.proposal is None else result.proposal.as_json(),
        "policy": result.policy or None,
    }


def show_training(
    result: TrainResult,
    *,
    became_champion: bool,
    procedure: Procedure | None,
    home: Path,
    accepted_by: str = "",
    unnamed: Sequence[str] = (),
) -> None:
    """A training, for people: every model beside the others, each figure with its interval.

    `unnamed` are columns of its table that were not read.
    """
    names, rows = figures_by_name(result.metrics)
    split = result.split
    print_table(
        f"On {split.order.tested}, which no model saw (95 % interval)", ("model", *names), rows
    )
    print_facts(
        f"Model {result.artifact.hash[:12]}",
        {
            **_parts(split),
            **_whose(split),
            "leak alarm": "; ".join(
                f"{each.sign.value.replace('_', ' ')} {each.shown}, {each.required}"
                for each in result.findings
            ),
            "left out": left_out_text(result.left_out),
            **({"columns left out": ", ".join(unnamed)} if unnamed else {}),
            "registered": f"version {result.run.version} (candidate) in {result.run.location}",
        },
    )
    if result.proposal is not None:
        show_proposal(result.proposal, in_force(procedure, result.split.test_end))
    if result.network is not None:
        shadow = result.network.hash[:12]
        when = (
            "from the next start on"
            if result.artifact.plan_hash
            else "nothing: rows are not decided"
        )
        notes().print(f"The network {shadow} is the shadow; it scores {when}.")
    if became_champion:
        command = f"crivo serve --home {home}"
        text = f"It is the first model here, so it is the champion: `{command}` serves it."
    else:
        command = f"crivo models promote {result.artifact.hash[:12]} --home {home}"
        leak = " --allow-leak NAME" if accepted_by else ""
        text = f"`{command} --approved-by NAME{leak}` makes it the champion."
    notes().print(text, markup=False)


def _parts(split: Split) -> dict[str, str]:
    """What each step of a training had: from when to when, rows, and frauds known by then."""
    from crivo.model.order import Order

    folds = len(split.calibration_starts)
    steps = {
        "first fit" if folds == 1 else f"first of {folds} fits": (
            split.train_start,
            split.train_end,
            "train",
        ),
        "calibration": (split.calibration_start, split.last_end, "calibration"),
        "last fit, serves": (split.train_start, split.last_end, "last"),
        "test": (split.test_start, split.test_end, "test"),
    }
    by = {} if split.order is Order.TIME else {"split": split.order.said}
    return by | {
        step: f"{split.said(start)} to {split.said(end)}, "
        f"{getattr(split, f'rows_{part}'):,} rows, {getattr(split, f'positives_{part}'):,} frauds"
        for step, (start, end, part) in steps.items()
    }


def _whose(split: Split) -> dict[str, str]:
    """Which payers were judged, where not all were."""
    found = {}
    if split.apart is not None:
        found["out of account"] = (
            f"judged are {split.apart:.0%} of payers, of whom nothing was learnt; "
            f"{split.rows_apart:,} rows of either side are in no part"
        )
    if split.without_compromised:
        found["compromised"] = (
            f"{split.rows_compromised_test:,} test rows and {split.rows_compromised_calibration:,} "
            "calibration rows of payers with a fraud known before them left"
        )
    return found


def figures_by_name(
    metrics: Mapping[str, tuple[Metric, ...]],
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The metrics that any model has, and a row a model under them: a dash for what it has not.

    What ranks without probabilities, as one feature alone, has no Brier score.
    """
    longest_first = sorted(metrics.values(), key=len, reverse=True)
    names = list(dict.fromkeys(metric.name for found in longest_first for metric in found))
    rows = []
    for model, found in metrics.items():
        by_name = {m.name: f"{m.value:.3f} ({m.low:.3f}–{m.high:.3f})" for m in found}
        rows.append((model, *(by_name.get(name, "–") for name in names)))
    return names, rows


def procedure_in_force(settings: Settings) -> Procedure:
    """What the settings' policy decides by; asked before a training, which takes minutes.

    Raises:
        Misconfigured: POLICY_INVALID, FILE_UNREADABLE.
    """
    from crivo.decision.declared import declared_procedure
    from crivo.flows.bundle import read_policy

    return declared_procedure(read_policy(settings.policy))
