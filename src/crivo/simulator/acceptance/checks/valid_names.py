"""Check 16: whether the names of transfers and keys are valid."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    names = tally.names
    error = None if names.seen == 0 else 0.0
    return (Finding("refused by the domain", "names", 0.0, 0.0, 0.0, names.invalid, error),)


CHECK: Final = Check(
    number=16,
    name="Valid ids and keys",
    source="The rail's catalogue of messages and the directory's interface.",
    tolerance="none is refused, of some of each day",
    look=_look,
)
