"""A log in Kafka as it is stored, partition by partition from offsets on: what a lake takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import Intake, read_ends
from crivo.adapters.kafka.manifest import require_manifest
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Manifest

_STREAMS = tuple(Stream)


class KafkaStoredLog:
    """A `StoredLog`: what the writer numbered and what workers answered, sealed as it is.

    Records without a number are nobody's of ours, and passed over.

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

    def rows_after(
        self, offsets: Mapping[tuple[str, int], int], *, limit: int
    ) -> Iterator[list[EventRow]]:
        """The rows at or after these offsets, in lists of at most `limit`, partition by partition.

        Raises:
            Misconfigured: LOG_MISMATCH where brokers no longer hold an offset that is asked for.
            Refused: ROW_MALFORMED for a number on what is no event.
            Unavailable: LOG_UNAVAILABLE.
        """
        ends = read_ends(self._cluster, self._manifest.partitions)
        starts = {}
        for (rank, partition), (low, high) in ends.items():
            name = _STREAMS[rank].value
            at = offsets.get((name, partition), low)
            if not low <= at <= high:
                raise _gone(f"{name}/{partition}", at, low, high)
            starts[rank, partition] = at
        highs = {part: high for part, (_, high) in ends.items()}
        intake = Intake(self._cluster, starts, highs)
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
        f"the brokers do not hold {part} from where the lake has it",
        hint="They keep records for a while: refine more often, or keep them longer. A log that "
        "was made anew needs a lake of its own.",
        field="offset",
        expected=f"{low} to {high}",
        found=at,
    )
