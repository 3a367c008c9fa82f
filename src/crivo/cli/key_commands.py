"""`crivo keys`: new, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import Home, Json

keys = typer.Typer(no_args_is_help=True, help="API keys: new, list, revoke.")


@keys.command("new")
def keys_new(
    name: Annotated[str, typer.Argument(help="Who will use it; each name once.")],
    role: Annotated[
        str, typer.Option(help="What it may do: ingest, analyst, auditor or admin.")
    ] = "ingest",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make an API key, print it once, and keep only its SHA-256. A running service takes it."""
    from crivo.cli.trust import run_keys_new

    run_keys_new(name, role=role, home=home, as_json=as_json)


@keys.command("list")
def keys_list(home: Home = None, as_json: Json = False) -> None:
    """List the names of the API keys and when each was made."""
    from crivo.cli.trust import run_keys_list

    run_keys_list(home=home, as_json=as_json)


@keys.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="Whose key is good no longer.")], home: Home = None
) -> None:
    """Take an API key back; a service that runs refuses it at once."""
    from crivo.cli.trust import run_keys_revoke

    run_keys_revoke(name, home=home)
