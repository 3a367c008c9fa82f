"""Which numbers on records of a log are its writer's, and why any other is nobody's of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crivo.adapters.kafka.records import NUMBER_MAX, Place
from crivo.domain.errors import Code, Refused
from crivo.domain.streams import Stream

#: Asked for a number: says the one behind the greatest that the log's writer gave so far; 0 where
#: nobody knows.
Newest = Callable[[int], int]

#: By name of a stream and partition of it: the greatest number of the writer's that came there.
Passed = Mapping[tuple[str, int], int]


class Numbers:
    """Tells the writer's numbers, record by record in the order of their partitions.

    Along a partition they rise, and none lies beyond what the writer has given. An answer bears the
    number of its event, which may come again.

    Args:
        newest: Asked where a number is greater than all that it has said; None where all may be.
        passed: What partitions have passed before the first of these records.
    """

    def __init__(self, newest: Newest | None, passed: Passed) -> None:
        self._newest = newest
        #: Numbers below it may be the writer's; what bears another asks `newest`.
        self._behind = 0
        self.passed: dict[tuple[str, int], int] = dict(passed)

    def fault(self, stream: Stream, partition: int, place: Place | None) -> Refused | None:
        """Why a record that stands there is nobody's of ours; None for one that is ours, which its
        partition has passed then.

        Raises:
            Misconfigured, Unavailable: as `newest`.
        """
        if place is None:
            return no_number(stream)
        number, is_answer = place
        part = (stream, partition)
        last = self.passed.get(part, -1)
        if not is_answer and number <= last:
            return _foreign_number(stream, "its partition has passed", f"over {last}", number)
        if self._newest is not None and number >= self._behind:
            # Where nobody knows which is the newest, all may be.
            self._behind = self._newest(number) or NUMBER_MAX
            if number >= self._behind:
                why, expected = "the log's writer has not given", f"below {self._behind}"
                return _foreign_number(stream, why, expected, number)
        if not is_answer:
            self.passed[part] = number
        return None


def no_number(stream: Stream) -> Refused:
    """Why a record without a number is nobody's of ours."""
    return Refused(
        Code.ROW_MALFORMED,
        f"a record of {stream} bears no number of the log",
        hint="Only the log's writer appends to its topics; outsiders produce to the inbox.",
        field="headers",
        expected="one that is named seq, or answers",
        found="neither",
    )


def not_the_writers(stream: Stream, number: int) -> Refused:
    """Why a record with a number is nobody's of ours, where who found it says no more."""
    return _foreign_number(stream, "is not the writer's", "given, and not passed", number)


def _foreign_number(stream: Stream, why: str, expected: str, found: int) -> Refused:
    return Refused(
        Code.ROW_MALFORMED,
        f"a record of {stream} bears a number that {why}",
        hint="Only the log's writer appends to its topics; outsiders produce to the inbox.",
        field="seq",
        expected=expected,
        found=found,
    )
