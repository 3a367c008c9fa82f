"""What rows an engine takes: facts that can be, looked at before the first of them is folded.

The doors of the system judge what outsiders send, and a log's bytes may rot all the same. A row
with an impossible instant or amount would spoil the totals of its keys for good, so a batch that
holds one is refused as a whole, and state is as it was.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import EARLIEST, LATEST
from crivo.domain.money import CENTAVOS_MAX
from crivo.features.arena import OPTIONS
from crivo.features.row import EVENT_ROW, RowKind

_NAMES: Final = EVENT_ROW.names or ()
_WORDS: Final = len(_NAMES)
_KIND, _AMOUNT = _NAMES.index("kind"), _NAMES.index("amount_centavos")
_OCCURRED, _RECEIVED = _NAMES.index("occurred_at"), _NAMES.index("received_at")
_LAST_KIND: Final = max(RowKind).value

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
)

_SAYS: Final = {
    _KIND: (Code.FIELD_VALUE, f"a kind of event, 0 to {_LAST_KIND}"),
    _OCCURRED: (Code.TIME_RANGE, "an instant from 2000 to 2099"),
    _RECEIVED: (Code.TIME_RANGE, "an instant from 2000 to 2099"),
    _AMOUNT: (Code.AMOUNT_RANGE, f"1 to {CENTAVOS_MAX} centavos, 0 where nothing is moved"),
}


def checked(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same rows of `EVENT_ROW`, as one run of words, if every fact in them can be.

    Raises:
        Refused: FIELD_VALUE (kind), TIME_RANGE, AMOUNT_RANGE for the first that cannot.
    """
    fault = first_fault(
        words,
        _WORDS,
        (_KIND, _OCCURRED, _RECEIVED, _AMOUNT),
        (_LAST_KIND, EARLIEST, LATEST, CENTAVOS_MAX),
    )
    if fault >= 0:
        raise _refusal(words, fault)
    return words


@njit(**OPTIONS)
def first_fault(
    words: Any, width: int, places: tuple[int, int, int, int], limits: tuple[int, int, int, int]
) -> int:
    """Where the first word stands that cannot be; -1: nowhere.

    `places` are those of kind, occurred_at, received_at and amount in a row; `limits` the greatest
    kind, the earliest instant, the instant after the latest, and the greatest amount.
    """
    kind, occurred, received, amount = places
    last_kind, earliest, latest, most = limits
    for row in range(0, words.size, width):
        if words[row + kind] < 0 or words[row + kind] > last_kind:
            return row + kind
        if words[row + occurred] < earliest or words[row + occurred] >= latest:
            return row + occurred
        if words[row + received] < earliest or words[row + received] >= latest:
            return row + received
        # A transfer moves something, and so does what is reported, undone or blocked of it.
        moves = int(words[row + kind] in MOVING)
        if words[row + amount] < moves or words[row + amount] > most:
            return row + amount
    return -1


def _refusal(words: NDArray[np.int64], fault: int) -> Refused:
    row, place = divmod(fault, _WORDS)
    code, expected = _SAYS[place]
    field = f"rows[{row}].{_NAMES[place]}"
    return invalid(code, field=field, expected=expected, found=int(words[fault]))
