"""Where a group takes up again whose offsets brokers have forgotten: behind what it has answered.

They keep them for as long as it has members, and `offsets.retention.minutes` beyond. Answers of a
partition lie in one of decisions, in the order of their transfers, and tell as much.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import Intake, part_of, read_ends, topic_partition
from crivo.decision import record
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.event import Event
from crivo.domain.streams import Stream, partition_of


def take_up(
    cluster: Cluster,
    partitions: int,
    *,
    forgotten: Collection[int],
    answers: Sequence[tuple[int, Event]],
) -> dict[int, int]:
    """By forgotten partition of transfers: the offset of the first that has no answer, behind the
    last where all have one; 0 where nothing was ever answered.

    Args:
        cluster: Where the log is.
        partitions: The log's, of each stream.
        forgotten: Those of which the group has no offset.
        answers: Theirs, as `read_answers` gives them.

    Raises:
        Misconfigured: LOG_MISMATCH where brokers have let go of all answers, and hold transfers:
            nobody knows whether these were answered.
        Refused, Misconfigured, Unavailable: as `Intake`.
    """
    ends = read_ends(cluster, partitions)
    found = {}
    for partition in forgotten:
        low, _ = ends[part_of(Stream.DECISIONS, partition)]
        # Ends of holds come long after their transfers' answers.
        answered = {
            number
            for number, event in answers
            if event.schema == record.SCHEMA and partition_of(event.key, partitions) == partition
        }
        if not (low or answered):
            found[partition] = 0
            continue
        # Before the first answer that is there, others were: brokers have let go of them.
        start = min(answered, default=0) if low else 0
        offset, is_end = _first_unanswered(cluster, partition, ends, start, answered)
        if not (is_end or answered):
            raise _unknown(cluster, partition)
        found[partition] = offset
    return found


def _first_unanswered(
    cluster: Cluster,
    partition: int,
    ends: dict[tuple[int, int], tuple[int, int]],
    start: int,
    answered: Collection[int],
) -> tuple[int, bool]:
    """The offset of the first transfer, of those from a number on, without an answer, or the end;
    and whether it is that.
    """
    part = part_of(Stream.TRANSFERS, partition)
    low, high = ends[part]
    with closing(
        Intake(
            cluster,
            {part: low},
            {part: high},
            numbered_from=start,
            silence_seconds_max=cluster.outage_seconds,
        )
    ) as intake:
        waiting = intake.waiting[part]
        while waiting or part in intake.open:
            intake.await_more(part)
            while waiting:
                key, row = waiting.popleft()
                if key // 2 not in answered:
                    return row[3], False
    return high, True


def _unknown(cluster: Cluster, partition: int) -> Misconfigured:
    place = topic_partition(cluster, part_of(Stream.TRANSFERS, partition))
    return Misconfigured(
        Code.LOG_MISMATCH,
        f"brokers have forgotten how far the group of workers answered {place.topic}, partition "
        f"{partition}, and let go of its answers",
        hint="Set its offset by kafka-consumer-groups.sh --reset-offsets: --to-latest where what "
        "is there was answered, else --to-earliest. docs/how-to/topics.md says how long brokers "
        "should keep offsets.",
        field="offset",
        expected="an offset of the group, or an answer",
        found="neither",
    )
