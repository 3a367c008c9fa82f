"""How tables lie in a folder: format, compression, and one file a table or one a day."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from crivo.domain.choice import parse_choice
from crivo.domain.errors import Code, invalid


class WorldFormat(StrEnum):
    """How tables are written; the value is the ending of the files."""

    PARQUET = "parquet"
    JSON_LINES = "jsonl"
    CSV = "csv"


class Compression(StrEnum):
    """How files are compressed: text as a whole, Parquet page by page."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    SNAPPY = "snappy"


#: Snappy has no files of its own that everybody reads.
ALLOWED: Final = MappingProxyType(
    {
        WorldFormat.PARQUET: tuple(Compression),
        WorldFormat.JSON_LINES: (Compression.NONE, Compression.GZIP, Compression.ZSTD),
        WorldFormat.CSV: (Compression.NONE, Compression.GZIP, Compression.ZSTD),
    }
)
_DEFAULTS: Final = MappingProxyType(
    {
        WorldFormat.PARQUET: Compression.ZSTD,
        WorldFormat.JSON_LINES: Compression.NONE,
        WorldFormat.CSV: Compression.NONE,
    }
)
_ENDINGS: Final = MappingProxyType({Compression.GZIP: ".gz", Compression.ZSTD: ".zst"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How tables lie; without a compression the format's own: zstd in Parquet, none in text.

    Raises:
        Refused: FIELD_VALUE where the format cannot be compressed so.
    """

    file_format: WorldFormat = WorldFormat.PARQUET
    compression: Compression | None = None
    by_day: bool = False

    def __post_init__(self) -> None:
        allowed = ALLOWED[self.file_format]
        if self.packed not in allowed:
            raise invalid(
                Code.FIELD_VALUE,
                field="compression",
                expected=f"{' or '.join(allowed)} with --format {self.file_format}",
                found=str(self.packed),
            )

    @property
    def packed(self) -> Compression:
        """The compression in force."""
        return _DEFAULTS[self.file_format] if self.compression is None else self.compression

    @property
    def ending(self) -> str:
        """What file names end in, with their dots."""
        if self.file_format is WorldFormat.PARQUET:
            return ".parquet"
        return f".{self.file_format}{_ENDINGS.get(self.packed, '')}"


def parse_format(text: str) -> WorldFormat:
    """The format of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_choice(WorldFormat, text, field="format")


def parse_compression(text: str) -> Compression:
    """The compression of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_choice(Compression, text, field="compression")
