"""What a job keeps of each of its batches: how far it went, and the records that wait for the next.

A file beside the checkpoint, which every process of the job reaches. A batch that is run again
begins with what the batch before it left, whatever it wrote itself.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crivo.domain.errors import Code, Misconfigured

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

#: Batches that stay: Spark may run the newest again.
_BATCHES_KEPT: Final = 3


class Done(msgspec.Struct):
    """What was made of a batch: the transfers that it decided, the records that it published, those
    that are nobody's of ours and were set aside, and the seconds of its stages.
    """

    decided: int = 0
    published: int = 0
    foreign: int = 0
    seconds: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Left:
    """What a batch leaves to the next: the number that comes next, and the records that wait."""

    cut: int = 0
    waiting: pa.Table = field(default_factory=RECORD.empty_table)


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
            cut = int((kept / "cut").read_text(encoding="utf-8"))
            return Left(cut, pq.read_table(kept / "records").cast(RECORD))
        except (OSError, ValueError) as error:
            raise _damaged(kept, error) from error

    def keep(self, batch: int, left: Left, done: Done) -> None:
        """Keeps a batch: there whole, or not at all."""
        kept = self._of(batch)
        aside = kept.with_name(f"{kept.name}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        pq.write_table(left.waiting.cast(RECORD), aside / "records")
        (aside / "cut").write_text(str(left.cut), encoding="utf-8")
        (aside / "done").write_bytes(msgspec.json.encode(done))
        shutil.rmtree(kept, ignore_errors=True)
        aside.rename(kept)
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
