"""Check 16: whether the names that the world writes are valid.

Of each day ids, keys and institutions of transfers; of the first days tax ids, ids of codes and of
returns, too; of the register keys and tax ids. No text of a code is written, so that there is no
check sum to look at.
"""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, never
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally

_NAMES: Final = (
    Rule.END_TO_END_IDS,
    Rule.RETURN_IDS,
    Rule.KEYS,
    Rule.TAX_IDS,
    Rule.CODE_IDS,
    Rule.INSTITUTIONS,
)


def _look(tally: Tally) -> tuple[Finding, ...]:
    return tuple(never(tally, rule) for rule in _NAMES)


CHECK: Final = Check(
    number=16,
    name="Valid ids, tax ids and keys",
    source="The rail's catalogue of messages and the directory's interface.",
    tolerance="none is refused, of some of each day",
    look=_look,
)
