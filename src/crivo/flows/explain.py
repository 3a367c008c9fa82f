"""Explaining a decision: which rules fired and what each input added, from its record alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from crivo.decision.record import (
    INITIATION,
    Derived,
    Record,
    decision_event_id,
    decode_derived,
    decode_record,
)
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.features.spec import Feature
from crivo.flows.answers import no_decision
from crivo.flows.bundle import Bundle
from crivo.flows.ports import LogReader

#: Bundles of earlier decisions that are held; another one is read from its folder again.
BUNDLES_HELD: Final = 4


@dataclass(frozen=True, slots=True)
class InputPart:
    """One input of the model: its value (None: null) and what it added to the margin, in 2⁻⁴⁰.

    `meaning` is the feature's card; empty where this release declares no such feature any more.
    """

    name: str
    value: float | None
    part: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a decision followed from. For whoever may see the model, never for the customer.

    `base` is the margin without any input and `inputs` what each adds, the greatest first: together
    the margin, exactly. Both are empty where nothing was scored.
    """

    record: Record
    derived: Derived
    base: int | None
    inputs: tuple[InputPart, ...]


class Explainer:
    """Explains decisions of one log, with the bundle that decided each. Safe in several threads.

    Args:
        log: Where the records are.
        bundle: Tells the bundle that decides now.
        load: The bundle of a hash, kept when it decided.
        features: The declared features, for their meaning.
    """

    def __init__(
        self,
        *,
        log: LogReader,
        bundle: Callable[[], Bundle],
        load: Callable[[str], Bundle],
        features: tuple[Feature, ...],
    ) -> None:
        self._log: Final = log
        self._bundle: Final = bundle
        self._load: Final = lru_cache(maxsize=BUNDLES_HELD)(load)
        self._meanings: Final = {each.name: each.card.meaning for each in features}

    def explain(self, end_to_end_id: str, phase: str = INITIATION) -> Explanation:
        """The explanation of the durable decision of an id and phase.

        Raises:
            Refused: NOT_FOUND where there is none under this id (yet); CONFLICT where another
                release decided.
            Misconfigured: as `load_bundle`, where what decided it is damaged or gone.
        """
        stored = self._log.find(decision_event_id(end_to_end_id, phase))
        if stored is None or stored.seq >= self._log.end():
            raise no_decision(end_to_end_id)
        record = decode_record(stored.event.payload)
        derived = decode_derived(record.derived)
        if not record.kept or derived.margin is None:
            return Explanation(record, derived, None, ())
        base, inputs = self._inputs(self._bundle_of(record.given.versions.bundle), record.kept)
        return Explanation(record, derived, base, inputs)

    def values(self, record: Record) -> dict[str, float | None]:
        """What a decision read, by the name of the feature (None: null); empty where nothing was.

        Raises:
            Refused, Misconfigured: as `explain`.
        """
        if not record.kept:
            return {}
        names = self._bundle_of(record.given.versions.bundle).scorer.artifact.input_names
        vector = np.frombuffer(record.kept, "<f8").tolist()
        return {
            name: None if math.isnan(value) else value
            for name, value in zip(names, vector, strict=True)
        }

    def _bundle_of(self, hash_: str) -> Bundle:
        bundle = self._bundle()
        if hash_ == bundle.versions.bundle:
            return bundle
        try:
            return self._load(hash_)
        except Misconfigured as error:
            if error.code is not Code.PLAN_MISMATCH:
                raise
            raise Refused(
                Code.CONFLICT,
                "this decision was made by another release, whose bundles this one cannot read",
                hint="Ask a service of the release that decided.",
                field="end_to_end_id",
                expected=error.context.get("expected"),
                found=error.context.get("found"),
            ) from None

    def _inputs(self, bundle: Bundle, kept: bytes) -> tuple[int, tuple[InputPart, ...]]:
        vector = np.frombuffer(kept, "<f8").astype(np.float64)
        *parts, base = bundle.scorer.contributions_of(vector.reshape(1, -1))[0].tolist()
        names, values = bundle.scorer.artifact.input_names, vector.tolist()
        found = [
            InputPart(
                name, None if math.isnan(value) else value, part, self._meanings.get(name, "")
            )
            for name, value, part in zip(names, values, parts, strict=True)
        ]
        found.sort(key=lambda each: -abs(each.part))
        return base, tuple(found)
