"""What is known of a folder that holds a world: its manifest, which names every other file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

import msgspec

from crivo.model.standing import Written

MANIFEST: Final = "world.json"


class Manifest(msgspec.Struct, frozen=True):
    """What a world's manifest says of its files; what else it says is of no use here."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    tables: str
    options: dict[str, object]
    rows: dict[str, int]
    sha256: dict[str, str]


def _files(content: bytes) -> Collection[str]:
    return msgspec.json.decode(content, type=Manifest).sha256


WORLD: Final = Written("world", MANIFEST, _files)
