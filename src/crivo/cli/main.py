"""The command line: daily acts are verbs, administered things are noun + verb.

Only this module and its options are imported for `crivo --help`; each command imports its own work
when it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from crivo.cli.backtest_command import backtest
from crivo.cli.decide_command import decide
from crivo.cli.ingest_command import ingest
from crivo.cli.key_commands import keys
from crivo.cli.lake_commands import lake
from crivo.cli.ledger_commands import ledger
from crivo.cli.log_commands import log
from crivo.cli.options import (
    COUNT_MAX,
    DAYS_MAX,
    Home,
    Json,
    LabelDelayDays,
    LabelsAsOf,
    Log,
    Mapping,
    SilentOneIn,
    TrainingSeed,
)
from crivo.cli.platform_commands import platform
from crivo.cli.privacy_commands import erase, reveal
from crivo.cli.quarantine_commands import quarantine
from crivo.cli.receive_command import receive
from crivo.cli.report_commands import report
from crivo.cli.simulate_command import simulate
from crivo.cli.stopping import INTERRUPTED, SAID, interruptible
from crivo.cli.topics_commands import topics
from crivo.cli.train_command import train

app = typer.Typer(
    name="crivo",
    help="Decides Pix transfers in milliseconds, and can prove each decision later.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
models = typer.Typer(no_args_is_help=True, help="Models: list, promote.")
features = typer.Typer(no_args_is_help=True, help="Features: the catalogue that all engines obey.")
app.add_typer(models, name="models")
app.add_typer(features, name="features")
app.add_typer(quarantine, name="quarantine")
app.add_typer(keys, name="keys")
app.add_typer(lake, name="lake")
app.add_typer(ledger, name="ledger")
app.add_typer(log, name="log")
app.add_typer(platform, name="platform")
app.add_typer(report, name="report")
app.add_typer(topics, name="topics")
app.command()(erase)
app.command()(reveal)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"crivo {version('crivo')}")
        raise typer.Exit


@app.callback()
def crivo(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which.")
    ] = False,
) -> None:
    """Decides Pix transfers in milliseconds, and can prove each decision later."""
    assert not version, "the version was said, and that was all"


@app.command()
def demo(
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help="Folder of log, models and keys, made anew. [default: .crivo/demo, or "
            ".crivo/demo-own with --data]",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Your own table; without it a world is simulated.")
    ] = None,
    mapping: Mapping = None,
    seed: TrainingSeed = 7,
    rate: Annotated[
        int | None,
        typer.Option(
            "--rate",
            min=0,
            max=COUNT_MAX,
            help="Transfers/s to play; 0: as fast as answers come. [default: 100, then 0]",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Port of the service; 0 picks one.")
    ] = 0,
    ci: Annotated[bool, typer.Option("--ci", help="Small, and ends by itself.")] = False,
    stay: Annotated[
        bool | None,
        typer.Option(
            "--stay/--no-stay",
            help="Keep serving the page until Ctrl-C. [default: stay, but not with --ci]",
        ),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            "--days", min=0, max=DAYS_MAX, help="Days of --data to play; 0: as the mapping says."
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Simulate or read a past, train on it, serve, and play the next day over HTTP."""
    from crivo.cli.demo import DemoOptions, run_demo

    if ci and stay:
        raise typer.BadParameter("--ci ends by itself, so it cannot --stay")
    run_demo(
        DemoOptions(
            home=home,
            data=data,
            mapping=mapping,
            seed=seed,
            rate=rate,
            port=port,
            small=ci,
            stay=not ci if stay is None else stay,
            days=days,
            as_json=as_json,
        )
    )


app.command()(backtest)
app.command()(decide)
app.command()(receive)
app.command()(simulate)
app.command()(train)


app.command()(ingest)


@app.command()
def serve(
    home: Home = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 picks a free one.")] = None,
    as_json: Json = False,
) -> None:
    """Answer POST /v1/decisions and POST /predict from the champion model until Ctrl-C."""
    from crivo.cli.serve import run_serve

    run_serve(home=home, host=host, port=port, as_json=as_json)


