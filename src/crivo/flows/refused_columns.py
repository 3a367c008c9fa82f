"""Which column of a table holds a field of Crivo: a person who mends a row looks for the column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crivo.flows.mapping import Mapping as MappingFile

#: How a refusal may call what a mapping calls otherwise.
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("end_to_end_id",),
    "payer": ("payer_account", "payer_account_id"),
    "payee": ("payee_account", "payee_account_id"),
    "payer_person": ("payer_person", "payer_person_id"),
    "payee_person": ("payee_person", "payee_person_id"),
    "payee_key": ("payee_key", "payee_key_id"),
    "device": ("device", "device_id"),
}


def columns_by_field(mapping: MappingFile) -> dict[str, str]:
    """The columns of a table of transfers by the fields that refusals name."""
    time = mapping.time
    found = {"occurred_at": time.column, "received_at": time.received or time.column}
    if mapping.transfer is not None:
        found["amount_centavos"] = mapping.transfer.amount.column
        for name, column in mapping.transfer.columns().items():
            found |= dict.fromkeys(_FIELDS.get(name, (name,)), column)
    return found
