"""How an amount stands among those before it: the greatest, the first, the last, its rank."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import (
    RANKED_MAX,
    Card,
    Entity,
    EventKind,
    Feature,
    Measure,
    Statistic,
)
from crivo.features.window import EVER, Window, days, hours

_REASONS: Final = {Entity.PAYER: "AMOUNT_VS_PROFILE", Entity.PAYEE: "PAYEE_FAN_IN"}
_DONE: Final = {Entity.PAYER: "paid", Entity.PAYEE: "was paid"}


def _feature(entity: Entity, statistic: Statistic, window: Window, what: str) -> Feature:
    is_rank, name = statistic is Statistic.RANK, entity.value
    before = "before" if window == EVER else f"in the {window.name} before"
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.AMOUNT,
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"{what} that the {name} {_DONE[entity]} {before}.",
            unit="share" if is_rank else "centavos",
            null_meaning=f"The {name} {_DONE[entity]} nothing {before}.",
            leakage="Looks at earlier attempts alone; the amount is part of the request.",
            rationale="Who deceives tries a small amount first, and then takes what there is.",
            reason=_REASONS[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


_LESS: Final = f"Share of less than this amount, equal ones counting half, among the {RANKED_MAX}"

FEATURES: Final = (
    _feature(Entity.PAYER, Statistic.MAX, days(30), "The greatest amount"),
    _feature(Entity.PAYER, Statistic.MAX, EVER, "The greatest amount"),
    _feature(Entity.PAYER, Statistic.RANK, days(30), f"{_LESS} newest amounts"),
    _feature(Entity.PAYEE, Statistic.MAX, days(30), "The greatest amount"),
    _feature(Entity.PAYEE, Statistic.MIN, days(30), "The least amount"),
    _feature(Entity.PAYEE, Statistic.RANK, days(30), f"{_LESS} newest amounts"),
    _feature(Entity.PAYEE, Statistic.FIRST, EVER, "The first amount"),
    _feature(Entity.PAYER, Statistic.LAST, hours(24), "The last amount"),
)
