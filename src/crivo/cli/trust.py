"""The commands that prove and check: `replay`, `doctor`, `keys new`."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from crivo.cli.output import notes, print_facts, print_json, progress_bar
from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import parse_rfc3339


def run_replay(
    *,
    home: Path | None,
    ids: list[str] | None,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """`crivo replay`: exit code 1 where a decision came out otherwise.

    Raises:
        Unfit: REPLAY_DIFFERS.
    """
    from crivo.bootstrap.offline import replay_home
    from crivo.flows.bundle import RELEASES
    from crivo.settings import load_settings

    with progress_bar("events", unit="events") as progress:
        result = replay_home(
            load_settings(os.environ, home=home),
            progress=progress,
            ids=frozenset(ids) if ids else None,
            received_from=None if since is None else parse_rfc3339(since, field="--from"),
            received_to=None if until is None else parse_rfc3339(until, field="--to"),
        )
    facts = {
        "compared": result.compared,
        "differing": result.differing,
        "other_version": result.other_version,
        "other_versions": [
            {
                "program": program,
                "decisions": count,
                "release": RELEASES.get(program, "a newer one"),
            }
            for program, count in sorted(result.other_versions.items())
        ],
        "events_folded": result.folded,
        "first_differences": [
            {"end_to_end_id": d.end_to_end_id, "seq": d.seq, "where": list(d.where)}
            for d in result.differences
        ],
    }
    if as_json:
        print_json(facts)
    else:
        print_facts("Replay", facts)
        if not result.compared and not result.other_version:
            notes().print("There was nothing to compare: no decision of the log was asked for.")
    if not result.is_equal:
        raise Unfit(
            Code.REPLAY_DIFFERS,
            f"{result.differing} of {result.compared} decisions came out otherwise",
            hint="The first ones are named above; each names the part that differs.",
        )


def run_doctor(*, home: Path | None, as_json: bool) -> None:
    """`crivo doctor`."""
    from importlib.metadata import version

    from crivo.bootstrap.offline import champion_hash
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    facts = {
        "crivo": version("crivo"),
        "python": platform.python_version(),
        "home": f"{settings.home} ({'there' if settings.home.exists() else 'not made yet'})",
        "policy": f"{settings.policy} ({'there' if settings.policy.is_dir() else 'MISSING'})",
        "champion": champion_hash(settings) or "none: `crivo train` makes the first",
        "http": f"{settings.http.host}:{settings.http.port}",
        "api key required": settings.http.api_key_required,
        "processors": os.cpu_count(),
    }
    if as_json:
        print_json(facts)
    else:
        print_facts("Effective settings", facts)
    if not settings.policy.is_dir():
        raise Unfit(
            Code.POLICY_INVALID,
            f"there is no policy folder at {settings.policy}",
            hint="Run from the repository, or set CRIVO_POLICY.",
        )


def run_keys_new(name: str, *, home: Path | None) -> None:
    """`crivo keys new`."""
    from crivo.bootstrap.home import new_api_key
    from crivo.settings import load_settings

    secret = new_api_key(load_settings(os.environ, home=home), name)
    print_facts(f"API key of {name}, shown only now", {"key": secret})
