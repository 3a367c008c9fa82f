"""The lake as Delta tables, by delta-rs: in a folder, or in a bucket by its URI."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.flows.arrow import arrow_schema
from crivo.flows.lake import Among
from crivo.lake.column import Kind
from crivo.lake.rule import Constraint
from crivo.lake.table import DAY, Table

#: What delta-rs says of rows that a constraint or a column forbids.
_FORBIDDEN: Final = "failed validation check"

CONSTRAINTS: Final = "delta.constraints."

#: How often a rule is added again where another writer was first.
TRIES_MAX: Final = 8

#: How columns lie in files where not by a dictionary of their values. Ids, instants and sums hardly
#: repeat: to look for each in a dictionary was half the cost of writing, and made files larger.
_ENCODED: Final = {
    Kind.BYTES: ColumnProperties(dictionary_enabled=False),
    Kind.INTEGER: ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED"),
}


class DeltaLake:
    """A `Lake`: each table is a folder `layer/name` of Delta files.

    Args:
        place: A folder, or a URI such as `gs://bucket/folder`.
        options: What delta-rs is told about the store, such as credentials.
    """

    def __init__(self, place: str, options: Mapping[str, str]) -> None:
        self._place = place.rstrip("/")
        self._options = dict(options)

    def open(self, table: Table) -> DeltaLakeTable:
        """The table as it is now; it is made where there is none."""
        with _answered(self._place):
            found = self._opened(table)
        expected = {field.name: str(field.type) for field in arrow_schema(table)}
        there = {field.name: str(field.type) for field in pa.schema(found.schema().to_arrow())}
        if there != expected:
            raise Misconfigured(
                Code.LAKE_DIFFERS,
                f"{table.name} has other columns than this release writes",
                hint="Move a table of silver or gold away, and `crivo lake rebuild`; where it is "
                "bronze's, move the lake away, and refine it anew from the log.",
                field=table.name,
                expected=", ".join(sorted(expected.keys() - there.keys())) or "the same types",
                found=", ".join(sorted(there.keys() - expected.keys())) or "others",
            )
        return DeltaLakeTable(found, table)

    def at(
        self, table: Table, *, version: int | None = None, time: str | None = None
    ) -> DeltaLakeTable:
        """The table as it was: at a version, or at a time (RFC 3339).

        Raises:
            Unavailable: NOT_FOUND where there is no such version, or was none then,
                LAKE_UNAVAILABLE.
        """
        try:
            with _answered(self._place):
                found = DeltaTable(self.uri(table), storage_options=self._options)
                if version is not None:
                    found.load_as_version(version)
                if time is not None:
                    found.load_as_version(time)
                    _check_was_there(table.name, found, time)
        except TableNotFoundError as error:
            raise _not_there(table.name) from error
        except Unavailable as error:
            if error.code is Code.NOT_FOUND or (version is None and time is None):
                raise
            raise _not_there(f"{table.name} at {version if time is None else time}") from error
        return DeltaLakeTable(found, table)

    def has(self, table: Table) -> bool:
        """Whether there is such a table."""
        with _answered(self._place):
            return DeltaTable.is_deltatable(self.uri(table), storage_options=self._options)

    def uri(self, table: Table) -> str:
        """Where the table lies."""
        return f"{self._place}/{table.name.replace('.', '/')}"

    def _opened(self, table: Table) -> DeltaTable:
        uri = self.uri(table)
        try:
            found = DeltaTable(uri, storage_options=self._options)
        except TableNotFoundError:
            if "://" not in uri:
                Path(uri).mkdir(parents=True, exist_ok=True)
            found = self._made(uri, table)
        missing = [
            rule
            for rule in table.rules
            if isinstance(rule, Constraint) and CONSTRAINTS + _name(rule) not in _settings(found)
        ]
        for rule in missing:
            found = self._constrained(found, rule)
        return found

    def _made(self, uri: str, table: Table) -> DeltaTable:
        """The table, made now by this process or by another."""
        try:
            return DeltaTable.create(
                uri,
                arrow_schema(table),
                mode="ignore",
                partition_by=[table.partition] if table.partition else None,
                storage_options=self._options,
            )
        except CommitFailedError:
            # Another made it in between.
            return DeltaTable(uri, storage_options=self._options)

    def _constrained(self, table: DeltaTable, rule: Constraint) -> DeltaTable:
        """The table with a rule as its constraint, whoever added it."""
        for tries_left in reversed(range(TRIES_MAX)):
            try:
                table.alter.add_constraint({_name(rule): rule.sql})
            except DeltaError as error:
                table = DeltaTable(table.table_uri, storage_options=self._options)
                if CONSTRAINTS + _name(rule) in _settings(table):
                    break
                # Another may have added another rule in between.
                if not (isinstance(error, CommitFailedError) and tries_left):
                    raise
            else:
                break
        return table


class DeltaLakeTable:
    """A `LakeTable`: a table at one version."""

    def __init__(self, delta: DeltaTable, table: Table) -> None:
        self._delta = delta
        self._table = table

    @property
    def version(self) -> int:
        """The version."""
        return self._delta.version()

    def position(self, application: str) -> int | None:
        """Up to where an application has written; None where it never has."""
        return self._delta.transaction_version(application)

    def append(self, rows: pa.Table, positions: Mapping[str, int]) -> bool:
        """Appends, and moves the positions: both or, where another writer was first, neither."""
        return self._write(rows, mode="append", commit_properties=_moving(positions))

    def replace(self, rows: pa.Table, days: Collection[date] | None) -> bool:
        """Makes these the rows of the days (None: of the table); False where another was first."""
        where = None if days is None else _among_days(days)
        # Tried once: delta-rs would lay it upon a commit that touched no file which it replaces.
        once = CommitProperties(max_commit_retries=0)
        return self._write(rows, mode="overwrite", predicate=where, commit_properties=once)

    def counts(self) -> dict[date, int]:
        """How many rows each day has, as the log of the table tells: no file is read."""
        found: dict[date, int] = {}
        with _answered(self._table.name):
            files = pa.table(self._delta.get_add_actions(flatten=True))
        days = files[f"partition.{DAY}"].to_pylist()
        for day, rows in zip(days, files["num_records"].to_pylist(), strict=True):
            found[day] = found.get(day, 0) + rows
        return found

    def read(self, columns: Sequence[str] | None = None, among: Among | None = None) -> pa.Table:
        """The rows, or those whose cells are among these, in no order.

        Raises:
            Unavailable: NOT_FOUND where files of this version are gone, LAKE_UNAVAILABLE.
        """
        condition = None
        for name, values in (among or {}).items():
            one = _is_among(name, values, self._type(name))
            condition = one if condition is None else condition & one
        wanted = None if columns is None else list(columns)
        with _answered(self._table.name):
            try:
                found = self._delta.to_pyarrow_table(columns=wanted, filters=condition)
            except FileNotFoundError as error:
                raise _swept(self._table.name, self.version) from error
        schema = arrow_schema(self._table)
        names = schema.names if wanted is None else wanted
        return found.select(names).cast(pa.schema([schema.field(name) for name in names]))

    def compact(self) -> int:
        """Makes few files of many; how many it took away."""
        with _answered(self._table.name):
            done = self._delta.optimize.compact(writer_properties=_files(self._table))
        return int(done["numFilesRemoved"])

    def forget(self, before: date, positions: Mapping[str, int]) -> int:
        """Deletes the rows of days before that one, and moves the positions of applications; how
        many. Older versions still have them.
        """
        with _answered(self._table.name):
            done = self._delta.delete(
                f"{DAY} < '{before.isoformat()}'",
                writer_properties=_files(self._table),
                commit_properties=_moving(positions),
            )
        return int(done["num_deleted_rows"] or 0)

    def vacuum(self, *, hours: int) -> int:
        """Deletes files that no version of the last hours needs; how many."""
        with _answered(self._table.name):
            # The library would take no less than a week; who asks for less has said so.
            gone = self._delta.vacuum(hours, dry_run=False, enforce_retention_duration=False)
        return len(gone)

    def _type(self, name: str) -> pa.DataType:
        return arrow_schema(self._table).field(name).type

    def _write(self, rows: pa.Table, **how: Any) -> bool:
        try:
            with _answered(self._table.name):
                write_deltalake(self._delta, rows, writer_properties=_files(self._table), **how)
        except CommitFailedError:
            return False
        return True


def _moving(positions: Mapping[str, int]) -> CommitProperties:
    # A commit that meets another's is not tried again where both move the same position.
    moved = [Transaction(name, at) for name, at in positions.items()]
    return CommitProperties(app_transactions=moved)


def _files(table: Table) -> WriterProperties:
    """How the files of a table are written."""
    encoded = {each.name: _ENCODED[each.kind] for each in table.columns if each.kind in _ENCODED}
    return WriterProperties(compression="SNAPPY", column_properties=encoded)


def _is_among(name: str, values: Collection[object], kind: pa.DataType) -> pc.Expression:
    field = pc.field(name)
    if isinstance(values, range):
        assert values.step == 1, "a stretch has no holes"
        return (field >= values.start) & (field < values.stop)
    return field.isin(pa.array(list(values), kind))


def _among_days(days: Collection[date]) -> str:
    return f"{DAY} IN ({', '.join(repr(day.isoformat()) for day in sorted(days))})"


def _settings(table: DeltaTable) -> Mapping[str, str]:
    return table.metadata().configuration


def _name(rule: Constraint) -> str:
    return f"{rule.column}_{rule.code.value.lower()}"


@contextmanager
def _answered(what: str) -> Iterator[None]:
    """Failures of the store in the words of errors.

    Raises:
        CommitFailedError: another writer was first. Refused: LAKE_DIFFERS for a row that breaks a
            rule. Unavailable: LAKE_UNAVAILABLE.
    """
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError) as error:
        if _FORBIDDEN in str(error):
            raise Refused(
                Code.LAKE_DIFFERS,
                f"a row of {what} breaks a rule of the table",
                hint="Nothing was written. Another program may have added the rule.",
                field=what,
                expected="rows that its constraints allow",
                found="one that they forbid",
            ) from error
        raise Unavailable(
            Code.LAKE_UNAVAILABLE,
            f"the lake does not answer for {what}: {type(error).__name__}",
            hint="See CRIVO_LAKE__URL, CRIVO_LAKE__OPTIONS and the store that they name.",
            field="CRIVO_LAKE__URL",
        ) from error


def _check_was_there(name: str, found: DeltaTable, time: str) -> None:
    """Nothing, if there was a version then: of a time before the first, the library gives that.

    Raises:
        Unavailable: NOT_FOUND.
    """
    if found.version() > 0:
        return
    # Milliseconds, as the commits themselves say.
    first = min(each["timestamp"] for each in found.history())
    if datetime.fromisoformat(time).timestamp() * 1_000 < first:
        began = datetime.fromtimestamp(first / 1_000, UTC).isoformat(timespec="milliseconds")
        raise Unavailable(
            Code.NOT_FOUND,
            f"there was no {name} at {time}: its first version is of {began}",
            hint="A table's times are those at which it was written, not those of its events.",
            field="--at",
        )


def _swept(name: str, version: int) -> Unavailable:
    return Unavailable(
        Code.NOT_FOUND,
        f"version {version} of {name} cannot be read any more: a vacuum deleted files of it",
        hint="`crivo lake vacuum` keeps what versions of its --hours need. `crivo lake tables` "
        "lists the newest versions; where it is one of these, `crivo lake rebuild` makes silver "
        "and gold anew.",
        field="version",
    )


def _not_there(what: str) -> Unavailable:
    return Unavailable(
        Code.NOT_FOUND,
        f"there is no {what}",
        hint="`crivo lake refine` makes the tables; `crivo lake tables` lists their versions.",
        field="table",
    )
