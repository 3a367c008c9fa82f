"""What a world is played against: a policy declares its name and how it decides, one a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crivo.domain.errors import Code, invalid
from crivo.simulator import policies
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Int64s
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows

#: Answers a day: the transfers (of dtype SEEN, in time order), the accounts marked so far (rising);
#: one value of Answer for each transfer.
Decide = Callable[[Day, Rows, Int64s], Int64s]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy. `begin` gives one that has seen nothing yet; equal days give equal answers."""

    name: str
    meaning: str
    stops: bool  # whether it answers anything else than ALLOW
    begin: Callable[[], Decide]


def default_policies() -> tuple[Policy, ...]:
    """Every policy, by file name."""
    return one_a_file(policies, "POLICY", Policy)


def parse_policy(text: str) -> Policy:
    """The policy of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    known = {policy.name: policy for policy in default_policies()}
    if text not in known:
        raise invalid(Code.FIELD_VALUE, field="policy", expected=" or ".join(known), found=text)
    return known[text]
