"""Decisions by id in PostgreSQL: the same projection as in SQLite, where many may read it.

Each log has a schema of its own, `crivo_` and the log's id, so several services share a database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier, Literal

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.decision_index import LAST, DecisionQuery, IndexedDecision

#: Raised when the tables change: those of another version are made again.
_VERSION: Final = 2

CONNECT_SECONDS_MAX: Final = 5

#: A statement that takes longer is given up, whoever asked.
STATEMENT_MS_MAX: Final = 10_000

_TABLES: Final = """
DROP SCHEMA IF EXISTS {schema} CASCADE;
CREATE SCHEMA {schema};
CREATE TABLE {schema}.decisions (
    end_to_end_id text COLLATE "C" NOT NULL, phase text NOT NULL, seq bigint PRIMARY KEY,
    occurred_at bigint NOT NULL, received_at bigint NOT NULL, outcome text NOT NULL,
    score bigint NOT NULL, payer_id bytea NOT NULL, amount_centavos bigint NOT NULL,
    payee_id bytea NOT NULL,
    UNIQUE (end_to_end_id, phase)
);
CREATE INDEX ON {schema}.decisions (payer_id, seq);
CREATE INDEX ON {schema}.decisions (payee_id, seq);
CREATE INDEX ON {schema}.decisions (received_at);
CREATE INDEX ON {schema}.decisions (outcome, seq) WHERE outcome <> 'ALLOW';
CREATE TABLE {schema}.reached (
    one integer PRIMARY KEY CHECK (one = 1), seq bigint NOT NULL, version integer NOT NULL
);
INSERT INTO {schema}.reached VALUES (1, 0, {version});
"""

# The first durable answer is final: a later record of the same id and phase changes nothing.
_PUT: Final = """
INSERT INTO {schema}.decisions VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (end_to_end_id, phase) DO UPDATE SET
    seq = excluded.seq, occurred_at = excluded.occurred_at, received_at = excluded.received_at,
    outcome = excluded.outcome, score = excluded.score, payer_id = excluded.payer_id,
    amount_centavos = excluded.amount_centavos, payee_id = excluded.payee_id
