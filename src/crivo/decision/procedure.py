"""A procedure: rules and policy bound to a plan's columns, ready to be asked for any date."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from crivo.decision.blocks import BLOCK_KEYS, Blocks, bind_blocks
from crivo.decision.condition import FALSE, NULL, Bound, Conditions, check_columns
from crivo.decision.degraded import DICT_AGE, DICT_KEY, Degraded, Mode
from crivo.decision.hold import HOLD_MINUTES_MAX, HOURS_OF_A_DAY, HoldTerms, bind_end
from crivo.decision.limits import LIMIT_KEYS, Limits, bind_limits
from crivo.decision.lists import ListTerms
from crivo.decision.marked import MARKED_KEYS, MarkedTerms, bind_marked
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
#: How long a hold may last on business days between two hours of Brasília, and else; how it ends.
_HOLD: Final = (
    "hold.business.minutes",
    "hold.other.minutes",
    "hold.business.from_hour",
    "hold.business.to_hour",
)
_HOLD_END: Final = "hold.end"
#: In the order of `ListTerms`.
_LISTS: Final = (
    "lists.deny.outcome",
    "lists.watch.outcome",
    "lists.allow.rules.max",
    "lists.allow.score.max",
)
_DEADLINE: Final = "timeout.deadline_ms"
#: What is kept of the deadline for each stage: one that cannot begin in time is left out.
_BUDGETS: Final = ("budget.features_ms", "budget.model_ms")
_LOG_SLOW: Final = "log_slow.after_ms"
_STALE: Final = "stale_state.age_seconds.max"
_DICT_MISSING: Final = "dict_missing.state"
_OUTCOMES: Final = {
    Mode.TIMEOUT: "timeout.outcome",
    Mode.LOG_SLOW: "log_slow.outcome",
    Mode.NO_MODEL: "no_model.outcome",
    Mode.STALE_STATE: "stale_state.outcome",
    Mode.DICT_MISSING: "dict_missing.outcome",
    Mode.KILL_MODEL: "kill.model.outcome",
    Mode.KILL_RULES: "kill.rules.outcome",
    Mode.KILL_ALL: "kill.all.outcome",
}
_SWITCHES: Final = {
    Mode.KILL_MODEL: "kill.model.state",
    Mode.KILL_RULES: "kill.rules.state",
    Mode.KILL_ALL: "kill.all.state",
}

_DECISION_KEYS: Final = (
    *(Key(name, Kind.PROBABILITY) for name in _THRESHOLDS.values()),
    Key(_AUTOMATIC, Kind.OUTCOME),
    *(Key(name, Kind.COUNT) for name in _HOLD),
    Key(_HOLD_END, Kind.OUTCOME),
    *LIMIT_KEYS,
    *BLOCK_KEYS,
    *MARKED_KEYS,
    *(Key(name, Kind.OUTCOME) for name in _LISTS),
)
_DEGRADED_KEYS: Final = (
    *(Key(name, Kind.COUNT) for name in (_DEADLINE, *_BUDGETS, _LOG_SLOW)),
    Key(_STALE, Kind.COUNT, optional=True),
    *(Key(name, Kind.SWITCH) for name in (_DICT_MISSING, *_SWITCHES.values())),
    *(Key(name, Kind.BANDS) for name in _OUTCOMES.values()),
)


_TIMES: Final = (_DEADLINE, *_BUDGETS)
_NS: Final = 1_000_000

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


#: What is said where no rule is asked.
NOTHING_FIRED: Final = Fired((), (), (), (), Outcome.ALLOW)


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force on one Brasília date. `feature_reasons` follows the columns of the plan.

    `thresholds` rise with their outcomes; `deadline_ns` counts from the arrival of the request, and
    so do the instants by which features and model must begin. `conditions` are those of `rules`, in
    their order.
    """

    thresholds: tuple[tuple[int, Outcome], ...]
    automatic_instead_of_hold: Outcome
    hold: HoldTerms
    limits: Limits
    lists: ListTerms
    marked: MarkedTerms
    blocks: Blocks
    deadline_ns: int
    features_by_ns: int
    model_by_ns: int
    degraded: Degraded
    rules: tuple[BoundRule, ...]
    conditions: Conditions
    feature_reasons: tuple[ReasonCode, ...]
    _fired: dict[tuple[bytes, Outcome], Fired] = field(
        default_factory=dict, compare=False, repr=False
    )

    def fired(self, said: bytes, passed: Outcome = Outcome.ALLOW) -> Fired:
        """What comes of what `conditions` said; most vectors have one of a few answers.

        Rules up to the severity `passed` are let pass: they fire, and nothing comes of it.
        """
        found = self._fired.get((said, passed))
        if found is None:
            if len(self._fired) >= FIRED_MAX:
                self._fired.clear()
            found = self._fired[said, passed] = _fired(self.rules, said, passed)
        return found

    def outcome_of_score(self, score: int) -> Outcome:
        """What a score (10⁻⁹) asks for: the highest outcome whose threshold it reaches."""
        outcome = Outcome.ALLOW
        for threshold, named in self.thresholds:
            if score >= threshold:
                outcome = named
        return outcome


