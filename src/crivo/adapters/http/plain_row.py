"""One row of a predict body as most callers send it, read without a look at each of its fields."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

#: From it on a number may be an integer that has no float64 of its own: the slower look tells.
_WHOLE_MAX: Final = float(1 << 53)


def plain_row(raw: bytes, inputs: tuple[str, ...]) -> npt.NDArray[np.float64] | None:
    """float64[1, F] of a body that is one object of these F inputs, each once, a number or null.

    Null is NaN. None where it is anything else, or may be: then `parse_rows` and `predict` are
    asked, who see the same in it, and say what is wrong.
    """
    # Inputs that are all there have so many quotation marks; a repeated name has more.
    if raw.count(b'"') != 2 * len(inputs) or b"\\" in raw:
        return None
    try:
        row = _decoder(inputs).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    values = np.array([msgspec.structs.astuple(row)], dtype=np.float64)
    return None if np.any(np.abs(values) >= _WHOLE_MAX) else values


@lru_cache(maxsize=4)
def _decoder(inputs: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Reads an object of these inputs, all of them and no other."""
    fields: list[tuple[str, type]] = [
        (f"input_{place}", float | None)  # type: ignore[misc]
        for place in range(len(inputs))
    ]
    names = {f"input_{place}": name for place, name in enumerate(inputs)}
    row = msgspec.defstruct("_Row", fields, rename=names, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(row)
