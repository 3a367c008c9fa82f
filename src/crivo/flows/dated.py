"""What was told of things, each with the instant since when it holds: the newest by an instant."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")


class Dated(Generic[Value]):
    """Values by key and instant; of one instant the greatest event id tells. Falsy while empty."""

    def __init__(self) -> None:
        self._told: Final[dict[bytes, list[tuple[int, bytes, Value]]]] = {}

    def __len__(self) -> int:
        return len(self._told)

    def note(self, key: bytes, at: int, event_id: bytes, value: Value) -> None:
        """The event told `value` of `key`, which holds from `at` on; told again it is the same."""
        told = self._told.setdefault(key, [])
        place = bisect_left(told, (at, event_id))
        if place == len(told) or told[place][:2] != (at, event_id):
            insort(told, (at, event_id, value))

    def before(self, key: bytes, at: int) -> Value | None:
        """What was told of `key` for the newest instant before `at`; None where nothing was."""
        told = self._told.get(key)
        if told is None:
            return None
        place = bisect_left(told, (at,))
        return told[place - 1][2] if place else None

    def state(self) -> list[tuple[bytes, Sequence[tuple[int, bytes, Value]]]]:
        """All of it, in an order of its own."""
        return sorted(self._told.items())

    def restore(self, state: Sequence[tuple[bytes, Sequence[tuple[int, bytes, Value]]]]) -> None:
        """Holds what `state` of another one gave, and nothing else."""
        self._told.clear()
        self._told.update((key, list(told)) for key, told in state)
