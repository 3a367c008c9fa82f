"""Feature declarations compiled to integers: the tables that drive the kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import ALLOWED_LATENESS, SLACK
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import BRASILIA_OFFSET, DAY, SECOND
from crivo.features import layout as k
from crivo.features.expression import (
    And,
    Compare,
    Comparison,
    Expression,
    Field,
    Not,
    Operand,
    Or,
    Value,
    from_canonical,
)
from crivo.features.spec import (
    FIRST_SEEN_MAX,
    NIGHT,
    Card,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Span,
    Statistic,
    VisibleTo,
    Window,
    sha256_of,
)

_T = TypeVar("_T")

#: A window with this many events or more is saturated: its sums could leave 63 bits.
SATURATION_EVENTS: Final = 1 << 23

_ENTITIES: Final = {Entity.PAYER: k.PAYER, Entity.PAYEE: k.PAYEE, Entity.PAIR: k.PAIR}
_EVENTS: Final = {EventKind.TRANSFER: k.KIND_TRANSFER, EventKind.REPORT: k.KIND_REPORT}
_COMPARISONS: Final = {member: k.LESS + place for place, member in enumerate(Comparison)}
_FIELDS: Final = {
    "amount_centavos": k.ROW_AMOUNT,
    "hour": k.FIELD_HOUR,
    "weekday": k.FIELD_WEEKDAY,
    "initiation": k.ROW_INITIATION,
    "purpose": k.ROW_PURPOSE,
    "accepted": k.ROW_ACCEPTED,
}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What an engine runs. `table` is int64, read by the kernel alone; the hashes name the plan."""

    feature_set: FeatureSet
    table: NDArray[np.int64]
    saturation_events: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the vector's columns."""
        return self.feature_set.names

    @property
    def set_hash(self) -> str:
        """SHA-256 (hex) of the ordered feature hashes."""
        return self.feature_set.hash

    @property
    def plan_hash(self) -> str:
        """SHA-256 (hex) of the set hash and the kernel's version (and an unusual saturation)."""
        parts: list[object] = [self.set_hash, k.KERNEL_VERSION]
        if self.saturation_events != SATURATION_EVENTS:
            parts.append(self.saturation_events)
        return sha256_of(parts)

    def to_json(self) -> str:
        """The plan as text, with the cards: what a bundle keeps."""
        return json.dumps(
            {
                "kernel_version": k.KERNEL_VERSION,
                "set_hash": self.set_hash,
                "plan_hash": self.plan_hash,
                "saturation_events": self.saturation_events,
                "features": [_feature_to(feature) for feature in self.feature_set.features],
            },
            indent=1,
            sort_keys=True,
            ensure_ascii=False,
        )


def compile_plan(feature_set: FeatureSet, *, saturation_events: int = SATURATION_EVENTS) -> Plan:
    """The plan of a feature set; equal sets give equal tables.

    `saturation_events` is lowered only by tests, which cannot fold eight million events.
    """
    assert 2 <= saturation_events <= SATURATION_EVENTS
    table = _Compiler(saturation_events).compile(feature_set)
    table.flags.writeable = False
    return Plan(feature_set=feature_set, table=table, saturation_events=saturation_events)


def plan_from_json(text: str) -> Plan:
    """The plan that `Plan.to_json` wrote, compiled again and compared by its hashes.

    Raises:
        Misconfigured: PLAN_MISMATCH where this release's kernel or meaning of a declaration is
            another; DEFINITION_INVALID where the text is no plan.
    """
    try:
        document = json.loads(text)
        features = tuple(_feature_from(item) for item in document["features"])
        plan = compile_plan(FeatureSet(features), saturation_events=document["saturation_events"])
        expected = {name: document[name] for name in ("kernel_version", "set_hash", "plan_hash")}
    except (ValueError, KeyError, TypeError) as cause:
        raise Misconfigured(
            Code.DEFINITION_INVALID, "the text is not a plan", field="plan", found=repr(cause)[:80]
        ) from cause
    found = {
        "kernel_version": k.KERNEL_VERSION,
        "set_hash": plan.set_hash,
        "plan_hash": plan.plan_hash,
    }
    for name, value in expected.items():
        if found[name] != value:
            raise Misconfigured(
                Code.PLAN_MISMATCH,
                f"the plan's {name} is {value!r}, and here {found[name]!r}",
                hint="Run the release that wrote the bundle, or train on this one.",
                field=name,
                expected=value,
                found=found[name],
            )
    return plan


def _feature_to(feature: Feature) -> dict[str, object]:
    card = feature.card
    return {
        "name": feature.name,
        "hash": feature.hash,
        **feature.canonical(),
        "filter_name": None if feature.filter is None else feature.filter.name,
        "card": {name: str(getattr(card, name)) for name in Card.__dataclass_fields__},
    }


