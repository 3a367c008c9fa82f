"""`crivo demo`: a past, a model of it, a service, and the next days played against it over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crivo.cli.demo_server import Served, new_page_link, served
from crivo.cli.demo_source import MAKERS_GAP_MAX, Source, own_source, simulated_source
from crivo.cli.demo_verdict import Verdict, show_verdict, verdict_of
from crivo.cli.output import notes, print_json, progress_bar
from crivo.cli.player import Score, Step, play
from crivo.cli.scoreboard import scoreboard
from crivo.cli.stopping import cleaned_up, interruption
from crivo.domain.errors import Code, Refused, Unavailable, Unfit
from crivo.domain.instant import MINUTE
from crivo.settings import Settings, load_settings

if TYPE_CHECKING:
    from crivo.model.leak import Finding

#: Written into a demo's folder, so that only a demo's folder is ever made anew.
MARKER: Final = "crivo-demo.json"
DEFAULT_HOME: Final = Path(".crivo/demo")
#: Of one's own table: the simulated one is worth keeping beside it.
OWN_HOME: Final = Path(".crivo/demo-own")
LOCAL: Final = "127.0.0.1"
#: Transfers a second that a person can follow, how many at most, and how long reports are played.
PACE: Final = 100
PACED_MAX: Final = 2_000
PACED_MAX_SMALL: Final = 500
REPORTS_SECONDS: Final = 4


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `crivo demo` was asked for; `small` is the one that ends by itself.

    `rate` None: the first half at a visible pace, the rest as fast as answers come; so is all at 0.
    """

    home: Path | None
    data: Path | None
    mapping: Path | None
    seed: int
    rate: int | None
    port: int
    small: bool
    stay: bool
    days: int
    as_json: bool


