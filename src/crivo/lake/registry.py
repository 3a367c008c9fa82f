"""The gold tables, found by reflection: a new file in `gold/` is refined by existing."""

from __future__ import annotations

import importlib
import pkgutil

from crivo.domain.errors import Code, Misconfigured
from crivo.lake import gold
from crivo.lake.measure import Gold


def gold_tables() -> tuple[Gold, ...]:
    """Every gold table, each behind those that it is made of.

    Raises:
        Misconfigured: DEFINITION_INVALID for a file without `GOLD`, or tables made of each other.
    """
    waiting: dict[str, Gold] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(gold.__path__)):
        module = importlib.import_module(f"{gold.__name__}.{name}")
        found = getattr(module, "GOLD", None)
        if not isinstance(found, Gold):
            raise _invalid(f"gold/{name}.py declares no GOLD", "a gold table", name)
        waiting[found.name] = found
    placed: list[Gold] = []
    while waiting:
        ready = [
            each
            for each in waiting.values()
            if not any(part.source in waiting for part in each.parts)
        ]
        if not ready:
            raise _invalid("gold tables are made of each other", "an order", ", ".join(waiting))
        placed += ready
        for each in ready:
            del waiting[each.name]
    return tuple(placed)


def _invalid(words: str, expected: str, found: str) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        words,
        hint="GOLD: Gold(...) is what the file declares; its parts name earlier tables.",
        field="GOLD",
        expected=expected,
        found=found,
    )
