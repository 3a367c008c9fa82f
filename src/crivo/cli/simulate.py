"""The command that makes a world: `simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.cli.faults import checked_faults
from crivo.cli.game import check_nothing_stopped, parse_game
from crivo.cli.output import notes, print_facts, print_json, progress_bar

if TYPE_CHECKING:
    from crivo.adapters.world_files.writer import Written
    from crivo.cli.output import Progress
    from crivo.simulator.world import World

#: The table of a written world that an import reads.
TRANSFERS_FILE: Final = "transfers.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateFlags:
    """What `crivo simulate` was asked for, as it was typed; the defaults are the command's."""

    out: Path
    tables: str = "seven"
    seed: int = 7
    scale: str = "1"
    start: str = "2026-08-03"
    days: int = 30
    past_days: int = 90
    prevalence: str = "enriched"
    difficulty: str = "standard"
    file_format: str = "csv"
    compression: str | None = None
    by_day: bool = False
    keep_one_in: int = 1
    replace: bool = False
    viewpoint: str = "payer_psp"
    adversary: str = "static"
    policy: str | None = None
    faults: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()


def simulate_world(flags: SimulateFlags, progress: Progress) -> Written:
    """The world of these flags, written.

    Raises:
        Refused: FIELD_VALUE, FILE_UNWRITABLE. Unavailable: FILE_UNWRITABLE.
    """
    from crivo.adapters.world_files.layout import Layout, parse_compression, parse_format
    from crivo.adapters.world_files.writer import TableSet, parse_table_set, write_world
    from crivo.simulator.events.viewpoint import parse_viewpoint
    from crivo.simulator.sampling import Sampling

    table_set = parse_table_set(flags.tables)
    if table_set is TableSet.SEVEN:
        check_nothing_stopped(
            flags.adversary, flags.policy, "--tables seven", "Use --tables platform or events."
        )
    layout = Layout(
        parse_format(flags.file_format),
        None if flags.compression is None else parse_compression(flags.compression),
        flags.by_day or table_set is TableSet.EVENTS,
    )
    sampling = Sampling(flags.keep_one_in)
    return write_world(
        flags.out,
        planned_world(flags),
        table_set=table_set,
        layout=layout,
        sampling=sampling,
        viewpoint=parse_viewpoint(flags.viewpoint),
        faults=checked_faults(flags.faults),
        replace=flags.replace,
        progress=progress,
    )


def planned_world(flags: SimulateFlags) -> World:
    """The world of these flags, to be walked through; one that was to have frauds and is too small
    for one is told on stderr.

    Raises:
        Refused: FIELD_VALUE.
    """
    from crivo.simulator.difficulty import parse_difficulty
    from crivo.simulator.options import (
        SimulationOptions,
        parse_prevalence,
        parse_scale,
        parse_start,
    )
    from crivo.simulator.play import played_world
    from crivo.simulator.typology import default_typologies, parse_scenarios
    from crivo.simulator.world import simulate

    game = parse_game(flags.adversary, flags.policy)
    options = SimulationOptions(
        seed=flags.seed,
        start=parse_start(flags.start),
        days=flags.days,
        past_days=flags.past_days,
        scale=parse_scale(flags.scale),
        prevalence=parse_prevalence(flags.prevalence),
        difficulty=parse_difficulty(flags.difficulty),
    )
    if options.prevalence > 0 and options.frauds_wanted == 0:
        notes().print(
            f"No transfer of this world is a fraud: {options.prevalence} of "
            f"{options.transfers:,} is less than one. Raise --scale, --days or --prevalence."
        )
    typologies = default_typologies(parse_scenarios(flags.scenarios))
    world = simulate(options, typologies=typologies)
    return played_world(world, game.policy, game.adversary) if game.is_played else world


def run_simulate(flags: SimulateFlags, *, as_json: bool) -> None:
    """`crivo simulate`."""
    with progress_bar("transfers", unit="transfers") as progress:
        written = simulate_world(flags, progress)
    faulted = written.faulted
    if as_json:
        print_json(
            {
                "folder": written.folder,
                "seed": flags.seed,
                "rows": dict(written.rows),
                "sha256": dict(written.sha256),
                "faults": {} if faulted is None else dict(faulted.done),
            }
        )
        return
    rows = {name: f"{count:,} rows" for name, count in written.rows.items()}
    if faulted is not None:
        rows["faulted"] = f"{faulted.received:,} rows arrive, {sum(faulted.done.values()):,} faults"
    print_facts(f"A world of seed {flags.seed} lies in {written.folder}", rows)
