"""Cells of foreign tables: one parser a kind of fact, whatever the file was."""

from __future__ import annotations

import math
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import check_instant, from_datetime
from crivo.domain.money import parse_centavos
from crivo.flows.ports import Cell

#: The longest text that is looked at; a longer cell is refused as what it should be.
CELL_CHARACTERS_MAX: Final = 1_024

#: How far, in units of the last place, a binary amount may lie from a whole centavo.
FLOAT_ULPS_MAX: Final = 4

#: Amounts that are remembered once parsed: prices repeat.
_AMOUNTS_MAX: Final = 1 << 16


def parse_time(
    cell: Cell, *, field: str, zone: tzinfo, unit: int | None = None, epoch: int = 0
) -> int:
    """The instant of a cell: a time, a text of one (ISO 8601), or a number of units since epoch.

    A time that names no zone is one of `zone`. A number counts only where a unit (in
    microseconds) is given; its part below a microsecond is cut.

    Raises:
        Refused: FIELD_MISSING, TIME_INVALID, TIME_RANGE.
    """
    try:
        if unit is not None:
            if cell is None or cell == b"" or cell == "":  # noqa: PLR1714
                raise missing(field)
            return check_instant(epoch + _microseconds(cell, unit), field=field)
        moment = cell if type(cell) is datetime else _moment(cell, field)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return check_instant(from_datetime(moment), field=field)
    except (ValueError, InvalidOperation, OverflowError):
        expected = "a time such as 2018-08-08 12:00:00" if unit is None else "a number"
        raise _refused(Code.TIME_INVALID, field, expected, cell) from None


def _moment(cell: Cell, field: str) -> datetime:
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    text = parse_text(cell, field=field) if isinstance(cell, bytes | str) else None
    if text is None and not isinstance(cell, int | float | Decimal):
        raise missing(field)
    if text is None:
        raise ValueError(cell)
    return datetime.fromisoformat(text)


def _microseconds(cell: Cell, unit: int) -> int:
    match cell:
        case bool():
            number = Decimal("nan")
        case int() | Decimal():
            number = Decimal(cell)
        case float():
            number = Decimal(repr(cell))
        case bytes() | str():
            number = Decimal(_ascii(cell))
        case _:
            number = Decimal("nan")
    if not number.is_finite() or number.adjusted() > 18:
        raise ValueError(cell)
    return int(number * unit)


def parse_amount(cell: Cell, *, field: str, in_centavos: bool) -> int:
    """Centavos of a cell, exact; whether a transfer may carry them is the transfer's to say.

    Raises:
        Refused: FIELD_MISSING, AMOUNT_INVALID.
    """
    if cell is None or cell == b"" or cell == "":  # noqa: PLR1714
        raise missing(field)
    if isinstance(cell, bool) or not isinstance(cell, bytes | str | int | float | Decimal):
        raise _refused(Code.AMOUNT_INVALID, field, "an amount", cell)
    try:
        return _amount(cell, in_centavos)
    except (ValueError, InvalidOperation):
        expected = "an integer" if in_centavos else "a decimal with at most two places"
        raise _refused(Code.AMOUNT_INVALID, field, expected, cell) from None
    except Refused as refused:
        raise _refused(refused.code, field, str(refused.context["expected"]), cell) from None


@lru_cache(maxsize=_AMOUNTS_MAX, typed=True)
def _amount(cell: bytes | str | float | Decimal, in_centavos: bool) -> int:
    value = _ascii(cell) if isinstance(cell, bytes | str) else cell
    if isinstance(value, float):
        # Binary arithmetic leaves 58.38 * 5 at 291.90000000000003: what lies within its error of
        # a whole centavo is that centavo, and any other third place is still refused.
        whole = round(value, 2)
        value = whole if abs(value - whole) <= FLOAT_ULPS_MAX * math.ulp(value) else value
    if not in_centavos:
        return parse_centavos(value)
    # A count of centavos is an amount without places: 100 and 100.0, never 100.5.
    centavos, rest = divmod(parse_centavos(value), 100)
    if rest:
        raise ValueError(cell)
    return centavos


def _ascii(cell: bytes | str) -> str:
    """The text of a number without blanks around it: bounded, and without what only Python reads
    (1_000, Arabic digits).
    """
    if len(cell) > CELL_CHARACTERS_MAX:
        raise ValueError("too long")
    text = cell.decode("ascii") if isinstance(cell, bytes) else cell
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return text.strip()


