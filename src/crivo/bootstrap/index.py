"""The table of decisions: a file of the home folder, or a database that a setting names."""

from __future__ import annotations

from contextlib import ExitStack

from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.bootstrap.home import Home
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.decision_index import DecisionIndex


def open_index(home: Home, opened: ExitStack) -> DecisionIndex:
    """The table of the home's log; `opened` closes it.

    Raises:
        Misconfigured: SETTING_INVALID for an address that is none, or without the extra.
        Unavailable: FILE_UNWRITABLE.
    """
    log_id, url = home.log.manifest.log_id, home.settings.decisions_url
    if url is None:
        file = SqliteDecisionIndex(home.paths.decisions, log_id=log_id)
        opened.callback(file.close)
        return file
    try:
        from crivo.adapters.postgres.decisions import PostgresDecisionIndex
    except ImportError as error:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "CRIVO_DECISIONS_URL asks for a driver that is not installed",
            hint="`make extra NAME=postgres` makes an environment with it.",
            field="CRIVO_DECISIONS_URL",
        ) from error
    table = PostgresDecisionIndex(url.get_secret_value(), log_id=log_id)
    opened.callback(table.close)
    return table
