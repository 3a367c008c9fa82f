"""The commands on the log itself: `crivo log copy`."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.cli.output import print_facts, print_json, progress_bar


def run_log_copy(
    source: Path, to: str, *, undecided: bool, home: Path | None, as_json: bool
) -> None:
    """`crivo log copy`.

    Raises:
        Misconfigured, Unavailable: as `copy_to_kafka`.
    """
    from crivo.bootstrap.copying import copy_to_kafka
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=to)
    with progress_bar("events", unit="events") as progress:
        result = copy_to_kafka(settings, source, undecided=undecided, progress=progress)
    facts = {"before": result.before, "copied": result.copied}
    if as_json:
        print_json(facts)
    else:
        print_facts(f"{result.copied:,} events copied", {"there before": f"{result.before:,}"})
