"""Whom fraudsters meet in `crivo simulate`: `--adversary` and `--policy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crivo.simulator.adversary import Mode
    from crivo.simulator.policy import Policy

#: The policy that is meant where none is named.
_USUAL: Final = "allow"
_USUAL_OF_ADAPTIVE: Final = "rules"


@dataclass(frozen=True, slots=True)
class Game:
    """Fraudsters and the policy that they meet."""

    adversary: Mode
    policy: Policy

    @property
    def is_played(self) -> bool:
        """Whether the world can be other than as it is planned."""
        return self.policy.stops or self.adversary.adapts


def parse_game(adversary: str, policy: str | None) -> Game:
    """The game of these two flags; who adapts meets the rules where no policy is named.

    Raises:
        Refused: FIELD_VALUE.
    """
    from crivo.simulator.adversary import parse_mode
    from crivo.simulator.policy import parse_policy

    mode = parse_mode(adversary)
    usual = _USUAL_OF_ADAPTIVE if mode.adapts else _USUAL
    return Game(mode, parse_policy(usual if policy is None else policy))


def check_nothing_stopped(adversary: str, policy: str | None, other: str, hint: str) -> None:
    """Nothing, if the policy stops no transfer; `other` is the flag that allows no other one.

    Raises:
        Refused: FIELD_VALUE.
    """
    from crivo.domain.errors import Code, invalid

    game = parse_game(adversary, policy)
    if game.policy.stops:
        raise invalid(
            Code.FIELD_VALUE,
            field="policy",
            expected=f"one that stops nothing (allow) with {other}",
            found=game.policy.name,
            hint=hint,
        )
