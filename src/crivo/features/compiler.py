"""The compiler: from declarations to the integer tables that drive the kernel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.features import layout as k
from crivo.features.choices import is_of_facts
from crivo.features.gather import OF_ORDER, Gathered
from crivo.features.needs import edge_of, needs_of
from crivo.features.parts import (
    VIEWS,
    Count,
    Extreme,
    beside_transfers,
    is_earliest,
    is_pick,
    row_of,
)
from crivo.features.spec import (
    FIRST_SEEN_MAX,
    NIGHT,
    EventKind,
    Feature,
    FeatureSet,
    Measure,
    Statistic,
)
from crivo.features.tables import Operation, Parts, lay_out
from crivo.features.terms import ACCOUNTS, FACTS
from crivo.features.window import Span

_OF_LAST_FACTS: Final = (Statistic.LAST, Statistic.AGE, Statistic.USED)
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
    Statistic.LAST: k.OP_LAST,
    Statistic.AGE: k.OP_AGE,
    Statistic.USED: k.OP_USED,
}


class Compiler:
    """Gathers what all features need of each series, then lays the tables out."""

    def __init__(self, saturation_events: int) -> None:
        self.saturation_events = saturation_events
        self.found = Gathered()
        self.exposures: dict[int, int] = {}
        self.annexes: dict[int, int] = {}
        self.lane_counts = 0
        self.told_lanes: list[int] = []
        self.extreme_lanes: list[int] = []
        self.earliest_lanes: list[int] = []
        self.pick_lanes: list[int] = []
        self.lane_exposed = 0

    def compile(self, feature_set: FeatureSet) -> NDArray[np.int64]:
        """The table (int64) of the whole set."""
        found = self.found
        for feature in feature_set.features:
            found.note(feature)
        self._settle()
        lane_columns = k.LANE_CONDITIONS + len(found.conditions.begins)
        lane = self._lanes(lane_columns + sum(len(series.columns) for series in found.series))
        parts = Parts(
            series=found.series,
            groups=found.groups,
            members=found.members,
            meetings=found.meetings,
            counts=found.counts,
            facts=found.facts,
            told=list(zip(found.told, self.told_lanes, strict=True)),
            amounts=found.amounts,
            extremes=[
                (each, self._read_at(each), lane)
                for each, lane in zip(found.extremes, self.extreme_lanes, strict=True)
            ],
            firsts=found.firsts,
            earliest=list(zip(found.earliest, self.earliest_lanes, strict=True)),
            picks=[
                (each, self._base(each.listed.table, each.listed.event, each.view), lane)
                for each, lane in zip(found.picks, self.pick_lanes, strict=True)
            ],
            exposed=list(
                zip(found.exposed, range(self.lane_exposed, self.lane_counts), strict=True)
            ),
            exposures=self.exposures,
            nights=self._nights(),
            conditions=found.conditions,
            heads=found.heads,
            annexes=self.annexes,
            looked_for=found.viewed,
            lane_columns=lane_columns,
            lanes=lane,
        )
        operations = [self._operation(feature) for feature in feature_set.features]
        return lay_out(parts, operations, saturation_events=self.saturation_events)

    def _lanes(self, lane: int) -> int:
        """Deals lanes out to all that is read, from that one on; the first that is left."""
        found = self.found
        for group in found.groups:
            group.base = lane
            lane += k.VALUE_READS + len(group.reads)
        for told in found.told:
            self.told_lanes.append(lane)
            lane += 1 + told.facts.width - k.FACT_VALUES
        for _ in found.extremes:
            self.extreme_lanes.append(lane)
            lane += 2
        for earliest in found.earliest:
            self.earliest_lanes.append(lane)
            lane += 1 + earliest.firsts.count
        for _ in found.picks:
            self.pick_lanes.append(lane)
            lane += 2
        for meeting in found.meetings:
            meeting.lane = lane
            lane += 1
        self.lane_exposed = lane
        self.lane_counts = lane + len(found.exposed)
        return self.lane_counts + len(found.counts)

    def _base(self, table: int, event: EventKind, view: int) -> int:
        """The first lane of the group that a view reads of a series."""
        for group in self.found.groups:
            if (group.series.table, group.series.event, group.view) == (table, event, view):
                return group.base
        raise AssertionError((table, event, view))

    def _read_at(self, extreme: Extreme) -> int:
        """The lane of the instant at which the group of the extreme's series is read."""
        series = extreme.amounts.series
        return self._base(series.table, series.event, extreme.view) + k.VALUE_AT

    def _nights(self) -> dict[int, int]:
        """Of views of an account: the lane of that hour."""
        return {
            VIEWS[entity][1]: lane + 1
            for told, lane in zip(self.found.told, self.told_lanes, strict=True)
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
        found = self.found
        found.series.sort(key=lambda series: series.table)
        found.groups.sort(key=lambda group: group.series.table)
        found.members.sort(key=lambda members: members.series.table)
        found.meetings.sort(key=lambda meeting: meeting.link)
        for table, _ in beside_transfers(found.series, found.facts, found.firsts):
            if table not in self.annexes:
                self.annexes[table] = 0
                found.heads[table] += 1  # for the place of the annex
        for series in found.series:
            series.settle()
            words = k.HEAD_LEVELS + 2 * len(series.levels)
            series.at = self._set_aside(series.table, series.event, words)
        for members in found.members:
            members.at = self._set_aside(members.series.table, EventKind.TRANSFER, 2)
        for meeting in found.meetings:
            meeting.at = self._set_aside(meeting.link, EventKind.TRANSFER, 1)
        found.facts.sort(key=lambda facts: facts.table)
        found.told.sort(key=lambda told: told.facts.table)
        found.picks.sort(key=lambda pick: pick.listed.table)
        for facts in found.facts:
            facts.at = self._set_aside(facts.table, facts.event, k.FACT_HEAD_WORDS)
        self._settle_single_events()
        for group in found.groups:
            group.settle()
        # Windows of one list come together, the shortest first.
        found.counts.sort(
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
        places = self.found.heads if row_of(event) is EventKind.TRANSFER else self.annexes
        places[table] += words
        return places[table] - words

    def _settle_single_events(self) -> None:
        """`_settle` for lists of amounts and for what was told first."""
        found = self.found
        found.amounts.sort(key=lambda amounts: amounts.series.table)
        found.extremes.sort(key=lambda extreme: extreme.amounts.series.table)
        found.firsts.sort(key=lambda firsts: firsts.table)
        found.earliest.sort(key=lambda earliest: earliest.firsts.table)
        for amounts in found.amounts:
            words = k.AMOUNT_TILES + 2 * len(amounts.tiles)
            amounts.at = self._set_aside(amounts.series.table, amounts.series.event, words)
        for firsts in found.firsts:
            words = k.FIRST_VALUES + firsts.count
            firsts.at = self._set_aside(firsts.table, firsts.event, words)
        for table in (k.PAIR, k.PAYER, k.PAYEE) if found.exposed else ():
            words = k.MET_WORDS if table == k.PAIR else k.EXPOSURE_WORDS
            self.exposures[table] = self._set_aside(table, EventKind.TRANSFER, words)

    def _operation(self, feature: Feature) -> Operation:
        found, window = self.found, feature.window
        if feature.statistic is Statistic.VALUE:
            return self._value(feature.measure)
        if feature.event is EventKind.EXPOSURE:
            exposed = found.exposed_of(feature)
            lane = self.lane_exposed + found.exposed.index(exposed)
            return Operation(
                k.OP_EXPOSED_SINCE if exposed.is_last else k.OP_EXPOSED, [lane, FIRST_SEEN_MAX]
            )
        if feature.statistic is Statistic.DISTINCT:
            view = VIEWS[feature.entity][1]
            number = found.counts.index(Count(found.members_of(feature), view, window))
            return Operation(k.OP_DISTINCT, [self.lane_counts + number])
        if is_earliest(feature) or is_pick(feature):
            return self._single(feature)
        told, event = [], feature.event
        if feature.statistic in _OF_LAST_FACTS:
            read_at = self._told_at(feature)
            told, event = [read_at + 1 + FACTS[event].index(feature.measure)], EventKind.TRANSFER
            if feature.statistic is not Statistic.USED:
                return Operation(_OPERATIONS[feature.statistic], [*told, read_at])
        base = found.group_of(feature.entity, event).base
        if feature.statistic in OF_ORDER:
            lane = self.extreme_lanes[found.extremes.index(found.extreme_of(feature))]
            return Operation(_OPERATIONS[feature.statistic], [lane], *self._night(feature, base))
        if feature.statistic in (Statistic.SINCE_LAST, Statistic.SINCE_FIRST):
            return self._since(feature, base)
        slots = [
            found.group_of(need.entity, need.event).slot(need.edge, need.column)
            for need in needs_of(feature)
        ]
        night = self._night(feature, base)
        return Operation(_OPERATIONS[feature.statistic], told + slots, *night)

    def _told_at(self, feature: Feature) -> int:
        """The lane of the instant at which facts are read; the facts follow it."""
        told = self.found.told_of(feature.entity, feature.event)
        return self.told_lanes[self.found.told.index(told)]

    def _since(self, feature: Feature, base: int) -> Operation:
        """The age of the first or last event, of all that a series holds."""
        edge, night = edge_of(feature.window), self._night(feature, base)
        if feature.statistic is Statistic.SINCE_FIRST:
            return Operation(k.OP_SINCE_FIRST, [base, FIRST_SEEN_MAX])
        if feature.window.span is Span.EVER:
            return Operation(k.OP_SINCE_EVER, [base, FIRST_SEEN_MAX])
        if edge.tile == 0:
            return Operation(k.OP_SINCE_LAST, [base, edge.length])
        return Operation(k.OP_SINCE_WITHIN, [base, edge.length, edge.tile, night[1]], *night)

    def _single(self, feature: Feature) -> Operation:
        """What a single event told, or its age."""
        found, value, night = self.found, 0, (-1, -1)
        if is_of_facts(feature.statistic, feature.event):
            read_at = self._told_at(feature)
            value = FACTS[feature.event].index(feature.measure)
        else:
            base = found.group_of(feature.entity, feature.event).base
            read_at, night = base + k.VALUE_AT, self._night(feature, base)
        if is_pick(feature):
            lane = self.pick_lanes[found.picks.index(found.pick_of(feature))]
        else:
            lane = self.earliest_lanes[found.earliest.index(found.earliest_of(feature))]
        if feature.statistic in (Statistic.FIRST, Statistic.LAST):
            return Operation(k.OP_FIRST, [lane + 1 + value, lane, read_at], *night)
        return Operation(k.OP_SINCE_PICK, [lane, read_at, FIRST_SEEN_MAX], *night)

    def _value(self, measure: Measure) -> Operation:
        if measure is Measure.NIGHT:
            return Operation(k.OP_HOLDS, [self.found.conditions.number(NIGHT)])
        field = {Measure.HOUR: k.FIELD_HOUR, Measure.WEEKDAY: k.FIELD_WEEKDAY}
        return Operation(k.OP_FIELD, [field.get(measure, k.ROW_AMOUNT)])
