"""What a world tells in its first days, event by event: its names, and whether the rules hold.

The payer's institutions are listened to: they alone ask the directory, and know their devices.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from crivo.domain.errors import CrivoError
from crivo.domain.identifiers import (
    check_ispb,
    check_txid,
    end_to_end_id_minute,
    return_id_minute,
)
from crivo.domain.pix_key import parse_pix_key
from crivo.domain.tax_id import parse_cnpj, parse_cpf
from crivo.domain.transfer import Initiation
from crivo.simulator.acceptance.rules import Rule, Rules
from crivo.simulator.columns import Column, Columns, Kind, Piece
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.kind import Tier, default_kinds
from crivo.simulator.lettering import Names

_TRANSFERS: Final = "transfers"
_LOOK_UPS: Final = "dict_look_ups"
_SUBJECT: Final = "end_to_end_id"
_LATER: Final = {kind.name for kind in default_kinds() if kind.tier is Tier.LATER}
#: So many names of a column and piece are parsed by the domain.
_PARSED: Final = 200
_CPF_DIGITS: Final = 11
#: Resolution BCB 403/2024 with Instruction 491/2024: what a device that nobody registered may pay
#: at a time and in a day, in centavos; automatic payments are exempt (Instruction 594/2025).
_NEW_DEVICE_SINCE: Final = dt.date(2024, 11, 1)
_NEW_DEVICE_CENTAVOS: Final = 200_00
_NEW_DEVICE_DAY_CENTAVOS: Final = 1_000_00


def _tax_id(text: str) -> None:
    (parse_cpf if len(text) == _CPF_DIGITS else parse_cnpj)(text)


def _ispb(text: str) -> None:
    check_ispb(text, field="ispb")


#: Of each kind of name what refuses an invalid one, and the columns that hold it.
PARSERS: Final[dict[Rule, Callable[[str], object]]] = {
    Rule.END_TO_END_IDS: end_to_end_id_minute,
    Rule.RETURN_IDS: return_id_minute,
    Rule.KEYS: parse_pix_key,
    Rule.TAX_IDS: _tax_id,
    Rule.CODE_IDS: check_txid,
    Rule.INSTITUTIONS: _ispb,
}
_COLUMNS: Final = {
    _SUBJECT: Rule.END_TO_END_IDS,
    "return_id": Rule.RETURN_IDS,
    "payee_key": Rule.KEYS,
    "payer_tax_id": Rule.TAX_IDS,
    "payee_tax_id": Rule.TAX_IDS,
    "txid": Rule.CODE_IDS,
    "payer_ispb": Rule.INSTITUTIONS,
    "payee_ispb": Rule.INSTITUTIONS,
}


class Told:
    """Listens to the events of days or their shifts, in order, and notes what breaks a rule."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ids: Names = np.zeros(0, dtype="S32")  # of the transfers heard of, sorted
        self._at: Int64s = np.zeros(0, dtype=np.int64)  # when each was decided
        self._unasked: Names = np.zeros(0, dtype="S32")  # those that need no directory, sorted
        #: The last date with its payers by devices that nobody registered, and what each paid.
        self._today: tuple[dt.date, Names, Int64s] | None = None

    def hear(self, pieces: Iterable[Piece]) -> None:
        """What is received in a day, or after the last one."""
        heard = list(pieces)
        for piece in heard:
            look_at_columns(self._rules, piece.columns)
            if piece.table == _TRANSFERS:
                self._transfers(piece)
        for piece in heard:
            columns = {column.name: column for column in piece.columns}
            if piece.table == _LOOK_UPS:
                self._look_ups(columns)
            elif piece.table in _LATER and _SUBJECT in columns:
                at = self._decided_at(_names(columns[_SUBJECT]))
                told = _integers(columns["received_at"])
                known = at >= 0
                self._rules.look(Rule.OUTCOMES_IN_TIME, known.sum(), (known & (told <= at)).sum())

    def _transfers(self, piece: Piece) -> None:
        columns = {column.name: column for column in piece.columns}
        ids, at = _names(columns[_SUBJECT]), _integers(columns["received_at"])
        every = np.concatenate([self._ids, ids])
        order = np.argsort(every, kind="stable")
        self._ids, self._at = every[order], np.concatenate([self._at, at])[order]
        for column in piece.columns:
            if column.kind is Kind.INSTANT:
                given = _given(column)
                newer = given & (_integers(column) > at)
                self._rules.look(Rule.INPUTS_IN_TIME, given.sum(), newer.sum())
        answered = np.logical_or.reduce(
            [_given(column) for name, column in columns.items() if name.startswith("dict_")]
        )
        by_hand = columns["initiation"].values == str(Initiation.MANU).encode()
        inside = columns["is_same_psp"].values.astype(np.bool_)
        named = answered | _given(columns["payee_key"])
        self._rules.look(Rule.TYPED_UNASKED, by_hand.sum(), (by_hand & named).sum())
        self._rules.look(Rule.INSIDE_UNASKED, inside.sum(), (inside & answered).sum())
        self._unasked = np.sort(np.concatenate([self._unasked, ids[by_hand | inside]]))
        if piece.day is not None and piece.day >= _NEW_DEVICE_SINCE:
            self._new_devices(piece.day, columns)

    def _look_ups(self, columns: dict[str, Column]) -> None:
        subject = columns[_SUBJECT]
        ids = _names(subject)[_given(subject)]
        at = self._decided_at(ids)
        newer = (at >= 0) & (_integers(columns["received_at"])[_given(subject)] > at)
        self._rules.look(Rule.INPUTS_IN_TIME, len(ids), newer.sum())
        unasked = np.isin(ids, self._unasked)
        self._rules.look(Rule.INSIDE_UNASKED, len(ids), unasked.sum())

    def _new_devices(self, date: dt.date, columns: dict[str, Column]) -> None:
        """Of a date or the next shift of it; what a payer pays in a day is what it paid so far."""
        registered = columns["is_device_registered"]
        exempt = columns["initiation"].values == str(Initiation.AUTO).encode()
        new = _given(registered) & ~registered.values.astype(np.bool_) & ~exempt
        amounts = _integers(columns["amount_centavos"])[new]
        payers = columns["payer_account"].values[new].astype(np.bytes_)
        if self._today is not None and self._today[0] == date:
            payers = np.concatenate([self._today[1], payers])
            so_far = np.concatenate([self._today[2], amounts])
        else:
            so_far = amounts
        self._today = date, payers, so_far
        _, payer = np.unique(payers, return_inverse=True)
        days = np.bincount(payer, so_far) if len(so_far) else np.zeros(0)
        above = (amounts > _NEW_DEVICE_CENTAVOS).sum()
        self._rules.look(Rule.NEW_DEVICE_CAP, len(amounts), above)
        self._rules.look(Rule.NEW_DEVICE_DAY, len(days), (days > _NEW_DEVICE_DAY_CENTAVOS).sum())

    def _decided_at(self, ids: Names) -> Int64s:
        """When each of these transfers was decided; -1 of those that were not heard of."""
        if len(self._ids) == 0:
            return np.full(len(ids), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[places] == ids, self._at[places], -1)


def look_at_columns(rules: Rules, columns: Columns) -> None:
    """Parses some of the names that these columns hold."""
    for column in columns:
        rule = _COLUMNS.get(column.name)
        if rule is not None:
            look_at_names(rules, rule, _names(column)[_given(column)])


def look_at_names(rules: Rules, rule: Rule, names: Names, most: int = _PARSED) -> None:
    """Parses some of these names, evenly spread, and notes those that the domain refuses."""
    some = names[:: 1 + len(names) // most].tolist()
    rules.look(rule, len(some), sum(not _is_valid(rule, name.decode()) for name in some))


def _is_valid(rule: Rule, text: str) -> bool:
    try:
        PARSERS[rule](text)
    except CrivoError:
        return False
    return True


def _names(column: Column) -> Names:
    return column.values.astype(np.bytes_)


def _integers(column: Column) -> Int64s:
    return column.values.astype(np.int64)


def _given(column: Column) -> Bools:
    """Where the column is not null."""
    if column.missing is None:
        return np.ones(len(column.values), dtype=np.bool_)
    return ~column.missing
