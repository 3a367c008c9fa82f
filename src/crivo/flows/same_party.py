"""The steps of one marker or list entry name one party: an end that names another ends nothing."""

from __future__ import annotations

from typing import Any

from crivo.domain.errors import Code, Refused
from crivo.domain.event import make_event_id
from crivo.domain.fraud_marker import FraudMarker
from crivo.domain.list_entry import ListEntry
from crivo.flows.event_of import value_of
from crivo.flows.ports import LogReader
from crivo.flows.schemas import BY_VALUE


def check_same_party(log: LogReader, value: Any, source: str) -> None:
    """Nothing, unless another step of the same id and source, in the log, names another party.

    Were it taken, the step that names the right one would be a conflict for good.

    Raises:
        Refused: CONFLICT.
    """
    if not isinstance(value, FraudMarker | ListEntry):
        return
    field = "person_id" if isinstance(value, FraudMarker) else "entity_id"
    for own_id in value.other_own_ids:
        stored = log.find(make_event_id(BY_VALUE[type(value)].family, source, own_id))
        if stored is None or getattr(value_of(stored.event), field) == getattr(value, field):
            continue
        raise Refused(
            Code.CONFLICT,
            f"{own_id} names another {field}",
            hint="Send the id of what is meant, or the party that its first step named.",
            field=field,
            expected=f"the one that {own_id} names",
            found="another",
        )
