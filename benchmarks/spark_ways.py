"""Two exact ways to decide a batch in Spark by two tasks, and one task alone: processor time.

(a) Each task reads and folds the whole batch, and decides its payers' transfers. (b) Each task
reads half of the records; each event goes to the tasks whose entities it is about, which fold them
and make their columns of its vector; the columns come together where the transfer is decided.

What a task does is done here in one process, task by task, and timed by the processor. Of a shuffle
of Spark's only the making and reading of its Arrow is there, so (b) costs at least what is told.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import spark
from benchmarks.harness import Row, Setting
from benchmarks.load import service
from benchmarks.load.kafka_logs import past_transfers
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.records import record_of
from crivo.adapters.spark.kept import RECORD
from crivo.bootstrap.service import champion_bundle
from crivo.bootstrap.spark_records import placed_in, published
from crivo.decision.record import decode_record
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import partition_of
from crivo.features.engine import Engine, Rows
from crivo.features.plan import Plan
from crivo.features.row import EVENT_ROW, RowKind
from crivo.features.shard import ShardFold, join, shards_of
from crivo.flows.answering import Answering
from crivo.flows.bundle import Bundle
from crivo.flows.event_rows import row_of, stored_event
from crivo.flows.fold import fold_rows
from crivo.flows.replica import Replica
from crivo.settings import load_settings

EVENTS: Final = 60_000
EVENTS_QUICK: Final = 20_000
RUNS: Final = 3
TASKS: Final = 2
PARTITIONS: Final = 4
#: Events that are judged together, as a job does it; and rows of one piece of a shuffle.
TURN_EVENTS: Final = 4_096
PIECE_ROWS: Final = 20_000

#: By EndToEndId the bytes that follow from log and bundle.
Derived = dict[str, bytes]
Asked = Callable[[StoredEvent], bool]


@dataclass(frozen=True, slots=True)
class Took:
    """Processor seconds: to read all records; to fold all events, to fold and decide all, and for
    each of two tasks to fold all and decide its own (a); and of (b), for each of two tasks, to fold
    its shards, for both to send and take events and columns, and to make all vectors in one task.
    """

    read: float
    fold: float
    decide: float
    halves: tuple[float, ...]
    shards: tuple[float, ...]
    shuffle: float
    vectors: float
    shuffled_bytes: int


def run(setting: Setting) -> Iterator[Row]:
    """The rows: microseconds of an event in the busier task of each way, and what they are of."""
    count = EVENTS_QUICK if setting.quick else EVENTS
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        home = service.prepare_home(
            Path(folder), scale=spark.SCALE_QUICK if setting.quick else spark.SCALE
        )
        events = spark.with_claims(past_transfers(home, count))[:count]
        environ = {"CRIVO_POLICY": str(service.ROOT / "policy")}
        bundle = champion_bundle(load_settings(environ, home=home))
        stored = stored_events(events)
        took(bundle, stored[:TURN_EVENTS])  # compiled by now
        found = [took(bundle, stored) for _ in range(1 if setting.quick else RUNS)]
    yield from rows_of(setting, found, events=len(events))


#: Seconds of something that a run took.
Of = Callable[[Took], float]


def rows_of(setting: Setting, found: Sequence[Took], *, events: int) -> Iterator[Row]:
    """The rows of some runs over so many events."""

    def micros(of: Of) -> list[float]:
        return [of(one) / events * 1e6 for one in found]

    def row(what: str, of: Of, beside: Of | None = None) -> Row:
        peer = None if beside is None else float(np.median(micros(beside)))
        return setting.row(what, "µs/event", micros(of), peer=peer)

    yield row("(a) one task", one_task)
    yield row("(a) two tasks, the busier (peer: one task)", way_a, one_task)
    yield row("(b) two tasks, the busier, at least (peer: (a))", way_b, way_a)
    yield row("reading all records", lambda each: each.read)
    yield row("folding all events", lambda each: each.fold)
    yield row("folding and deciding all", lambda each: each.decide)
    yield row("(b) all vectors in one task", lambda each: each.vectors)
    yield row("(b) the shards of the busier of two tasks", lambda each: max(each.shards))
    yield row("(b) events and columns to Arrow and back, both tasks", lambda each: each.shuffle)
    sizes = [each.shuffled_bytes / events for each in found]
    yield setting.row("(b) what is shuffled", "bytes/event", sizes)
    ceiling = [events / (each.read + each.fold) for each in found]
    yield setting.row("(a) any number of tasks, at most", "events/s", ceiling)


def one_task(took: Took) -> float:
    """Seconds of the one task of (a)."""
    return took.read + took.decide


def way_a(took: Took) -> float:
    """Seconds of the busier of two tasks: each reads and folds all."""
    return took.read + max(took.halves)


def way_b(took: Took) -> float:
    """Seconds of the busier of two tasks that share all but the shards, which are of unequal size.

    Deciding from vectors is what is left of deciding in one task without making them.
    """
    shared = took.read + took.shuffle + (took.decide - took.vectors)
    return shared / TASKS + max(took.shards)


def stored_events(events: Sequence[Event]) -> list[StoredEvent]:
    """The events as a log of some partitions has them."""
    return [
        StoredEvent(seq, partition_of(event.key, PARTITIONS), seq, event)
        for seq, event in enumerate(events)
    ]


def took(bundle: Bundle, stored: Sequence[StoredEvent]) -> Took:
    """What each part took, once over all.

    Raises:
        RuntimeError: two tasks decided otherwise than one, or shards made other vectors.
    """
    read = _reading(stored)
    fold, _ = deciding(bundle, stored, lambda _: False)
    decide, expected = deciding(bundle, stored, lambda _: True)
    halves, found = [], Derived()
    for task in range(TASKS):
        seconds, derived = deciding(bundle, stored, partial(_is_of, task))
        halves.append(seconds)
        found |= derived
    if found != expected:
        raise RuntimeError("two tasks decide otherwise than one")
    rows = fold_rows(stored)
    begun = time.process_time()
    vectors, flags = Engine(bundle.plan).vectors(rows, _wanted(rows))
    alone = time.process_time() - begun
    shards, shuffle, sent, joined = sharded(bundle.plan, rows)
    if joined[0].tobytes() != vectors.tobytes() or joined[1].tobytes() != flags.tobytes():
        raise RuntimeError("shards make other vectors than one task")
    return Took(read, fold, decide, tuple(halves), shards, shuffle, alone, sent)


def _is_of(task: int, stored: StoredEvent) -> bool:
    """Whether a task decides it: all of a payer's lie in one partition."""
    return stored.partition % TASKS == task


