"""Freeze a small world under the version of the deciding program: `python -m tests.golden.freeze`.

    frozen/<program version>/log.jsonl     every event, bytes as base64
                             bundles/      what its decisions were made with

To be run once, when `KERNEL_VERSION` or `DERIVE_VERSION` was raised; older folders stay.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import tempfile
from pathlib import Path

from crivo.domain.event import Event, StoredEvent
from crivo.domain.instant import DAY, HOUR
from crivo.domain.streams import Stream
from crivo.flows.bundle import PROGRAM_VERSION
from tests.integration.pasts import transfer_event
from tests.unit.decision.worlds import START, play, transfer, world

FROZEN = Path(__file__).parent / "frozen"
LOG_FILE = "log.jsonl"
SEED, DECIDED = 2026, 120


def to_line(event: Event) -> str:
    """An event as one line of JSON."""
    facts = [event.stream.value, event.key.hex(), event.event_id.hex()]
    times = [event.occurred_at, event.received_at]
    payload = base64.b64encode(event.payload).decode()
    return json.dumps([*facts, *times, event.schema, event.source, payload])


def from_line(line: str) -> Event:
    """The event of a line."""
    stream, key, event_id, occurred_at, received_at, schema, source, payload = json.loads(line)
    ids = bytes.fromhex(key), bytes.fromhex(event_id)
    body = base64.b64decode(payload)
    return Event(Stream(stream), *ids, occurred_at, received_at, schema, source, body)


def events_of(folder: Path) -> list[Event]:
    """The events that were frozen in a folder, in the order of their log."""
    return [from_line(line) for line in (folder / LOG_FILE).read_text().splitlines()]


def freeze(folder: Path) -> None:
    """Writes a world of a past, and of decisions on random transfers, into an empty folder."""
    with tempfile.TemporaryDirectory() as name, world(Path(name)) as played:
        played.log.append(_past())
        played.service.recover(lambda _folded, _end: None)
        play(played, SEED, DECIDED)
        stored: list[StoredEvent] = played.log.read(start=0, limit=10_000)
        folder.mkdir(parents=True)
        shutil.copytree(Path(name) / "bundles", folder / "bundles")
    (folder / LOG_FILE).write_text("".join(to_line(each.event) + "\n" for each in stored))


def _past() -> list[Event]:
    """Transfers of the forty days before, between the accounts that will be decided about."""
    chance = random.Random(SEED)
    times = sorted(START - HOUR - chance.randrange(40 * DAY) for _ in range(60))
    return [
        transfer_event(
            transfer(
                number,
                occurred_at=at,
                payer=chance.randrange(1, 6),
                payee=chance.randrange(1, 6),
                amount_centavos=chance.randrange(1, 1_000_000),
            ),
            at,
        )
        for number, at in enumerate(times)
    ]


if __name__ == "__main__":
    freeze(FROZEN / PROGRAM_VERSION)