WHERE excluded.seq < decisions.seq
"""

_COLUMNS: Final = attrgetter(*IndexedDecision.__struct_fields__)

Given = TypeVar("Given")


class PostgresDecisionIndex:
    """A `DecisionIndex` of one log in a database. Safe in several threads.

    Writing and searching have a connection each; one that broke is opened again by the next call.
    The first call that finds the database makes the tables where they are not there yet: one that
    is away just now keeps nobody from starting.

    Raises:
        Misconfigured: SETTING_INVALID for an address that is none.
    """

    def __init__(self, url: str, *, log_id: str) -> None:
        self._name: Final = f"crivo_{log_id}"
        self._schema: Final = Identifier(self._name)
        _check_address(url)
        self._is_prepared = False
        self._writer = _Connection(url, self._prepare)
        self._reader = _Connection(url, self._prepare)

    def put(self, decisions: Sequence[IndexedDecision], *, reached: int) -> int:
        """Keeps the decisions and the sequence number to read on from, together: how many stand
        since then.

        Raises:
            Unavailable: INDEX_UNAVAILABLE; nothing is kept.
        """
        rows = [_COLUMNS(each) for each in decisions]

        def write(connection: psycopg.Connection[Any]) -> int:
            kept = 0
            with connection.transaction(), connection.cursor() as cursor:
                if rows:
                    cursor.executemany(self._sql(_PUT), rows)
                    kept = cursor.rowcount
                cursor.execute(
                    self._sql("UPDATE {schema}.reached SET seq = greatest(seq, %s)"), (reached,)
                )
            return kept

        return self._writer.ask(write)

    def get(self, end_to_end_id: str, *, phase: str = "initiation") -> IndexedDecision | None:
        """The decision that stands under this id and phase.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        found = self._rows("WHERE end_to_end_id = %s AND phase = %s", (end_to_end_id, phase))
        return found[0] if found else None

    def latest(self, limit: int) -> list[IndexedDecision]:
        """The newest decisions, newest first.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        return self._rows("ORDER BY seq DESC LIMIT %s", (limit,))

    def search(self, query: DecisionQuery) -> list[IndexedDecision]:
        """One page of what the query asks for, the newest first; any thread may ask.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        text: LiteralString = "WHERE received_at >= %s AND received_at < %s AND seq < %s"
        before = LAST if query.before is None else query.before
        values: list[object] = [query.since, query.until, before]
        if query.payer_id is not None:
            text += " AND payer_id = %s"
            values.append(query.payer_id)
        if query.payee_id is not None:
            text += " AND payee_id = %s"
            values.append(query.payee_id)
        if query.outcome is not None:
            text += " AND outcome = %s"
            text += " AND outcome <> 'ALLOW'" if query.outcome != "ALLOW" else ""
            values.append(query.outcome)
        return self._rows(text + " ORDER BY seq DESC LIMIT %s", (*values, query.limit))

    def counts(self) -> dict[str, int]:
        """How many decisions there are of each outcome that there is one of.

        All rows are read, which may take longer than statements may; who writes waits for it.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        statement = self._sql("SELECT outcome, count(*) FROM {schema}.decisions GROUP BY outcome")

        def count(connection: psycopg.Connection[Any]) -> dict[str, int]:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")
                return dict(connection.execute(statement).fetchall())

        return self._writer.ask(count)

    def reached(self) -> int:
        """The sequence number that the projection has to be read on from; 0 when it is new.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        statement = self._sql("SELECT seq FROM {schema}.reached")
        rows = self._writer.ask(lambda connection: connection.execute(statement).fetchall())
        return int(rows[0][0])

    def close(self) -> None:
        """Closes both connections."""
        self._reader.close()
        self._writer.close()

    def _rows(self, text: LiteralString, values: Sequence[object]) -> list[IndexedDecision]:
        statement = self._sql("SELECT * FROM {schema}.decisions ") + SQL(text)
        rows = self._reader.ask(lambda link: link.execute(statement, values).fetchall())
        return [IndexedDecision(*row) for row in rows]

    def _sql(self, text: LiteralString) -> Composed:
        return SQL(text).format(
            schema=self._schema, version=SQL(str(_VERSION)), name=Literal(self._name)
        )

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Makes the tables, unless those of this release are there; one connection at a time.

        Once only: whoever took them away since took what the projection believes to be there.
        """
        if self._is_prepared:
            return
        with connection.transaction():
            connection.execute(self._sql("SELECT pg_advisory_xact_lock(hashtext({name}))"))
            if self._version(connection) != _VERSION:
                connection.execute(self._sql(_TABLES))
        self._is_prepared = True

    def _version(self, connection: psycopg.Connection[Any]) -> int | None:
        try:
            # A failed statement ends the transaction that it is in: this one has its own.
            with connection.transaction():
                statement = self._sql("SELECT version FROM {schema}.reached")
                rows = connection.execute(statement).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            return None
        return int(rows[0][0]) if rows else None


class _Connection:
    """A connection that one thread uses at a time, opened and prepared when it is asked."""

    def __init__(self, url: str, prepare: Callable[[psycopg.Connection[Any]], None]) -> None:
        self._url: Final = url
        self._prepare: Final = prepare
        self._lock: Final = threading.Lock()
        self._open: psycopg.Connection[Any] | None = None

    def ask(self, question: Callable[[psycopg.Connection[Any]], Given]) -> Given:
        """What the question gives.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        with self._lock:
            try:
                if self._open is None or self._open.closed:
                    self._open = self._opened()
                return question(self._open)
            except psycopg.ProgrammingError:
                # A statement of ours is wrong: that is no fault of the server's.
                raise
            except psycopg.Error as error:
                # What a server says of itself may name its address, never the password.
                raise Unavailable(
                    Code.INDEX_UNAVAILABLE,
                    f"the database of decisions does not answer: {type(error).__name__}",
                    hint="Look at the server and CRIVO_DECISIONS_URL; decisions go on meanwhile.",
                ) from error

    def _opened(self) -> psycopg.Connection[Any]:
        made = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS_MAX,
            options=f"-c statement_timeout={STATEMENT_MS_MAX}",
        )
        is_ready = False
        try:
            self._prepare(made)
            is_ready = True
        finally:
            if not is_ready:
                made.close()
        return made

    def close(self) -> None:
        """Closes it."""
        with self._lock:
            if self._open is not None:
                self._open.close()


def _check_address(url: str) -> None:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "the address of the table of decisions is no address of PostgreSQL",
            hint="It looks like postgresql://HOST/DATABASE?user=NAME.",
            field="CRIVO_DECISIONS_URL",
            expected="an address of PostgreSQL",
            found="(hidden)",
        ) from error
