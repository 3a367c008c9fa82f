"""Composes what is done with identities in a home folder: one erased, or one revealed."""

from __future__ import annotations

import secrets
from typing import Final

from crivo.adapters.sqlite.reader import SqliteLogReader
from crivo.bootstrap.home import Home, open_home, require_home, wall_clock
from crivo.domain.clock import ClockKind
from crivo.domain.erasure import Erasure
from crivo.domain.errors import Refused
from crivo.domain.instant import DAY
from crivo.domain.streams import Stream
from crivo.domain.tax_id import parse_tax_id
from crivo.flows.erase import Request, erase, reveal
from crivo.governance.identity import Role
from crivo.governance.pseudonym import Pseudonymiser
from crivo.settings import Settings

_BYTES_OF_AN_ID: Final = 8


def erase_person(
    settings: Settings, who: str, *, by: str, reason: str, overrides: bool
) -> list[Erasure]:
    """The erasures of whoever bears this tax id, person id or account id.

    Raises:
        Refused: NOT_FOUND, RETENTION, ID_INVALID. Unavailable: NOT_FOUND without a home folder,
            LOG_LOCKED while a service runs.
    """
    require_home(settings)
    with open_home(settings, writer=True) as home:
        request = _request(
            home, by, reason, retention=settings.retention_days * DAY, overrides=overrides
        )
        return erase(home.log, home.persons, _ids(home.pseudonyms, who), request)


def reveal_decision(
    settings: Settings, end_to_end_id: str, *, by: str, reason: str
) -> dict[Role, dict[str, str] | None]:
    """What the parties of a decision are called; None for one whose key was erased.

    Raises:
        Refused: NOT_FOUND. Misconfigured: SEAL_BROKEN, KEY_INVALID. Unavailable: as `erase_person`.
    """
    require_home(settings)
    with open_home(settings, writer=True) as home:
        request = _request(home, by, reason)
        return reveal(home.log, home.identities, end_to_end_id, request)


def _ids(pseudonyms: Pseudonymiser, who: str) -> list[bytes]:
    """Every pseudonym that the text may stand for."""
    ids = [pseudonyms.person(who), pseudonyms.account(who), pseudonyms.key(who)]
    try:
        ids.append(pseudonyms.person(parse_tax_id(who)))
    except Refused:
        return ids
    return ids


def _request(
    home: Home, by: str, reason: str, *, retention: int = 0, overrides: bool = False
) -> Request:
    is_wall = home.log.manifest.clock is ClockKind.WALL
    at = wall_clock() if is_wall else _newest(home.reader)
    return Request(secrets.token_hex(_BYTES_OF_AN_ID), by, reason, at, retention, overrides)


def _newest(reader: SqliteLogReader) -> int:
    """Now, on a replay clock: the greatest receipt of the log."""
    partitions = range(reader.manifest.partitions)
    return max(reader.order_time(stream, part) for stream in Stream for part in partitions)
