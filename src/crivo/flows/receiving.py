"""Receiving a transfer: when it came, and whether it is one that may be decided."""

from __future__ import annotations

from typing import Final

from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import Code, Refused
from crivo.domain.event import transfer_event_id
from crivo.domain.identifiers import check_id_time
from crivo.domain.instant import check_instant, format_rfc3339
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer, check_two_accounts
from crivo.flows.bundle import Bundle
from crivo.flows.ports import EventFinder

#: Refusals of a transfer on which the log may hold a decision all the same.
OF_ITS_TIME: Final = frozenset({Code.ID_TIME, Code.PAYEE_IS_PAYER})


def receive(clock: LogClock, transfer: Transfer, supplied: int | None) -> int:
    """When the transfer was received, stamped by the log's clock.

    Raises:
        Refused: PAYEE_IS_PAYER, ID_TIME, CLOCK_AHEAD, TIME_RANGE.
    """
    check_two_accounts(transfer)
    if clock.kind is ClockKind.REPLAY:
        # Judged before the clock is stamped: a refused request must not move it.
        if supplied is not None:
            check_instant(supplied, field="received_at")
        expected = transfer.occurred_at if supplied is None else supplied
        check_id_time(transfer.end_to_end_id, expected)
        return clock.stamp(occurred_at=transfer.occurred_at, supplied=supplied)
    received_at = clock.stamp(occurred_at=transfer.occurred_at, supplied=None)
    check_id_time(transfer.end_to_end_id, received_at)
    return received_at


def check_supplied(clock: LogClock, received_at: int | None) -> None:
    """Nothing, if no receipt is supplied, or the log's clock is the one that takes it.

    Raises:
        Refused: FIELD_UNKNOWN.
    """
    if received_at is not None and clock.kind is ClockKind.WALL:
        raise Refused(
            Code.FIELD_UNKNOWN,
            "received_at is stamped by this service: its log has a wall clock",
            hint="Leave received_at out; only a log made with the clock replay takes it.",
            field="received_at",
            expected="left out",
            found=format_rfc3339(received_at),
        )


def check_model_decides(bundle: Bundle) -> None:
    """Nothing, if the model reads the vectors of transfers.

    Raises:
        Refused: MODEL_NOT_FOR_TRANSFERS.
    """
    if not bundle.decides_transfers:
        raise Refused(
            Code.MODEL_NOT_FOR_TRANSFERS,
            "the served model reads plain rows, not the history of transfers",
            hint="Ask /predict, or promote a model trained on events.",
            field="model",
            expected="a model of this release's feature set",
            found=f"a model of {len(bundle.artifact.input_names)} columns of a table",
        )


def check_no_history(log: EventFinder, transfer: Transfer) -> None:
    """Nothing, if the transfer is in the log neither as history nor for a worker to decide: it
    would count twice.

    Raises:
        Refused: CONFLICT.
    """
    stored = log.find(transfer_event_id(transfer.end_to_end_id))
    if stored is None:
        return
    raise _awaited(transfer) if stored.event.stream is Stream.TRANSFERS else imported(transfer)


def _awaited(transfer: Transfer) -> Refused:
    """The refusal of a transfer that came through the inbox."""
    return Refused(
        Code.CONFLICT,
        "this transfer came through the inbox, and a worker decides it",
        hint="Its decision is in pix.decisions.v1. Ask by one door: here, or through the inbox.",
        field="end_to_end_id",
        expected="an id that did not come through the inbox",
        found=transfer.end_to_end_id,
    )


def imported(transfer: Transfer) -> Refused:
    """The refusal of a transfer that an import brought."""
    return Refused(
        Code.CONFLICT,
        "this transfer was imported as history, which nobody decides",
        hint="Decide a transfer before it is made; import it only where nobody decided it.",
        field="end_to_end_id",
        expected="an id that no import brought",
        found=transfer.end_to_end_id,
    )