def _feature_from(item: Mapping[str, Any]) -> Feature:
    span, minutes = item["window"]
    tree, card = item["filter"], dict(item["card"])
    card["visible_to"] = VisibleTo(card["visible_to"])
    return Feature(
        entity=Entity(item["entity"]),
        event=EventKind(item["event"]),
        measure=Measure(item["measure"]),
        statistic=Statistic(item["statistic"]),
        window=Window(Span(span), minutes),
        filter=None if tree is None else Filter(str(item["filter_name"]), from_canonical(tree)),
        card=Card(**card),
    )


class _Series:
    """One (entity, event): its columns, levels, edges, and the values read from it."""

    def __init__(self, entity: Entity, event: EventKind) -> None:
        self.entity, self.event = entity, event
        self.columns: list[tuple[Measure, Filter | None]] = []
        self.tiles: list[Window | None] = [None]  # the level of raw events comes first
        self.edges: list[Window] = []
        self.reads: list[tuple[Window, int]] = []  # (edge, column)

    def read(self, window: Window, measure: Measure, condition: Filter | None) -> None:
        """Notes that a window's count or sum is read of this series."""
        if window.tile and window not in self.tiles:
            self.tiles.append(window)
        _place(self.edges, window)
        _place(self.reads, (window, _place(self.columns, (measure, condition))))

    def settle(self) -> None:
        """Orders edges and reads as the kernel wants them: exact windows first, longest first."""
        self.edges.sort(key=lambda window: (bool(window.tile), -window.minutes))
        self.reads.sort(key=lambda read: (self.edges.index(read[0]), read[1]))

    def slot(self, window: Window, measure: Measure, condition: Filter | None) -> int:
        """Where that count or sum stands among the series' values."""
        column = self.columns.index((measure, condition))
        return k.VALUE_READS + self.reads.index((window, column))


