"""A stream of every kind of row: what is told of holders, limits, keys and persons lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.rows import event_rows, spread
from crivo.domain.instant import DAY, HOUR
from crivo.features.door import MOVING
from crivo.features.row import ABSENT, FACTS_MAX, RowKind
from crivo.features.spec import Entity, EventKind, Measure
from crivo.features.terms import ABOUT, FACTS, INSTANTS, STANDING

Rows = NDArray[Any]

#: So many rows of this stream in a hundred are told beside transfers and reports.
TOLD_SHARE: Final = 0.5

#: How often each kind is told, against 1 for those that are not named: sessions most of all.
_OFTEN: Final[Mapping[RowKind, int]] = {
    RowKind.LOGIN: 40,
    RowKind.DEVICE_SIGHTING: 20,
    RowKind.RISK_SIGNALS: 20,
    RowKind.DICT_ENTRY: 20,
    RowKind.DICT_STATISTICS: 20,
    RowKind.FAILED_LOGIN: 5,
}
_KINDS: Final = [kind for kind in RowKind if kind not in (RowKind.TRANSFER, RowKind.REPORT)]

#: Whom the events of an entity name.
_NAMES: Final[Mapping[Entity, tuple[str, ...]]] = {
    Entity.PAYER: ("payer",),
    Entity.PAYEE: ("payee",),
    Entity.PAIR: ("payer", "payee"),
    Entity.DEVICE: ("device",),
    Entity.PAYER_DEVICE: ("payer", "device"),
    Entity.PAYER_RECEIVING: ("payee",),
    Entity.PAYEE_KEY: ("payee_key",),
    Entity.PAYEE_PERSON: ("payee_person",),
}
_PARTIES: Final = ("payer", "payee", "device", "payee_key", "payee_person")


def told_stream(count: int, *, seed: int) -> Rows:
    """`event_rows` whose payees have a key and a person, with half of the transfers told instead:
    each is told of those who took part in it, at its instant.
    """
    dice = np.random.default_rng([seed, 1])
    rows = event_rows(count, seed=seed)
    kinds = rows["kind"]
    for place, party in enumerate(("payee_key", "payee_person")):
        named = spread(rows["payee_0"].view(np.int64) + place + 1)
        rows[f"{party}_0"] = np.where(kinds == RowKind.TRANSFER.value, named, 0)
        rows[f"{party}_1"] = np.where(kinds == RowKind.TRANSFER.value, named ^ np.uint64(1), 0)
    for place in range(FACTS_MAX):
        rows[f"fact_{place}"] = ABSENT
    chances = np.array([_OFTEN.get(kind, 1) for kind in _KINDS], dtype=np.float64)
    told = (kinds == RowKind.TRANSFER.value) & (dice.random(count) < TOLD_SHARE)
    kinds[told] = dice.choice(
        [kind.value for kind in _KINDS], int(told.sum()), p=chances / chances.sum()
    )
    for kind in _KINDS:
        _tell(rows, kind, np.flatnonzero(kinds == kind.value), dice)
    return rows


def _tell(rows: Rows, kind: RowKind, mine: NDArray[np.int64], dice: np.random.Generator) -> None:
    """Makes the rows at `mine`, which were transfers, events of that kind."""
    event, count = EventKind[kind.name], len(mine)
    named = {name for entity in ABOUT[event] for name in _NAMES[entity]}
    for party in sorted(set(_PARTIES) - named):
        rows[f"{party}_0"][mine] = rows[f"{party}_1"][mine] = 0
    for name in ("initiation", "purpose", "payer_ispb", "payee_ispb"):
        rows[name][mine] = ABSENT
    if kind.value not in MOVING:
        rows["amount_centavos"][mine] = 0
    at = rows["occurred_at"][mine]
    if event in STANDING:
        rows["occurred_at"][mine] += dice.choice([0, HOUR, DAY], count)
    for place, fact in enumerate(FACTS.get(event, ())):
        if fact in INSTANTS:
            drawn = at - dice.integers(0, 400 * DAY, count)
        elif fact is Measure.NIGHT_START:
            drawn = dice.integers(20, 23, count)
        elif event is EventKind.RISK_SIGNALS:
            drawn = dice.integers(0, 2, count)
        else:
            drawn = dice.integers(0, 1_000_000, count)
        rows[f"fact_{place}"][mine] = drawn
