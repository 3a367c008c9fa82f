"""The tables of a plan: its parts as integers, one after the other, as `layout.py` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import ALLOWED_LATENESS, READ_BACK, SLACK
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, SECOND
from crivo.features import layout as k
from crivo.features.needs import edge_of
from crivo.features.parts import (
    ENDS,
    KEYS,
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
    Meeting,
    Members,
    Pick,
    Series,
    Told,
    beside_transfers,
    depth_of,
    lane_of,
    row_of,
)
from crivo.features.row import RowKind
from crivo.features.spec import MEMBERS_MAX, EventKind
from crivo.features.window import NIGHT_BEGINS, NIGHT_ENDS, Span, Window

#: The kinds of row that events are made of; an exposure is made of none.
EVENTS: Final = {
    kind: RowKind[row_of(kind).name].value
    for kind in EventKind
    if row_of(kind).name in RowKind.__members__
}


class Operation(NamedTuple):
    """A feature as the kernel computes it; `night` is the lane that is asked for, or -1, and
    `hour` the lane of the hour at which it begins.
    """

    code: int
    arguments: list[int]
    night: int = -1
    hour: int = -1


class Parts(NamedTuple):
    """All that a plan keeps and reads; lists are in the order of their tables' numbers."""

    series: list[Series]
    groups: list[Group]
    members: list[Members]
    meetings: list[Meeting]
    counts: list[Count]
    facts: list[Facts]
    told: list[tuple[Told, int]]  # with the first of their lanes
    amounts: list[Amounts]
    extremes: list[tuple[Extreme, int, int]]  # with the lanes of their instant and of the first
    firsts: list[Firsts]
    earliest: list[tuple[Earliest, int]]  # with the first of their lanes
    picks: list[tuple[Pick, int, int]]  # with the lanes of their instant and the first of two
    exposed: list[tuple[Exposed, int]]  # with their lanes
    exposures: Mapping[int, int]  # by table: where a head has what they are made of
    nights: Mapping[int, int]  # of views: the lane of the hour that was told
    conditions: Conditions
    heads: Mapping[int, int]  # words of a head, by table
    annexes: Mapping[int, int]  # words of an annex, of those tables that have one
    looked_for: set[int]
    lane_columns: int
    lanes: int


def lay_out(
    parts: Parts, operations: Sequence[Operation], *, saturation_events: int
) -> NDArray[np.int64]:
    """The plan (int64) of these parts and features."""
    series, levels, columns = _series_tables(parts)
    amounts, extremes = _amount_tables(parts, levels)
    groups, edges, reads = _group_tables(parts)
    features: list[int] = []
    arguments: list[int] = []
    for operation in operations:
        features += [operation.code, len(arguments), operation.night, operation.hour]
        arguments += operation.arguments
    conditions = parts.conditions
    owners = _owners(parts)
    tables = [owners, series, levels, columns, groups, edges, reads]
    tables += [_member_table(parts), _count_table(parts)]
    tables += [features, arguments, conditions.begins, conditions.code]
    tables += [*_fact_tables(parts), amounts, extremes, *_first_tables(parts)]
    tables += [_pick_table(parts), _meeting_table(parts), _exposed_table(parts)]
    heads = {table: _lines(words) for table, words in parts.heads.items()}
    annexes = {table: _lines(words) for table, words in parts.annexes.items()}
    looked_for = parts.looked_for | set(heads)
    order = [table for table in k.FOLD_ORDER if _has_parts(owners, table)]
    numbers = {
        k.P_SLACK: SLACK,
        k.P_LATENESS: ALLOWED_LATENESS,
        k.P_READ_BACK: READ_BACK,
        k.P_SATURATION: saturation_events,
        k.P_BRASILIA: BRASILIA_OFFSET,
        k.P_SECOND: SECOND,
        k.P_N_CONDITIONS: len(conditions.begins),
        k.P_N_COLUMNS: len(columns) // k.COLUMN_WORDS,
        k.P_N_FEATURES: len(operations),
        k.P_LANES: parts.lanes,
        k.P_NIGHT_BEGINS: NIGHT_BEGINS * HOUR,
        k.P_NIGHT_ENDS: NIGHT_ENDS * HOUR,
        k.P_MEMBERS_MAX: min(MEMBERS_MAX, saturation_events),
        k.P_ROW_WORDS: sum(heads.values()) + sum(annexes.values()),
        k.P_LANE_COLUMNS: parts.lane_columns,
        k.P_EXPOSURE_PAIR: parts.exposures.get(k.PAIR, 0),
        k.P_EXPOSURE_PAYER: parts.exposures.get(k.PAYER, 0),
        k.P_EXPOSURE_PAYEE: parts.exposures.get(k.PAYEE, 0),
        **{k.P_HEAD_WORDS + table: words for table, words in heads.items()},
        **{k.P_ANNEX_WORDS + table: words for table, words in annexes.items()},
        **_touched(parts),
        **_annexed(parts),
        k.P_DEPTHS: 1 + max(depth_of(view) for view in looked_for),
        **{k.P_LOOKED_FOR + view: 1 for view in looked_for},
        **{k.P_TABLE_OF + table: table for table in range(k.ENTITIES)},
        **{k.P_TABLE_OF + view: table for table, view in VIEWS.values()},
        **{k.P_DEPTH + view: depth_of(view) for view in range(k.VIEWS)},
        **{k.P_OWN_KEY + view: place for view, place in KEYS.items()},
        **{k.P_ONE_END + view: ends[0] for view, ends in ENDS.items()},
        **{k.P_OTHER_END + view: ends[1] for view, ends in ENDS.items()},
        k.P_N_TABLES: len(order),
        **{k.P_ORDER + place: table for place, table in enumerate(order)},
    }
    return _pack(numbers, tables)