class Stages:
    """Says which stage runs, and how long the one before it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._console = notes()
        self._name = ""
        self._begun = time.monotonic()
        self._first = self._begun

    def next(self, name: str, text: str) -> None:
        """Closes the stage that ran and opens `name`."""
        now = time.monotonic()
        if self._name:
            self.seconds[self._name] = round(now - self._begun, 2)
        self._name, self._begun = name, now
        self._console.print(f"[bold]{now - self._first:6.1f} s[/bold]  {text}")

    def end(self) -> None:
        """Closes the last stage."""
        self.seconds[self._name] = round(time.monotonic() - self._begun, 2)


@cleaned_up()
def run_demo(options: DemoOptions) -> None:
    """Run the demo; exit code 1 where a promise was not kept.

    Raises:
        Unfit: LEDGER_BROKEN where something is not as it was signed, REPLAY_DIFFERS where a
            decision could not be derived again, byte for byte, CONFLICT where the conservation
            line does not add up, or what was played was not all answered as it should be,
            LEAK_SUSPECTED where the model looks like a leak beyond what the world's makers answer
            for.
    """
    _check_options(options)
    home = options.home or (DEFAULT_HOME if options.data is None else OWN_HOME)
    settings = load_settings(os.environ, home=home, log__clock="replay")
    _check_beginnings(settings, options.port)
    with _alone_in(home):
        _run(options, home, settings)


def _run(options: DemoOptions, home: Path, settings: Settings) -> None:
    stages = Stages()
    if options.data is None:
        _fresh_home(home)
        stages.next("simulate", "Simulating a small Brazil")
        source = simulated_source(home, seed=options.seed, small=options.small)
    else:
        stages.next("read", f"Reading {options.data}")
        source = own_source(options.data, options.mapping, days=options.days)
        _fresh_home(home)
    stages.next("ingest", f"Importing the past into the log, up to {source.play_day}")
    ingested = _ingest(settings, source)
    stages.next("train", f"Training on {source.learnt_text}")
    trained = _train(settings, source, seed=options.seed, quiet=options.as_json)
    stages.next("serve", "Starting the service, which folds the log into its state first")
    with served(home, port=options.port, environ=os.environ) as service:
        notes().print(f"  To be watched in a browser: {_page_of(service)}", markup=False)
        stages.next("play", f"Playing {source.played_text} over HTTP{source.why}")
        score = _play_all(service, source.steps(), options)
        stages.next(
            "ripen", f"Moving the clock on by {source.ripen_days} days, playing the reports"
        )
        reports = source.later_reports()
        pace = -(-len(reports) // REPORTS_SECONDS) if options.rate is None else 0
        _play(service, reports, rate=pace, title="Reports", score=score)
        stages.next("verify", "Deriving every decision again from the log")
        verdict = verdict_of(settings, source, ingested, trained, score)
        stages.end()
        if options.as_json:
            print_json(verdict.as_json(stages.seconds))
        else:
            show_verdict(verdict, home, stages.seconds)
        _check(verdict)
        if options.stay:
            _stay(service, home, tells_key=not options.as_json)
    notes().print(f"What it made is served again by: crivo serve --home {home}", markup=False)


def _check_options(options: DemoOptions) -> None:
    """Nothing, if each option has something to act upon: none is ignored in silence."""
    if options.data is None and options.mapping is not None:
        raise Refused(
            Code.FIELD_VALUE,
            "--mapping explains a table, and there is none without --data",
            hint="Give --data FILE too, or leave --mapping out.",
            field="--mapping",
            expected="--data beside it",
            found="--mapping alone",
        )
    if options.data is None and options.days:
        raise Refused(
            Code.FIELD_VALUE,
            "--days says how much of a table is played, and there is none without --data",
            hint="Of a simulated world the last day is played.",
            field="--days",
            expected="--data beside it",
            found="--days alone",
        )


def _check_beginnings(settings: Settings, port: int) -> None:
    """Nothing, if what the end of the demo needs is there: it is told before minutes of work.

    Raises:
        Refused: FILE_UNWRITABLE for a folder that is no demo's. Misconfigured: FILE_UNREADABLE
            where a policy file is missing. Unavailable: PORT_TAKEN.
    """
    from crivo.adapters.http.server import listen
    from crivo.flows.bundle import read_policy

    _check_demo_home(settings.home)
    read_policy(settings.policy)
    listen(LOCAL, port).close()


def _page_of(service: Served) -> str:
    """A fresh address of the live page, and for how long it is good."""
    from crivo.adapters.http.auth import LINK_LIFETIME

    return f"{new_page_link(service)} (opens once, within {LINK_LIFETIME // MINUTE} minutes)"


def _stay(service: Served, home: Path, *, tells_key: bool) -> None:
    """Says how to call the service until it is interrupted; its key once, and in no file."""
    console = notes()
    with interruption() as wait:
        console.print(f"\nStill serving. The live page: {_page_of(service)}", markup=False)
        console.print(
            f"API: {service.address}, its document at /openapi.json, its guide "
            "docs/reference/http.md.",
            markup=False,
        )
        if tells_key:
            console.print(
                "The demo's own key, told this once, good until Ctrl-C, and how to call with it:\n"
                f"  KEY={service.api_key}\n"
                f'  curl -sS {service.address}/v1/model -H "Authorization: Bearer $KEY"',
                markup=False,
                soft_wrap=True,
            )
        console.print(
            f"A key of your own: crivo keys new me --role admin --home {home}\n"
            "Another address of the page: POST /v1/page-links with a key. Ctrl-C ends it.",
            markup=False,
        )
        wait()
    console.print("Stopping.")


def _check(verdict: Verdict) -> None:
    if verdict.replay_differing or not verdict.replay_compared:
        raise Unfit(
            Code.REPLAY_DIFFERS,
            f"{verdict.replay_differing} of {verdict.replay_compared} decisions came out otherwise",
            hint="`crivo replay` names them.",
        )
    if not verdict.ledger.is_whole:
        raise Unfit(
            Code.LEDGER_BROKEN,
            f"{sum(verdict.ledger.counts.values())} things are not as they were signed",
            hint="`crivo ledger verify` names them.",
        )
    if not verdict.is_conserved:
        raise Unfit(Code.CONFLICT, "received is not accepted + quarantined + duplicate")
    if missed := verdict.due.missed(verdict.score):
        raise Unfit(
            Code.CONFLICT,
            missed,
            hint="The scoreboard has what was refused by its code; serve.log in the home folder "
            "has the service's words.",
        )


def _play_all(service: Served, steps: list[Step], options: DemoOptions) -> Score:
    """The score of all steps, the first of them at a pace that can be followed."""
    if options.rate is not None:
        return _play(service, steps, rate=options.rate, title="Playing")
    most = PACED_MAX_SMALL if options.small else PACED_MAX
    paced = min(len(steps) // 2, most)
    score = _play(service, steps[:paced], rate=PACE, title=f"Playing {PACE} a second")
    score.begin_again()
    return _play(service, steps[paced:], rate=0, title="Playing at full speed", score=score)


def _play(
    service: Served, steps: list[Step], *, rate: int, title: str, score: Score | None = None
) -> Score:
    score = score or Score()
    with scoreboard(title) as show:
        asyncio.run(play(service.address, service.api_key, steps, score, rate=rate, show=show))
    return score


def _ingest(settings: Settings, source: Source) -> dict[str, Any]:
    from crivo.bootstrap.offline import import_table
    from crivo.cli.data import ingest_facts

    with progress_bar("  rows", unit="rows") as progress:
        result = import_table(
            settings, source.table, source.mapping, until=source.play_from, progress=progress
        )
    return ingest_facts(result)


def _train(settings: Settings, source: Source, *, seed: int, quiet: bool) -> dict[str, Any]:
    from crivo.bootstrap.training import Training
    from crivo.cli.train import (
        procedure_in_force,
        promote_first,
        show_training,
        train_facts,
        train_home,
    )

    accepted_by = source.leak_accepted_by
    training = Training(source.play_from, seed, accepted_by, cuts=source.cuts)
    procedure = procedure_in_force(settings)
    result = train_home(settings, training)
    _check_leak(result.findings)
    became_champion = promote_first(settings, result, leak_accepted_by=accepted_by)
    if not quiet:
        show_training(
            result, became_champion=became_champion, procedure=procedure, home=settings.home
        )
    return train_facts(result, became_champion=became_champion)


def _check_leak(findings: Iterable[Finding]) -> None:
    """Nothing, where what was let pass in advance is a gap within its bound.

    Without such leave every suspicious figure has ended the training.
    """
    from crivo.model.leak import Sign, raise_alarm

    raise_alarm(
        (
            replace(each, limit=MAKERS_GAP_MAX) if each.sign is Sign.GAP else each
            for each in findings
        ),
        accepted_by="",
    )


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Held while a demo runs: a second one in its folder is told before it removes anything.

    Raises:
        Unavailable: LOG_LOCKED, FILE_UNWRITABLE.
    """
    from crivo.adapters.sqlite.lock import WriterLock

    # Beside the folder, which is made anew.
    place = home.absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(place.with_name(f".{place.name}.lock"))
    except OSError as error:
        raise _unwritable(home, error) from error
    except Unavailable as error:
        if isinstance(error.__cause__, OSError) and error.code is Code.FILE_UNWRITABLE:
            raise _unwritable(home, error.__cause__) from error
        raise Unavailable(
            Code.LOG_LOCKED,
            f"another demo runs in {home}",
            hint="End that one with Ctrl-C, or give this one a folder of its own with --home.",
            field="home",
            expected="a folder without a demo that runs",
            found=str(home),
        ) from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(home: Path, error: OSError) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"{home} cannot be a home folder: {error.strerror}",
        hint="Name another folder with --home.",
        field="home",
    )