class _Compiler:
    """Gathers what all features need of each series, then lays the tables out."""

    def __init__(self, saturation_events: int) -> None:
        self.saturation_events = saturation_events
        self.series: list[_Series] = []
        self.code: list[int] = []
        self.codes: dict[str, int] = {}

    def compile(self, feature_set: FeatureSet) -> NDArray[np.int64]:
        wanted = [self._needs(feature) for feature in feature_set.features]
        for series in self.series:
            series.settle()
        bases, values = [], k.SCRATCH_VALUES
        for series in self.series:
            bases.append(values)
            values += k.VALUE_READS + len(series.reads)
        features: list[int] = []
        for feature, reads in zip(feature_set.features, wanted, strict=True):
            slots = [bases[s] + self._slot(s, need) for s, need in reads]
            features += self._operation(feature, slots)
        return self._lay_out(features, bases, values, len(feature_set.features))

    def _needs(self, feature: Feature) -> list[tuple[int, tuple[Window, Measure, Filter | None]]]:
        """One feature's reads: (series, (window, measure, filter)), in the operation's order."""
        if feature.statistic is Statistic.VALUE:
            return []
        series = self._series_of(feature.entity, feature.event)
        window, condition = feature.window, feature.filter
        if feature.statistic in (Statistic.SINCE_LAST, Statistic.SINCE_FIRST):
            return [(series, (window, Measure.HOUR, None))]  # reads the series' own instants
        needs = [(series, (window, Measure(feature.event.value), condition))]
        if feature.measure is Measure.AMOUNT:
            needs.append((series, (window, Measure.AMOUNT, condition)))
        if feature.statistic is Statistic.PER_TRANSFER:
            transfers = self._series_of(feature.entity, EventKind.TRANSFER)
            needs.append((transfers, (window, Measure.TRANSFER, None)))
        for place, need in needs:
            self.series[place].read(*need)
        return needs

    def _series_of(self, entity: Entity, event: EventKind) -> int:
        for place, series in enumerate(self.series):
            if (series.entity, series.event) == (entity, event):
                return place
        self.series.append(_Series(entity, event))
        return len(self.series) - 1

    def _slot(self, place: int, need: tuple[Window, Measure, Filter | None]) -> int:
        window, measure, condition = need
        if measure is Measure.HOUR:
            return 0
        return self.series[place].slot(window, measure, condition)

    def _operation(self, feature: Feature, slots: list[int]) -> list[int]:
        """One row of the feature table: operation and three arguments."""
        window = feature.window
        match feature.statistic:
            case Statistic.VALUE:
                return self._value(feature.measure)
            case Statistic.COUNT:
                return [k.OP_COUNT, slots[0], 0, 0]
            case Statistic.SUM:
                return [k.OP_SUM, slots[0], slots[1], 0]
            case Statistic.MEAN:
                return [k.OP_MEAN, slots[0], slots[1], 0]
            case Statistic.RATIO:
                return [k.OP_RATIO, slots[0], slots[1], 0]
            case Statistic.PER_TRANSFER:
                return [k.OP_PER, slots[0], slots[1], 0]
            case Statistic.SINCE_LAST:
                return [k.OP_SINCE_LAST, slots[0], window.length, 0]
            case Statistic.SINCE_FIRST:
                return [k.OP_SINCE_FIRST, slots[0], FIRST_SEEN_MAX, 0]

    def _value(self, measure: Measure) -> list[int]:
        if measure is Measure.NIGHT:
            return [k.OP_HOLDS, self._code_of(NIGHT), 0, 0]
        field = {Measure.HOUR: k.FIELD_HOUR, Measure.WEEKDAY: k.FIELD_WEEKDAY}
        return [k.OP_FIELD, field.get(measure, k.ROW_AMOUNT), 0, 0]

    def _code_of(self, condition: Filter | None) -> int:
        """Where a condition's postfix code begins; -1 for no condition."""
        if condition is None:
            return -1
        text = condition.expression.to_json()
        if text not in self.codes:
            self.codes[text] = len(self.code)
            self.code += [*_postfix(condition.expression), k.END, 0]
        return self.codes[text]

    def _lay_out(
        self, features: list[int], bases: list[int], values: int, count: int
    ) -> NDArray[np.int64]:
        series_rows: list[int] = []
        levels: list[int] = []
        columns: list[int] = []
        edges: list[int] = []
        reads: list[int] = []
        heads = {k.PAYER: k.HEAD_SERIES, k.PAYEE: k.HEAD_SERIES, k.PAIR: 0}
        for base, series in zip(bases, self.series, strict=True):
            entity = _ENTITIES[series.entity]
            at, width = heads[entity] or k.HEAD_SERIES, 1 + len(series.columns)
            heads[entity] = at + k.HEAD_LEVELS + 2 * len(series.tiles)
            series_rows += [entity, _EVENTS[series.event], at, width]
            series_rows += [len(levels) // k.LEVEL_WORDS, len(series.tiles)]
            series_rows += [len(columns) // k.COLUMN_WORDS, len(series.columns)]
            series_rows += [len(edges) // k.EDGE_WORDS, len(series.edges)]
            series_rows += [base, base + k.VALUE_READS + len(series.reads)]
            for window in series.tiles:
                levels += [0, DAY + SLACK] if window is None else _level(window)
            for measure, condition in series.columns:
                columns += [int(measure is Measure.AMOUNT), self._code_of(condition)]
            for window in series.edges:
                level = series.tiles.index(window) if window.tile else 0
                own = [column for edge, column in series.reads if edge == window]
                edges += [level, window.length, window.tile, len(reads), len(own)]
                reads += own
        tables = [series_rows, levels, columns, edges, reads, features, self.code]
        return _pack(
            {
                k.P_SLACK: SLACK,
                k.P_LATENESS: ALLOWED_LATENESS,
                k.P_SATURATION: self.saturation_events,
                k.P_BRASILIA: BRASILIA_OFFSET,
                k.P_SECOND: SECOND,
                k.P_N_SERIES: len(self.series),
                k.P_N_FEATURES: count,
                k.P_SCRATCH_WORDS: values,
                **{k.P_HEAD_WORDS + e: _lines(words) for e, words in heads.items() if words},
            },
            tables,
        )


def _pack(numbers: Mapping[int, int], tables: list[list[int]]) -> NDArray[np.int64]:
    header = [0] * k.P_HEADER_WORDS
    body: list[int] = []
    for place, value in numbers.items():
        header[place] = value
    for place, rows in enumerate(tables):
        header[k.P_TABLES + place] = k.P_HEADER_WORDS + len(body)
        body += rows
    return np.array(header + body, dtype=np.int64)


def _lines(words: int) -> int:
    """The words rounded up to whole cache lines."""
    return -(-words // k.LINE_WORDS) * k.LINE_WORDS


def _level(window: Window) -> list[int]:
    return [window.tile, window.length + SLACK]


def _postfix(expression: Expression) -> list[int]:
    """(operation, argument) pairs in the order of evaluation."""
    match expression:
        case Compare(comparison, left, right):
            return [*_push(left), *_push(right), _COMPARISONS[comparison], 0]
        case Not(inner):
            return [*_postfix(inner), k.NOT, 0]
        case And(left, right):
            return [*_postfix(left), *_postfix(right), k.AND, 0]
        case Or(left, right):
            return [*_postfix(left), *_postfix(right), k.OR, 0]


def _push(operand: Operand) -> list[int]:
    match operand:
        case Field(name):
            return [k.PUSH_FIELD, _FIELDS[name]]
        case Value(value):
            return [k.PUSH_VALUE, int(value)]
        case _:  # a Filter admits no parameter
            raise AssertionError(operand)


def _place(items: list[_T], item: _T) -> int:
    """The item's place in the list, appended where it was not there."""
    if item not in items:
        items.append(item)
    return items.index(item)