def _owners(parts: Parts) -> list[int]:
    """Of each table, which parts are its own, in the order of `layout.T_…`."""
    rows: list[int] = []
    for table in range(k.ENTITIES):
        rows += _range([each.series.table for each in parts.groups], table)
        rows += _range([each.members.series.table for each in parts.counts], table)
        rows += _range([each.facts.table for each, _ in parts.told], table)
        rows += _range([each.series.table for each in parts.members], table)
        rows += _range([each.table for each in parts.series], table)
        rows += _range([each.table for each in parts.facts], table)
        rows += _range([each.series.table for each in parts.amounts], table)
        rows += _range([each.amounts.series.table for each, _, _ in parts.extremes], table)
        rows += _range([each.table for each in parts.firsts], table)
        rows += _range([each.firsts.table for each, _ in parts.earliest], table)
        rows += _range([each.listed.table for each, _, _ in parts.picks], table)
        rows += _range([each.link for each in parts.meetings], table)
    return rows


def _has_parts(owners: list[int], table: int) -> bool:
    """Whether any part is a table's own."""
    ranges = owners[table * k.TABLE_WORDS : (table + 1) * k.TABLE_WORDS]
    return ranges[0::2] != ranges[1::2]


def _touched(parts: Parts) -> dict[int, int]:
    """Of each kind of event the tables whose heads it touches, a bit each."""
    found = dict.fromkeys(range(k.P_TOUCHED, k.P_TOUCHED + k.KINDS), 0)
    told = [(each.table, each.event) for each in parts.facts]
    told += [(each.table, each.event) for each in parts.firsts]
    if parts.exposures:
        told += [(k.PAIR, EventKind.TRANSFER), (k.PAYEE, EventKind.REPORT)]
    for whose, event in [(each.table, each.event) for each in parts.series] + told:
        for table in (whose, *ENDS.get(whose, ())):
            found[k.P_TOUCHED + EVENTS[event]] |= 1 << table
    return found


def _annexed(parts: Parts) -> dict[int, int]:
    """Of each kind of event the tables whose annexes it touches, a bit each."""
    found = dict.fromkeys(range(k.P_ANNEXED, k.P_ANNEXED + k.KINDS), 0)
    for table, event in beside_transfers(parts.series, parts.facts, parts.firsts):
        found[k.P_ANNEXED + EVENTS[event]] |= 1 << table
    return found


def _range(tables: list[int], table: int) -> list[int]:
    assert tables == sorted(tables)
    begin = tables.index(table) if table in tables else 0
    return [begin, begin + tables.count(table)]


