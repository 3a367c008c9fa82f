"""What all features of a set need kept and read, each thing once."""

from __future__ import annotations

from typing import Final

from crivo.features import layout as k
from crivo.features.choices import is_of_facts
from crivo.features.needs import needs_of
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
    Listed,
    Meeting,
    Members,
    Pick,
    Series,
    Told,
    is_earliest,
    is_pick,
    place,
)
from crivo.features.spec import NIGHT, Entity, EventKind, Feature, Filter, Measure, Statistic
from crivo.features.terms import ACCOUNTS
from crivo.features.window import Span

#: Owner's table and what is counted: the link that joins them, and the member's own table.
_MEMBERS: Final = {
    (k.PAYER, Measure.PAYEE): (k.PAIR, k.PAYEE),
    (k.PAYER, Measure.DEVICE): (k.PAYER_DEVICE, k.DEVICE),
    (k.PAYER, Measure.INSTITUTION): (k.PAYER_INSTITUTION, k.INSTITUTION),
    (k.PAYEE, Measure.PAYER): (k.PAIR, k.PAYER),
    (k.PAIR, Measure.DEVICE): (k.PAIR_DEVICE, k.DEVICE),
    (k.DEVICE, Measure.PAYER): (k.PAYER_DEVICE, k.PAYER),
    (k.INSTITUTION, Measure.PAYER): (k.PAYER_INSTITUTION, k.PAYER),
    (k.INSTITUTION, Measure.PAYEE): (k.PAYEE_INSTITUTION, k.PAYEE),
}
OF_ORDER: Final = (Statistic.MIN, Statistic.MAX, Statistic.RANK)


