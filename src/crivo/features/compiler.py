"""The compiler: from declarations to the integer tables that drive the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import ALLOWED_LATENESS, SLACK
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, SECOND
from crivo.features import layout as k
from crivo.features.needs import edge_of, needs_of
from crivo.features.parts import Facts, Group, Members, Series
from crivo.features.postfix import postfix
from crivo.features.row import RowKind
from crivo.features.spec import (
    FIRST_SEEN_MAX,
    MEMBERS_MAX,
    NIGHT,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Statistic,
)
from crivo.features.terms import FACTS
from crivo.features.window import NIGHT_BEGINS, NIGHT_ENDS, Span, Window

_EVENTS: Final = {kind: RowKind[kind.name].value for kind in EventKind}
#: Each entity as (the table its events are kept in, the view it is read by).
_VIEWS: Final = {
    Entity.PAYER: (k.PAYER, k.PAYER),
    Entity.PAYEE: (k.PAYEE, k.PAYEE),
    Entity.PAIR: (k.PAIR, k.PAIR),
    Entity.DEVICE: (k.DEVICE, k.DEVICE),
    Entity.INSTITUTION: (k.INSTITUTION, k.INSTITUTION),
    Entity.PAYER_DEVICE: (k.PAYER_DEVICE, k.PAYER_DEVICE),
    Entity.PAYER_INSTITUTION: (k.PAYER_INSTITUTION, k.PAYER_INSTITUTION),
    Entity.PAYER_RECEIVING: (k.PAYEE, k.PAYER_RECEIVING),
    Entity.PAYEE_SENDING: (k.PAYER, k.PAYEE_SENDING),
    Entity.PAIR_REVERSED: (k.PAIR, k.PAIR_REVERSED),
    Entity.PAYEE_KEY: (k.PAYEE_KEY, k.PAYEE_KEY),
    Entity.PAYEE_PERSON: (k.PAYEE_PERSON, k.PAYEE_PERSON),
}
#: Where the key of a view that is no link stands in a row.
_KEYS: Final = {
    k.PAYER: k.ROW_PAYER,
    k.PAYEE: k.ROW_PAYEE,
    k.DEVICE: k.ROW_DEVICE,
    k.PAYER_RECEIVING: k.ROW_PAYER,
    k.PAYEE_SENDING: k.ROW_PAYEE,
    k.PAYEE_KEY: k.ROW_PAYEE_KEY,
    k.PAYEE_PERSON: k.ROW_PAYEE_PERSON,
}
#: The two heads that a link, or the pair turned round, is found by.
ENDS: Final = {
    k.PAIR: (k.PAYER, k.PAYEE),
    k.PAYER_DEVICE: (k.PAYER, k.DEVICE),
    k.PAYER_INSTITUTION: (k.PAYER, k.INSTITUTION),
    k.PAIR_REVERSED: (k.PAYEE_SENDING, k.PAYER_RECEIVING),
}
#: Owner's table and what is counted: the link that joins them, and the member's own table.
_MEMBERS: Final = {
    (k.PAYER, Measure.PAYEE): (k.PAIR, k.PAYEE),
    (k.PAYER, Measure.DEVICE): (k.PAYER_DEVICE, k.DEVICE),
    (k.PAYER, Measure.INSTITUTION): (k.PAYER_INSTITUTION, k.INSTITUTION),
    (k.PAYEE, Measure.PAYER): (k.PAIR, k.PAYER),
    (k.DEVICE, Measure.PAYER): (k.PAYER_DEVICE, k.PAYER),
}
_OF_FACTS: Final = (Statistic.LAST, Statistic.AGE, Statistic.USED)
_OPERATIONS: Final = {
    Statistic.COUNT: k.OP_COUNT,
    Statistic.SUM: k.OP_SUM,
    Statistic.MEAN: k.OP_MEAN,
    Statistic.STD: k.OP_STD,
    Statistic.RATIO: k.OP_RATIO,
    Statistic.Z_SCORE: k.OP_Z_SCORE,
    Statistic.DECAYED_COUNT: k.OP_DECAYED,
    Statistic.DECAYED_SUM: k.OP_DECAYED,
    Statistic.PER_TRANSFER: k.OP_PER,
    Statistic.SHARE: k.OP_PER,
    Statistic.PASS_THROUGH: k.OP_PASS,
    Statistic.LAST: k.OP_LAST,
    Statistic.AGE: k.OP_AGE,
    Statistic.USED: k.OP_USED,
}


class Compiler:
    """Gathers what all features need of each series, then lays the tables out."""

    def __init__(self, saturation_events: int) -> None:
        self.saturation_events = saturation_events
        self.series: list[Series] = []
        self.groups: list[Group] = []
        self.members: list[Members] = []
        self.facts: list[Facts] = []
        self.code: list[int] = []
        self.codes: dict[str, int] = {}
        self.heads: dict[int, int] = dict.fromkeys((k.PAYER, k.PAYEE), k.HEAD_SERIES)
        self.viewed: set[int] = {k.PAYER, k.PAYEE}

    def compile(self, feature_set: FeatureSet) -> NDArray[np.int64]:
        """The table (int64) of the whole set."""
        for feature in feature_set.features:
            self._note(feature)
        values = k.SCRATCH_VALUES
        for group in self.groups:
            group.settle()
            group.base = values
            values += k.VALUE_READS + len(group.reads)
        for series in self.series:
            values = max(values, k.SCRATCH_VALUES + len(series.columns))
        self._place_in_heads()
        return self._lay_out([self._operation(each) for each in feature_set.features], values)

    def _note(self, feature: Feature) -> None:
        """Notes what one feature reads."""
        if feature.statistic is Statistic.VALUE:
            return
        if feature.statistic is Statistic.DISTINCT:
            self._members_of(feature).read(feature.window)
            self._view(feature.entity)
            return
        if feature.statistic in _OF_FACTS:
            self._facts_of(feature)
        else:
            group = self._group_of(feature.entity, feature.event)
            if feature.statistic is Statistic.SINCE_LAST:
                group.series.has_events()
        for need in needs_of(feature):
            self._group_of(need.entity, need.event).read(need.edge, need.column)

    def _series_of(self, table: int, event: EventKind) -> Series:
        for series in self.series:
            if (series.table, series.event) == (table, event):
                return series
        for end in ENDS.get(table, ()):
            self.heads.setdefault(end, k.HEAD_SERIES)
        self.heads.setdefault(table, k.HEAD_SERIES)
        self.series.append(Series(table, event))
        return self.series[-1]

    def _view(self, entity: Entity) -> int:
        table, view = _VIEWS[entity]
        self.viewed |= {view, *ENDS.get(view, ())}
        self.heads.setdefault(table, k.HEAD_SERIES)
        return view

    def _group_of(self, entity: Entity, event: EventKind) -> Group:
        series, view = self._series_of(_VIEWS[entity][0], event), self._view(entity)
        for group in self.groups:
            if group.series is series and group.view == view:
                return group
        self.groups.append(Group(series, view))
        return self.groups[-1]

    def _members_of(self, feature: Feature) -> Members:
        table = _VIEWS[feature.entity][0]
        link, member = _MEMBERS[table, feature.measure]
        for members in self.members:
            if (members.series.table, members.member) == (table, member):
                return members
        series = self._series_of(table, EventKind.TRANSFER)
        joined = self._series_of(link, EventKind.TRANSFER)
        self.members.append(Members(series, joined, member))
        return self.members[-1]

    def _facts_of(self, feature: Feature) -> Facts:
        self._view(feature.entity)
        table = _VIEWS[feature.entity][0]
        for facts in self.facts:
            if (facts.table, facts.event) == (table, feature.event):
                return facts
        self.facts.append(Facts(table, feature.event))
        return self.facts[-1]

    def _place_in_heads(self) -> None:
        for series in self.series:
            series.at = self.heads[series.table]
            self.heads[series.table] += k.HEAD_LEVELS + 2 * len(series.levels)
        for members in self.members:
            members.at = self.heads[members.series.table]
            self.heads[members.series.table] += 2
        for facts in self.facts:
            facts.at = self.heads[facts.table]
            self.heads[facts.table] += k.FACT_HEAD_WORDS

    def _operation(self, feature: Feature) -> tuple[int, list[int], int]:
        """A feature's operation, its arguments, and where night is asked of (-1: it is not)."""
        window = feature.window
        if feature.statistic is Statistic.VALUE:
            return (*self._value(feature.measure), -1)
        if feature.statistic is Statistic.DISTINCT:
            members, edge = self._members_of(feature), edge_of(window)
            view = _VIEWS[feature.entity][1]
            places = [view, members.at, members.series.at]
            return k.OP_DISTINCT, [*places, edge.length, edge.tile], -1
        told: list[int] = []
        event = feature.event
        if feature.statistic in _OF_FACTS:
            facts, column = self._facts_of(feature), FACTS[event].index(feature.measure)
            told = [_VIEWS[feature.entity][1], facts.at, facts.width, column]
            event = EventKind.TRANSFER
            if feature.statistic is not Statistic.USED:
                return _OPERATIONS[feature.statistic], told, -1
        base = self._group_of(feature.entity, event).base
        if feature.statistic is Statistic.SINCE_LAST and window.span is Span.EVER:
            return k.OP_SINCE_EVER, [base, FIRST_SEEN_MAX], -1
        if feature.statistic is Statistic.SINCE_LAST:
            return k.OP_SINCE_LAST, [base, window.length], -1
        if feature.statistic is Statistic.SINCE_FIRST:
            return k.OP_SINCE_FIRST, [base, FIRST_SEEN_MAX], -1
        slots = [
            self._group_of(need.entity, need.event).slot(need.edge, need.column)
            for need in needs_of(feature)
        ]
        night = base + k.VALUE_AT if window.span is Span.TONIGHT else -1
        return _OPERATIONS[feature.statistic], told + slots, night

    def _value(self, measure: Measure) -> tuple[int, list[int]]:
        if measure is Measure.NIGHT:
            return k.OP_HOLDS, [self._code_of(NIGHT)]
        field = {Measure.HOUR: k.FIELD_HOUR, Measure.WEEKDAY: k.FIELD_WEEKDAY}
        return k.OP_FIELD, [field.get(measure, k.ROW_AMOUNT)]

    def _code_of(self, condition: Filter | None) -> int:
        """Where a condition's postfix code begins; -1 for no condition."""
        if condition is None:
            return -1
        text = condition.expression.to_json()
        if text not in self.codes:
            self.codes[text] = len(self.code)
            self.code += [*postfix(condition.expression), k.END, 0]
        return self.codes[text]

    def _lay_out(
        self, operations: list[tuple[int, list[int], int]], values: int
    ) -> NDArray[np.int64]:
        series_rows: list[int] = []
        levels: list[int] = []
        columns: list[int] = []
        for series in self.series:
            series_rows += [series.table, _EVENTS[series.event], series.at]
            series_rows += [1 + len(series.columns), len(levels) // k.LEVEL_WORDS]
            series_rows += [len(series.levels), len(columns) // k.COLUMN_WORDS, len(series.columns)]
            for window in series.levels:
                levels += [0, DAY + SLACK] if window is None else _level(window)
            for column in series.columns:
                columns += [column.kind, self._code_of(column.condition)]
        groups, edges, reads = self._group_tables()
        features: list[int] = []
        arguments: list[int] = []
        for operation, given, night in operations:
            features += [operation, len(arguments), night]
            arguments += given
        tables = [series_rows, levels, columns, groups, edges, reads]
        tables += [self._member_table(), features, arguments, self.code]
        tables.append(self._fact_table())
        numbers = {
            k.P_SLACK: SLACK,
            k.P_LATENESS: ALLOWED_LATENESS,
            k.P_SATURATION: self.saturation_events,
            k.P_BRASILIA: BRASILIA_OFFSET,
            k.P_SECOND: SECOND,
            k.P_N_SERIES: len(self.series),
            k.P_N_GROUPS: len(self.groups),
            k.P_N_MEMBERS: len(self.members),
            k.P_N_FEATURES: len(operations),
            k.P_N_FACTS: len(self.facts),
            k.P_SCRATCH_WORDS: values,
            k.P_NIGHT_BEGINS: NIGHT_BEGINS * HOUR,
            k.P_NIGHT_ENDS: NIGHT_ENDS * HOUR,
            k.P_MEMBERS_MAX: min(MEMBERS_MAX, self.saturation_events),
            **{k.P_HEAD_WORDS + table: _lines(words) for table, words in self.heads.items()},
            **self._touched(),
            **{k.P_VIEWED + view: 1 for view in self.viewed},
            **{k.P_FETCHED + view: 1 for view in self.viewed | set(self.heads)},
            **{k.P_TABLE_OF + view: table for table, view in _VIEWS.values()},
            **{k.P_OWN_KEY + view: place for view, place in _KEYS.items()},
            **{k.P_ONE_END + view: ENDS.get(view, (-1, -1))[0] for view in range(k.VIEWS)},
            **{k.P_OTHER_END + view: ENDS.get(view, (-1, -1))[1] for view in range(k.VIEWS)},
        }
        return _pack(numbers, tables)

    def _touched(self) -> dict[int, int]:
        """Of each kind of event the tables whose heads it touches, a bit each."""
        found = dict.fromkeys(range(k.P_TOUCHED, k.P_TOUCHED + k.KINDS), 0)
        told = [(each.table, each.event) for each in self.facts]
        for whose, event in [(each.table, each.event) for each in self.series] + told:
            for table in (whose, *ENDS.get(whose, ())):
                found[k.P_TOUCHED + _EVENTS[event]] |= 1 << table
        return found

    def _group_tables(self) -> tuple[list[int], list[int], list[int]]:
        groups: list[int] = []
        edges: list[int] = []
        reads: list[int] = []
        for group in self.groups:
            series = group.series
            groups += [group.view, series.at, 1 + len(series.columns), int(None in series.levels)]
            groups += [len(edges) // k.EDGE_WORDS, len(group.edges), group.base]
            groups += [group.base + k.VALUE_READS + len(group.reads)]
            for edge in group.edges:
                own = [series.columns.index(column) for at, column in group.reads if at == edge]
                level = series.levels.index(edge.tiles)
                edges += [level, edge.length, edge.tile, len(reads), len(own)]
                reads += own
        return groups, edges, reads

    def _fact_table(self) -> list[int]:
        rows: list[int] = []
        for facts in self.facts:
            rows += [facts.table, _EVENTS[facts.event], facts.at, facts.width]
        return rows

    def _member_table(self) -> list[int]:
        rows: list[int] = []
        for members in self.members:
            rows += [members.series.table, members.link.table, members.member, members.at]
            rows += [members.series.at, members.link.at]
            rows += [members.longest + SLACK, int(members.is_capped)]
        return rows


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