@app.command()
def replay(
    home: Home = None,
    end_to_end_id: Annotated[
        list[str] | None, typer.Option("--id", help="Only this EndToEndId (repeatable).")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Only decisions received since (RFC 3339, Z).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Only decisions received before (RFC 3339, Z).")
    ] = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Derive every decision again from the log and compare it byte for byte."""
    from crivo.cli.trust import run_replay

    run_replay(home=home, log=log, ids=end_to_end_id, since=since, until=until, as_json=as_json)


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Show the effective settings and check what the parts need."""
    from crivo.cli.trust import run_doctor

    run_doctor(home=home, as_json=as_json)


@models.command("list")
def models_list(home: Home = None, as_json: Json = False) -> None:
    """List the models of the home folder and the aliases they bear."""
    from crivo.cli.models import run_models_list

    run_models_list(home=home, as_json=as_json)


@models.command("promote")
def models_promote(
    model: Annotated[str, typer.Argument(help="Hash, its first characters, or an alias.")],
    approved_by: Annotated[
        str, typer.Option("--approved-by", help="Who approves it, for its card and the tracker.")
    ],
    home: Home = None,
    to: Annotated[str, typer.Option("--to", help="champion or staging.")] = "champion",
    allow_leak: Annotated[
        str, typer.Option("--allow-leak", help="Who looked at a suspected leak.")
    ] = "",
    unlike_champion: Annotated[
        str, typer.Option("--unlike-champion", help="Who answers for one that reads other inputs.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a model the champion that `crivo serve` reads at its next start, through the gates."""
    from crivo.bootstrap.models import Names
    from crivo.cli.models import run_models_promote

    names = Names(approved_by, allow_leak, unlike_champion)
    run_models_promote(model, home=home, to=to, names=names, as_json=as_json)


@models.command("compare")
def models_compare(
    model: Annotated[list[str], typer.Argument(help="Hashes, or aliases such as champion.")],
    home: Home = None,
    reviews_per_day: Annotated[
        int,
        typer.Option(
            "--reviews-per-day", min=1, max=COUNT_MAX, help="Transfers that can be looked at."
        ),
    ] = 100,
    as_json: Json = False,
) -> None:
    """Compare models on the rows of the test that began last, from which none has learnt."""
    from crivo.cli.models import run_models_compare

    run_models_compare(model, home=home, reviews_per_day=reviews_per_day, as_json=as_json)


@models.command("rollback")
def models_rollback(
    approved_by: Annotated[
        str, typer.Option("--approved-by", help="Who wants it, for the tracker.")
    ],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make the former champion the champion again."""
    from crivo.cli.models import run_models_rollback

    run_models_rollback(home=home, approved_by=approved_by, as_json=as_json)


@features.command("list")
def features_list(as_json: Json = False) -> None:
    """List every feature with its meaning, unit and what null means."""
    from crivo.cli.models import run_features_list

    run_features_list(as_json=as_json)


@features.command("lock")
def features_lock(as_json: Json = False) -> None:
    """Note every declared feature as served: from then on its definition cannot be edited."""
    from crivo.cli.models import run_features_lock

    run_features_lock(as_json=as_json)


@features.command("build")
def features_build(
    home: Home = None,
    log: Annotated[
        Path | None,
        typer.Option("--from", help="A log file, or a home folder. [default: the home folder's]"),
    ] = None,
    labels_as_of: LabelsAsOf = None,
    label_delay_days: LabelDelayDays = 7,
    silent_one_in: SilentOneIn = 1,
    shards: Annotated[
        int, typer.Option("--shards", min=1, max=256, help="Processes to deal the keys to.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make. [default: in the home folder]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a training set: every transfer's vector as it was known then, its label as of T."""
    from crivo.cli.sets import BuildOptions, run_features_build

    run_features_build(
        BuildOptions(
            home=home,
            log=log,
            labels_as_of=labels_as_of,
            label_delay_days=label_delay_days,
            silent_one_in=silent_one_in,
            shards=shards,
            out=out,
            as_json=as_json,
        )
    )


@features.command("verify")
def features_verify(
    home: Home = None,
    one_in: Annotated[
        int,
        typer.Option(
            "--one-in", min=1, max=COUNT_MAX, help="Look at one payer in so many; 1: at all."
        ),
    ] = 10,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Recompute served vectors from the log: parity must hold, and what staleness cost is said."""
    from crivo.cli.sets import run_features_verify

    run_features_verify(home=home, log=log, one_in=one_in, as_json=as_json)


@features.command("snapshot")
def features_snapshot(home: Home = None, as_json: Json = False) -> None:
    """Keep the state at the log's end, so that the next start need not read the log again."""
    from crivo.cli.data import run_features_snapshot

    run_features_snapshot(home=home, as_json=as_json)


def main() -> None:
    """Run the command line; a refusal is one clear message and its exit code (0, 1, 2, 3)."""
    from crivo.domain.errors import CrivoError

    # Threads of a forest's training that wait would else keep a busy machine's processors from
    # those that work: ten seconds became fifty.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with interruptible():
            app()
    except CrivoError as error:
        sys.stderr.write(f"crivo: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        # Before typer listens.
        _end_interrupted()
    except SystemExit as ended:
        # What typer makes of a KeyboardInterrupt, without a word.
        if ended.code == INTERRUPTED:
            _end_interrupted()
        raise


def _end_interrupted() -> NoReturn:
    sys.stderr.write(SAID)
    sys.exit(INTERRUPTED)
