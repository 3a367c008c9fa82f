"""The quick way from the columns of a file to the values that its rows tell.

What a section says of a column is looked up once for the file, and a text that a column repeats is
read once. A value is the one that `event_body.parse_event` makes of the same cells. What is not
plain here, that judges: the quick way leaves such a row out, and says nothing of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from enum import Enum
from typing import Any, Final

from crivo.domain.declared import DeclaredField, declared_fields, is_declared
from crivo.domain.dict_statistics import has_data
from crivo.domain.errors import Refused
from crivo.domain.fields import is_printable
from crivo.domain.instant import format_rfc3339, from_datetime
from crivo.flows.event_body import field_value, id_domain, instant_parser
from crivo.flows.schemas import schema_of
from crivo.flows.told_mapping import FILLED_IN, Told
from crivo.governance.pseudonym import Pseudonymiser

#: A whole number of as many digits or fewer is read as one; a longer one is not plain.
_DIGITS_MAX: Final = 18

_BOOLS: Final[Mapping[object, bool]] = {b"true": True, b"false": False, True: True, False: False}

Columns = Sequence[Sequence[Any]]
#: What fills in a field of every row, of the file's columns, of those that the door adds, and of
#: how many rows there are; rows that are not plain are added to the set.
_Fill = Callable[[Columns, Columns, int, set[int]], Sequence[object]]


class _NotPlain(Exception):
    """A cell, or a section, that is not read here."""


class PlainValues:
    """Makes the values of one section's rows. `columns` are the names of a file's columns."""

    def __init__(
        self, told: Told, columns: Sequence[str], zone: tzinfo, pseudonyms: Pseudonymiser
    ) -> None:
        self._places: Final = {path: columns.index(name) for path, name in told.fields.items()}
        self._constants: Final = told.constants
        self._is_about_transfer: Final = told.is_about_transfer
        self._zone: Final = zone
        self._pseudonyms: Final = pseudonyms
        try:
            self._make: _Fill | None = self._maker(schema_of(told.schema).value, "")
        except (_NotPlain, Refused):
            self._make = None

    def values(self, columns: Columns, facts: Columns, count: int) -> list[Any]:
        """The value of each of `count` rows; None where `parse_event` must judge.

        `facts` are those of the rows' transfers, a column each, in the order of `FILLED_IN`.
        """
        if self._make is None:
            return [None] * count
        bad: set[int] = set()
        made = self._make(columns, facts, count, bad)
        return [None if row in bad else value for row, value in enumerate(made)]

    def _maker(self, value_type: type, prefix: str) -> _Fill:
        fills = [self._fill(field, prefix) for field in declared_fields(value_type)]

        def make(columns: Columns, facts: Columns, count: int, bad: set[int]) -> list[object]:
            filled = [fill(columns, facts, count, bad) for fill in fills]
            made: list[object] = []
            for row, arguments in enumerate(zip(*filled, strict=True)):
                try:
                    made.append(None if row in bad else value_type(*arguments))
                except Refused:
                    bad.add(row)
                    made.append(None)
            return made

        return make

    def _fill(self, field: DeclaredField, prefix: str) -> _Fill:
        path, name = f"{prefix}{field.name}", field.name
        if not prefix and self._is_about_transfer and name in FILLED_IN:
            place = FILLED_IN.index(name)
            return lambda _columns, facts, _count, _bad: facts[place]
        if is_declared(field.type.base) and not field.type.is_many:
            return self._part(field, path)
        if path in self._constants:
            constant = self._constants[path]
            made = field_value(field, constant, self._level(prefix), path, self._pseudonyms)
            return lambda _columns, _facts, count, _bad: [made] * count
        if path not in self._places:
            return _always_absent(field)
        if field.type.is_many:
            raise _NotPlain
        column, read = self._places[path], self._reader(field, prefix)
        absent = _absent(field)
        return lambda columns, _facts, _count, bad: _read(columns[column], read, absent, bad)

    def _part(self, field: DeclaredField, path: str) -> _Fill:
        """A field that has fields: there where one of its cells is, and where it says so itself."""
        places = [place for each, place in self._places.items() if each.startswith(f"{path}.")]
        is_always = any(each.startswith(f"{path}.") for each in self._constants)
        if not places and not is_always:
            return _always_absent(field)
        make, absent = self._maker(field.type.base, f"{path}."), _absent(field)
        watermark = self._places.get(f"{path}.watermark") if field.type.is_nullable else None

        def fill(columns: Columns, facts: Columns, count: int, bad: set[int]) -> list[object]:
            inner: set[int] = set()
            made = make(columns, facts, count, inner)
            filled: list[object] = []
            for row, value in enumerate(made):
                is_there = is_always or any(not _is_empty(columns[at][row]) for at in places)
                if is_there and watermark is not None:
                    is_there = _has_data(columns[watermark][row])
                if (is_there and row in inner) or (not is_there and absent is _NOTHING):
                    bad.add(row)
                filled.append(value if is_there else absent)
            return filled

        return fill

    def _level(self, prefix: str) -> dict[str, object]:
        """The constants that stand beside a field, by name."""
        return {
            path.removeprefix(prefix): constant
            for path, constant in self._constants.items()
            if path.startswith(prefix) and "." not in path.removeprefix(prefix)
        }

    def _reader(self, field: DeclaredField, prefix: str) -> Callable[[Any], object]:
        """What reads the cells of a field, none of which is empty."""
        base = field.type.base
        if issubclass(base, Enum):
            return _looked_up({str(each.value).encode(): each for each in base})
        if base is bool:
            return _looked_up(_BOOLS)
        if base is bytes:
            domain, path = id_domain(field.name, self._level(prefix)), f"{prefix}{field.name}"
            pseudonym = self._pseudonyms.of
            return lambda cell: pseudonym(domain, _text(cell), field=path)
        parse = instant_parser(field)
        if parse is not None:
            return lambda cell: parse(self._written(cell), field=field.name)
        return {int: _integer, str: _printable}[base]

    def _written(self, cell: object) -> str:
        if isinstance(cell, datetime):
            moment = cell if cell.tzinfo else cell.replace(tzinfo=self._zone)
            return format_rfc3339(from_datetime(moment))
        return _text(cell)


#: What stands for a field that must have a cell and has none.
_NOTHING: Final = object()
_UNREAD: Final = object()
_TEXTS: Final = frozenset({bytes, type(None)})


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, bytes | str) and not cell)


def _absent(field: DeclaredField) -> object:
    """What stands for a field without a cell."""
    if not field.is_required:
        return field.default
    return None if field.type.is_nullable else _NOTHING


def _always_absent(field: DeclaredField) -> _Fill:
    absent = _absent(field)

    def fill(_columns: Columns, _facts: Columns, count: int, bad: set[int]) -> list[object]:
        if absent is _NOTHING:
            bad.update(range(count))
        return [absent] * count

    return fill


def _read(
    cells: Sequence[Any], read: Callable[[Any], object], absent: object, bad: set[int]
) -> list[object]:
    """The cells of a column as they are read. Only texts are remembered: 1, 1.0 and True are one
    key, and not one cell.
    """
    known: dict[Any, object] = {}
    are_texts = _TEXTS.issuperset(map(type, cells))
    filled: list[object] = []
    for row, cell in enumerate(cells):
        value = known.get(cell, _UNREAD) if are_texts else _UNREAD
        if value is _UNREAD:
            value = absent if _is_empty(cell) else _one(read, cell)
            if are_texts:
                known[cell] = value
        if value is _NOTHING:
            bad.add(row)
        filled.append(value)
    return filled


def _one(read: Callable[[Any], object], cell: Any) -> object:
    try:
        return read(cell)
    except (_NotPlain, Refused):
        return _NOTHING


def _has_data(cell: Any) -> bool:
    """Whether a watermark says that there is data; one that is no text the other way judges."""
    try:
        return has_data(_text(cell))
    except _NotPlain:
        return True


def _looked_up(members: Mapping[Any, object]) -> Callable[[Any], object]:
    def read(cell: Any) -> object:
        if type(cell) is not bytes and type(cell) is not bool:
            raise _NotPlain
        return members.get(cell, _NOTHING)

    return read


def _integer(cell: Any) -> int:
    if type(cell) is int:
        return cell
    if type(cell) is bytes and cell.isdigit() and len(cell) <= _DIGITS_MAX:
        return int(cell)
    raise _NotPlain


def _text(cell: Any) -> str:
    if type(cell) is not bytes:
        raise _NotPlain
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise _NotPlain from None


def _printable(cell: Any) -> str:
    text = _text(cell)
    if not is_printable(text):
        raise _NotPlain
    return text
