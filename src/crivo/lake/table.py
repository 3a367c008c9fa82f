"""Tables of the lake: bronze is what came, silver what it says, gold what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crivo.lake.column import Column, Kind
from crivo.lake.rule import Rule

#: Five years and two leap days: how long a decision, and what it was made of, is kept.
LEGAL_DAYS: Final = 1_827

#: The column that bronze and silver are partitioned by: Brasília's day of the event's instant.
DAY: Final = "day"
#: Brasília's day of the transfer that a silver row is, or is about.
TRANSFER_DAY: Final = "transfer_day"
#: Brasília's hour of that transfer, 0..23.
TRANSFER_HOUR: Final = "transfer_hour"
#: Brasília's day of an event's receipt: when a bank knew of it.
RECEIVED_DAY: Final = "received_day"


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its name, `layer.name`.

    `key` names the columns that tell one row from all others. Rows are refused that break a rule.
    `retention_days` after its day a row is dropped; None: never.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None = DAY
    rules: tuple[Rule, ...] = ()
    retention_days: int | None = LEGAL_DAYS

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        assert len(set(names)) == len(names), f"{self.name} has a column twice: {names}"
        asked = {*self.key, *({self.partition} if self.partition else ())}
        assert asked <= set(names), f"{self.name} lacks a column of {asked}"

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(each for each in self.columns if each.name == name)


#: Where an event lies: its stream, partition and offset are its name in the lake.
PLACE: Final = ("stream", "partition", "offset")

_ENVELOPE: Final = (
    Column("stream", Kind.TEXT, is_nullable=False),
    Column("partition", Kind.INTEGER, is_nullable=False),
    Column("offset", Kind.INTEGER, is_nullable=False),
    Column("event_id", Kind.BYTES, is_nullable=False),
    Column("subject_id", Kind.BYTES, is_nullable=False),
    Column("occurred_at", Kind.INTEGER, is_nullable=False),
    Column("received_at", Kind.INTEGER, is_nullable=False),
    Column("schema", Kind.TEXT, is_nullable=False),
    Column("source", Kind.TEXT, is_nullable=False),
    Column(DAY, Kind.DATE, is_nullable=False),
)

#: Every record as the log stored it, sealed where it was sealed: the log's older part.
BRONZE: Final = Table(
    "bronze.events",
    (
        *_ENVELOPE,
        Column("number", Kind.INTEGER, is_nullable=False),
        Column("payload", Kind.BYTES, is_nullable=False),
        Column("sealed", Kind.BYTES),
    ),
    key=PLACE,
)

#: The log that bronze is of, in one row: what every reader of it must know.
LOGS: Final = Table(
    "bronze.logs",
    (
        Column("log_id", Kind.TEXT, is_nullable=False),
        Column("clock", Kind.TEXT, is_nullable=False),
        Column("partitions", Kind.INTEGER, is_nullable=False),
    ),
    key=("log_id",),
    partition=None,
    retention_days=None,
)

#: What bronze holds and no silver table: with its code, never with its payload.
QUARANTINE: Final = Table(
    "silver.quarantine",
    (
        *_ENVELOPE,
        Column("code", Kind.TEXT, is_nullable=False),
        Column("field", Kind.TEXT),
        Column("expected", Kind.TEXT),
    ),
    key=PLACE,
)


def silver_table(name: str, columns: tuple[Column, ...], rules: tuple[Rule, ...]) -> Table:
    """The silver table of a schema: where each row lies in the log, and what its event says."""
    known = {column.name for column in _ENVELOPE}
    return Table(
        name,
        (
            *_ENVELOPE,
            Column(TRANSFER_DAY, Kind.DATE, is_nullable=False),
            Column(TRANSFER_HOUR, Kind.INTEGER, is_nullable=False),
            Column(RECEIVED_DAY, Kind.DATE, is_nullable=False),
            # An event's own instant is its envelope's: every door sees to that.
            *(column for column in columns if column.name not in known),
        ),
        key=PLACE,
        rules=rules,
    )
