"""The page about rules, made from their declarations and the policy in force on a date."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from crivo.decision import rules as rules_package
from crivo.decision.declared import declared_procedure
from crivo.decision.outcome import Outcome
from crivo.decision.policy import Key, Kind, PolicyValue, RuleState
from crivo.decision.procedure import RULES_FILE
from crivo.decision.rule import RULE_PREFIX, declared_rules

_HEAD: Final = """# Rules

Made by `scripts/rules.py` from the declarations in `src/crivo/decision/rules/` and the policy; a
test compares the two. Do not edit it by hand. How to add one: [adding.md](../how-to/adding.md).

A rule reads features and numbers of the policy, and says which outcome it asks for and why. The
highest of what the rules and the score ask for is answered. State, severity and numbers are
entries of `policy/rules.toml` with dates: below are those in force last. A rule in `shadow` is
evaluated with every transfer and recorded, and nothing comes of it. A condition over a feature
that is null counts as false, and is recorded as null.

| rule | when | numbers | state | asks for | reason | source | what it meets |
|---|---|---|---|---|---|---|---|
"""


def rules_page(texts: Mapping[str, str]) -> str:
    """The whole page, in Markdown; `texts` are the policy files by name.

    Raises:
        Misconfigured: POLICY_INVALID, DEFINITION_INVALID.
    """
    procedure = declared_procedure(texts)
    policy = procedure.files[RULES_FILE]
    last = max(start for file in procedure.files.values() for start in file.starts)
    lines = []
    for rule in declared_rules():
        module = importlib.import_module(f"{rules_package.__name__}.{rule.name}")
        state, severity = policy.value(rule.state_key, last), policy.value(rule.severity_key, last)
        assert isinstance(state, RuleState) and isinstance(severity, Outcome)
        numbers = [_number(key, procedure.value(key.name, last)) for key in rule.parameters]
        cells = [f"`{rule.name}`", (module.__doc__ or "").strip(), "; ".join(numbers)]
        cells += [
            f"`{state.value}`",
            f"`{severity.value}`",
            f"`{rule.reason}`",
            rule.source,
            rule.threat,
        ]
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n")
    return _HEAD + "".join(lines)


def _number(key: Key, value: PolicyValue | None) -> str:
    """A parameter by the end of its name: `age_seconds.max` is the third part and the last."""
    name = key.name.removeprefix(RULE_PREFIX).split(".", 1)[1]
    assert isinstance(value, int | float) or value is None
    if key.kind is Kind.MONEY and value is not None:
        return f"{name} R$ {value / 100:,.2f}"
    return f"{name} {value}"
