"""What the oracle says of single events and of windows: who takes part, what passes, what counts.

Like `oracle.py` it shares no code with the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from crivo.domain.clock import ALLOWED_LATENESS
from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, brasilia_hour, brasilia_weekday
from crivo.features.expression import Expression, Field, Parameter, Scalar
from crivo.features.row import ABSENT, RowKind
from crivo.features.spec import NIGHT, RANKED_MAX, Filter, Measure, Statistic
from crivo.features.window import NIGHT_ENDS, TILES, Span, Window

Row = Mapping[str, int]
#: Who takes part in a row: the words of an id.
Party = tuple[int, ...]


def party_of(row: Row, name: str) -> Party | None:
    """Who takes part in a row under that name; None where the row does not say."""
    if name == "payee_ispb":
        return None if row[name] == ABSENT else (row[name],)
    found = (row[f"{name}_0"], row[f"{name}_1"])
    return None if found == (0, 0) else found


def is_day(instant: int, night_begins: int) -> bool:
    """Whether the instant lies in no night, where nights begin at that hour."""
    hour = brasilia_hour(instant)
    if night_begins < NIGHT_ENDS:
        return not night_begins <= hour < NIGHT_ENDS
    return NIGHT_ENDS <= hour < night_begins


def window_start(window: Window, instant: int, night_begins: int) -> int:
    """The first microsecond that counts."""
    midnight = (instant + BRASILIA_OFFSET) // DAY * DAY - BRASILIA_OFFSET
    match window.span:
        case Span.TODAY:
            return midnight
        case Span.TONIGHT | Span.OWN_NIGHT:
            if is_day(instant, night_begins):
                return instant - DAY  # of a series that is behind another, read at night
            has_begun = instant - midnight >= night_begins * HOUR
            return midnight + night_begins * HOUR - (0 if has_begun else DAY)
        case Span.EVER:
            return 0
        case _:
            return tile_start(instant - window.length, tile_of(window))


def tile_of(window: Window) -> int:
    """Microseconds of a tile; 0 for a window of 24 h or less, which is exact."""
    return window.length // TILES if window.minutes > 24 * 60 else 0


def tile_start(instant: int, tile: int) -> int:
    """The first microsecond after the instant, or the start of the first tile after it."""
    return (instant // tile + 1) * tile if tile else instant + 1


def is_late(row: Row) -> bool:
    """Whether a transfer was received too long after it happened to enter any window."""
    is_transfer = row["kind"] == RowKind.TRANSFER
    return is_transfer and row["received_at"] - row["occurred_at"] > ALLOWED_LATENESS


def is_mark(row: Row) -> bool:
    """Whether a row is an accepted report, which marks its payee."""
    return row["kind"] == RowKind.REPORT and row["accepted"] == 1


def measured(row: Row, measure: Measure) -> int:
    """What a transfer says of itself."""
    match measure:
        case Measure.AMOUNT:
            return row["amount_centavos"]
        case Measure.HOUR:
            return brasilia_hour(row["occurred_at"])
        case Measure.WEEKDAY:
            return brasilia_weekday(row["occurred_at"])
        case Measure.NIGHT:
            return int(_holds(NIGHT.expression, row))
        case _:
            raise AssertionError(measure)


def passes(condition: Filter | None, row: Row) -> bool:
    """Whether an event meets a filter; without one every event does."""
    return condition is None or _holds(condition.expression, row)


def _holds(expression: Expression, row: Row) -> bool:
    """Whether an event passes; where a null is read it does not."""

    def lookup(operand: Field | Parameter) -> Scalar | None:
        match operand.name:
            case "hour":
                return brasilia_hour(row["occurred_at"])
            case "weekday":
                return brasilia_weekday(row["occurred_at"])
            case name:
                return None if row[name] == ABSENT else row[name]

    return expression.evaluate(lookup) is True


def of_amounts(statistic: Statistic, counted: Sequence[Row], *, own: int) -> float | None:
    """A statistic of the amounts of a window; squares are exact until the last conversion."""
    amounts = [each["amount_centavos"] for each in counted]
    count, total = len(amounts), sum(amounts)
    if statistic is Statistic.SUM:
        return float(total)
    if not count:
        return None
    if statistic is Statistic.MEAN:
        return float(total) / float(count)
    if statistic is Statistic.RATIO:
        return float(own * count) / float(total)
    square = float(count * sum(each * each for each in amounts) - total * total)
    if statistic is Statistic.STD:
        return math.sqrt(square / float(count * count))
    assert statistic is Statistic.Z_SCORE, statistic
    return float(own * count - total) / math.sqrt(square) if square else None


def of_order(statistic: Statistic, counted: Sequence[Row], *, own: int) -> float | None:
    """The least or greatest amount of a window, or where the transfer's own stands among them.

    An undone attempt stays among them: it was made. However many there are, none is saturated.
    """
    ordered = sorted((each["occurred_at"], each["amount_centavos"]) for each in counted)
    amounts = [amount for _, amount in ordered]
    if not amounts:
        return None
    if statistic is not Statistic.RANK:
        return float(min(amounts) if statistic is Statistic.MIN else max(amounts))
    # The newest of them; of one instant the greater amounts are the newer.
    amounts = amounts[-RANKED_MAX:]
    less, equal = sum(each < own for each in amounts), amounts.count(own)
    return float(2 * less + equal) / float(2 * len(amounts))


def firsts(transfers: Sequence[Row], other: str) -> list[Row]:
    """The first of the transfers with each other account, `other` being its role in them.

    Both are in the order of their instants.
    """
    found: dict[Party, Row] = {}
    for row in transfers:
        account = party_of(row, other)
        if account is not None:
            found.setdefault(account, row)
    return list(found.values())


def exposures(transfers: Sequence[Row], other: str, marked: Mapping[Party, int]) -> list[int]:
    """When an account came to have met each marked account, `other` being the role of those in the
    account's transfers, which are in the order of their instants.

    Another is marked from its first accepted report on, and met from their first transfer on.
    """
    since = []
    for row in firsts(transfers, other):
        account = party_of(row, other)
        if account is not None and account in marked:
            since.append(max(row["occurred_at"], marked[account]))
    return since
