"""The page about typologies and look-alikes, made from what they declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crivo.simulator.lookalike import LookAlike, default_look_alikes
from crivo.simulator.signals import HONEST_PER_100_000
from crivo.simulator.typology import Kind, Typology, default_typologies

_HEAD: Final = """# Frauds of the simulated world, and what is taken for them

Made by `scripts/typologies.py` from the declarations in `src/crivo/simulator/typologies/` and
`src/crivo/simulator/lookalikes/`; a test compares the two. Do not edit it by hand. Nothing here is
a bank's figure: a source says what is public, the rest are priors.

* **Kind** says how a share is counted. Thefts and networks share the frauds of a world among them.
  Abuse is counted in transfers, cases and reconnaissance in campaigns, each for 1,000 frauds;
  background in transfers of 1,000 transfers. A scenario happens once, beside the shares and
  beside the number of frauds asked for, with `crivo simulate --scenario` and its code.
* **Report** is situation and conclusion of the infraction report, where there is one, and how many
  of 1,000 victims' payments (and of those passed on, from R$ 200) are contested.
* **Noticed** is what the payer's institution collects besides the facts of a payment, with the
  thousandths of sessions in which it does. Of those sessions nine payments in ten show it. Honest
  payments show the same, at the rates below. A loan or a higher limit in T05 is noticed where one
  was given.
* **Means** is what a fraudster who adapts can change
  ([the adversary](../explanation/adversary.md)).

The truth of a row is its typology, campaign, role and hop: a victim pays (hop 1), mules pass on
(hop 2 and more). Rows of a campaign with hop 0 are no frauds: baits, stakes of betting, honest
purchases that will be contested.
"""


def typology_page() -> str:
    """The whole page, in Markdown."""
    scenarios = {"T18"}
    return "\n".join(
        [
            _HEAD,
            "## Typologies\n",
            *_table(
                ("code", "nome", "kind", "share ‰", "what happens", "signs", "noticed ‰"),
                (_first_row(one) for one in default_typologies(scenarios)),
            ),
            "",
            *_table(
                ("code", "report", "contested ‰", "means", "source"),
                (_second_row(one) for one in default_typologies(scenarios)),
            ),
            "",
            "## What honest payments show\n",
            *_table(
                ("noticed", "of 100,000 honest payments"),
                ((str(signal.name), f"{rate:,}") for signal, rate in HONEST_PER_100_000.items()),
            ),
            "",
            "Besides, most payments from a telephone bought that day show `NEW_DEVICE`.\n",
            "## Look-alikes\n",
            *_table(
                ("name", "resembles", "what is seen", "season"),
                (_look_alike_row(one) for one in default_look_alikes()),
            ),
            "",
        ]
    )


def _first_row(typology: Typology) -> tuple[str, ...]:
    noticed = "; ".join(f"`{signal.name}` {share}" for signal, share in typology.noticed)
    share = "when asked" if typology.kind is Kind.SCENARIO else str(typology.share_per_mille)
    return (
        typology.code,
        typology.name_pt,
        str(typology.kind),
        share,
        typology.meaning,
        "; ".join(typology.signals),
        noticed or "–",
    )


def _second_row(typology: Typology) -> tuple[str, ...]:
    report = " / ".join(part for part in (typology.situation, typology.fraud_type) if part)
    contested = str(typology.reported_per_mille)
    if typology.traced_per_mille:
        contested += f", passed on {typology.traced_per_mille}"
    means = ", ".join(typology.means)
    return (typology.code, report or "–", contested, means or "–", typology.source)


def _look_alike_row(look_alike: LookAlike) -> tuple[str, ...]:
    season = "" if look_alike.season is None else look_alike.season.isoformat()
    return (look_alike.name, ", ".join(look_alike.resembles), look_alike.meaning, season or "–")


def _table(names: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
