"""The directory's statistics about a person or a key: values with watermarks, never recomputed.

The directory counts in three windows: today and the 89 days before, twelve full months, sixty full
months. Each block has its own watermark, which may lie up to half a day back; 1970-01-01 says that
the directory has no data, which is not the same as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.declared import check_fields, refuse_unless
from crivo.domain.fields import CallerName, Count, EndToEndId, EntityId, Instant, OwnId, WholeReais

SCHEMA: Final = "dict_statistics.v1"


class StatisticsOf(StrEnum):
    """Whom the directory counts for."""

    PERSON = "PERSON"
    KEY = "KEY"


@dataclass(frozen=True, slots=True)
class Windows:
    """A counter in the three windows."""

    d90: Count
    m12: Count
    m60: Count

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Amounts:
    """A sum of whole reais in the three windows."""

    d90: WholeReais
    m12: WholeReais
    m60: WholeReais

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Settlements:
    """Payments that were settled in favour of the person, or by this key."""

    watermark: Instant
    received: Windows

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Markers:
    """Fraud markers by type; `distinct_reporters` are institutions."""

    watermark: Instant
    application_frauds: Windows
    mule_accounts: Windows
    scammer_accounts: Windows
    other_frauds: Windows
    unknown_frauds: Windows
    total_amount_reais: Amounts
    distinct_reporters: Windows

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Reports:
    """Infraction reports; open ones have no window."""

    watermark: Instant
    open_reports: Count
    open_distinct_reporters: Count
    rejected: Windows

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Entries:
    """Accounts with keys: a person has registered ones, a key has been at distinct ones."""

    watermark: Instant
    registered_accounts: Count | None
    distinct_accounts: Windows | None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class DictStatistics:
    """What was read at one moment. The order of the fields is the schema: only append.

    A block is None where the directory has no data.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    reading_id: OwnId
    occurred_at: Instant
    of: StatisticsOf
    entity_id: EntityId
    end_to_end_id: EndToEndId | None = None
    settlements: Settlements | None = None
    markers: Markers | None = None
    reports: Reports | None = None
    entries: Entries | None = None
    caller: CallerName | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("settlements", "markers", "reports", "entries"):
            block = getattr(self, name)
            refuse_unless(
                block is None or block.watermark <= self.occurred_at,
                f"{name}.watermark",
                "no later than the reading",
                None if block is None else block.watermark,
            )
        if self.entries is not None:
            is_person = self.of is StatisticsOf.PERSON
            refuse_unless(
                (self.entries.registered_accounts is not None) == is_person
                and (self.entries.distinct_accounts is None) == is_person,
                "entries",
                "registered accounts of a person, or distinct accounts of a key",
                self.entries,
            )

    @property
    def subject_id(self) -> bytes:
        """The person or the key."""
        return self.entity_id

    @property
    def own_id(self) -> str:
        """The id of the reading."""
        return self.reading_id


def has_data(watermark: str) -> bool:
    """Whether a block has data, by its watermark as the directory writes it.

    >>> has_data("1970-01-01T00:00:00.000Z")
    False
    """
    return not watermark.startswith("1970-01-01T")
