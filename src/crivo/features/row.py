"""The row that every engine folds: one event as 29 words of 64 bits, and how to make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.event import transfer_event_id
from crivo.domain.report import Report, ReportStatus
from crivo.domain.transfer import Initiation, Purpose, Transfer


class RowKind(IntEnum):
    """What kind of event a row holds, by the names of `terms.EventKind`.

    A row of a fact (the limits, the night's start, what the directory told) is placed at the
    instant from which the fact stands.
    """

    TRANSFER = 0
    REPORT = 1
    LOGIN = 2
    FAILED_LOGIN = 3
    CREDENTIAL_RESET = 4
    DEVICE_ENROLMENT = 5
    DEVICE_SIGHTING = 6
    DEVICE_REMOVAL = 7
    LIMIT_RAISE = 8
    DAY_LIMIT = 9
    NIGHT_LIMIT = 10
    NIGHT_START = 11
    UNDOING = 12
    BLOCK = 13
    DICT_ENTRY = 14
    DICT_STATISTICS = 15
    FRAUD_MARKER = 16
    MARKER_CANCELLATION = 17
    KEY_CLAIM = 18
    INFRACTION = 19
    AGREED_INFRACTION = 20
    REFUND_REQUEST = 21
    RECOVERY = 22
    AUTHORISATION = 23
    RISK_SIGNALS = 24
    LISTING = 25
    SETTLEMENT = 26


#: What stands in an integer column where the event has no such fact.
ABSENT: Final = -1

#: The id of whom or what the door was not told of.
NOBODY: Final = bytes(16)

#: So many facts fit into a row (`terms.FACTS`).
FACTS_MAX: Final = 8
NO_FACTS: Final = (ABSENT,) * FACTS_MAX

INITIATION_CODES: Final = {member: code for code, member in enumerate(Initiation)}
PURPOSE_CODES: Final = {member: code for code, member in enumerate(Purpose)}

#: Every column is eight bytes, so that the kernel reads rows as a table of int64. Ids are two
#: little-endian words, both 0 where there is none; an ISPB is its eight characters as one word.
#: Times are microseconds; facts are ABSENT where none is told. Only append: bundles name no older
#: layout.
EVENT_ROW: Final = np.dtype(
    [
        ("kind", "<i8"),
        ("occurred_at", "<i8"),
        ("received_at", "<i8"),
        ("amount_centavos", "<i8"),
        ("payer_0", "<u8"),
        ("payer_1", "<u8"),
        ("payee_0", "<u8"),
        ("payee_1", "<u8"),
        ("event_0", "<u8"),
        ("event_1", "<u8"),
        ("initiation", "<i8"),
        ("purpose", "<i8"),
        ("accepted", "<i8"),
        ("device_0", "<u8"),
        ("device_1", "<u8"),
        ("payer_ispb", "<i8"),
        ("payee_ispb", "<i8"),
        ("payee_key_0", "<u8"),
        ("payee_key_1", "<u8"),
        ("payee_person_0", "<u8"),
        ("payee_person_1", "<u8"),
        *((f"fact_{place}", "<i8") for place in range(FACTS_MAX)),
    ]
)

#: One row of `EVENT_ROW`: its 232 bytes.
RowBytes = bytes

#: A row from its columns in their order, where the two words of an id are its 16 bytes. NumPy takes
#: six times as long to make a row of a tuple.
pack_row: Final[Callable[..., RowBytes]] = Struct("<4q16s16s16s3q16s2q16s16s8q").pack


def transfer_row(transfer: Transfer, *, received_at: int) -> RowBytes:
    """The row of a transfer that the log's clock received at `received_at`."""
    initiation, purpose = transfer.initiation, transfer.purpose
    return pack_row(
        0,  # RowKind.TRANSFER
        transfer.occurred_at,
        received_at,
        transfer.amount_centavos,
        transfer.payer_id,
        transfer.payee_id,
        transfer_event_id(transfer.end_to_end_id),
        ABSENT if initiation is None else INITIATION_CODES[initiation],
        ABSENT if purpose is None else PURPOSE_CODES[purpose],
        ABSENT,
        transfer.device_id or NOBODY,
        ispb_word(transfer.payer_ispb),
        ispb_word(transfer.payee_ispb),
        transfer.payee_key_id or NOBODY,
        transfer.payee_person_id or NOBODY,
        *NO_FACTS,
    )


def report_row(report: Report, *, received_at: int, event_id: bytes = bytes(16)) -> RowBytes:
    """The row of a report, placed at the instant it was known: its `received_at`.

    `event_id` is the report's own; nothing in the spine's features depends on it.
    """
    return pack_row(
        RowKind.REPORT.value,
        received_at,
        received_at,
        report.amount_centavos,
        report.payer_id,
        report.payee_id,
        event_id,
        ABSENT,
        ABSENT,
        int(report.status is ReportStatus.ACCEPTED),
        NOBODY,
        ABSENT,
        ABSENT,
        NOBODY,
        NOBODY,
        *NO_FACTS,
    )


def ispb_word(ispb: str | None) -> int:
    """The eight characters as one little-endian word, or ABSENT."""
    return ABSENT if ispb is None else int.from_bytes(ispb.encode("ascii"), "little")


#: The two words of a 16-byte id.
words: Final[Callable[[bytes], tuple[int, int]]] = Struct("<2Q").unpack


def make_rows(rows: Sequence[RowBytes]) -> NDArray[np.void]:
    """The rows as one array of `EVENT_ROW`, in the order given."""
    return np.frombuffer(bytearray().join(rows), dtype=EVENT_ROW)
