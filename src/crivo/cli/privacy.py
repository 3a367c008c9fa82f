"""The commands about identities: `crivo erase` and `crivo reveal`."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.cli.output import notes, print_facts, print_json
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase


def run_erase(
    who: str,
    *,
    home: Path | None,
    log: str | None,
    by: str,
    reason: str,
    overrides: bool,
    as_json: bool,
) -> None:
    """`crivo erase`.

    Raises:
        Refused: NOT_FOUND, RETENTION. Unavailable: LOG_LOCKED while a service runs;
            as `privacy_of`.
    """
    from crivo.bootstrap.privacy import privacy_of
    from crivo.flows.erase import Request
    from crivo.settings import load_settings

    with privacy_of(load_settings(os.environ, home=home, log__url=log)) as privacy:
        erased = privacy.erase(who, Request(by, reason, overrides))
    facts = [
        {
            "erasure_id": each.erasure_id,
            "person": each.person_id.hex(),
            "records": each.records,
            "newest": None if each.newest_at is None else format_rfc3339(each.newest_at),
            "within_retention": each.is_early,
        }
        for each in erased.erasures
    ]
    left = [
        {"records": each.records, "end_to_end_id": each.end_to_end_id, "phase": each.phase}
        for each in erased.left
    ]
    if as_json:
        print_json({"erasures": facts, "left": left})
    else:
        for each in facts:
            print_facts("Erased", each)
        for each in left:
            print_facts("Left: it shares an id with the erased, and may be another's", each)
        notes().print("Copies of keys/persons.sqlite made before still hold the key: erase them.")


def run_reveal(
    end_to_end_id: str,
    *,
    phase: Phase,
    home: Path | None,
    log: str | None,
    by: str,
    reason: str,
    as_json: bool,
) -> None:
    """`crivo reveal`.

    Raises:
        Refused: NOT_FOUND. Unavailable: LOG_LOCKED while a service runs; as `privacy_of`.
    """
    from crivo.bootstrap.privacy import privacy_of
    from crivo.flows.erase import Request
    from crivo.settings import load_settings

    settings = load_settings(os.environ, home=home, log__url=log)
    with privacy_of(settings) as privacy:
        found = privacy.reveal(end_to_end_id, Request(by, reason), phase=phase)
    if as_json:
        print_json({role.value.lower(): named for role, named in found.items()})
        return
    for role, named in found.items():
        print_facts(role.value.capitalize(), named or {"erased": "nobody can read it any more"})
