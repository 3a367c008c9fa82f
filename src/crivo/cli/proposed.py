"""What `crivo train` says of the thresholds that it proposes, beside those in force."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    if by_policy:
        notes().print(
            "The proposal changes nothing by itself: the service goes by what is in force, until "
            "somebody writes the entries that `crivo train` prints into policy/decision.toml.",
            markup=False,
        )
    money = {
        "saved a day": later.saved,
        "lost a day": later.lost,
        "friction a day": later.friction,
        "frozen a day": later.frozen,
        "reviews a day": later.review,
        "one more review a day": proposal.review_price,
    }
    said = {name: format_reais(round(centavos)) for name, centavos in money.items()}
    said["saved a day"] += _between(later.saved_between)
    said["worth a day, after all costs"] = f"{format_reais(round(later.worth))}" + _between(
        later.worth_between
    )
    print_facts(
        "On the test rows, with the proposal (95 % interval, of whole days)",
        {**said, "review minutes a day": f"{later.review_minutes:,.0f}"},
    )


def _between(ends: tuple[float, float]) -> str:
    """Both ends of an interval of centavos, where there is one."""
    low, high = ends
    if math.isnan(low):
        return " (no interval: one day)"
    return f" ({format_reais(round(low))} to {format_reais(round(high))})"
