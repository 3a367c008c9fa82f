"""Accepted claims in sums, and how far those sums would differ in other worlds of the same plan.

Frauds are drawn by quota, so that the error of independent draws is several times too large for
them. Theirs is measured: the frauds of other seeds are planned, and the sums of their accepted
claims compared. The few honest transfers whose claims were accepted are independent draws.

One fraud may hold a third of a small world's value, which few other worlds have. So how the world's
own frauds could have ended is measured too, and the larger error counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.simulator.acceptance.grouped import Figure
from crivo.simulator.draws import Bools
from crivo.simulator.recoveries import Recovery
from crivo.simulator.rows import NONE, Rows

Sums = npt.NDArray[np.float64]

#: Places in the sums: claims, centavos, centavos that companies received, centavos that came back
#: of claims that ended in part; then centavos by how the claim ended.
COUNT: Final = 0
VALUE: Final = 1
LEGAL: Final = 2
RETURNED_IN_PART: Final = 3
_BY_RECOVERY: Final = 4
_PLACES: Final = _BY_RECOVERY + len(Recovery)

#: Of fewer claims nothing can be told, not even how wrong one would be.
_LEAST: Final = 20


def of_recovery(recovery: Recovery) -> int:
    """The place of the centavos whose claims ended that way."""
    return _BY_RECOVERY + int(recovery)


@dataclass(slots=True)
class Accepted:
    """Sums over accepted claims, and the covariance that they have over other seeds.

    `frauds_covariance` is None where nobody measured it: then all claims count as independent.
    `endings_covariance` is that of the sums by ending over samples of the world's own frauds; None
    likewise.
    """

    sums: Sums = field(default_factory=lambda: np.zeros(_PLACES))
    of_frauds: Sums = field(default_factory=lambda: np.zeros((_PLACES, _PLACES)))
    of_honest: Sums = field(default_factory=lambda: np.zeros((_PLACES, _PLACES)))
    frauds_covariance: Sums | None = None
    endings_covariance: Sums | None = None

    def add(self, rows: Rows, legal_payees: Bools) -> None:
        """Adds the accepted claims among these rows."""
        each = claims_of(rows, legal_payees)
        is_fraud = rows["typology"][rows["accepted"]] != NONE
        self.sums += each.sum(axis=0)
        self.of_frauds += each[is_fraud].T @ each[is_fraud]
        self.of_honest += each[~is_fraud].T @ each[~is_fraud]

    @property
    def count(self) -> int:
        """How many claims were accepted."""
        return int(self.sums[COUNT])

    @property
    def covariance(self) -> Sums:
        """Of the sums, over seeds. A sum of independent claims varies by their squares."""
        frauds = self.of_frauds if self.frauds_covariance is None else self.frauds_covariance
        return frauds + self.of_honest

    def ratio(self, part: Sums, whole: Sums) -> Figure:
        """Two weighted sums divided, with the standard error (linearised)."""
        above, below = float(part @ self.sums), float(whole @ self.sums)
        if self.count < _LEAST or below == 0:
            return 0.0, None
        found = above / below
        left = part - found * whole
        variances = [float(left @ self.covariance @ left), 0.0]
        if self.endings_covariance is not None:
            variances.append(float(left @ self.endings_covariance @ left))
        return found, math.sqrt(max(variances)) / below


def place(*places: int) -> Sums:
    """Weights of one for these places of the sums."""
    weights = np.zeros(_PLACES)
    weights[list(places)] = 1.0
    return weights


def claims_of(rows: Rows, legal_payees: Bools) -> Sums:
    """For each accepted claim among the rows what it adds to the sums."""
    accepted, legal = rows[rows["accepted"]], legal_payees[rows["accepted"]]
    amounts = accepted["amount_centavos"].astype(np.float64)
    recovery = accepted["recovery"].astype(np.int64)
    each = np.zeros((len(accepted), _PLACES))
    each[:, COUNT] = 1.0
    each[:, VALUE] = amounts
    each[:, LEGAL] = amounts * legal
    back = accepted["returned_centavos"].astype(np.float64)
    each[:, RETURNED_IN_PART] = np.where(recovery == Recovery.PARTIAL, back, 0.0)
    each[np.arange(len(accepted)), _BY_RECOVERY + recovery] = amounts
    return each