def parse_text(cell: Cell, *, field: str) -> str | None:
    """The text of a cell without blanks around it; None where there is none.

    An integer is its digits, also where a table keeps it as a float because some are missing.

    Raises:
        Refused: FIELD_TYPE for other types and for bytes that are no UTF-8, FIELD_VALUE for a text
            that is too long.
    """
    if type(cell) is int:
        return str(cell)
    if cell is None:
        return None
    if isinstance(cell, bytes | str):
        if len(cell) > CELL_CHARACTERS_MAX:
            expected = f"a text of at most {CELL_CHARACTERS_MAX} characters"
            raise _refused(Code.FIELD_VALUE, field, expected, cell)
        try:
            text = cell.decode() if isinstance(cell, bytes) else cell
        except UnicodeDecodeError:
            raise _refused(Code.FIELD_TYPE, field, "UTF-8", cell) from None
        return text.strip() or None
    if isinstance(cell, float | Decimal):
        number = float(cell)
        if math.isnan(number):
            return None
        if abs(number) < 2**53 and number.is_integer():
            return str(int(cell))
    raise _refused(Code.FIELD_TYPE, field, "a text or an integer", cell)


def is_absent(cell: Cell) -> bool:
    """Whether nothing is in a cell, as `parse_text` reads it: null, not a number, or blanks."""
    try:
        return parse_text(cell, field="") is None
    except Refused:
        return False


_NO_CLAIM: Final = ""
_YES: Final = frozenset({"1", "true"})
_NO: Final = frozenset({_NO_CLAIM, "0", "false"})


def parse_label(cell: Cell, *, field: str, positive: str) -> bool:
    """Whether a cell says fraud. Nothing in a cell is no claim.

    Where fraud is 1 or true, a cell must be a number or a truth value: 0, false or nothing is no
    fraud, and any other word is refused, since it would hide a fraud. Where it is a word of the
    table's own, every other word is no fraud.

    Raises:
        Refused: FIELD_TYPE, FIELD_VALUE.
    """
    text = str(cell) if isinstance(cell, bool) else parse_text(cell, field=field)
    said = _NO_CLAIM if text is None else _as_label(text)
    if said == positive or (positive in _YES and said in _YES):
        return True
    if positive in _YES and said not in _NO:
        raise _refused(Code.FIELD_VALUE, field, "1, 0, true, false or nothing", cell)
    return False


def _as_label(text: str) -> str:
    """A label as it is compared: a number without the decimals that a gap in a column adds."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text.lower()
    is_whole = number.is_finite() and number == number.to_integral_value()
    return str(int(number)) if is_whole and abs(number) < 2**53 else text.lower()


def label_text(positive: int | bool | str) -> str:
    """How `parse_label` compares the value that a mapping calls positive."""
    return str(positive).strip().lower()


#: Means and squares of such numbers, over any table, are finite in float64.
NUMBER_MAX: Final = 1e100


def parse_number(cell: Cell, *, field: str) -> float:
    """A cell as float64; nothing in it is NaN.

    Raises:
        Refused: FIELD_TYPE for what is no number, or one beyond NUMBER_MAX.
    """
    if cell is None or cell in {b"", ""}:
        return math.nan
    if isinstance(cell, bytes | str | int | float | Decimal) and not isinstance(cell, bool):
        try:
            value = float(_ascii(cell) if isinstance(cell, bytes | str) else cell)
        except (ValueError, OverflowError):
            value = math.inf
        if math.isnan(value) or abs(value) <= NUMBER_MAX:
            return value
    expected = f"a finite number, at most {NUMBER_MAX:g} from 0"
    raise invalid(Code.FIELD_TYPE, field=field, expected=expected, found=cell)


def parse_weight(cell: Cell, *, field: str) -> float:
    """What a row counts for.

    Raises:
        Refused: FIELD_TYPE, FIELD_VALUE for what is no finite number above 0.
    """
    weight = parse_number(cell, field=field)
    if not weight > 0:
        raise invalid(Code.FIELD_VALUE, field=field, expected="above 0", found=cell)
    return weight


def missing(field: str) -> Refused:
    """The refusal of a cell with nothing in it."""
    return invalid(Code.FIELD_MISSING, field=field, expected="given", found=None)


def _refused(code: Code, field: str, expected: str, cell: Cell) -> Refused:
    found = cell[:CELL_CHARACTERS_MAX] if isinstance(cell, bytes | str) else cell
    return invalid(code, field=field, expected=expected, found=found)
