"""What a fraud declares: one a file in `typologies/`, found by reflection."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from crivo.domain.errors import Code, invalid
from crivo.simulator import typologies
from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import CONTEST_DELAYS, DelayTable
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows
from crivo.simulator.signals import Signal

#: Draws one campaign.
Recipe = Callable[[Casting, Draws], Campaign]

#: Draws what becomes of the stolen money of another typology's campaign: rows of hop 2 and more.
Attach = Callable[[Casting, Draws, Rows], Rows]

#: A fraud's background transfers of one day, unsorted.
OfDay = Callable[[Day, Draws], Rows]

#: Casts a background once for a world; its campaign numbers come from the counter it is given.
Background = Callable[[Casting, Draws, Callable[[], int]], OfDay]


class Kind(StrEnum):
    """What a typology brings into the world, and so how its share is counted."""

    THEFT = "theft"  # victims pay: a share of the frauds
    NETWORK = "network"  # moves what the thefts brought: a share of the frauds
    ABUSE = "abuse"  # honest transfers that are contested: transfers for 1,000 frauds
    CASE = "case"  # no money moves, somebody complains: campaigns for 1,000 frauds
    RECON = "recon"  # no money moves, nobody complains: campaigns for 1,000 frauds
    BACKGROUND = "background"  # not contested as fraud: transfers of 1,000 transfers
    SCENARIO = "scenario"  # only where it is asked for by code: one campaign beside the shares


@dataclass(frozen=True, slots=True)
class Typology:
    """A kind of fraud.

    `share_per_mille` is its part as its kind counts it; of thefts and networks, relative to the
    others of them. Of the transfers that victims made (hop 1), `reported_per_mille` are contested;
    of those that mules passed on, `traced_per_mille` become known when the victim's bank traces the
    money. `situation` and `fraud_type` are the codes of the infraction report, empty where there is
    none; `signals` are what could be seen when deciding, and `noticed` those of them that the
    payer's institution collects, each with the thousandths of sessions in which it does; `source`
    says where recipe and prior come from; `means` is what an adaptive fraudster can change.
    Between the first and the last payment of a campaign's victims never lie more than
    `lasts_at_most` microseconds, by the recipe or by a fraudster who takes more time. What a
    network passes on of others' money is `mean_passed_on` centavos a payment in the mean.
    """

    code: str
    name: str
    name_pt: str
    meaning: str
    source: str
    signals: tuple[str, ...]
    situation: str
    fraud_type: str
    share_per_mille: int
    reported_per_mille: int
    recipe: Recipe
    kind: Kind = Kind.THEFT
    traced_per_mille: int = 0
    contest_delays: DelayTable = CONTEST_DELAYS
    noticed: tuple[tuple[Signal, int], ...] = ()
    means: tuple[Lever, ...] = ()
    lasts_at_most: int | None = None
    attach: Attach | None = None
    mean_passed_on: int = 0
    background: Background | None = None

    @property
    def steals(self) -> bool:
        """Whether its transfers count as frauds by share."""
        return self.kind in (Kind.THEFT, Kind.NETWORK)

    @property
    def noticed_from_hop(self) -> int:
        """1: `noticed` is about the victims' payments; 2: about what mules pass on."""
        return 2 if self.kind is Kind.NETWORK else 1


def parse_scenarios(codes: Collection[str]) -> frozenset[str]:
    """Those codes, if each is one scenario's and none is named twice.

    Raises:
        Refused: FIELD_VALUE.
    """
    found = one_a_file(typologies, "TYPOLOGY", Typology)
    known = sorted(one.code for one in found if one.kind is Kind.SCENARIO)
    if len(set(codes)) < len(codes) or not set(codes) <= set(known):
        raise invalid(
            Code.FIELD_VALUE,
            field="scenario",
            expected=f"one of {', '.join(known)}, each given once",
            found=" ".join(codes),
        )
    return frozenset(codes)


def default_typologies(scenarios: Collection[str] = ()) -> tuple[Typology, ...]:
    """Every typology by its code; scenarios only where their codes are named."""
    found = one_a_file(typologies, "TYPOLOGY", Typology)
    wanted = (one for one in found if one.kind is not Kind.SCENARIO or one.code in scenarios)
    return tuple(sorted(wanted, key=lambda typology: typology.code))
