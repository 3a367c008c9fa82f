"""State beside the vector as an array of bytes, which is how a snapshot keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from crivo.domain.errors import Code, Misconfigured

State = TypeVar("State")


def pack(name: str, state: object) -> dict[str, NDArray[Any]]:
    """The state, in an order of its own, as the array `name`: uint8[n] of msgpack."""
    return {name: np.frombuffer(msgspec.msgpack.encode(state), dtype=np.uint8)}


def unpack(
    name: str,
    arrays: Mapping[str, NDArray[Any]],
    decoder: msgspec.msgpack.Decoder[State],
    *,
    told: str,
    parts: str,
) -> State:
    """The state that `pack` gave; an error says what is not `told`, and of which `parts` it is.

    Raises:
        Misconfigured: SNAPSHOT_INVALID.
    """
    found = arrays.get(name)
    try:
        return decoder.decode(b"" if found is None else found.tobytes())
    except msgspec.DecodeError as error:
        raise Misconfigured(
            Code.SNAPSHOT_INVALID,
            f"the arrays tell of no {told}",
            hint="State is rebuilt from the log.",
            field=name,
            expected=f"{parts} as msgpack",
            found=str(error),
        ) from None
