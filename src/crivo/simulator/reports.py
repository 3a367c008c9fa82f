"""What becomes known about frauds, and when: late, not always, and not always rightly.

Three tiers come of it. An accepted claim is a noisy positive, a rejected one a noisy negative, and
a fraud that nobody contests stays silent. Honest transfers are contested too (regret, quarrels,
abuse); banks reject nearly all of those. At natural prevalence about 40 of 100,000 transfers are
contested and a tenth of the claims is accepted, as in the first half of 2026. The delays are
priors: 35 % of claims come within the hour, 30 % within the day, 20 % within a week and 15 % within
80 days; the analysis takes 3 days in the median and 7 at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.blocks import block_frauds
from crivo.simulator.draws import Bools, Draws, Int64s, cumulated
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.recoveries import recover
from crivo.simulator.rows import NONE, Rows

#: Accepted of the claims about frauds, in thousandths; banks do not see what the victim saw.
ACCEPTED_PER_MILLE: Final = 880
#: Accepted of the claims about honest transfers, in thousandths: labels that are wrong.
WRONGLY_ACCEPTED_PER_MILLE: Final = 8
#: Of a million honest transfers, those that are contested all the same.
HONEST_CLAIMS_OF_MILLION: Final = 375
#: At the least so many claims about honest transfers for each about a fraud, in thousandths: where
#: frauds are enriched, honest claims are too, or nearly every claim would be right.
HONEST_PER_MILLE_OF_CLAIMS: Final = 1500

#: Money that mules pass on is followed from this sum on, by the rules of the funds' recovery.
TRACED_FROM_CENTAVOS: Final = 20_000
#: Of what mules pass on, thousandths that are as large in the mean (measured over forty seeds); and
#: of those that are, thousandths that are followed at most.
WORTH_TRACING_PER_MILLE: Final = 660
_TRACED_AT_MOST: Final = 900

#: Samples of which the best balanced is kept.
_SAMPLES: Final = 8

_ANALYSIS_MEDIAN: Final = 3 * DAY
_ANALYSIS_SIGMA_PERCENT: Final = 70
_ANALYSIS_MAX: Final = 7 * DAY
_ANALYSIS_MIN: Final = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class DelayTable:
    """Steps (weight, from, to) in microseconds; uniform to the second within a step."""

    steps: tuple[tuple[int, int, int], ...]

    def drawn(self, draws: Draws, count: int) -> Int64s:
        """`count` delays."""
        step = draws.chosen(cumulated(tuple(weight for weight, _, _ in self.steps)), count)
        first = np.asarray([low for _, low, _ in self.steps], dtype=np.int64)[step]
        last = np.asarray([high for _, _, high in self.steps], dtype=np.int64)[step]
        seconds = np.maximum((last - first) // 1_000_000, 1)
        return first + draws.below_each(seconds) * 1_000_000


#: From the transfer to the claim.
CONTEST_DELAYS: Final = DelayTable(
    (
        (35, 3 * MINUTE, HOUR),
        (30, HOUR, DAY),
        (20, DAY, 7 * DAY),
        (15, 7 * DAY, 80 * DAY),
    )
)


class Contested(Protocol):
    """What of a typology matters here."""

    @property
    def reported_per_mille(self) -> int: ...
    @property
    def traced_per_mille(self) -> int: ...
    @property
    def contest_delays(self) -> DelayTable: ...


def honest_claims_of_million(claims: int, honest: int) -> int:
    """How many of a million honest transfers are contested, given the claims about frauds."""
    enriched = claims * HONEST_PER_MILLE_OF_CLAIMS * 1000 // max(1, honest)
    return max(HONEST_CLAIMS_OF_MILLION, enriched)


def contest_frauds(
    draws: Draws, frauds: Rows, typologies: Sequence[Contested], legal_payees: Bools
) -> None:
    """Writes claims, what became of them and of the money, and blocks into the rows of frauds.

    Who contests and whose claim is accepted is a quota of each typology along victims and mules,
    the kind of payee and the amount: frauds are few, and those of them that are known shall be
    like the others in number and in value.
    """
    by_amount = np.lexsort((frauds["amount_centavos"], legal_payees, frauds["hop"] > 1))
    claims, known = _Balanced(frauds, legal_payees), _Balanced(frauds, legal_payees)
    for place, typology in enumerate(typologies):
        mine = by_amount[frauds["typology"][by_amount] == place]
        by_victims = frauds["hop"][mine] <= 1
        traced = ~by_victims & (frauds["amount_centavos"][mine] >= TRACED_FROM_CENTAVOS)
        passed_on, worth = int((~by_victims).sum()), max(int(traced.sum()), 1)
        # So many are followed as there are in the mean, however many are large enough here.
        of_traced = typology.traced_per_mille * passed_on * WORTH_TRACING_PER_MILLE // 1000 // worth
        odds = np.where(
            by_victims, typology.reported_per_mille, traced * min(of_traced, _TRACED_AT_MOST)
        )
        claimed = mine[claims.sample(draws, mine, odds)]
        delays = typology.contest_delays.drawn(draws, len(claimed))
        accepted = known.sample(draws, claimed, np.full(len(claimed), ACCEPTED_PER_MILLE))
        _write(draws, frauds, claimed, delays, accepted)
    recover(draws, frauds)
    block_frauds(draws, frauds)


class _Balanced:
    """Samples that stay close to what is expected of them, in money and in companies' money.

    Rejective sampling (Fuller, 2009): of some systematic samples the one is kept with which all
    samples so far are nearest to their expectation.
    """

    def __init__(self, frauds: Rows, legal_payees: Bools) -> None:
        amounts = frauds["amount_centavos"]
        self._money = np.stack([amounts, np.where(legal_payees, amounts, 0)])
        self._off = np.zeros(2, dtype=np.int64)

    def sample(self, draws: Draws, places: Int64s, odds: Int64s) -> Bools:
        """Which of the places are taken, along their order, with these odds in thousandths."""
        along = np.arange(len(places), dtype=np.int64)
        money = self._money[:, places]
        expected = money @ odds
        tried = [draws.quota_along(along, odds) for _ in range(_SAMPLES)]
        off = [self._off + money[:, taken].sum(axis=1) * 1000 - expected for taken in tried]
        best = min(range(_SAMPLES), key=lambda place: int(np.abs(off[place]).sum()))
        self._off = off[best]
        return tried[best]


def contest_honest(draws: Draws, rows: Rows, persons: int, claims_of_million: int) -> None:
    """Writes claims about honest transfers (regret, quarrels, abuse) into the day's rows.

    Who contests is a person of the town, as victims are: accounts below `persons`.
    """
    honest = rows["typology"] == NONE
    by_persons = np.flatnonzero(honest & (rows["payer"] < persons))
    if len(by_persons) == 0 or claims_of_million == 0:
        return
    odds = claims_of_million * int(honest.sum()) // len(by_persons)
    claimed = by_persons[draws.below(1_000_000, len(by_persons)) < odds]
    delays = CONTEST_DELAYS.drawn(draws, len(claimed))
    accepted = draws.chance(WRONGLY_ACCEPTED_PER_MILLE, len(claimed))
    _write(draws, rows, claimed, delays, accepted)
    recover(draws, rows)


def settle_claims(draws: Draws, rows: Rows, claimed: Int64s, accepted: Bools) -> None:
    """Writes when the claims about these rows were settled, and how."""
    analysis = drawn(draws, lognormal(_ANALYSIS_MEDIAN, _ANALYSIS_SIGMA_PERCENT), len(claimed))
    analysis = to_milliseconds(np.clip(analysis, _ANALYSIS_MIN, _ANALYSIS_MAX))
    rows["settled_at"][claimed] = rows["contested_at"][claimed] + analysis
    rows["accepted"][claimed] = accepted


def _write(draws: Draws, rows: Rows, claimed: Int64s, delays: Int64s, accepted: Bools) -> None:
    rows["contested_at"][claimed] = rows["occurred_at"][claimed] + delays
    settle_claims(draws, rows, claimed, accepted)