def _check_demo_home(home: Path) -> None:
    """Nothing, if the folder is free for a demo, or holds an earlier one.

    Raises:
        Refused: FILE_UNWRITABLE where it holds anything else. Unavailable: FILE_UNWRITABLE.
    """
    try:
        is_foreign = home.exists() and any(home.iterdir()) and not (home / MARKER).exists()
    except OSError as error:
        raise _unwritable(home, error) from error
    if is_foreign:
        raise Refused(
            Code.FILE_UNWRITABLE,
            f"{home} holds something that is not a demo",
            hint="Name another folder with --home.",
            field="home",
            expected="a folder that is new, empty or an earlier demo's",
            found=str(home),
        )


def _fresh_home(home: Path) -> None:
    """Makes the folder empty for the demo; an earlier demo's content is removed.

    Raises:
        Refused: FILE_UNWRITABLE where it holds anything else. Unavailable: FILE_UNWRITABLE, and
            LOG_LOCKED where another demo, or a service, still writes in it.
    """
    from crivo.adapters.files.private import make_private_folder
    from crivo.adapters.sqlite.lock import WriterLock, lock_file
    from crivo.bootstrap.home import Paths

    _check_demo_home(home)
    if home.exists() and any(home.iterdir()):
        # Held while all is removed: a service whose log goes away would go on answering.
        lock = WriterLock(lock_file(Paths(home).log))
        notes().print(f"{home} held an earlier demo, which this one replaces", markup=False)
        try:
            shutil.rmtree(home)
        finally:
            lock.release()
    make_private_folder(home)
    (home / MARKER).write_text(json.dumps({"made_by": "crivo demo"}) + "\n")
