"""Where training sets are written: the port of `flows.build`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SetColumns:
    """Rows of a training set, column by column: n values each, in the order of the columns.

    Ids are uint64[n, 2]; instants are int64 microseconds, the greatest int64 stands for none;
    `words` says what the codes of an int8 column mean. Features are float64, null as NaN.
    """

    integers: Mapping[str, NDArray[np.int64]]
    ids: Mapping[str, NDArray[np.uint64]]
    instants: Mapping[str, NDArray[np.int64]]
    codes: Mapping[str, NDArray[np.int8]]
    words: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, NDArray[np.bool_]]
    numbers: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class WrittenSet:
    """A training set on disk: its folder, and SHA-256 (hex) of table and manifest."""

    folder: Path
    table_sha256: str
    manifest_sha256: str


class TrainingSets(Protocol):
    """Where training sets are written.

    Laws:
        1. A set is there whole or not at all, whenever the process or the power ends.
        2. Equal parts and facts give equal bytes.
        3. A set that is there is never written over.
    """

    def check_free(self) -> None:
        """Nothing, if a set can be written.

        Raises:
            Refused: FILE_UNWRITABLE where something lies in its place.
        """
        ...

    def write(
        self,
        make: Callable[[Path], Iterable[SetColumns]],
        facts: Callable[[], Mapping[str, Any]],
    ) -> WrittenSet:
        """The set of the parts that `make` yields; it may use the folder it is given for a while.

        `facts` is asked after the last part, for the manifest.

        Raises:
            Refused: as `check_free`. Unavailable: FILE_UNWRITABLE.
        """
        ...
