"""What a mapping says of the label, judged: when it was known decides what may be learnt of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crivo.flows.mapping_faults import mapping_fault

if TYPE_CHECKING:
    from crivo.flows.mapping import Label

KNOWN_AFTER_DAYS_MAX: Final = 3_650


def check_label(label: Label, name: str, *, of_events: bool) -> None:
    """Nothing, if a label of events says in one way when it was known, and one of rows by days
    alone, if at all: a delay below 0 would learn from what is judged.

    Raises:
        Misconfigured: MAPPING_INVALID.
    """
    days = label.known_after_days
    if of_events and (days is None) == (label.known_at is None):
        one = "known_after_days or known_at, one of them"
        raise mapping_fault(name, "label", one, in_words="neither" if days is None else "both")
    if not of_events and label.known_at is not None:
        expected = 'only for kind = "events": known_after_days says it of rows'
        raise mapping_fault(name, "label.known_at", expected, label.known_at)
    if days is not None and not 0 <= days <= KNOWN_AFTER_DAYS_MAX:
        raise mapping_fault(name, "label.known_after_days", f"0 to {KNOWN_AFTER_DAYS_MAX}", days)
