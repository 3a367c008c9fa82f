"""`crivo topics`: diff, apply."""

from __future__ import annotations

import typer

from crivo.cli.options import Json

topics = typer.Typer(
    no_args_is_help=True, help="Topics of Kafka: how they differ from the declared, and mending it."
)


@topics.command("diff")
def topics_diff(as_json: Json = False) -> None:
    """Print how the cluster's topics differ from those that a log needs; exit code 1 if they do."""
    from crivo.cli.topics import run_topics_diff

    run_topics_diff(as_json=as_json)


@topics.command("apply")
def topics_apply(as_json: Json = False) -> None:
    """Make missing topics and set what is set otherwise; nothing is ever deleted."""
    from crivo.cli.topics import run_topics_apply

    run_topics_apply(as_json=as_json)
