"""`crivo simulate` as it is typed: its options, and what they are together."""

from __future__ import annotations

import typer

from crivo.cli.options import Json, Seed
from crivo.cli.world_options import (
    Adversary,
    AgainstPolicy,
    ByDay,
    Compression,
    Difficulty,
    Faults,
    Format,
    KeepOneIn,
    Out,
    PastDays,
    Prevalence,
    Replace,
    Report,
    Scale,
    Scenarios,
    Side,
    Start,
    Tables,
    WindowDays,
)


def simulate(
    context: typer.Context,
    out: Out = None,
    report: Report = None,
    tables: Tables = "seven",
    seed: Seed = 7,
    scale: Scale = "1",
    start: Start = "2026-08-03",
    days: WindowDays = 30,
    past_days: PastDays = 90,
    prevalence: Prevalence = "enriched",
    difficulty: Difficulty = "standard",
    file_format: Format = "csv",
    compression: Compression = None,
    by_day: ByDay = False,
    keep_one_in: KeepOneIn = 1,
    replace: Replace = False,
    viewpoint: Side = "payer_psp",
    adversary: Adversary = "static",
    policy: AgainstPolicy = None,
    fault: Faults = None,
    scenario: Scenarios = None,
    as_json: Json = False,
) -> None:
    """Write a seeded small Brazil that pays by Pix, with frauds that become known late."""
    from crivo.cli.acceptance import run_asked
    from crivo.cli.option_names import refused_by_option
    from crivo.cli.simulate import SimulateFlags
    from crivo.cli.simulate_folders import parse_folder
    from crivo.cli.without_effect import check_all_count

    with refused_by_option():
        world, compared = parse_folder(out, field="out"), parse_folder(report, field="report")
        folder = world or compared
        if folder is None:
            raise typer.BadParameter(
                "name a folder for the world (--out), one for the report (--report), or both"
            )
        flags = SimulateFlags(
            out=folder,
            tables=tables,
            seed=seed,
            start=start,
            days=days,
            past_days=past_days,
            scale=scale,
            prevalence=prevalence,
            difficulty=difficulty,
            file_format=file_format,
            compression=compression,
            by_day=by_day,
            keep_one_in=keep_one_in,
            replace=replace,
            viewpoint=viewpoint,
            adversary=adversary,
            policy=policy,
            faults=tuple(fault or ()),
            scenarios=tuple(scenario or ()),
        )
        check_all_count(_typed(context), flags, writes=world is not None)
        run_asked(flags, writes=world is not None, report=compared, as_json=as_json)


def _typed(context: typer.Context) -> set[str]:
    """The parameters that were given, be it with the value that they have by default."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
