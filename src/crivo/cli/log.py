"""The commands on the log itself: `crivo log copy`, `export` and `make`."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.cli.output import print_facts, print_json, progress_bar
from crivo.cli.stopping import told_to_stop


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


def run_log_export(
    log: str | None,
    to: Path,
    *,
    follow: bool,
    rotate: tuple[int, int],
    home: Path | None,
    as_json: bool,
) -> None:
    """`crivo log export`: a signal ends it between two turns, with exit code 0.

    `rotate` are the megabytes and seconds at which a file is ended.

    Raises:
        Misconfigured, Refused, Unavailable: as `export_log`.
    """
    from crivo.bootstrap.exporting import Exporting, export_log
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=log)
    megabytes, seconds = rotate
    wanted = Exporting(to, follow, megabytes * 1_000_000, float(seconds))
    stop = told_to_stop()
    with progress_bar("transfers", unit="transfers") as progress:
        result = export_log(settings, wanted, should_stop=stop.is_set, progress=progress)
    facts = {"transfers": result.transfers, "files": result.files, "next": result.next}
    if as_json:
        print_json(facts)
    else:
        print_facts(
            f"{result.transfers:,} transfers in {result.files:,} files",
            {"the log before number": f"{result.next:,}"},
        )


def run_log_make(log: str | None, *, home: Path | None, as_json: bool) -> None:
    """`crivo log make`.

    Raises:
        Misconfigured, Unavailable: as `make_kafka_log`.
    """
    from crivo.bootstrap.copying import make_kafka_log
    from crivo.settings import load_settings

    manifest = make_kafka_log(load_settings(os.environ, home=home, log__url=log))
    facts = {"clock": manifest.clock.value, "partitions": manifest.partitions}
    if as_json:
        print_json({"log_id": manifest.log_id, **facts})
    else:
        print_facts(f"The log {manifest.log_id}", facts)
