"""A procedure: rules and policy bound to a plan's columns, ready to be asked for any date."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from crivo.decision.condition import FALSE, NULL, Bound, Conditions, check_columns
from crivo.decision.outcome import Outcome
from crivo.decision.policy import (
    Band,
    Key,
    Kind,
    PolicyFile,
    PolicyValue,
    RuleState,
    parse_policy,
)
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import RULE_PREFIX, Rule
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import brasilia_day

DECISION_FILE: Final = "decision.toml"
DEGRADED_FILE: Final = "degraded.toml"
RULES_FILE: Final = "rules.toml"
POLICY_FILES: Final = (DECISION_FILE, DEGRADED_FILE, RULES_FILE)

#: A score at or above the threshold of an outcome asks for it.
_THRESHOLDS: Final = {
    Outcome.WARN: "score.warn.min",
    Outcome.STEP_UP: "score.step_up.min",
    Outcome.HOLD: "score.hold.min",
    Outcome.REJECT: "score.reject.min",
}
_AUTOMATIC: Final = "automatic.instead_of_hold"
_DEADLINE: Final = "timeout.deadline_ms"
_BANDS: Final = "timeout.outcome"

_DECISION_KEYS: Final = (
    *(Key(name, Kind.PROBABILITY) for name in _THRESHOLDS.values()),
    Key(_AUTOMATIC, Kind.OUTCOME),
)
_DEGRADED_KEYS: Final = (Key(_DEADLINE, Kind.COUNT), Key(_BANDS, Kind.BANDS))


#: Answers of all rules together that are remembered with what comes of them.
FIRED_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with its parameters at one date; `shadow`: evaluated, and nothing comes of it."""

    name: str
    reason: ReasonCode
    severity: Outcome
    shadow: bool