def deciding(
    bundle: Bundle, stored: Sequence[StoredEvent], is_asked: Asked
) -> tuple[float, Derived]:
    """Seconds to fold all and decide what is asked, from nothing on; and what was decided."""
    replica = Replica(bundle.plan)
    replica.engine.make_room()
    answering = Answering(bundle, "log", replica, monotonic_ns=time.perf_counter_ns, host="")
    begun, answers = time.process_time(), []
    for start in range(0, len(stored), TURN_EVENTS):
        answers += answering.take(stored[start : start + TURN_EVENTS], is_asked=is_asked)
    seconds = time.process_time() - begun
    records = [decode_record(each.events[0].payload) for each in answers]
    return seconds, {each.end_to_end_id: each.derived for each in records}


def sharded(
    plan: Plan, rows: Rows
) -> tuple[tuple[float, ...], float, int, tuple[NDArray[Any], NDArray[Any]]]:
    """Of (b): seconds of each task's shards, seconds and bytes of both shuffles, the vectors."""
    shards, wanted = shards_of(plan, TASKS), _wanted(rows)
    seconds, made, sent = [0.0] * TASKS, {}, 0
    shuffle = 0.0
    for task in range(TASKS):
        own = [each for each in shards if each.remainder == task]
        begun = time.process_time()
        due = np.logical_or.reduce([each.folds(rows) | each.reads(rows) for each in own])
        events, size = _through_arrow(rows[due].view(np.int64).reshape(due.sum(), -1))
        shuffle, sent = shuffle + time.process_time() - begun, sent + size
        came = np.ascontiguousarray(events).view(EVENT_ROW).reshape(-1)
        for shard in own:
            begun = time.process_time()
            vectors, flags = ShardFold(shard).vectors(came, wanted[due])
            seconds[task] += time.process_time() - begun
            begun = time.process_time()
            columns, size = _through_arrow(vectors)
            marks, more = _through_arrow(flags.reshape(-1, 1))
            shuffle, sent = shuffle + time.process_time() - begun, sent + size + more
            made[shard] = columns, marks.reshape(-1)
    begun = time.process_time()
    joined = join(shards, [made[each] for each in shards], rows, wanted)
    return tuple(seconds), shuffle + time.process_time() - begun, sent, joined


def _wanted(rows: Rows) -> NDArray[np.bool_]:
    wanted: NDArray[np.bool_] = rows["kind"] == RowKind.TRANSFER.value
    return wanted


def _reading(stored: Sequence[StoredEvent]) -> float:
    """Seconds from records as Spark gives them to events."""
    cluster = Cluster("127.0.0.1:1")
    rows = [
        row_of(each.event, seq=each.seq, partition=each.partition, offset=each.offset)
        for each in stored
    ]
    records = published(cluster, rows, [record_of(row) for row in rows])
    offsets = pa.array([row[3] for row in rows], pa.int64())
    batch = records.append_column("offset", offsets).select(RECORD.names)
    numbers = Numbers(None, {})
    begun = time.process_time()
    for start in range(0, batch.num_rows, PIECE_ROWS):
        for placed in placed_in(cluster, batch.slice(start, PIECE_ROWS), numbers):
            assert placed is not None
            stored_event(placed.row, None)
    return time.process_time() - begun


def _through_arrow(values: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """A matrix as Arrow sends rows of it from one process to another, and the bytes of that."""
    width, sink = values.shape[1], pa.BufferOutputStream()
    kind = pa.list_(pa.from_numpy_dtype(values.dtype), width)
    with pa.ipc.new_stream(sink, pa.schema([("row", kind)])) as writer:
        for start in range(0, len(values), PIECE_ROWS):
            flat = pa.array(np.ascontiguousarray(values[start : start + PIECE_ROWS]).reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, width)
            writer.write_batch(pa.record_batch([column], ["row"]))
    sent = sink.getvalue()
    came = pa.ipc.open_stream(sent)
    pieces = [batch.column(0).flatten().to_numpy().reshape(-1, width) for batch in came]
    return np.concatenate(pieces) if pieces else values, sent.size
