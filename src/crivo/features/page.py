"""The page about features, made from their cards."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Container, Iterator, Sequence
from typing import Final

from crivo.features import catalogue
from crivo.features.lawful import STATED
from crivo.features.spec import Feature

_HEAD: Final = """# Features

Made by `scripts/features.py` from the cards in `src/crivo/features/catalogue/`, for the features of
`served.lock`; a test compares the two. Do not edit it by hand. How to add one:
[adding.md](../how-to/adding.md).

A name is `entity_measure_statistic_window[_where_filter]`. Windows lie before the transfer and
never hold it: sliding ones to a microsecond up to 24 h and from a tile's start beyond
([the contract](contract.md)), `today` from midnight in Brasília, `own_night` from 20:00 or the hour
that was told for the account, `ever` all that the log knows. A *fact* (`last`, `age`, `used`; the
`last` amount is none)
stands until the next of its key: what the directory told from after it was told, a limit from when
it is in force. An attempt that was rejected, cancelled or returned is undone at its own instant,
from when that was told.

Who could compute it in the rail is the last column; the owner of all is `features`. The rationale
says why the feature helps against fraud, the purpose what its data may be processed for (LGPD, art.
6 I). Every feature processes pseudonyms alone. The purposes, a closed list:

{purposes}
"""

_COLUMNS: Final = (
    "feature",
    "meaning",
    "unit",
    "null",
    "leakage",
    "rationale",
    "purpose",
    "reason",
    "visible to",
)


def features_page(shown: Container[str] | None = None) -> str:
    """The page of the features with these names, or of all, in Markdown."""
    modules = sorted(module.name for module in pkgutil.iter_modules(catalogue.__path__))
    purposes = "\n".join(f"* `{each.value}`: {text}." for each, text in STATED.items())
    lines = [_HEAD.format(purposes=purposes)]
    for name in modules:
        module = importlib.import_module(f"{catalogue.__name__}.{name}")
        features = [each for each in module.FEATURES if shown is None or each.name in shown]
        if features:
            lines += _group(name, (module.__doc__ or "").strip().splitlines()[0], features)
    return "\n".join(lines).rstrip() + "\n"


def _group(name: str, about: str, features: Sequence[Feature]) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{about}\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|" + "---|" * len(_COLUMNS)
    for feature in features:
        card = feature.card
        cells = [f"`{feature.name}`", card.meaning, card.unit, card.null_meaning, card.leakage]
        cells += [card.rationale, card.purpose.value, f"`{card.reason}`", card.visible_to.value]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""
