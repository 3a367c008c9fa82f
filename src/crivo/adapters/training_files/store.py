"""Training sets as folders: `rows.parquet` and `manifest.json`, there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crivo.domain.errors import Code, Refused, Unavailable
from crivo.flows.training_set_port import SetColumns, WrittenSet
from crivo.model.files import canonical_json, sync_folder, write_synced

TABLE: Final = "rows.parquet"
MANIFEST: Final = "manifest.json"

_ASIDE: Final = ".partial"
_SCRATCH: Final = "scratch"
_NEVER: Final = np.iinfo(np.int64).max


class TrainingSetFiles:
    """Plays `TrainingSets` for one folder, which is made. Each part is a row group of the table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check_free(self) -> None:
        """Nothing, if a set can be written.

        Raises:
            Refused: FILE_UNWRITABLE where something lies in its place, or it is none.
        """
        if self._is_taken():
            raise Refused(
                Code.FILE_UNWRITABLE,
                f"{self._folder} is there already, and no set is written over another",
                hint="Name another folder with --out.",
                file=str(self._folder),
                expected="a place where nothing is",
                found="a folder" if self._folder.is_dir() else "a file",
            )

    def write(
        self,
        make: Callable[[Path], Iterable[SetColumns]],
        facts: Callable[[], Mapping[str, Any]],
    ) -> WrittenSet:
        """Written aside, synced, renamed; what `make` left in its folder is gone by then.

        Raises:
            Refused: FILE_UNWRITABLE where something lies in its place.
            Unavailable: FILE_UNWRITABLE; whatever `make` raises. Nothing is left in either case.
        """
        self.check_free()
        aside = self._aside()
        try:
            (aside / _SCRATCH).mkdir(parents=True)
            _write_table(aside / TABLE, make(aside / _SCRATCH))
            shutil.rmtree(aside / _SCRATCH)
            table_sha256 = _sha256(aside / TABLE)
            manifest = canonical_json({**facts(), "files": {TABLE: table_sha256}}) + b"\n"
            write_synced(aside / MANIFEST, manifest)
            sync_folder(aside)
            aside.rename(self._folder)
            sync_folder(self._folder.parent)
        except OSError as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the training set cannot be written: {error}",
                hint="Look at the folder's permissions and the space on the disk.",
                file=str(self._folder),
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return WrittenSet(self._folder, table_sha256, hashlib.sha256(manifest).hexdigest())

    def _aside(self) -> Path:
        """Where the set is made; its name is the longer of the two."""
        return self._folder.with_name(f"{self._folder.name}.{os.getpid()}{_ASIDE}")

    def _is_taken(self) -> bool:
        """Whether something lies where the set will, a link to nothing too."""
        try:
            self._aside().lstat()
        except FileNotFoundError:
            return os.path.lexists(self._folder)
        except OSError as error:
            raise Refused(
                Code.FILE_UNWRITABLE,
                f"no folder can be made there: {error.strerror}",
                hint="Name another folder with --out.",
                file=str(self._folder),
                expected="a name that the file system takes, in a folder that can be looked into",
                found=error.strerror,
            ) from error
        return True


def _write_table(path: Path, parts: Iterable[SetColumns]) -> None:
    writer: pq.ParquetWriter | None = None
    with path.open("wb") as file:
        for part in parts:
            table = _table(part)
            if writer is None:
                writer = _writer(file, table.schema)
            # A part without a row makes no group, so that it leaves no trace.
            if table.num_rows:
                writer.write_table(table, row_group_size=table.num_rows)
        if writer is not None:
            writer.close()
        file.flush()
        os.fsync(file.fileno())


def _writer(file: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    words = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=words)


def _table(part: SetColumns) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name, ids in part.ids.items():
        columns[name] = _ids(ids)
    for name, integers in part.integers.items():
        columns[name] = pa.array(integers, type=pa.int64())
    for name, instants in part.instants.items():
        kind = pa.timestamp("us", tz="UTC")
        columns[name] = pa.array(instants, mask=instants == _NEVER, type=kind)
    for name, codes in part.codes.items():
        words = pa.array(part.words[name], type=pa.string())
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes, type=pa.int8()), words)
    for name, flags in part.flags.items():
        columns[name] = pa.array(flags, type=pa.bool_())
    for name, numbers in part.numbers.items():
        columns[name] = pa.array(numbers, mask=np.isnan(numbers), type=pa.float64())
    return pa.table(columns)


def _ids(words: np.ndarray[Any, np.dtype[np.uint64]]) -> pa.Array:
    """Two little-endian words each as the 16 bytes they are."""
    data = pa.py_buffer(np.ascontiguousarray(words, dtype="<u8").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(words), [None, data])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
