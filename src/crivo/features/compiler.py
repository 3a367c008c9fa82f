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
    Amounts,
    Conditions,
    Count,
    Earliest,
    Exposed,
    Extreme,
    Facts,
    Firsts,
    Group,
    Members,
    Series,
    Told,
    beside_transfers,
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
from crivo.features.terms import ACCOUNTS, FACTS
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
_OF_ORDER: Final = (Statistic.MIN, Statistic.MAX, Statistic.RANK)
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
    Statistic.MIN: k.OP_MIN,
    Statistic.MAX: k.OP_MAX,
    Statistic.RANK: k.OP_RANK,
    Statistic.FIRST: k.OP_FIRST,
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
        self.amounts: list[Amounts] = []
        self.extremes: list[Extreme] = []
        self.firsts: list[Firsts] = []
        self.earliest: list[Earliest] = []
        self.exposed: list[Exposed] = []
        self.exposures: dict[int, int] = {}
        self.conditions = Conditions()
        self.heads: dict[int, int] = dict.fromkeys((k.PAYER, k.PAYEE), k.HEAD_SERIES)
        self.annexes: dict[int, int] = {}
        self.viewed: set[int] = {k.PAYER, k.PAYEE}
        self.lane_counts = 0
        self.told_lanes: list[int] = []
        self.extreme_lanes: list[int] = []
        self.earliest_lanes: list[int] = []
        self.lane_exposed = 0

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
        for _ in self.extremes:
            self.extreme_lanes.append(lane)
            lane += 2
        for earliest in self.earliest:
            self.earliest_lanes.append(lane)
            lane += 1 + earliest.firsts.count
        self.lane_exposed = lane
        lane += len(self.exposed)
        self.lane_counts = lane
        parts = Parts(
            series=self.series,
            groups=self.groups,
            members=self.members,
            counts=self.counts,
            facts=self.facts,
            told=list(zip(self.told, self.told_lanes, strict=True)),
            amounts=self.amounts,
            extremes=[
                (each, self._read_at(each), lane)
                for each, lane in zip(self.extremes, self.extreme_lanes, strict=True)
            ],
            firsts=self.firsts,
            earliest=list(zip(self.earliest, self.earliest_lanes, strict=True)),
            exposed=list(zip(self.exposed, range(self.lane_exposed, lane), strict=True)),
            exposures=self.exposures,
            nights=self._nights(),
            conditions=self.conditions,
            heads=self.heads,
            annexes=self.annexes,
            looked_for=self.viewed,
            lane_columns=lane_columns,
            lanes=lane + len(self.counts),
        )
        operations = [self._operation(feature) for feature in feature_set.features]
        return lay_out(parts, operations, saturation_events=self.saturation_events)

    def _note(self, feature: Feature) -> None:
        """Notes what one feature reads."""
        if feature.window.span is Span.OWN_NIGHT:
            place(self.told, self._night_of(feature.entity))
        if feature.statistic is Statistic.VALUE:
            self.conditions.number(NIGHT if feature.measure is Measure.NIGHT else None)
            return
        if feature.event is EventKind.EXPOSURE:
            place(self.exposed, self._exposed_of(feature))
            for table in (k.PAYER, k.PAYEE, k.PAIR):
                self.heads.setdefault(table, k.HEAD_SERIES)
            return
        if feature.statistic is Statistic.DISTINCT:
            members = self._members_of(feature)
            members.read(feature.window)
            place(self.counts, Count(members, self._view(feature.entity), feature.window))
            return
        if feature.statistic is Statistic.FIRST:
            place(self.earliest, self._earliest_of(feature))
        if feature.statistic in _OF_ORDER:
            place(self.extremes, self._extreme_of(feature))
        if feature.statistic in _OF_FACTS or _is_first_fact(feature):
            place(self.told, self._told(feature.entity, feature.event))
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

    def _exposed_of(self, feature: Feature) -> Exposed:
        is_last = feature.statistic is Statistic.SINCE_LAST
        table, view = VIEWS[feature.entity][0], self._view(feature.entity)
        return Exposed(table, view, feature.window, is_last)

    def _extreme_of(self, feature: Feature) -> Extreme:
        series = self._series_of(VIEWS[feature.entity][0], feature.event)
        is_rank, condition = feature.statistic is Statistic.RANK, feature.filter
        number = self.conditions.number(condition)
        for amounts in self.amounts:
            same = self.conditions.number(amounts.condition) == number
            if amounts.series is series and same:
                break
        else:
            amounts = Amounts(series, condition)
            self.amounts.append(amounts)
        amounts.read(feature.window, is_rank=is_rank)
        return Extreme(amounts, self._view(feature.entity), feature.window, is_rank)

    def _read_at(self, extreme: Extreme) -> int:
        """The lane of the instant at which the group of the extreme's series is read."""
        for group in self.groups:
            if group.series is extreme.amounts.series and group.view == extreme.view:
                return group.base + k.VALUE_AT
        raise AssertionError(extreme)

    def _earliest_of(self, feature: Feature) -> Earliest:
        table, view = VIEWS[feature.entity][0], self._view(feature.entity)
        for firsts in self.firsts:
            if (firsts.table, firsts.event) == (table, feature.event):
                return Earliest(firsts, view)
        self.firsts.append(Firsts(table, feature.event))
        return Earliest(self.firsts[-1], view)

    def _told(self, entity: Entity, event: EventKind) -> Told:
        table, view = VIEWS[entity][0], self._view(entity)
        for facts in self.facts:
            if (facts.table, facts.event) == (table, event):
                return Told(facts, view)
        self.facts.append(Facts(table, event))
        return Told(self.facts[-1], view)

    def _night_of(self, entity: Entity) -> Told:
        """The hour at which the account's nights begin, where it was told."""
        return self._told(ACCOUNTS[entity], EventKind.NIGHT_START)

    def _nights(self) -> dict[int, int]:
        """Of views of an account: the lane of that hour."""
        return {
            VIEWS[entity][1]: lane + 1
            for told, lane in zip(self.told, self.told_lanes, strict=True)
            for entity, teller in ACCOUNTS.items()
            if told.facts.event is EventKind.NIGHT_START and told.view == VIEWS[teller][1]
        }

    def _night(self, feature: Feature, base: int) -> tuple[int, int]:
        """The lanes of what must lie in a night, and of the hour at which it begins; −1: none."""
        match feature.window.span:
            case Span.TONIGHT:
                return base + k.VALUE_AT, -1
            case Span.OWN_NIGHT:
                return base + k.VALUE_AT, self._nights()[VIEWS[feature.entity][1]]
            case _:
                return -1, -1

    def _settle(self) -> None:
        """Orders all parts by their table, and gives each its place in the table's heads."""
        self.series.sort(key=lambda series: series.table)
        self.groups.sort(key=lambda group: group.series.table)
        self.members.sort(key=lambda members: members.series.table)
        for table, _ in beside_transfers(self.series, self.facts, self.firsts):
            if table not in self.annexes:
                self.annexes[table] = 0
                self.heads[table] += 1  # for the place of the annex
        for series in self.series:
            series.settle()
            words = k.HEAD_LEVELS + 2 * len(series.levels)
            series.at = self._set_aside(series.table, series.event, words)
        for members in self.members:
            members.at = self.heads[members.series.table]
            self.heads[members.series.table] += 2
        self.facts.sort(key=lambda facts: facts.table)
        self.told.sort(key=lambda told: told.facts.table)
        for facts in self.facts:
            facts.at = self._set_aside(facts.table, facts.event, k.FACT_HEAD_WORDS)
        self._settle_single_events()
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

    def _set_aside(self, table: int, event: EventKind, words: int) -> int:
        """Where that many words for events of a kind begin: in a table's heads, or its annexes."""
        places = self.heads if event is EventKind.TRANSFER else self.annexes
        places[table] += words
        return places[table] - words

    def _settle_single_events(self) -> None:
        """`_settle` for lists of amounts and for what was told first."""
        self.amounts.sort(key=lambda amounts: amounts.series.table)
        self.extremes.sort(key=lambda extreme: extreme.amounts.series.table)
        self.firsts.sort(key=lambda firsts: firsts.table)
        self.earliest.sort(key=lambda earliest: earliest.firsts.table)
        for amounts in self.amounts:
            words = k.AMOUNT_TILES + 2 * len(amounts.tiles)
            amounts.at = self._set_aside(amounts.series.table, amounts.series.event, words)
        for firsts in self.firsts:
            words = k.FIRST_VALUES + firsts.count
            firsts.at = self._set_aside(firsts.table, firsts.event, words)
        for table in (k.PAIR, k.PAYER, k.PAYEE) if self.exposed else ():
            self.exposures[table] = self.heads[table]
            self.heads[table] += k.MET_WORDS if table == k.PAIR else k.EXPOSURE_WORDS

    def _operation(self, feature: Feature) -> Operation:
        window = feature.window
        if feature.statistic is Statistic.VALUE:
            return self._value(feature.measure)
        if feature.event is EventKind.EXPOSURE:
            exposed = self._exposed_of(feature)
            lane = self.lane_exposed + self.exposed.index(exposed)
            return Operation(
                k.OP_EXPOSED_SINCE if exposed.is_last else k.OP_EXPOSED, [lane, FIRST_SEEN_MAX]
            )
        if feature.statistic is Statistic.DISTINCT:
            view = VIEWS[feature.entity][1]
            number = self.counts.index(Count(self._members_of(feature), view, window))
            return Operation(k.OP_DISTINCT, [self.lane_counts + number])
        told, event = [], feature.event
        if feature.statistic in _OF_FACTS:
            read_at = self.told_lanes[self.told.index(self._told(feature.entity, feature.event))]
            told, event = [read_at + 1 + FACTS[event].index(feature.measure)], EventKind.TRANSFER
            if feature.statistic is not Statistic.USED:
                return Operation(_OPERATIONS[feature.statistic], [*told, read_at])
        if feature.statistic is Statistic.FIRST:
            return self._first(feature)
        base = self._group_of(feature.entity, event).base
        if feature.statistic in _OF_ORDER:
            lane = self.extreme_lanes[self.extremes.index(self._extreme_of(feature))]
            return Operation(_OPERATIONS[feature.statistic], [lane], *self._night(feature, base))
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
        night = self._night(feature, base)
        return Operation(_OPERATIONS[feature.statistic], told + slots, *night)

    def _first(self, feature: Feature) -> Operation:
        earliest = self._earliest_of(feature)
        lane, value = self.earliest_lanes[self.earliest.index(earliest)], 0
        if _is_first_fact(feature):
            read_at = self.told_lanes[self.told.index(self._told(feature.entity, feature.event))]
            value = FACTS[feature.event].index(feature.measure)
        else:
            read_at = self._group_of(feature.entity, feature.event).base + k.VALUE_AT
        return Operation(k.OP_FIRST, [lane + 1 + value, lane, read_at])

    def _value(self, measure: Measure) -> Operation:
        if measure is Measure.NIGHT:
            return Operation(k.OP_HOLDS, [self.conditions.number(NIGHT)])
        field = {Measure.HOUR: k.FIELD_HOUR, Measure.WEEKDAY: k.FIELD_WEEKDAY}
        return Operation(k.OP_FIELD, [field.get(measure, k.ROW_AMOUNT)])


def _is_first_fact(feature: Feature) -> bool:
    return feature.statistic is Statistic.FIRST and feature.event in FACTS
