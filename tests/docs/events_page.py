"""The tables of docs/reference/events-of-the-world.md: what the kinds of events and faults declare.

`python -m tests.docs.events_page` writes them into the page.
"""

from __future__ import annotations

from typing import Final

from crivo.simulator.events.kind import EventKind, Field, default_kinds
from crivo.simulator.events.viewpoint import Seen, Viewpoint
from crivo.simulator.fault import default_faults
from tests.docs.markdown import ROOT

PAGE: Final = ROOT / "docs" / "reference" / "events-of-the-world.md"
BEGIN: Final = "<!-- made from the declarations: begin -->"
END: Final = "<!-- made from the declarations: end -->"

_SIDES: Final = {
    Viewpoint.PAYER_PSP: "payer",
    Viewpoint.PAYEE_PSP: "payee",
    Viewpoint.RAIL: "rail",
}


def tables() -> str:
    """What lies between the marks."""
    parts = [_overview()]
    parts += [_of_kind(kind) for kind in default_kinds()]
    parts.append(_of_faults())
    return "\n\n".join(parts)


def page_with(text: str, made: str) -> str:
    """The page with other tables in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def _overview() -> str:
    rows = [
        f"| `{kind.name}` | `{kind.stream}` | `{kind.key}` | {kind.tier} | {_seen(kind.seen_by)} |"
        f" {kind.meaning} |"
        for kind in default_kinds()
    ]
    head = "| kind | stream | key | known | seen by | an event says |\n|---|---|---|---|---|---|"
    return "\n".join(["## The kinds", "", head, *rows])


def _of_kind(kind: EventKind) -> str:
    head = "| field | type | seen by | meaning |\n|---|---|---|---|"
    rows = [_of_field(field) for field in kind.fields if field.seen_by]
    return "\n".join([f"### `{kind.name}`", "", f"Source: {kind.source}", "", head, *rows])


def _of_field(field: Field) -> str:
    kind = f"{field.kind}, nullable" if field.nullable else str(field.kind)
    return f"| `{field.name}` | {kind} | {_seen(field.seen_by)} | {field.meaning} |"


def _of_faults() -> str:
    head = "| fault | effect | changes | what happens to a row |\n|---|---|---|---|"
    rows = [
        f"| `{fault.name}` | {fault.effect.name.lower()} |"
        f" {', '.join(fault.changes) or 'nothing'} | {fault.meaning} |"
        for fault in default_faults()
    ]
    return "\n".join(["## The faults", "", head, *rows])


def _seen(seen_by: Seen) -> str:
    return ", ".join(side for viewpoint, side in _SIDES.items() if viewpoint in seen_by)


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), tables()), "utf-8")
