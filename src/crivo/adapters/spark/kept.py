"""What a job keeps of each of its batches: how far it went, and the records that wait for the next.

A file beside the checkpoint, which every process of the job reaches. A batch that is run again
begins with what the batch before it left, whatever it wrote itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crivo.domain.errors import Code, Misconfigured, Unavailable

_HEADERS: Final = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
#: A record as Spark's source gives it.
RECORD: Final = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", _HEADERS),
    ]
)

#: The number that comes next; of each partition that has any, its stream, which it is, and the
#: greatest number that came.
_Reached = tuple[int, list[tuple[str, int, int]]]

#: Batches that stay: Spark may run the newest again.
_BATCHES_KEPT: Final = 3


class Done(msgspec.Struct):
    """What was made of a batch: the transfers that it decided, the records that it published, those
    that are nobody's of ours and were set aside, why a snapshot could not be written (empty where
    none failed), and the seconds of its stages.
    """

    decided: int = 0
    published: int = 0
    foreign: int = 0
    unkept: str = ""
    seconds: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Left:
    """What a batch leaves to the next: the number that comes next, the records that wait, and of
    each stream's partition the greatest number that came.
    """

    cut: int = 0
    waiting: pa.Table = field(default_factory=RECORD.empty_table)
    passed: Mapping[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the batches of a job, in a folder of its own."""

    folder: Path

    def left(self, batch: int) -> Left:
        """What a batch left; of the one before the first, nothing.

        Raises:
            Misconfigured: FILE_UNREADABLE where that is not what `keep` wrote.
        """
        if batch < 0:
            return Left()
        kept = self._of(batch)
        try:
            reached = msgspec.json.decode((kept / "cut").read_bytes(), type=int | _Reached)
            # Former releases kept the next number alone.
            cut, parts = (reached, []) if isinstance(reached, int) else reached
            passed = {(stream, partition): number for stream, partition, number in parts}
            return Left(cut, pq.read_table(kept / "records").cast(RECORD), passed)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise _damaged(kept, error) from error

    def keep(self, batch: int, left: Left, done: Done) -> None:
        """Keeps a batch: there whole, or not at all.

        Raises:
            Unavailable: FILE_UNWRITABLE; the batch is to be run again.
        """
        kept = self._of(batch)
        aside = kept.with_name(f"{kept.name}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            pq.write_table(left.waiting.cast(RECORD), aside / "records")
            parts = [(*part, number) for part, number in left.passed.items()]
            (aside / "cut").write_bytes(msgspec.json.encode((left.cut, parts)))
            (aside / "done").write_bytes(msgspec.json.encode(done))
            shutil.rmtree(kept, ignore_errors=True)
            aside.rename(kept)
        except OSError as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"what batch {batch} of a job of Spark leaves cannot be written: {error}",
                hint="Free some room; another start runs the batch again.",
                file=str(kept),
            ) from error
        shutil.rmtree(self._of(batch - _BATCHES_KEPT), ignore_errors=True)

    def done(self, batch: int) -> Done:
        """What was made of a batch.

        Raises:
            Misconfigured: FILE_UNREADABLE where that is not what `keep` wrote.
        """
        kept = self._of(batch)
        try:
            return msgspec.json.decode((kept / "done").read_bytes(), type=Done)
        except (OSError, msgspec.MsgspecError) as error:
            raise _damaged(kept, error) from error

    def newest(self) -> int:
        """The number of the newest batch; -1 before the first."""
        names = (path.name for path in self.folder.glob("*"))
        return max((int(name) for name in names if name.isdigit()), default=-1)

    def _of(self, batch: int) -> Path:
        return self.folder / str(batch)


def _damaged(kept: Path, error: Exception) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"what batch {kept.name} of a job of Spark left cannot be read",
        hint="Restore the folder spark of the home, checkpoint and waiting together. Without it a "
        "job begins at the log's beginning, with a lake of its own.",
        file=str(kept),
        expected="cut, records and done, as the job wrote them",
        found=str(error).partition("\n")[0],
    )
