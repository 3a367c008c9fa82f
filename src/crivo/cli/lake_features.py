"""The commands on the lake's features: `crivo lake features`, `crivo lake training-set`."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from crivo.cli.output import print_facts, print_json, progress_bar
from crivo.domain.instant import DAY, parse_rfc3339


@dataclass(frozen=True, slots=True)
class GoldSetOptions:
    """What `crivo lake training-set` was told."""

    name: str
    labels_as_of: str | None
    label_delay_days: int
    silent_one_in: int
    home: Path | None
    as_json: bool


def run_lake_features(*, home: Path | None, as_json: bool) -> None:
    """`crivo lake features`.

    Raises:
        As `extend_features`.
    """
    from crivo.bootstrap.feature_store import extend_features
    from crivo.settings import load_settings

    with progress_bar("events", unit="events") as progress:
        done = extend_features(load_settings(os.environ, home=home), progress=progress)
    if as_json:
        print_json(asdict(done))
        return
    title = f"{done.rows:,} vectors appended to {done.table}"
    print_facts(title, {"events folded": f"{done.cut:,}"})


def run_lake_training_set(options: GoldSetOptions) -> None:
    """`crivo lake training-set NAME`.

    Raises:
        As `write_gold_set`; Refused: for an instant that is none.
    """
    from crivo.bootstrap.feature_store import GoldSetRequest, write_gold_set
    from crivo.settings import load_settings

    text = options.labels_as_of
    request = GoldSetRequest(
        name=options.name,
        labels_as_of=None if text is None else parse_rfc3339(text, field="--labels-as-of"),
        label_delay=options.label_delay_days * DAY,
        silent_one_in=options.silent_one_in,
    )
    settings = load_settings(os.environ, home=options.home)
    with progress_bar("rows", unit="rows") as progress:
        made = write_gold_set(settings, request, progress=progress)
    if options.as_json:
        facts = {"name": made.name, "table": made.table, "cut": made.cut, "rows": made.rows}
        print_json({**facts, "tiers": dict(made.tiers), "left_out": dict(made.left_out)})
        return
    left_out = [f"{n:,} {cause}" for cause, n in made.left_out.items() if n]
    print_facts(
        f"{made.rows:,} rows in {made.table}",
        {
            "tiers": ", ".join(f"{n:,} {tier}" for tier, n in made.tiers.items()),
            "left out": ", ".join(left_out) or "–",
            "log": f"below {made.cut:,}",
        },
    )
