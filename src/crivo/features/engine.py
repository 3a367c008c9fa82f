"""The engine: a plan and a state. Read first, then fold; calls come in the order of events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import REACHED_BY, RECEIPTS_BACK
from crivo.domain.errors import Code, Misconfigured, invalid
from crivo.domain.instant import DAY, LATEST, format_rfc3339
from crivo.features import frame as f
from crivo.features import layout as k
from crivo.features.door import check
from crivo.features.kernel import run
from crivo.features.plan import Plan
from crivo.features.row import EVENT_ROW, RowBytes, RowKind
from crivo.features.state import STATE_BYTES_MAX, State
from crivo.features.unlocked import run_unlocked

#: Flags of a vector: a late transfer; a key read at its newest event less slack; a window too full.
LATE: Final = k.LATE
BEHIND: Final = k.BEHIND
SATURATED: Final = k.SATURATED

_NULL: Final = np.uint64(0x7FF8_0000_0000_0000).view(np.float64)

#: From so many rows on a fold lets other threads run Python meanwhile.
UNLOCKED_ROWS: Final = 1_024

#: A state that is in use is released once a day of receipts.
RELEASE_EVERY: Final = DAY

Rows = NDArray[np.void]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EngineCounts:
    """What an engine has done: rows in all = folded + late."""

    folded: int
    late: int
    keys: int
    state_bytes: int


class Engine:
    """Vectors of transfers over all rows folded before them.

    A vector is float64 in the order of `plan.names`, null as NaN. Not for use by two threads.
    `reached_by` is how many transfers in succession reach a receipt by which it may release.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        state_bytes_max: int = STATE_BYTES_MAX,
        reached_by: int = REACHED_BY,
    ) -> None:
        self.plan = plan
        #: What its vectors are vectors of: a model says of which plan it wants them.
        self.plan_hash: Final = plan.plan_hash
        self._state = State(bytes_max=state_bytes_max, reached_by=reached_by)
        self._received_from = 0
        self._features = len(plan.names)
        self._scratch = np.zeros(int(plan.table[k.P_LANES]) * k.BATCH_ROWS, dtype=np.int64)
        #: The only row of a call, its vector and flags: of frames that seldom change.
        self._row = bytearray(EVENT_ROW.itemsize)
        self._words = np.frombuffer(self._row, dtype=np.int64)
        self._vector = np.empty(self._features, dtype=np.float64)
        self._wanted, self._flags = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.uint8)
        self._one, self._one_at = f.new_frame()
        self._look, self._look_at = f.new_frame()
        self._many, self._many_at = f.new_frame()
        self._aim()

    def fold(self, rows: Rows) -> None:
        """Every row is counted by later vectors; late transfers are counted as late alone.

        While it folds many, other threads run: none of them may read or fold.

        Raises:
            Refused: FIELD_TYPE for rows that are not `EVENT_ROW`, and as `door.check`; nothing is
                folded then.
            Unavailable: OVERLOADED at the memory's ceiling; `counts` says how many of the rows,
                from the first on, are folded. None is folded in part.
        """
        words = self._aim_at(rows)
        self._many[f.WANTED] = 0
        self._run(self._many_at, run if len(rows) < UNLOCKED_ROWS else run_unlocked)
        del words  # the frame named it until here

    def fold_row(self, row: RowBytes) -> None:
        """As `fold` of one row, which costs less than an array of it.

        Raises:
            Refused, Unavailable: as `fold`.
        """
        self._take(row)
        self._run(self._one_at)

    def vectors(self, rows: Rows, wanted: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.uint8]]:
        """(float64[n_wanted, F], flags[n_wanted]): each wanted transfer is read, then folded.

        `wanted` is a mask over the rows. All rows are folded, in order.

        Raises:
            Refused: as `fold`; FIELD_VALUE where a wanted row is no transfer; RECEIPT_TOO_OLD as
                `check_receipt`. Nothing is folded then.
            Unavailable: OVERLOADED, as `fold`.
        """
        words = self._aim_at(rows)
        if wanted.dtype != np.bool_ or wanted.shape != (len(rows),):
            raise invalid(
                Code.FIELD_TYPE,
                field="wanted",
                expected=f"a mask of {len(rows)} booleans",
                found=f"{wanted.dtype}{wanted.shape}",
            )
        others = rows["kind"][wanted & (rows["kind"] != RowKind.TRANSFER)]
        if len(others):
            raise _no_transfer(others[0])
        if self._received_from:
            self.check_receipt(int(rows["received_at"][wanted].min(initial=LATEST)))
        count = int(np.count_nonzero(wanted))
        out = np.empty((count, self._features), dtype=np.float64)
        flags = np.zeros(count, dtype=np.uint8)
        wanted = np.ascontiguousarray(wanted)
        f.write(self._many, {f.WANTED: wanted, f.VECTORS: out, f.FLAGS: flags})
        self._run(self._many_at)
        del words  # the frame named it until here
        return out, flags

    def read(self, rows: Rows) -> tuple[Vector, int]:
        """The vector (float64[F]) and flags of one transfer; nothing changes.

        Raises:
            Refused: as `fold`; FIELD_VALUE where there is not exactly one transfer;
                RECEIPT_TOO_OLD.
        """
        words = _words(rows)
        if len(rows) != 1:
            raise invalid(Code.FIELD_VALUE, field="rows", expected="one row", found=len(rows))
        return self.read_row(words.tobytes())

    def read_row(self, row: RowBytes) -> tuple[Vector, int]:
        """As `read`, of a row that is no array. The vector's bytes are those of `vector_bytes`.

        Raises:
            Refused: as `read`.
        """
        self._take(row)
        if self._words[k.ROW_KIND] != k.KIND_TRANSFER:
            raise _no_transfer(self._words[k.ROW_KIND])
        if self._received_from:
            self.check_receipt(int(self._words[k.ROW_RECEIVED_AT]))
        run(self._look_at)
        return self._vector.copy(), int(self._flags[0])

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """The whole state as int64 arrays, its own: they change with the next fold."""
        return self._state.arrays()

    def room(self, name: str, bytes_wanted: int) -> NDArray[np.uint8] | None:
        """Where the bytes of an array of `arrays` may be read to, for `restore` to take it as it
        lies; None: anywhere. The engine is of no use until then.
        """
        return self._state.room(name, bytes_wanted)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes the state that `arrays` of an engine of the same plan gave.

        Raises:
            Misconfigured: SNAPSHOT_INVALID for arrays that hold no such state.
            Unavailable: OVERLOADED for one beyond the memory's ceiling.
        """
        self._state.restore(arrays)
        self._received_from = self._state.received_from
        self._aim()

    @property
    def received_from(self) -> int:
        """No transfer that was received before is read any more; 0: any is."""
        return self._state.received_from

    def release(self, *, receipts_back: int = RECEIPTS_BACK) -> int:
        """Gives back what idle keys hold for windows that lie behind every read; bytes.

        No vector changes by it. From then on a transfer is refused (RECEIPT_TOO_OLD) that was
        received over `receipts_back` microseconds before the receipt that was reached by now.
        """
        released = self._state.release(self.plan.table, receipts_back)
        self._received_from = self._state.received_from
        self._aim()
        return released

    def release_some(
        self, places: int, *, receipts_back: int = RECEIPTS_BACK, every: int = RELEASE_EVERY
    ) -> bool:
        """As `release`, a step at a time: looks at so many places of the index, each a key at most.

        Whether that was the last of them. The next release begins `every` microseconds of receipts
        after this one. Nothing moves, so that a step takes no longer than its keys.
        """
        is_over = self._state.release_some(self.plan.table, places, receipts_back, every)
        self._received_from = self._state.received_from
        return is_over

    def check_receipt(self, received_at: int) -> None:
        """Nothing, if the state still knows what a transfer of that receipt must read.

        Raises:
            Refused: RECEIPT_TOO_OLD.
        """
        if received_at < self._received_from:
            raise invalid(
                Code.RECEIPT_TOO_OLD,
                field="received_at",
                expected=f"at or after {format_rfc3339(self._received_from)}, from which on state "
                "knows what idle keys held",
                found=format_rfc3339(received_at),
                hint="Send transfers in the order of their receipt; set the clock of the machine.",
            )

    def make_room(self) -> None:
        """Grows the index now, so that the keys to come find room and no read waits for a copy."""
        self._state.make_room()
        self._aim()

    def check_plan(self, plan_hash: str) -> None:
        """Nothing, if this engine runs that plan.

        Raises:
            Misconfigured: PLAN_MISMATCH.
        """
        if plan_hash != self.plan_hash:
            raise Misconfigured(
                Code.PLAN_MISMATCH,
                "the engine runs another plan",
                hint="Use the bundle's own plan, or train on this one.",
                field="plan_hash",
                expected=plan_hash,
                found=self.plan_hash,
            )

    @property
    def counts(self) -> EngineCounts:
        """Rows folded, late transfers, keys and bytes held."""
        control = self._state.control
        return EngineCounts(
            folded=int(control[k.C_FOLDED]),
            late=int(control[k.C_LATE]),
            keys=int(control[k.C_KEYS]),
            state_bytes=self._state.bytes,
        )

    def _aim_at(self, rows: Rows) -> NDArray[np.int64]:
        """The rows as words, every fact in which can be; the frame of many names them.

        Raises:
            Refused: as `_words` and `door.check`.
        """
        words = _words(rows)
        self._many[f.ROWS], self._many[f.TOTAL] = f.address(words), len(rows)
        check(words, self._many_at)
        return words

    def _run(self, place: int, kernel: Callable[[int], int] = run) -> None:
        control = self._state.control
        control[k.C_ROW] = control[k.C_OUT] = 0
        while code := kernel(place):
            self._state.grow(code)
            self._aim()

    def _take(self, row: RowBytes) -> None:
        """Takes a row into the frame of one, if every fact in it can be."""
        assert len(row) == len(self._row)
        self._row[:] = row
        check(self._words, self._one_at)

    def _aim(self) -> None:
        """Writes down where the state lies; it moves when it grows."""
        state = self._state
        for frame in (self._one, self._look, self._many):
            f.write(
                frame,
                {
                    f.PLAN: self.plan.table,
                    f.CONTROL: state.control,
                    f.INDEX: state.index,
                    f.ARENA: state.arena,
                    f.SCRATCH: self._scratch,
                },
            )
            frame[f.INDEX_SIZE], frame[f.ARENA_SIZE] = state.index.size, state.arena.size
        for frame in (self._one, self._look):
            frame[f.ROWS], frame[f.TOTAL] = f.address(self._words), 1
        wanted = {f.WANTED: self._wanted, f.VECTORS: self._vector, f.FLAGS: self._flags}
        f.write(self._look, wanted)
        self._one[f.FOLDS] = self._many[f.FOLDS] = 1


def vector_bytes(vector: Vector) -> bytes:
    """The bytes that are hashed and compared: float64 little-endian, null = 0x7ff8000000000000."""
    kept = np.where(np.isnan(vector), _NULL, vector)
    return kept.astype("<f8", copy=False).tobytes()


def vector_hash(vector: Vector) -> str:
    """SHA-256 (hex) of `vector_bytes`."""
    return hashlib.sha256(vector_bytes(vector)).hexdigest()


def _words(rows: Rows) -> Any:
    """The rows as int64[n × 29], without a copy."""
    # To compare two such types field by field takes longer than to read a vector.
    if (rows.dtype is not EVENT_ROW and rows.dtype != EVENT_ROW) or rows.ndim != 1:
        raise invalid(
            Code.FIELD_TYPE, field="rows", expected="a row of EVENT_ROW each", found=rows.dtype
        )
    return np.ascontiguousarray(rows).view(np.int64)


def _no_transfer(kind: int) -> Exception:
    return invalid(
        Code.FIELD_VALUE,
        field="kind",
        expected="a transfer, where a vector is wanted",
        found=RowKind(kind).name,
    )