@dataclass(frozen=True, slots=True)
class Fired:
    """What the rules said about one vector, and what comes of it: reasons, the gravest first.

    `nulls` are the rules whose condition read a null: they count as not fired.
    """

    rules: tuple[str, ...]
    shadow_rules: tuple[str, ...]
    nulls: tuple[str, ...]
    reasons: tuple[ReasonCode, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force on one Brasília date. `feature_reasons` follows the columns of the plan.

    `thresholds` rise with their outcomes; `deadline_ns` counts from the arrival of the request.
    `conditions` are those of `rules`, in their order.
    """

    thresholds: tuple[tuple[int, Outcome], ...]
    automatic_instead_of_hold: Outcome
    deadline_ns: int
    bands: tuple[Band, ...]
    rules: tuple[BoundRule, ...]
    conditions: Conditions
    feature_reasons: tuple[ReasonCode, ...]
    _fired: dict[bytes, Fired] = field(default_factory=dict, compare=False, repr=False)

    def fired(self, said: bytes) -> Fired:
        """What comes of what `conditions` said; most vectors have one of a few answers."""
        found = self._fired.get(said)
        if found is None:
            if len(self._fired) >= FIRED_MAX:
                self._fired.clear()
            found = self._fired[said] = _fired(self.rules, said)
        return found

    def outcome_of_score(self, score: int) -> Outcome:
        """What a score (10⁻⁹) asks for: the highest outcome whose threshold it reaches."""
        outcome = Outcome.ALLOW
        for threshold, named in self.thresholds:
            if score >= threshold:
                outcome = named
        return outcome

    def degraded_outcome(self, amount_centavos: int) -> Outcome:
        """What is answered for an amount when there was no time to score it."""
        for band in self.bands:
            if band.up_to_centavos is None or amount_centavos <= band.up_to_centavos:
                return band.outcome
        raise AssertionError("the last band has no upper limit")


def _fired(rules: Sequence[BoundRule], said: bytes) -> Fired:
    pairs = list(zip(rules, said, strict=True))
    held = [rule for rule, answer in pairs if answer not in {FALSE, NULL}]
    acting = [rule for rule in held if not rule.shadow]
    gravest = sorted(acting, key=lambda rule: (-rule.severity.rank, rule.name))
    return Fired(
        rules=tuple(rule.name for rule in acting),
        shadow_rules=tuple(rule.name for rule in held if rule.shadow),
        nulls=tuple(rule.name for rule, answer in pairs if answer == NULL),
        reasons=tuple(rule.reason for rule in gravest),
        outcome=max((rule.severity for rule in acting), default=Outcome.ALLOW),
    )


class Procedure:
    """Everything but the vector and the model that an outcome follows from.

    Args:
        rules: The declarations; their states and parameters come from `texts`.
        texts: The policy files by name: decision.toml, degraded.toml, rules.toml.
        columns: The plan's feature names, in the order of the vector.
        feature_reasons: Which reason each feature speaks for.

    Raises:
        Misconfigured: POLICY_INVALID; DEFINITION_INVALID where a rule reads a feature that the plan
            does not compute, or a feature speaks for no reason.
    """

    def __init__(
        self,
        *,
        rules: Sequence[Rule],
        texts: Mapping[str, str],
        columns: Sequence[str],
        feature_reasons: Mapping[str, ReasonCode],
    ) -> None:
        parameters = {key.name: key for rule in rules for key in rule.parameters}
        own = [key for key in parameters.values() if key.name.startswith(RULE_PREFIX)]
        shared = [key for key in parameters.values() if not key.name.startswith(RULE_PREFIX)]
        states = [Key(rule.state_key, Kind.STATE) for rule in rules]
        severities = [Key(rule.severity_key, Kind.OUTCOME) for rule in rules]
        keys = {
            DECISION_FILE: (*_DECISION_KEYS, *shared),
            DEGRADED_FILE: _DEGRADED_KEYS,
            RULES_FILE: (*own, *states, *severities),
        }
        self._files: Final = {
            name: parse_policy(texts[name], keys[name], file=name) for name in POLICY_FILES
        }
        self._file_of: Final = {key.name: file for file, of in keys.items() for key in of}
        self._rules: Final = tuple(sorted(rules, key=lambda rule: rule.name))
        self._place: Final = {name: place for place, name in enumerate(columns)}
        self._feature_reasons: Final = _reasons_of(columns, feature_reasons)
        starts: set[int] = set()
        for file in self._files.values():
            starts |= file.starts
        self._starts: Final = sorted(starts)
        self._in_force: Final = [self._bind(day) for day in self._starts]

    @property
    def files(self) -> Mapping[str, PolicyFile]:
        """The parsed policy files by name."""
        return self._files

    def at(self, occurred_at: int) -> InForce:
        """What is in force at an instant, by its Brasília date."""
        place = bisect_right(self._starts, brasilia_day(occurred_at)) - 1
        return self._in_force[max(place, 0)]

    def value(self, key: str, day: int) -> PolicyValue | None:
        """The value of a policy's key on a Brasília day; None where it says none."""
        return self._files[self._file_of[key]].value(key, day)

    def _bind(self, day: int) -> InForce:
        thresholds = []
        for outcome, key in _THRESHOLDS.items():
            threshold = self.value(key, day)
            assert type(threshold) is int
            thresholds.append((threshold, outcome))
        if thresholds != sorted(thresholds, key=lambda pair: pair[0]):
            raise _unfit(DECISION_FILE, "score.*.min", "rising from WARN to REJECT", thresholds)
        instead = self.value(_AUTOMATIC, day)
        # A lower outcome would make a higher score answer less than a smaller one.
        if instead not in {Outcome.STEP_UP, Outcome.REJECT}:
            raise _unfit(DECISION_FILE, _AUTOMATIC, "STEP_UP or REJECT", instead)
        deadline_ms, bands = self.value(_DEADLINE, day), self.value(_BANDS, day)
        assert isinstance(instead, Outcome)
        assert isinstance(bands, tuple)
        assert type(deadline_ms) is int
        bound = [each for rule in self._rules if (each := self._bind_rule(rule, day))]
        return InForce(
            thresholds=tuple(thresholds),
            automatic_instead_of_hold=instead,
            deadline_ns=deadline_ms * 1_000_000,
            bands=bands,
            rules=tuple(rule for rule, _ in bound),
            conditions=Conditions([condition for _, condition in bound], self._place),
            feature_reasons=self._feature_reasons,
        )

    def _bind_rule(self, rule: Rule, day: int) -> tuple[BoundRule, Bound] | None:
        """The rule as of a day; None where it is off, or one of its parameters says none."""
        check_columns(rule.condition, self._place, owner=rule.name)
        state = self.value(rule.state_key, day)
        severity = self.value(rule.severity_key, day)
        assert isinstance(state, RuleState) and isinstance(severity, Outcome)
        parameters: dict[str, int | float] = {}
        for key in rule.parameters:
            value = self.value(key.name, day)
            if value is None:
                return None
            assert isinstance(value, int | float)
            parameters[key.name] = value
        if state is RuleState.OFF:
            return None
        bound = BoundRule(rule.name, rule.reason, severity, state is RuleState.SHADOW)
        return bound, (rule.condition, parameters)


def _reasons_of(
    columns: Sequence[str], feature_reasons: Mapping[str, ReasonCode]
) -> tuple[ReasonCode, ...]:
    missing = sorted(set(columns) - set(feature_reasons))
    if missing:
        raise Misconfigured(
            Code.DEFINITION_INVALID,
            "every feature must speak for a reason",
            hint="Name a reason in the feature's card.",
            field="feature_reasons",
            expected=missing[0],
            found=None,
        )
    return tuple(feature_reasons[name] for name in columns)


def _unfit(file: str, key: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.POLICY_INVALID,
        f"{file}: {key} must be {expected}",
        hint="The values of one date are judged together.",
        file=file,
        key=key,
        field="value",
        expected=expected,
        found=str(found)[:80],
    )
