"""The compiler: from declarations to the integer tables that drive the kernel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.features import layout as k
from crivo.features.needs import edge_of, needs_of
from crivo.features.parts import (
    ENDS,
    VIEWS,
    Conditions,
    Count,
    Facts,
    Group,
    Members,
    Series,
    Told,
    place,
)
from crivo.features.spec import (
    FIRST_SEEN_MAX,
    NIGHT,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Measure,
    Statistic,
)
from crivo.features.tables import Operation, Parts, lay_out
from crivo.features.terms import FACTS
from crivo.features.window import Span

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
        self.counts: list[Count] = []
        self.facts: list[Facts] = []
        self.told: list[Told] = []
        self.conditions = Conditions()
        self.heads: dict[int, int] = dict.fromkeys((k.PAYER, k.PAYEE), k.HEAD_SERIES)
        self.viewed: set[int] = {k.PAYER, k.PAYEE}
        self.lane_counts = 0
        self.told_lanes: list[int] = []

    def compile(self, feature_set: FeatureSet) -> NDArray[np.int64]:
        """The table (int64) of the whole set."""
        for feature in feature_set.features:
            self._note(feature)
        self._settle()
        lane = lane_columns = k.LANE_CONDITIONS + len(self.conditions.begins)
        lane += sum(len(series.columns) for series in self.series)
        for group in self.groups:
            group.base = lane
            lane += k.VALUE_READS + len(group.reads)
        for told in self.told:
            self.told_lanes.append(lane)
            lane += 1 + told.facts.width - k.FACT_VALUES
        self.lane_counts = lane
        parts = Parts(
            series=self.series,
            groups=self.groups,
            members=self.members,
            counts=self.counts,
            facts=self.facts,
            told=list(zip(self.told, self.told_lanes, strict=True)),
            conditions=self.conditions,
            heads=self.heads,
            looked_for=self.viewed,
            lane_columns=lane_columns,
            lanes=lane + len(self.counts),
        )
        operations = [self._operation(feature) for feature in feature_set.features]
        return lay_out(parts, operations, saturation_events=self.saturation_events)

    def _note(self, feature: Feature) -> None:
        """Notes what one feature reads."""
        if feature.statistic is Statistic.VALUE:
            self.conditions.number(NIGHT if feature.measure is Measure.NIGHT else None)
            return
        if feature.statistic is Statistic.DISTINCT:
            members = self._members_of(feature)
            members.read(feature.window)
            place(self.counts, Count(members, self._view(feature.entity), feature.window))
            return
        if feature.statistic in _OF_FACTS:
            place(self.told, self._told(feature))
        else:
            group = self._group_of(feature.entity, feature.event)
            if feature.statistic is Statistic.SINCE_LAST:
                group.series.has_events()
        for need in needs_of(feature):
            self.conditions.number(need.column.condition)
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
        table, view = VIEWS[entity]
        self.viewed |= {view, *ENDS.get(view, ())}
        self.heads.setdefault(table, k.HEAD_SERIES)
        return view

    def _group_of(self, entity: Entity, event: EventKind) -> Group:
        series, view = self._series_of(VIEWS[entity][0], event), self._view(entity)
        for group in self.groups:
            if group.series is series and group.view == view:
                return group
        self.groups.append(Group(series, view))
        return self.groups[-1]

    def _members_of(self, feature: Feature) -> Members:
        table = VIEWS[feature.entity][0]
        link, member = _MEMBERS[table, feature.measure]
        for members in self.members:
            if (members.series.table, members.member) == (table, member):
                return members
        series = self._series_of(table, EventKind.TRANSFER)
        joined = self._series_of(link, EventKind.TRANSFER)
        self.members.append(Members(series, joined, member))
        return self.members[-1]

    def _told(self, feature: Feature) -> Told:
        table, view = VIEWS[feature.entity][0], self._view(feature.entity)
        for facts in self.facts:
            if (facts.table, facts.event) == (table, feature.event):
                return Told(facts, view)
        self.facts.append(Facts(table, feature.event))
        return Told(self.facts[-1], view)

    def _settle(self) -> None:
        """Orders all parts by their table, and gives each its place in the table's heads."""
        self.series.sort(key=lambda series: series.table)
        self.groups.sort(key=lambda group: group.series.table)
        self.members.sort(key=lambda members: members.series.table)
        for series in self.series:
            series.at = self.heads[series.table]
            self.heads[series.table] += k.HEAD_LEVELS + 2 * len(series.levels)
        for members in self.members:
            members.at = self.heads[members.series.table]
            self.heads[members.series.table] += 2
        self.facts.sort(key=lambda facts: facts.table)
        self.told.sort(key=lambda told: told.facts.table)
        for facts in self.facts:
            facts.at = self.heads[facts.table]
            self.heads[facts.table] += k.FACT_HEAD_WORDS
        for group in self.groups:
            group.settle()
        # Windows of one list come together, the shortest first.
        self.counts.sort(
            key=lambda count: (
                count.members.series.table,
                count.view,
                count.members.at,
                edge_of(count.window).length,
                count.window.span.value,
            )
        )

    def _operation(self, feature: Feature) -> Operation:
        window = feature.window
        if feature.statistic is Statistic.VALUE:
            return self._value(feature.measure)
        if feature.statistic is Statistic.DISTINCT:
            view = VIEWS[feature.entity][1]
            number = self.counts.index(Count(self._members_of(feature), view, window))
            return Operation(k.OP_DISTINCT, [self.lane_counts + number])
        told, event = [], feature.event
        if feature.statistic in _OF_FACTS:
            read_at = self.told_lanes[self.told.index(self._told(feature))]
            told, event = [read_at + 1 + FACTS[event].index(feature.measure)], EventKind.TRANSFER
            if feature.statistic is not Statistic.USED:
                return Operation(_OPERATIONS[feature.statistic], [*told, read_at])
        base = self._group_of(feature.entity, event).base
        if feature.statistic is Statistic.SINCE_LAST and window.span is Span.EVER:
            return Operation(k.OP_SINCE_EVER, [base, FIRST_SEEN_MAX])
        if feature.statistic is Statistic.SINCE_LAST:
            return Operation(k.OP_SINCE_LAST, [base, window.length])
        if feature.statistic is Statistic.SINCE_FIRST:
            return Operation(k.OP_SINCE_FIRST, [base, FIRST_SEEN_MAX])
        slots = [
            self._group_of(need.entity, need.event).slot(need.edge, need.column)
            for need in needs_of(feature)
        ]
        night = base + k.VALUE_AT if window.span is Span.TONIGHT else -1
        return Operation(_OPERATIONS[feature.statistic], told + slots, night)

    def _value(self, measure: Measure) -> Operation:
        if measure is Measure.NIGHT:
            return Operation(k.OP_HOLDS, [self.conditions.number(NIGHT)])
        field = {Measure.HOUR: k.FIELD_HOUR, Measure.WEEKDAY: k.FIELD_WEEKDAY}
        return Operation(k.OP_FIELD, [field.get(measure, k.ROW_AMOUNT)])
