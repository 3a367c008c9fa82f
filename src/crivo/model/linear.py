"""A regression's margin as arrays: what each input adds to the log-odds, nulls included."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.model.files import unsound

Float64s = npt.NDArray[np.float64]

#: No sum of parts, nor of their integers of 2^-40, reaches 2^62 within this.
MARGIN_MAX: Final = float(1 << 21)


@dataclass(frozen=True, slots=True)
class Linear:
    """F inputs, float64[F] each; `start` is float64[1], from which a margin is summed on.

    A value adds `weight · ((value − centre) / scale)`, a null adds `null`; either counts up to
    `bound`. `usual` is what the training rows had of it on average.
    """

    centre: Float64s
    scale: Float64s
    weight: Float64s
    null: Float64s
    usual: Float64s
    start: Float64s

    @property
    def bound(self) -> float:
        """The most that one input may add: all of them and the start stay below 2^22."""
        return MARGIN_MAX / (len(self.weight) + 1)

    def parts(self, vectors: Float64s) -> Float64s:
        """float64[n, F]: what each input of `vectors` float64[n, F] adds.

        The same operations in the same order as the scorer's, so the same numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            added = self.weight * ((vectors - self.centre) / self.scale)
        added = np.where(self.weight == 0, 0.0, added)
        added = np.where(np.isnan(vectors), self.null, added)
        return np.clip(added, -self.bound, self.bound)


def check_linear(linear: Linear, n_inputs: int) -> None:
    """Nothing, where the arrays are a margin of so many inputs.

    Raises:
        Misconfigured: ARTIFACT_INVALID.
    """
    for item in fields(Linear):
        array = getattr(linear, item.name)
        length = 1 if item.name == "start" else n_inputs
        if array.dtype != np.float64 or array.shape != (length,):
            raise unsound(item.name, f"float64[{length}]", f"{array.dtype}{list(array.shape)}")
        if not np.isfinite(array).all():
            raise unsound(item.name, "finite numbers", "one that is not")
    if not (linear.scale > 0).all():
        raise unsound("scale", "above 0", float(linear.scale.min()))
    if (np.abs(linear.usual) > linear.bound).any():
        raise unsound("usual", f"within {linear.bound:g} of 0", "one that is not")
    if abs(float(linear.start[0])) > MARGIN_MAX:
        raise unsound("start", f"within {MARGIN_MAX:g} of 0", float(linear.start[0]))
