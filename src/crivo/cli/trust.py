"""The commands that prove and check: `replay`, `doctor`, `keys new|list|revoke`."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from crivo.cli.output import notes, print_facts, print_json, print_table, progress_bar
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.domain.instant import parse_rfc3339


def run_replay(
    *,
    home: Path | None,
    log: str | None,
    ids: list[str] | None,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """`crivo replay`: exit code 1 where a decision came out otherwise.

    Raises:
        Unfit: REPLAY_DIFFERS.
    """
    from crivo.bootstrap.proving import replay_home
    from crivo.flows.bundle import RELEASES
    from crivo.settings import load_settings

    with progress_bar("events", unit="events") as progress:
        result = replay_home(
            load_settings(os.environ, home=home, log__url=log),
            progress=progress,
            ids=frozenset(ids) if ids else None,
            received_from=None if since is None else parse_rfc3339(since, field="--from"),
            received_to=None if until is None else parse_rfc3339(until, field="--to"),
        )
    facts = {
        "compared": result.compared,
        "revisions": result.revisions,
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
        "other_logs": dict(sorted(result.other_logs.items())),
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
            f"{result.differing} of {result.compared} decisions and {result.revisions} revisions "
            "came out otherwise",
            hint="The first ones are named above; each names the part that differs.",
        )


def run_doctor(*, home: Path | None, as_json: bool) -> None:
    """`crivo doctor`: every setting and where it came from, and whether the parts are there.

    Raises:
        Unfit: POLICY_INVALID, FILE_UNREADABLE: nothing can be decided by this policy.
            PLAN_MISMATCH, ARTIFACT_INVALID: nothing can be decided by the champion.
    """
    from importlib.metadata import version

    from crivo.bootstrap.home import Paths
    from crivo.bootstrap.models import champion_hash
    from crivo.bootstrap.service import serving_plan
    from crivo.cli.setting_sources import sources
    from crivo.decision.declared import declared_procedure
    from crivo.flows.bundle import read_policy, scorer_of
    from crivo.flows.promote import load_champion
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home)
    rows = sources(settings, os.environ, options=() if home is None else ("home",))
    fault: Misconfigured | None = None
    try:
        declared_procedure(read_policy(settings.policy))
    except Misconfigured as error:
        fault = error
    policy = "valid" if fault is None else "NOT VALID"
    champion = champion_hash(settings)
    if champion is not None:
        try:
            scorer_of(load_champion(Paths(settings.home).models), serving_plan())
        except Misconfigured as error:
            fault, champion = fault or error, f"CANNOT SERVE: {champion}"
    facts = {
        "crivo": version("crivo"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "home": "there" if settings.home.is_dir() else "not made yet",
        "policy": policy,
        "champion": champion or "none: `crivo train` makes the first",
    }
    if as_json:
        shown = {row.name: {"value": row.value, "from": row.source} for row in rows}
        print_json({**facts, "settings": shown})
    else:
        print_facts("Here", facts)
        print_table(
            "Settings (docs/reference/settings.md)",
            ("setting", "value", "from"),
            [(row.name, row.value, row.source) for row in rows],
        )
    if fault is not None:
        raise Unfit(fault.code, fault.message, hint=fault.hint, **fault.context) from None


def run_keys_new(name: str, *, role: str, home: Path | None, as_json: bool) -> None:
    """`crivo keys new`.

    Raises:
        Refused: FIELD_VALUE for a role that is none; as `new_api_key`.
    """
    from crivo.bootstrap.access import new_api_key, parse_role
    from crivo.settings import load_settings

    given = parse_role(role)
    settings = load_settings(os.environ, home=home)
    secret = new_api_key(settings, name, given)
    of_home = {"home": str(settings.home.resolve()), "key": secret}
    if as_json:
        print_json({"name": name, "role": given.value, **of_home})
    else:
        print_facts(f"API key of {name} ({given.value}), shown only now", of_home)


def run_keys_list(*, home: Path | None, as_json: bool) -> None:
    """`crivo keys list`."""
    from crivo.bootstrap.access import api_keys
    from crivo.settings import load_settings

    keys = api_keys(load_settings(os.environ, home=home))
    if as_json:
        print_json(
            [
                {
                    "name": key.name,
                    "role": key.role.value,
                    "sha256": key.sha256,
                    "made_at": key.made_at,
                }
                for key in keys
            ]
        )
    else:
        rows = [(key.name, key.role.value, key.made_at, key.sha256[:12]) for key in keys]
        print_table("API keys", ("name", "role", "made at", "SHA-256"), rows)


def run_keys_revoke(name: str, *, home: Path | None) -> None:
    """`crivo keys revoke`."""
    from crivo.bootstrap.access import revoke_api_key
    from crivo.settings import load_settings

    revoke_api_key(load_settings(os.environ, home=home), name)
    print_facts("Revoked", {"name": name})