class Gathered:
    """The parts of a plan, in the order in which features ask for them."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.groups: list[Group] = []
        self.members: list[Members] = []
        self.meetings: list[Meeting] = []
        self.counts: list[Count] = []
        self.facts: list[Facts] = []
        self.told: list[Told] = []
        self.amounts: list[Amounts] = []
        self.extremes: list[Extreme] = []
        self.firsts: list[Firsts] = []
        self.earliest: list[Earliest] = []
        self.picks: list[Pick] = []
        self.exposed: list[Exposed] = []
        self.conditions = Conditions()
        #: Words of a head, by table.
        self.heads: dict[int, int] = dict.fromkeys((k.PAYER, k.PAYEE), k.HEAD_SERIES)
        self.viewed: set[int] = {k.PAYER, k.PAYEE}

    def note(self, feature: Feature) -> None:
        """Notes what one feature reads."""
        if feature.window.span is Span.OWN_NIGHT:
            place(self.told, self.night_of(feature.entity))
        if feature.statistic is Statistic.VALUE:
            self.conditions.number(NIGHT if feature.measure is Measure.NIGHT else None)
            return
        if feature.event is EventKind.EXPOSURE:
            place(self.exposed, self.exposed_of(feature))
            for table in (k.PAYER, k.PAYEE, k.PAIR):
                self.heads.setdefault(table, k.HEAD_SERIES)
            return
        if feature.statistic is Statistic.DISTINCT:
            members = self.members_of(feature)
            members.read(feature.window)
            place(self.counts, Count(members, self.view(feature.entity), feature.window))
            return
        if is_earliest(feature):
            place(self.earliest, self.earliest_of(feature))
        if is_pick(feature):
            place(self.picks, self.pick_of(feature))
        if feature.statistic in OF_ORDER:
            place(self.extremes, self.extreme_of(feature))
        if is_of_facts(feature.statistic, feature.event):
            place(self.told, self.told_of(feature.entity, feature.event))
        else:
            group = self.group_of(feature.entity, feature.event)
            if feature.statistic is Statistic.SINCE_LAST:
                group.series.has_events()
        for need in needs_of(feature):
            self.conditions.number(need.column.condition)
            self.group_of(need.entity, need.event).read(need.edge, need.column)

    def view(self, entity: Entity) -> int:
        """The view that an entity is read by, which will be looked for."""
        table, view = VIEWS[entity]
        self.viewed |= {view, *ENDS.get(view, ())}
        self.heads.setdefault(table, k.HEAD_SERIES)
        return view

    def series_of(self, table: int, event: EventKind) -> Series:
        """The events of a kind of one table."""
        for series in self.series:
            if (series.table, series.event) == (table, event):
                return series
        for end in ENDS.get(table, ()):
            self.heads.setdefault(end, k.HEAD_SERIES)
        self.heads.setdefault(table, k.HEAD_SERIES)
        if event is EventKind.NEW_PAIR:  # it asks when the two met first
            self.series_of(k.PAIR, EventKind.TRANSFER)
        self.series.append(Series(table, event))
        return self.series[-1]

    def group_of(self, entity: Entity, event: EventKind) -> Group:
        """The same as one entity reads them."""
        series, view = self.series_of(VIEWS[entity][0], event), self.view(entity)
        for group in self.groups:
            if group.series is series and group.view == view:
                return group
        self.groups.append(Group(series, view))
        return self.groups[-1]

    def members_of(self, feature: Feature) -> Members:
        """Whom a count of others counts."""
        table = VIEWS[feature.entity][0]
        link, member = _MEMBERS[table, feature.measure]
        number = self.conditions.number(feature.filter)
        for members in self.members:
            same = self.conditions.number(members.condition) == number
            if (members.series.table, members.member) == (table, member) and same:
                return members
        series = self.series_of(table, EventKind.TRANSFER)
        self.series_of(link, EventKind.TRANSFER)
        meeting = None if feature.filter is None else self._meeting_of(link, feature.filter)
        self.members.append(Members(series, link, member, meeting))
        return self.members[-1]

    def _meeting_of(self, link: int, condition: Filter) -> Meeting:
        number = self.conditions.number(condition)
        for meeting in self.meetings:
            if meeting.link == link and self.conditions.number(meeting.condition) == number:
                return meeting
        self.meetings.append(Meeting(link, condition))
        return self.meetings[-1]

    def exposed_of(self, feature: Feature) -> Exposed:
        """What is read of an account's exposures."""
        is_last = feature.statistic is Statistic.SINCE_LAST
        table, view = VIEWS[feature.entity][0], self.view(feature.entity)
        return Exposed(table, view, feature.window, is_last)

    def extreme_of(self, feature: Feature) -> Extreme:
        """What is read of a list of amounts."""
        series = self.series_of(VIEWS[feature.entity][0], feature.event)
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
        return Extreme(amounts, self.view(feature.entity), feature.window, is_rank)

    def earliest_of(self, feature: Feature) -> Earliest:
        """What the first event told, as one entity reads it."""
        table, view = VIEWS[feature.entity][0], self.view(feature.entity)
        number = self.conditions.number(feature.filter)
        for firsts in self.firsts:
            same = self.conditions.number(firsts.condition) == number
            if (firsts.table, firsts.event) == (table, feature.event) and same:
                return Earliest(firsts, view)
        self.firsts.append(Firsts(table, feature.event, feature.filter))
        return Earliest(self.firsts[-1], view)

    def pick_of(self, feature: Feature) -> Pick:
        """The first or last event of a window."""
        is_first = feature.statistic in (Statistic.FIRST, Statistic.SINCE_FIRST)
        table, view = VIEWS[feature.entity][0], self.view(feature.entity)
        tile = feature.window.tile if is_first else 0
        number = self.conditions.number(feature.filter)
        wanted = (table, feature.event, tile)
        for listed in self.facts:
            same = self.conditions.number(listed.condition) == number
            is_listed = isinstance(listed, Listed) and same
            if is_listed and (listed.table, listed.event, listed.tile) == wanted:
                break
        else:
            listed = Listed(table, feature.event, feature.filter, tile)
            self.facts.append(listed)
        assert isinstance(listed, Listed)
        listed.read(feature.window, is_first=is_first)
        return Pick(listed, view, feature.window, is_first)

    def told_of(self, entity: Entity, event: EventKind) -> Told:
        """What events of a kind told, as one entity reads it."""
        table, view = VIEWS[entity][0], self.view(entity)
        for facts in self.facts:
            is_told = not isinstance(facts, Listed)
            if is_told and (facts.table, facts.event) == (table, event):
                return Told(facts, view)
        self.facts.append(Facts(table, event))
        return Told(self.facts[-1], view)

    def night_of(self, entity: Entity) -> Told:
        """The hour at which the account's nights begin, where it was told."""
        return self.told_of(ACCOUNTS[entity], EventKind.NIGHT_START)
