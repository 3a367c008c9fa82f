"""The commands on training sets: `features build`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.output import print_facts, print_json, progress_bar
from crivo.domain.instant import DAY, parse_rfc3339

if TYPE_CHECKING:
    from crivo.flows.build import BuildResult


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What `crivo features build` was told."""

    home: Path | None
    log: Path | None
    labels_as_of: str | None
    label_delay_days: int
    silent_one_in: int
    shards: int
    out: Path | None
    as_json: bool


def run_features_build(options: BuildOptions) -> None:
    """`crivo features build`."""
    from crivo.bootstrap.training_sets import SetRequest, build_set
    from crivo.settings import load_settings

    text = options.labels_as_of
    request = SetRequest(
        log=options.log,
        labels_as_of=None if text is None else parse_rfc3339(text, field="--labels-as-of"),
        label_delay=options.label_delay_days * DAY,
        silent_one_in=options.silent_one_in,
        shards=options.shards,
        out=options.out,
    )
    settings = load_settings(os.environ, home=options.home)
    with progress_bar("training set", unit="events") as progress:
        result = build_set(
            settings, request, progress=lambda _stage, done, total: progress(done, total)
        )
    if options.as_json:
        print_json(build_facts(result))
    else:
        show_set(result)


def build_facts(result: BuildResult) -> dict[str, object]:
    """A training set, as JSON shows it."""
    assert result.written is not None
    return {
        "folder": str(result.written.folder),
        "rows": result.rows,
        "tiers": dict(result.tiers),
        "left_out": dict(result.left_out),
        "log_id": result.log_id,
        "cut": result.cut,
        "rows_sha256": result.written.table_sha256,
        "manifest_sha256": result.written.manifest_sha256,
    }


def show_set(result: BuildResult) -> None:
    """A training set, for people."""
    assert result.written is not None
    left_out = [f"{n:,} {cause}" for cause, n in result.left_out.items() if n]
    print_facts(
        f"{result.rows:,} rows lie in {result.written.folder}",
        {
            "tiers": ", ".join(f"{n:,} {tier}" for tier, n in result.tiers.items()),
            "left out": ", ".join(left_out) or "–",
            "log": f"{result.log_id}, below {result.cut:,}",
            "rows.parquet": result.written.table_sha256,
        },
    )
