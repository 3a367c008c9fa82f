"""Cases move by steps: which state may follow which, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

from crivo.domain.errors import Code, invalid

State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Steps(Generic[State]):
    """What may follow each state; None is before the first. A state without an entry is an end."""

    follows: Mapping[State | None, frozenset[State]]

    def check(self, before: State | None, after: State, *, field: str = "status") -> State:
        """The state after the step.

        Raises:
            Refused: STEP_INVALID.
        """
        allowed = self.follows.get(before, _NOTHING)
        if after not in allowed:
            raise invalid(
                Code.STEP_INVALID,
                field=field,
                expected=f"after {before or 'nothing'} {_any_of(sorted(allowed))}",
                found=after.value,
            )
        return after


_NOTHING: Final[frozenset[StrEnum]] = frozenset()


def steps(*allowed: tuple[State | None, tuple[State, ...]]) -> Steps[State]:
    """The steps of a table of (state, states that may follow it).

    >>> from enum import StrEnum
    >>> Door = StrEnum("Door", ["OPEN", "SHUT"])
    >>> steps((None, (Door.OPEN,)), (Door.OPEN, (Door.SHUT,))).check(Door.OPEN, Door.SHUT)
    <Door.SHUT: 'shut'>
    """
    return Steps({before: frozenset(after) for before, after in allowed})


def _any_of(states: list[StrEnum]) -> str:
    return " or ".join(states) if states else "no other state"