def _series_tables(parts: Parts) -> tuple[list[int], list[int], list[int]]:
    rows: list[int] = []
    levels: list[int] = []
    columns: list[int] = []
    for series in parts.series:
        rows += [series.table, EVENTS[series.event], series.at, len(levels) // k.LEVEL_WORDS]
        rows += [len(series.levels), len(columns) // k.COLUMN_WORDS, len(series.columns)]
        rows.append(k.PAIR if series.event is EventKind.NEW_PAIR else -1)
        for window in series.levels:
            levels += _level(window, series.width(window))
        for column in series.columns:
            columns += [column.kind, parts.conditions.number(column.condition)]
    return rows, levels, columns


def _group_tables(parts: Parts) -> tuple[list[int], list[int], list[int]]:
    rows: list[int] = []
    edges: list[int] = []
    reads: list[int] = []
    for group in parts.groups:
        series = group.series
        rows += [lane_of(group.view, series.event), series.at]
        rows += [series.width(None), int(None in series.levels)]
        rows += [len(edges) // k.EDGE_WORDS, len(group.edges), group.base]
        rows += [group.base + k.VALUE_READS + len(group.reads), parts.nights.get(group.view, -1)]
        for edge in group.edges:
            own = [1 + series.columns.index(column) for at, column in group.reads if at == edge]
            level = series.levels.index(edge.tiles)
            edges += [level, edge.length, edge.tile, len(reads), len(own)]
            edges.append(series.width(edge.tiles))
            reads += own
    return rows, edges, reads


def _member_table(parts: Parts) -> list[int]:
    rows: list[int] = []
    for each in parts.members:
        rows += [each.series.table, each.link, each.member, each.at]
        rows += [each.series.at, each.before]
        rows += [each.longest + SLACK, int(each.is_capped)]
        rows.append(parts.conditions.number(each.condition))
    return rows


def _meeting_table(parts: Parts) -> list[int]:
    rows: list[int] = []
    for each in parts.meetings:
        rows += [parts.conditions.number(each.condition), each.at, each.lane]
    return rows


def _count_table(parts: Parts) -> list[int]:
    """Their values are the last lanes, in this order."""
    rows: list[int] = []
    first = parts.lanes - len(parts.counts)
    for lane, (members, view, window) in enumerate(parts.counts, start=first):
        edge = edge_of(window)
        is_longest = window.span is Span.SLIDING and window.length == members.longest
        rows += [view, members.at, members.series.at, edge.length, edge.tile]
        # Of two nights in one plan only the account's own begins at the hour that was told.
        hour = parts.nights.get(view, -1) if window.span is Span.OWN_NIGHT else -1
        rows += [int(is_longest), lane, hour]
    return rows


def _fact_tables(parts: Parts) -> list[list[int]]:
    facts: list[int] = []
    for each in parts.facts:
        facts += [each.table, EVENTS[each.event], each.at, each.width, each.source]
        facts += [parts.conditions.number(each.condition), each.keep, each.tile]
    reads: list[int] = []
    for told, lane in parts.told:
        reads += [lane_of(told.view, told.facts.event)]
        reads += [told.facts.at, told.facts.width, lane]
    return [facts, reads]


def _amount_tables(parts: Parts, levels: list[int]) -> tuple[list[int], list[int]]:
    """Their levels of tiles come after those of the series."""
    rows: list[int] = []
    for each in parts.amounts:
        rows += [EVENTS[each.series.event], each.at, each.series.at]
        rows += [parts.conditions.number(each.condition), each.keep, each.rank_keep]
        rows += [len(levels) // k.LEVEL_WORDS, len(each.tiles)]
        for window in each.tiles:
            levels += _level(window, k.TILE_ROW)
    reads: list[int] = []
    for extreme, read_at, lane in parts.extremes:
        amounts, edge = extreme.amounts, edge_of(extreme.window)
        is_tiled = edge.tiles is not None and not extreme.is_rank
        level = amounts.tiles.index(extreme.window) if is_tiled else 0
        reads += [lane_of(extreme.view, amounts.series.event), amounts.at, read_at]
        reads += [edge.length, edge.tile]
        reads += [level, int(extreme.is_rank), lane, parts.nights.get(extreme.view, -1)]
    return rows, reads


def _first_tables(parts: Parts) -> list[list[int]]:
    rows: list[int] = []
    for each in parts.firsts:
        rows += [EVENTS[each.event], each.at, each.source, each.count]
        rows.append(parts.conditions.number(each.condition))
    reads: list[int] = []
    for earliest, lane in parts.earliest:
        reads += [lane_of(earliest.view, earliest.firsts.event)]
        reads += [earliest.firsts.at, earliest.firsts.count, lane]
    return [rows, reads]


def _pick_table(parts: Parts) -> list[int]:
    rows: list[int] = []
    for (listed, view, window, is_first), base, lane in parts.picks:
        edge = edge_of(window)
        rows += [lane_of(view, listed.event), listed.at, listed.width, base + k.VALUE_AT]
        rows += [int(is_first), edge.length, edge.tile, parts.nights.get(view, -1), lane]
    return rows


def _exposed_table(parts: Parts) -> list[int]:
    rows: list[int] = []
    for each, lane in parts.exposed:
        edge = edge_of(each.window)
        rows += [each.view, parts.exposures[each.table], edge.length, edge.tile]
        rows += [int(each.is_last), lane]
    return rows


def _pack(numbers: Mapping[int, int], tables: list[list[int]]) -> NDArray[np.int64]:
    """The header and all parts. The last, what is read of exposures, has an end in the header."""
    header = [0] * k.P_HEADER_WORDS
    body: list[int] = []
    for place, value in numbers.items():
        header[place] = value
    for part, rows in enumerate(tables):
        header[k.P_PARTS + part] = header[k.P_EXPOSED] = k.P_HEADER_WORDS + len(body)
        body += rows
    header[k.P_EXPOSED_END] = k.P_HEADER_WORDS + len(body)
    return np.array(header + body, dtype=np.int64)


def _lines(words: int) -> int:
    """The words rounded up to whole cache lines."""
    return -(-words // k.LINE_WORDS) * k.LINE_WORDS


def _level(window: Window | None, width: int) -> list[int]:
    if window is None:
        return [0, DAY + SLACK, width]
    return [window.tile, window.length + SLACK, width]
