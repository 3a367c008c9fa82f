"""Adapters with one fault each, to be put around an honest one: what a law has to notice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from crivo.domain.errors import Misconfigured

Faulty = TypeVar("Faulty", bound=type)


class Around:
    """Hands everything to the adapter inside, but for what a fault overrides."""

    def __init__(self, inside: Any) -> None:
        self.inside = inside

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)


class LosesAnEvent(Around):
    def read(self, **asked):
        return [each for each in self.inside.read(**asked) if each.seq != 1]


class TurnsTheOrder(Around):
    def read(self, **asked):
        return self.inside.read(**asked)[::-1]


class AltersAPayload(Around):
    def read(self, **asked):
        return [
            each._replace(event=each.event._replace(payload=each.event.payload + b"!"))
            if each.seq == 1
            else each
            for each in self.inside.read(**asked)
        ]


class LeavesGaps(Around):
    def read(self, **asked):
        return [each._replace(offset=2 * each.offset) for each in self.inside.read(**asked)]


class MixesPartitions(Around):
    def read(self, **asked):
        return [
            each._replace(partition=(each.partition + each.seq) % 4)
            for each in self.inside.read(**asked)
        ]


class IgnoresStreams(Around):
    def read(self, *, start, limit, streams=None):
        return self.inside.read(start=start, limit=limit)


class ReadsOnePast(Around):
    def read(self, *, start, limit, streams=None):
        return self.inside.read(start=start, limit=limit + 1, streams=streams)


class KnowsNothing(Around):
    def known(self, ids):
        return set()


class FindsNothing(Around):
    def find(self, event_id):
        return None


class ForgetsTheTime(Around):
    def order_time(self, stream, partition):
        return 0


class TakesDuplicates(Around):
    """Skips what it has in place of refusing it, so that a caller's count is false."""

    def append(self, events):
        known = self.inside.known([each.event_id for each in events])
        fresh = {each.event_id: each for each in events if each.event_id not in known}
        return self.inside.append(list(fresh.values())) if fresh else self.inside.end()


class DropsTheLastRow(Around):
    def put(self, rows):
        self.inside.put(rows[:-1])


class KeepsTheFirstCause(Around):
    def put(self, rows):
        kept = {(each.source, each.row_number) for each in self.inside.rows(limit=1_000)}
        self.inside.put([each for each in rows if (each.source, each.row_number) not in kept])


class ForgetsWhatWasMended(Around):
    def put(self, rows):
        # Under no identity, as the same row of a file without ids.
        self.inside.put([replace(each, identity="") for each in rows])
        self.inside.put(rows)


class DismissesNothing(Around):
    def dismiss(self, source, row_number, *, at, by):
        pass


class CountsOneLess(Around):
    def counts(self):
        return {code: count - 1 for code, count in self.inside.counts().items()}


class ShufflesRows(Around):
    def rows(self, *, limit):
        return self.inside.rows(limit=limit)[::-1]


class IgnoresPhases(Around):
    def get(self, end_to_end_id, *, phase="initiation"):
        return self.inside.get(end_to_end_id)


class OldestFirst(Around):
    def latest(self, limit):
        return self.inside.latest(1_000)[::-1][:limit]


class LastOneStands(Around):
    def __init__(self, inside):
        super().__init__(inside)
        self._last = {}

    def put(self, decisions, *, reached):
        self._last |= {each.end_to_end_id: each for each in decisions}
        self.inside.put(decisions, reached=reached)

    def get(self, end_to_end_id, *, phase="initiation"):
        return self._last.get(end_to_end_id) if phase == "initiation" else None


class GoesBack(Around):
    def __init__(self, inside):
        super().__init__(inside)
        self._reached = 0

    def put(self, decisions, *, reached):
        self._reached = reached
        self.inside.put(decisions, reached=reached)

    def reached(self):
        return self._reached


class HasReachedSomething(Around):
    def reached(self):
        return self.inside.reached() + 1


class ForgetsThePayer(Around):
    def search(self, query):
        return self.inside.search(replace(query, payer_id=None))


class ForgetsTheOutcome(Around):
    def search(self, query):
        return self.inside.search(replace(query, outcome=None))


class TakesTheEndIn(Around):
    def search(self, query):
        return self.inside.search(replace(query, until=query.until + 1))


class RepeatsTheLastOfAPage(Around):
    def search(self, query):
        before = query.before and query.before + 1
        return self.inside.search(replace(query, before=before))


class Tables(Around):
    """A lake whose tables have a fault: `table`."""

    table: type[FaultyTable]

    def open(self, table):
        return self.table(self.inside.open(table), lambda: self.inside.open(table))


class FaultyTable(Around):
    """A table, and the same as it is by now."""

    def __init__(self, inside, newest):
        super().__init__(inside)
        self.newest = newest


def tables(fault: type[FaultyTable]) -> type[Tables]:
    """A lake whose tables have that fault."""
    return type(fault.__name__, (Tables,), {"table": fault})


class HasEverything(Around):
    def has(self, table):
        return True


class KeepsNoRules(Around):
    def open(self, table):
        return self.inside.open(replace(table, rules=()))


class TakesOtherColumns(Around):
    def open(self, table):
        try:
            return self.inside.open(table)
        except Misconfigured:
            return None


@tables
class ReadsWhatIsThereByNow(FaultyTable):
    def read(self, *asked):
        return self.newest().read(*asked)


@tables
class WritesInHalves(FaultyTable):
    def replace(self, rows, days):
        half = rows.num_rows // 2
        return self.inside.replace(rows[:half], days) and self.newest().append(rows[half:], {})


@tables
class ReadsAllRows(FaultyTable):
    def read(self, columns=None, among=None):
        return self.inside.read(columns)


@tables
class CountsOneMore(FaultyTable):
    def counts(self):
        return {day: rows + 1 for day, rows in self.inside.counts().items()}


@tables
class AppendsWhoeverMoved(FaultyTable):
    def append(self, rows, positions):
        return self.newest().append(rows, positions)


@tables
class MovesNothing(FaultyTable):
    def append(self, rows, positions):
        return self.inside.append(rows, {})


@tables
class ReplacesWhateverWasWritten(FaultyTable):
    def replace(self, rows, days):
        return self.newest().replace(rows, days)


@tables
class ReplacesAllDays(FaultyTable):
    def replace(self, rows, days):
        return self.inside.replace(rows, None)


@tables
class KeepsWhatItReplaces(FaultyTable):
    def replace(self, rows, days):
        return self.inside.append(rows, {})
