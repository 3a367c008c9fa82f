"""A log in Kafka as it is stored, partition by partition from offsets on: what a lake takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.manifest import number_kept, require_manifest
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow
from crivo.flows.lake import Taken
from crivo.flows.ports import Manifest

_STREAMS = tuple(Stream)


class KafkaStoredLog:
    """A `StoredLog`: what the writer numbered and what workers answered, sealed as it is.

    Records without a number, or with one that their partition has passed or the writer has not
    given, are nobody's of ours, and passed over.

    Raises:
        Misconfigured: LOG_MISMATCH where the cluster has no topics of a log. Unavailable:
            NOT_FOUND where there is no log yet, LOG_UNAVAILABLE.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._manifest = require_manifest(cluster)

    @property
    def manifest(self) -> Manifest:
        """Whose it is, and how many partitions each stream has."""
        return self._manifest

    @property
    def place(self) -> str:
        """Marks of transactions and answers of workers have offsets as well."""
        return "kafka"

    def ends(self) -> Mapping[tuple[str, int], int]:
        """The offset behind what is committed in each partition: marks of transactions, and what
        was taken back, lie below it as well.

        Raises:
            Unavailable: LOG_UNAVAILABLE.
        """
        ends = read_ends(self._cluster, self._manifest.partitions)
        return {(_STREAMS[rank].value, place): high for (rank, place), (_, high) in ends.items()}

    def rows_after(
        self, taken: Mapping[tuple[str, int], Taken], *, limit: int
    ) -> Iterator[list[EventRow]]:
        """The rows behind what was taken, in lists of at most `limit`, partition by partition.

        Raises:
            Misconfigured: LOG_MISMATCH where brokers no longer hold an offset that is asked for.
            Refused: ROW_MALFORMED for a number on what is no event.
            Unavailable: LOG_UNAVAILABLE.
        """
        ends = read_ends(self._cluster, self._manifest.partitions)
        starts = {}
        for (rank, partition), (low, high) in ends.items():
            name = _STREAMS[rank].value
            at = taken.get((name, partition), Taken()).offset
            if not low <= at <= high:
                raise _gone(f"{name}/{partition}", at, low, high)
            starts[rank, partition] = at
        highs = {part: high for part, (_, high) in ends.items()}
        given = number_kept(self._cluster, is_settled=False)
        passed = {part: each.number for part, each in taken.items()}
        intake = Intake(self._cluster, starts, highs, newest=lambda _number: given, passed=passed)
        rows: list[EventRow] = []
        try:
            for part in sorted(starts):
                while intake.waiting[part] or part in intake.open:
                    intake.await_more(part)
                    while intake.waiting[part]:
                        rows.append(intake.waiting[part].popleft()[1])
                        if len(rows) == limit:
                            yield rows
                            rows = []
        finally:
            intake.close()
        if rows:
            yield rows


def _gone(part: str, at: int, low: int, high: int) -> Misconfigured:
    return Misconfigured(
        Code.LOG_MISMATCH,
        f"the brokers do not hold {part} from where the lake has it on",
        hint="They keep records for a while: refine more often, or keep them longer. A log that "
        "was made anew needs a lake of its own; one whose beginning is gone makes no new lake.",
        field="offset",
        expected=f"{low} to {high}",
        found=at,
    )
