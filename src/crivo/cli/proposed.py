"""What `crivo train` says of the thresholds that it proposes, beside those in force."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from crivo.cli.output import notes, print_facts, print_table
from crivo.domain.money import format_reais

if TYPE_CHECKING:
    from crivo.decision.outcome import Outcome
    from crivo.decision.procedure import Procedure
    from crivo.decision.proposal import Proposal


def in_force(procedure: Procedure | None, at: int) -> dict[Outcome, int]:
    """The policy's own thresholds at an instant, in 10⁻⁹."""
    if procedure is None:
        return {}
    return {outcome: threshold for threshold, outcome in procedure.at(at).thresholds}


def show_proposal(proposal: Proposal, by_policy: Mapping[Outcome, int]) -> None:
    """Thresholds by cost beside the policy's, and what they would have done on the test rows."""
    later = proposal.judged
    rows = [
        (
            outcome.value,
            f"{by_policy[outcome] / 1e9:.9f}" if outcome in by_policy else "–",
            f"{threshold / 1e9:.9f}",
            f"{later.outcomes[outcome]:,.1f}",
        )
        for outcome, threshold in proposal.thresholds.items()
    ]
    print_table(
        "Scores from which an outcome is asked for: by policy/decision.toml, which decides, and as "
        "policy/costs.toml would have it",
        ("outcome", "in force", "proposed", "transfers a day if adopted"),
        rows,
    )
    notes().print(_chosen_by(proposal), markup=False)
    if by_policy:
        notes().print(
            "The proposal changes nothing by itself: the service goes by what is in force, until "
            "somebody writes the entries that `crivo train` prints into policy/decision.toml.",
            markup=False,
        )
    parts = {
        "saved a day": "saved",
        "lost a day": "lost",
        "friction a day": "friction",
        "frozen a day": "frozen",
        "reviews a day": "review",
        "worth a day, after all costs": "worth",
    }
    minutes = _with_interval(later.review_minutes, later.between["review_minutes"], _count)
    print_facts(
        "On the test rows, with the proposal (95 % interval, of whole days)",
        {
            **{
                name: _with_interval(getattr(later, part), later.between[part], _reais)
                for name, part in parts.items()
            },
            "review minutes a day": minutes,
            "one more review a day": _reais(proposal.review_price),
        },
    )


def _chosen_by(proposal: Proposal) -> str:
    """How many frauds the thresholds rest on, and which outcomes they ask no score for."""
    from crivo.decision.outcome import Outcome

    text = f"The proposal was chosen by {proposal.frauds:,} frauds of the rows before the test."
    names = [each.value for each in proposal.never if each is not Outcome.REJECT]
    if names:
        text += (
            f" On these rows no score was worth more as {' or '.join(names)} than as another "
            "outcome, so the threshold is that of the next one: more frauds may tell otherwise."
        )
    if Outcome.REJECT in proposal.never:
        text += (
            f" None was worth more as {Outcome.REJECT.value} than as another outcome, so its "
            "threshold is certainty."
        )
    return text


def _with_interval(value: float, ends: tuple[float, float], said: Callable[[float], str]) -> str:
    """A figure with both ends of its interval, where it has one."""
    if math.isnan(ends[0]):
        return f"{said(value)} (no interval: one day)"
    return f"{said(value)} ({said(ends[0])} to {said(ends[1])})"


def _reais(centavos: float) -> str:
    return format_reais(round(centavos))


def _count(value: float) -> str:
    return f"{value:,.0f}"
