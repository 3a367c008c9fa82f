"""What rows an engine takes: facts that can be, looked at before the first of them is folded.

The doors of the system judge what outsiders send, and a log's bytes may rot all the same. A row
with an impossible instant or amount would spoil the totals of its keys for good, so a batch that
holds one is refused as a whole, and state is as it was.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import EARLIEST, LATEST
from crivo.domain.money import CENTAVOS_MAX
from crivo.features import frame as f
from crivo.features.compiled import OPTIONS
from crivo.features.frame import words_at
from crivo.features.row import (
    ABSENT,
    EVENT_ROW,
    FACTS_MAX,
    INITIATION_CODES,
    PURPOSE_CODES,
    RowKind,
)

#: SHA-256 (its first 16 hex characters) of `frame.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "2c32447815a2aecd"

_NAMES: Final = EVENT_ROW.names or ()
_WORDS: Final = len(_NAMES)
_KIND, _AMOUNT = _NAMES.index("kind"), _NAMES.index("amount_centavos")
_OCCURRED, _RECEIVED = _NAMES.index("occurred_at"), _NAMES.index("received_at")
_INITIATION, _PURPOSE = _NAMES.index("initiation"), _NAMES.index("purpose")
_ACCEPTED, _FACTS = _NAMES.index("accepted"), _NAMES.index("fact_0")
_LAST_KIND: Final = max(RowKind).value
_LAST_INITIATION: Final = max(INITIATION_CODES.values())
_LAST_PURPOSE: Final = max(PURPOSE_CODES.values())

#: Kinds of rows with an amount.
MOVING: Final = (
    RowKind.TRANSFER.value,
    RowKind.REPORT.value,
    RowKind.UNDOING.value,
    RowKind.BLOCK.value,
    RowKind.INFRACTION.value,
    RowKind.AGREED_INFRACTION.value,
    RowKind.REFUND_REQUEST.value,
    RowKind.RECOVERY.value,
    RowKind.SETTLEMENT.value,
)

_SAYS: Final = {
    _KIND: (Code.FIELD_VALUE, f"a kind of event, 0 to {_LAST_KIND}"),
    _OCCURRED: (Code.TIME_RANGE, "an instant from 2000 to 2099"),
    _RECEIVED: (Code.TIME_RANGE, "an instant from 2000 to 2099"),
    _AMOUNT: (Code.AMOUNT_RANGE, f"1 to {CENTAVOS_MAX} centavos, 0 where nothing is moved"),
    _INITIATION: (Code.FIELD_VALUE, f"a form of initiation, {ABSENT} to {_LAST_INITIATION}"),
    _PURPOSE: (Code.FIELD_VALUE, f"a purpose, {ABSENT} to {_LAST_PURPOSE}"),
    _ACCEPTED: (Code.FIELD_VALUE, f"{ABSENT}, 0 or 1"),
}
#: Of any fact: it counts something, or is an amount, a flag or an instant.
_SAYS_OF_FACTS: Final = (Code.FIELD_VALUE, f"{ABSENT} where none is told, else 0 to {LATEST - 1}")


def check(words: NDArray[np.int64], place: int) -> None:
    """Nothing, if every fact can be that stands in the rows of the frame at `place`.

    `words` are the same rows of `EVENT_ROW`, as words.

    Raises:
        Refused: FIELD_VALUE (kind, codes, facts), TIME_RANGE, AMOUNT_RANGE for the first that
            cannot.
    """
    fault = first_fault(place)
    if fault >= 0:
        raise _refusal(words, fault)


@njit(**OPTIONS)
def first_fault(place: int) -> int:
    """Which word of the rows of the frame at `place` cannot be; -1: all can."""
    here = words_at(place)
    rows = words_at(here[f.ROWS])
    for row in range(0, here[f.TOTAL] * _WORDS, _WORDS):
        kind, amount = rows[row + _KIND], rows[row + _AMOUNT]
        if kind < 0 or kind > _LAST_KIND:
            return row + _KIND
        if rows[row + _OCCURRED] < EARLIEST or rows[row + _OCCURRED] >= LATEST:
            return row + _OCCURRED
        if rows[row + _RECEIVED] < EARLIEST or rows[row + _RECEIVED] >= LATEST:
            return row + _RECEIVED
        # A transfer moves something, and so does what is reported, undone or blocked of it.
        if amount < int(kind in MOVING) or amount > CENTAVOS_MAX:
            return row + _AMOUNT
        if rows[row + _INITIATION] < ABSENT or rows[row + _INITIATION] > _LAST_INITIATION:
            return row + _INITIATION
        if rows[row + _PURPOSE] < ABSENT or rows[row + _PURPOSE] > _LAST_PURPOSE:
            return row + _PURPOSE
        if rows[row + _ACCEPTED] < ABSENT or rows[row + _ACCEPTED] > 1:
            return row + _ACCEPTED
        for fact in range(row + _FACTS, row + _FACTS + FACTS_MAX):
            if rows[fact] < ABSENT or rows[fact] >= LATEST:
                return fact
    return -1


def _refusal(words: NDArray[np.int64], fault: int) -> Refused:
    row, place = divmod(fault, _WORDS)
    code, expected = _SAYS.get(place, _SAYS_OF_FACTS)
    field = f"rows[{row}].{_NAMES[place]}"
    return invalid(code, field=field, expected=expected, found=int(words[fault]))
