"""By which initiation form each nature pays: composed so that the whole meets the official mix.

Which nature uses which form is assumed after their mean tickets: typed orders are large and so
companies', dynamic codes are small and so shops'. Persons who pay persons come last and use what
the day's official mix leaves, so that the mix holds whatever habits and frauds were there.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.natures import NATURES, Nature, place_of
from crivo.simulator.rows import INITIATIONS

#: June 2026, per million; payments whose form is not available (0.66 %) are left out.
OFFICIAL: Final = {
    Initiation.QRDN: 434_270,
    Initiation.DICT: 374_680,
    Initiation.MANU: 107_810,
    Initiation.QRES: 82_140,
    Initiation.AUTO: 624,
    Initiation.INIC: 352,
    Initiation.APDN: 232,
    Initiation.APES: 1,
}
#: What persons use to pay persons.
_BETWEEN_PERSONS: Final = (
    Initiation.DICT,
    Initiation.MANU,
    Initiation.QRES,
    Initiation.QRDN,
    Initiation.INIC,
)
#: Hundred-thousandths of a nature's transfers.
_WHOLE: Final = 100_000
_TO_SHOP: Final = {
    Initiation.QRDN: 87_000,
    Initiation.QRES: 8_950,
    Initiation.DICT: 2_420,
    Initiation.MANU: 1_400,
    Initiation.AUTO: 135,
    Initiation.APDN: 60,
    Initiation.INIC: 45,
}
_PAYOUT: Final = {
    Initiation.DICT: 51_000,
    Initiation.MANU: 40_500,
    Initiation.QRDN: 7_500,
    Initiation.QRES: 1_000,
}
_COMPANY: Final = {
    Initiation.DICT: 30_000,
    Initiation.MANU: 50_000,
    Initiation.QRDN: 18_000,
    Initiation.QRES: 2_000,
}
_TO_OFFICE: Final = {Initiation.QRDN: 90_000, Initiation.DICT: 6_000, Initiation.MANU: 4_000}
_OFFICE_PAYS: Final = {Initiation.DICT: 45_000, Initiation.MANU: 55_000}

MIXES: Final = {
    Nature.P2B: _TO_SHOP,
    Nature.P2G: _TO_OFFICE,
    Nature.B2P: _PAYOUT,
    Nature.B2B: _COMPANY,
    Nature.B2G: _TO_OFFICE,
    Nature.G2P: _OFFICE_PAYS,
    Nature.G2B: _OFFICE_PAYS,
    Nature.G2G: _OFFICE_PAYS,
}


#: People hold a telephone to a terminal for small sums; the cap by law was R$ 500.
_CONTACTLESS_MOST: Final = 15_000


class Forms:
    """The forms of one day, drawn shift by shift so that its mixes come out whole.

    Args:
        counts: How many transfers of each nature ordinary life adds to the day.
        natures_seen: The place of each habit's nature.
        habits: The places in INITIATIONS that habits have taken.
        others: The places that all that the day held before ordinary life have taken.
    """

    def __init__(
        self, counts: Int64s, natures_seen: Int64s, habits: Int64s, others: Int64s
    ) -> None:
        shape = (len(NATURES), len(INITIATIONS))
        places = natures_seen * shape[1] + habits
        #: [nature, form], what is taken: by habits, and by what was drawn.
        self._taken = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)
        self._whole = counts + self._taken.sum(axis=1)
        self._left = counts.copy()
        self._others = _counted(others)
        self._all = int(counts.sum()) + len(others)

    def drawn(self, draws: Draws, nature: Nature, count: int) -> Int64s:
        """`count` places in INITIATIONS for a nature of MIXES.

        What is drawn makes the nature's mix whole again as far as it can.
        """
        weights, place = _weights(MIXES[nature]), place_of(nature)
        left = weights * self._whole[place] - self._taken[place] * _WHOLE
        return _chosen(draws, left, weights, count)

    def take(self, nature: Nature, forms: Int64s) -> None:
        """Notes what ordinary transfers of a nature got."""
        counts = _counted(forms)
        self._taken[place_of(nature)] += counts
        self._others += counts
        self._left[place_of(nature)] -= len(forms)

    def note(self, forms: Int64s) -> None:
        """Notes what persons who pay persons got."""
        self._others += _counted(forms)

    def left(self, draws: Draws, count: int) -> Int64s:
        """`count` places for persons who pay persons, drawn last in a shift: what the official mix
        leaves when later shifts have been drawn.
        """
        weights = _weights({one: OFFICIAL[one] for one in _BETWEEN_PERSONS})
        official = sum(OFFICIAL.values())
        left = _weights(OFFICIAL) * self._all - self._others * official
        for nature, mix in MIXES.items():
            left -= _weights(mix) * int(self._left[place_of(nature)]) * official // _WHOLE
        return _chosen(draws, np.where(weights > 0, left, 0), weights, count)


def without_large_contactless(initiations: Int64s, amounts: Int64s) -> Int64s:
    """The places with a dynamic code instead where a contactless payment would be a large one."""
    contactless = np.isin(
        initiations, [INITIATIONS.index(Initiation.APDN), INITIATIONS.index(Initiation.APES)]
    )
    code = INITIATIONS.index(Initiation.QRDN)
    return np.where(contactless & (amounts > _CONTACTLESS_MOST), code, initiations)


def _weights(mix: dict[Initiation, int]) -> Int64s:
    return np.asarray([mix.get(initiation, 0) for initiation in INITIATIONS], dtype=np.int64)


def _counted(places: Int64s) -> Int64s:
    return np.bincount(places, minlength=len(INITIATIONS)).astype(np.int64)


def _chosen(draws: Draws, left: Int64s, otherwise: Int64s, count: int) -> Int64s:
    left = np.maximum(left, 0)
    left = left if left.any() else otherwise
    # Brought into what `cumulated` takes.
    return draws.chosen(cumulated(left // max(1, int(left.sum()) // 100_000_000)), count)