def _fired(rules: Sequence[BoundRule], said: bytes, passed: Outcome) -> Fired:
    pairs = list(zip(rules, said, strict=True))
    held = [rule for rule, answer in pairs if answer not in {FALSE, NULL}]
    acting = [rule for rule in held if not rule.shadow]
    heard = [rule for rule in acting if passed is Outcome.ALLOW or rule.severity > passed]
    gravest = sorted(heard, key=lambda rule: (-rule.severity.rank, rule.name))
    return Fired(
        rules=tuple(rule.name for rule in acting),
        shadow_rules=tuple(rule.name for rule in held if rule.shadow),
        nulls=tuple(rule.name for rule, answer in pairs if answer == NULL),
        reasons=tuple(rule.reason for rule in gravest),
        outcome=max((rule.severity for rule in heard), default=Outcome.ALLOW),
    )


class Procedure:
    """Everything but the vector and the model that an outcome follows from.

    Args:
        rules: The declarations; their states and parameters come from `texts`.
        texts: The policy files by name: decision.toml, degraded.toml, rules.toml.
        columns: The plan's feature names, in the order of the vector.
        feature_reasons: Which reason each feature speaks for.
        is_past: The plan is one of before: a rule that is off or in shadow may read a feature that
            was made since, and is not asked.

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
        is_past: bool = False,
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
        self._is_past: Final = is_past
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
        assert isinstance(instead, Outcome)
        deadline_ms, features_ms, model_ms = (self._count(key, day) for key in _TIMES)
        if features_ms + model_ms > deadline_ms:
            raise _unfit(DEGRADED_FILE, "budget.*_ms", f"at most {deadline_ms} together", day)
        bound = [each for rule in self._rules if (each := self._bind_rule(rule, day))]
        return InForce(
            thresholds=tuple(thresholds),
            automatic_instead_of_hold=instead,
            hold=self._bind_hold(day),
            limits=bind_limits(lambda key: self.value(key, day)),
            lists=self._bind_lists(day),
            marked=bind_marked(lambda key: self.value(key, day)),
            blocks=bind_blocks(lambda key: self.value(key, day), partial(_unfit, DECISION_FILE)),
            deadline_ns=deadline_ms * _NS,
            features_by_ns=(deadline_ms - features_ms - model_ms) * _NS,
            model_by_ns=(deadline_ms - model_ms) * _NS,
            degraded=self._bind_degraded(day),
            rules=tuple(rule for rule, _ in bound),
            conditions=Conditions([condition for _, condition in bound], self._place),
            feature_reasons=self._feature_reasons,
        )

    def _bind_degraded(self, day: int) -> Degraded:
        bands: dict[Mode, tuple[Band, ...]] = {}
        for mode, key in _OUTCOMES.items():
            found = self.value(key, day)
            assert isinstance(found, tuple)
            bands[mode] = found
        stale = self.value(_STALE, day)
        assert stale is None or type(stale) is int
        return Degraded(
            bands=bands,
            killed=tuple(mode for mode, key in _SWITCHES.items() if self.value(key, day)),
            log_slow_ns=self._count(_LOG_SLOW, day) * _NS,
            stale_seconds=stale,
            asks_directory=self.value(_DICT_MISSING, day) is True,
            age_at=self._place.get(DICT_AGE),
            key_at=self._place.get(DICT_KEY),
        )

    def _bind_lists(self, day: int) -> ListTerms:
        found = [self.value(key, day) for key in _LISTS]
        outcomes = [each for each in found if isinstance(each, Outcome)]
        assert len(outcomes) == len(_LISTS)
        return ListTerms(*outcomes)

    def _count(self, key: str, day: int) -> int:
        found = self.value(key, day)
        assert type(found) is int
        return found

    def _bind_hold(self, day: int) -> HoldTerms:
        business, other, start, end = (self._count(key, day) for key in _HOLD)
        if not 0 <= start < end <= HOURS_OF_A_DAY:
            raise _unfit(DECISION_FILE, "hold.business.*_hour", "rising, 0 to 24", (start, end))
        if not all(1 <= minutes <= HOLD_MINUTES_MAX for minutes in (business, other)):
            expected = f"1 to {HOLD_MINUTES_MAX} minutes"
            raise _unfit(DECISION_FILE, "hold.*.minutes", expected, (business, other))
        ends_as = bind_end(
            _HOLD_END, lambda key: self.value(key, day), partial(_unfit, DECISION_FILE)
        )
        return HoldTerms(business, other, start, end, ends_as)

    def _bind_rule(self, rule: Rule, day: int) -> tuple[BoundRule, Bound] | None:
        """The rule as of a day; None where it is off, or one of its parameters says none."""
        state = self.value(rule.state_key, day)
        severity = self.value(rule.severity_key, day)
        assert isinstance(state, RuleState) and isinstance(severity, Outcome)
        is_new = not rule.condition.fields() <= self._place.keys()
        if is_new and self._is_past and state is not RuleState.ON:
            return None
        check_columns(rule.condition, self._place, owner=rule.name)
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
