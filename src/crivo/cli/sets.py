"""The commands on vectors: `features build` writes them, `features verify` recomputes them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.left_out import left_out_text
from crivo.cli.output import print_facts, print_json, print_table, progress_bar
from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import DAY, parse_rfc3339

if TYPE_CHECKING:
    from crivo.flows.build import BuildResult
    from crivo.flows.verify import VerifyResult


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
    print_facts(
        f"{result.rows:,} rows lie in {result.written.folder}",
        {
            "tiers": ", ".join(f"{n:,} {tier}" for tier, n in result.tiers.items()),
            "left out": left_out_text(result.left_out),
            "log": f"{result.log_id}, below {result.cut:,}",
            "rows.parquet": result.written.table_sha256,
        },
    )


def run_features_verify(
    *, home: Path | None, one_in: int, as_json: bool, log: str | None = None
) -> None:
    """`crivo features verify`: exit code 1 where a vector came out otherwise, or none was there.

    Raises:
        Unfit: REPLAY_DIFFERS; NOT_FOUND where nothing was compared, which proves nothing.
    """
    from crivo.bootstrap.proving import verify_home
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=log)
    with progress_bar("events", unit="events") as progress:
        result = verify_home(settings, one_in=one_in, progress=progress)
    if as_json:
        print_json(verify_facts(result, one_in))
    else:
        show_verify(result, one_in)
    if not result.is_equal:
        raise Unfit(
            Code.REPLAY_DIFFERS,
            f"{result.differing} of {result.compared} vectors came out otherwise",
            hint="The first ones are named above, and the features that differ.",
        )
    if not result.compared:
        raise Unfit(
            Code.NOT_FOUND,
            f"no vector was compared: {result.sampled} decisions in the sample, "
            f"{result.unscored} of them without a score, "
            f"{result.other_versions.total()} of another version",
            hint="Take more payers (--one-in 1), or a log whose decisions were scored.",
        )


def verify_facts(result: VerifyResult, one_in: int) -> dict[str, object]:
    """A verification, as JSON shows it."""
    return {
        "payers_one_in": one_in,
        "events_folded": result.folded,
        "sampled": result.sampled,
        "other_version": result.other_versions.total(),
        "parity": {
            "compared": result.compared,
            "by_hash": result.by_hash,
            "unscored": result.unscored,
            "mismatches": result.differing,
            "features": dict(result.mismatches),
            "first": result.first,
        },
        "staleness": {
            "compared": result.idealised,
            "stale": result.stale,
            "late": result.late,
            "out_of_reach": result.out_of_reach,
            "features": {
                name: {
                    "differing": cost.differing,
                    "nulls": cost.nulls,
                    "mean_absolute": _mean(cost.absolute, cost.differing - cost.nulls),
                    "largest": cost.largest,
                }
                for name, cost in sorted(result.costs.items())
            },
        },
    }


def show_verify(result: VerifyResult, one_in: int) -> None:
    """A verification, for people."""
    print_facts(
        f"Served vectors of one payer in {one_in}, {result.folded:,} events folded",
        {
            "replay parity": f"{result.differing:,} mismatches in {result.compared:,} vectors",
            "not scored": f"{result.unscored:,}",
            "of another version": f"{result.other_versions.total():,}",
            "staleness": f"{result.stale:,} of {result.idealised:,} vectors were not the ideal",
            "late, without an ideal": f"{result.late:,}",
        },
    )
    if result.mismatches:
        rows = [(name, f"{count:,}") for name, count in result.mismatches.most_common()]
        print_table("Mismatches", ("feature", "vectors"), rows)
        print_facts("The first", dict.fromkeys(result.first, ""))
    if result.costs:
        costs = sorted(result.costs.items(), key=lambda item: -item[1].differing)
        print_table(
            "Staleness cost, served against ideal",
            ("feature", "vectors", "share", "null on one side", "mean distance", "largest"),
            [
                (
                    name,
                    f"{cost.differing:,}",
                    f"{cost.differing / result.idealised:.3%}",
                    f"{cost.nulls:,}",
                    f"{_mean(cost.absolute, cost.differing - cost.nulls):,.4g}",
                    f"{cost.largest:,.4g}",
                )
                for name, cost in costs
            ],
        )


def _mean(total: float, count: int) -> float:
    return total / count if count else 0.0
