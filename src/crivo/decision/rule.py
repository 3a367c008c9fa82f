"""What a rule is: a declaration of features read, condition, reason, and vectors that prove it."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crivo.decision import rules as rules_package
from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.domain.errors import Code, Misconfigured
from crivo.features.expression import Expression, from_canonical

#: Keys of rules.toml begin with this; a parameter of another name is shared, in decision.toml.
RULE_PREFIX: Final = "rules."

#: A vector in words: the values of the features a rule reads; None is a null.
Example = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over a vector, and why it matters. State and severity are policy/rules.toml's.

    `source` is the norm or the paper behind it, `threat` the fraud it meets. With the parameters in
    `at`, each vector in `fires` must satisfy the condition and each in `silent` must not.

    Raises:
        Misconfigured: DEFINITION_INVALID where condition and declared parameters disagree.
    """

    name: str
    condition: Expression
    parameters: tuple[Key, ...]
    reason: ReasonCode
    source: str
    threat: str
    at: Mapping[str, int | float]
    fires: tuple[Example, ...]
    silent: tuple[Example, ...]

    def __post_init__(self) -> None:
        declared = {key.name for key in self.parameters}
        if declared != self.condition.parameters() or declared != set(self.at):
            raise _wrong(self.name, "parameters", sorted(self.condition.parameters()), declared)
        kinds = {Kind.MONEY, Kind.NUMBER, Kind.COUNT}
        if not all(key.kind in kinds for key in self.parameters):
            raise _wrong(self.name, "parameters", "money, numbers or counts", self.parameters)

    @property
    def state_key(self) -> str:
        """The policy's key of its state: off, shadow or on."""
        return f"{RULE_PREFIX}{self.name}.state"

    @property
    def severity_key(self) -> str:
        """The policy's key of the outcome it asks for."""
        return f"{RULE_PREFIX}{self.name}.severity"


def declared_rules() -> tuple[Rule, ...]:
    """The rule of every module in `decision/rules`, in order of their names.

    Raises:
        Misconfigured: DEFINITION_INVALID where a module holds no `RULE` of its own name.
    """
    found = []
    for module in sorted(pkgutil.iter_modules(rules_package.__path__), key=lambda m: m.name):
        rule = importlib.import_module(f"{rules_package.__name__}.{module.name}").RULE
        if not isinstance(rule, Rule) or rule.name != module.name:
            raise _wrong(module.name, "RULE", f"a Rule named {module.name}", rule)
        found.append(rule)
    return tuple(found)


def rules_to_json(rules: tuple[Rule, ...], feature_reasons: Mapping[str, ReasonCode]) -> bytes:
    """What of the rules decides, in canonical JSON: a bundle keeps it, and replay reads no code.

    `feature_reasons` says which reason each feature of the plan speaks for.
    """
    document = {
        "rules": [
            {
                "name": rule.name,
                "condition": rule.condition.canonical(),
                "parameters": [[key.name, key.kind, key.optional] for key in rule.parameters],
                "reason": rule.reason,
            }
            for rule in sorted(rules, key=lambda rule: rule.name)
        ],
        "feature_reasons": dict(feature_reasons),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def rules_from_json(text: bytes) -> tuple[tuple[Rule, ...], dict[str, ReasonCode]]:
    """The rules and the reasons of features that `rules_to_json` wrote; without their examples.

    Raises:
        Misconfigured: DEFINITION_INVALID.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        rules = tuple(_rule_from(item) for item in document["rules"])
        reasons = {name: ReasonCode(code) for name, code in document["feature_reasons"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong("rules.json", "document", "what rules_to_json wrote", error) from None
    return rules, reasons


def _rule_from(item: Mapping[str, Any]) -> Rule:
    keys = tuple(Key(name, Kind(kind), optional) for name, kind, optional in item["parameters"])
    return Rule(
        name=item["name"],
        condition=from_canonical(item["condition"]),
        parameters=keys,
        reason=ReasonCode(item["reason"]),
        source="",
        threat="",
        at=dict.fromkeys((key.name for key in keys), 0),
        fires=(),
        silent=(),
    )


def _wrong(rule: str, field: str, expected: object, found: object) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"{field} of rule {rule} must be {expected}",
        field=field,
        expected=str(expected),
        found=repr(found)[:80],
    )
