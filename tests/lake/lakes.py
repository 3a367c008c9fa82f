"""Lakes of tests: rows of logs made by hand, lakes that fail, and what a lake holds to compare."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from crivo.adapters.delta.lake import DeltaLake
from crivo.adapters.sqlite.log import open_log
from crivo.adapters.sqlite.reader import open_reader
from crivo.domain.clock import ClockKind
from crivo.domain.infraction import InfractionReason, InfractionReport, InfractionStatus, Situation
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.precautionary_block import BlockStatus, PrecautionaryBlock
from crivo.domain.report import Report, ReportStatus
from crivo.domain.settlement import Settlement, SettlementStatus
from crivo.domain.streams import Stream, partition_of
from crivo.flows.event_of import event_of
from crivo.flows.event_rows import row_of, stored_event
from crivo.flows.gold import QUALITY
from crivo.flows.ports import Manifest
from crivo.flows.refine import Refinery
from crivo.flows.silver import silver_tables
from crivo.lake.registry import gold_tables
from crivo.lake.table import BRONZE, LOGS, QUARANTINE
from tests.unit.decision.worlds import START, transfer

PARTITIONS = 4


def clear(payload, event_id):
    """Nothing of these logs is sealed."""
    return payload


def quiet(done, total):
    """Nobody watches."""


@dataclass
class Rows:
    """A `StoredLog` of rows that are held in a list, as far as it has grown."""

    rows: list
    log_id: str = "lake-test"
    grown: int = 1 << 60
    served: list = field(default_factory=list)
    read_to: dict = field(default_factory=dict)
    place: str = ""

    @property
    def manifest(self):
        return Manifest(self.log_id, ClockKind.REPLAY, PARTITIONS)

    def ends(self):
        return self.read_to

    def rows_after(self, taken, *, limit):
        behind = {part: each.offset for part, each in taken.items()}
        new = [row for row in self.rows[: self.grown] if row[3] >= behind.get(row[1:3], 0)]
        for start in range(0, len(new), limit):
            self.served.append(new[start : start + limit])
            yield new[start : start + limit]


def log_rows(seed, count):
    """Rows of a log of transfers over some days, and of what is told about them."""
    chance, now, sent, rows = random.Random(seed), START, [], []
    offsets: dict = {}

    def put(value, *, at, stream=None, received=None):
        event = event_of(
            value, occurred_at=at, received_at=received or at, source="test", stream=stream
        )
        part = event.stream.value, partition_of(event.key, PARTITIONS)
        offset = offsets[part] = offsets.get(part, -1) + 1
        rows.append(row_of(event, seq=len(rows), partition=part[1], offset=offset))

    while len(rows) < count:
        now += chance.choice([0, 1, SECOND, MINUTE, 2 * HOUR])
        if sent and chance.random() < 0.3:
            put(told(chance, len(rows), chance.choice(sent), now), at=now)
            continue
        made = transfer(
            len(rows),
            occurred_at=now,
            payer=chance.randrange(1, 9),
            payee=chance.randrange(1, 9),
            amount_centavos=chance.choice([1, 5_000, 120_000]),
            payer_ispb=chance.choice([None, "00000000", "60701190"]),
            payee_ispb=chance.choice([None, "00000000", "60746948"]),
            payee_key_id=chance.choice([None, bytes([7]) * 16]),
        )
        put(made, at=now, stream=chance.choice([Stream.TRANSFERS, Stream.HISTORY]))
        sent.append(made)
    return rows


def told(chance, number, about, now):
    """Something about a transfer."""
    facts = {
        "end_to_end_id": about.end_to_end_id,
        "payer_id": about.payer_id,
        "payee_id": about.payee_id,
        "amount_centavos": about.amount_centavos,
        "transfer_occurred_at": about.occurred_at,
    }
    match chance.randrange(4):
        case 0:
            return Report(
                report_id=f"r{number}",
                status=chance.choice([ReportStatus.CLAIMED, ReportStatus.ACCEPTED]),
                **facts,
            )
        case 1:
            return Settlement(**facts, occurred_at=now, status=SettlementStatus.SETTLED)
        case 2:
            return PrecautionaryBlock(
                **facts, block_id=f"b{number}", occurred_at=now, previous=None,
                status=BlockStatus.PLACED, blocked_centavos=1,
            )  # fmt: skip
        case _:
            return InfractionReport(
                **facts, infraction_id=f"i{number}", occurred_at=now, previous=None,
                status=InfractionStatus.OPEN, reason=InfractionReason.REFUND_REQUEST,
                situation=Situation.SCAM,
            )  # fmt: skip


def log_of(rows, path):
    """A reader of a log in a file that holds these events, each once."""
    events = {row[4]: stored_event(row).event for row in rows}
    log = open_log(path, clock=ClockKind.REPLAY, partitions=PARTITIONS, new_log_id="lake-test")
    try:
        log.append(list(events.values()))
    finally:
        log.close()
    return open_reader(path)


def lake_at(folder):
    """A lake in a folder."""
    return DeltaLake(str(folder), {})


def refinery(lake):
    """What refines into it."""
    return Refinery(lake, silver_tables(), gold_tables(), clear)


def refined(lake, log):
    """The lake, once all of the log is in it."""
    works = refinery(lake)
    works.append(log, progress=quiet)
    works.refine(progress=quiet)
    return lake


def declared():
    """Every table."""
    tables = [BRONZE, LOGS, QUARANTINE, QUALITY, *(gold.table for gold in gold_tables())]
    return [*tables, *(silver.table for silver in silver_tables().values())]


def contents(lake):
    """What a lake holds: the rows of each table that has some, in the order of its keys."""
    found = {}
    for table in declared():
        if lake.has(table):
            rows = lake.open(table).read()
            if rows.num_rows:
                keys = [(name, "ascending") for name in table.key]
                found[table.name] = rows.sort_by(keys).to_pylist()
    return found
