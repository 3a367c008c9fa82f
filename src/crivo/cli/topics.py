"""The commands on topics: `crivo topics diff|apply`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crivo.cli.output import print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit

if TYPE_CHECKING:
    from crivo.adapters.kafka.topics import Difference, Topics


def run_topics_diff(*, as_json: bool) -> None:
    """`crivo topics diff`.

    Raises:
        Unfit: LOG_MISMATCH where there is a difference. Misconfigured, Unavailable: as `Topics`.
    """
    found = _open().differences()
    _print(found, "How the cluster differs", "The topics are as declared.", as_json=as_json)
    if found:
        raise Unfit(
            Code.LOG_MISMATCH,
            f"{len(found)} differences between the cluster's topics and the declared",
            hint="`crivo topics apply` mends all but counts of partitions and replicas.",
        )


def run_topics_apply(*, as_json: bool) -> None:
    """`crivo topics apply`.

    Raises:
        Misconfigured, Unavailable: as `Topics.apply`.
    """
    done = _open().apply()
    _print(done, "Mended", "The topics were as declared.", as_json=as_json)


def _open() -> Topics:
    from crivo.bootstrap.kafka import open_topics
    from crivo.settings import load_settings

    return open_topics(load_settings(os.environ))


def _print(found: Sequence[Difference], title: str, none: str, *, as_json: bool) -> None:
    rows = [(each.topic, each.what, each.expected, each.found) for each in found]
    if as_json:
        names = ("topic", "what", "expected", "found")
        print_json({"differences": [dict(zip(names, row, strict=True)) for row in rows]})
    elif rows:
        print_table(title, ("topic", "what", "expected", "found"), rows)
    else:
        print_facts(none, {})
