"""So many requests a second and no more: one number a bucket, a comparison a request."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_SECOND_NS: Final = 1_000_000_000

#: Callers whose rate is remembered; of more, the one that was quiet longest begins anew.
CALLERS_MAX: Final = 4_096


class Bucket:
    """A token bucket as the generic cell rate algorithm (ITU-T I.371) keeps it.

    `due_ns` is when the bucket would be full again: a request that would move it more than the
    burst beyond now is one too many. Instants are nanoseconds of a monotonic clock.
    """

    __slots__ = ("_burst_ns", "_due_ns", "_each_ns")

    def __init__(self, *, per_second: float, burst: int) -> None:
        assert per_second > 0 and burst >= 1
        self._each_ns: Final = int(_SECOND_NS / per_second)
        self._burst_ns: Final = self._each_ns * burst
        self._due_ns = 0

    def take(self, now_ns: int) -> int:
        """0 where one more request is within the rate, else nanoseconds until one will be."""
        due = max(self._due_ns, now_ns) + self._each_ns
        over = due - now_ns - self._burst_ns
        if over > 0:
            return over
        self._due_ns = due
        return 0

    def is_empty(self, now_ns: int) -> bool:
        """Whether `take` would refuse now; nothing is taken."""
        return max(self._due_ns, now_ns) + self._each_ns - now_ns > self._burst_ns

    def owe(self, more: int, now_ns: int) -> None:
        """What was taken was worth so many more: whatever comes next waits for their time too."""
        self._due_ns = max(self._due_ns, now_ns) + more * self._each_ns


class Buckets:
    """One bucket a caller, by name."""

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, now_ns: int) -> int:
        """As `Bucket.take`, of that caller."""
        return self._bucket(name).take(now_ns)

    def owe(self, name: str, more: int, now_ns: int) -> None:
        """As `Bucket.owe`, of that caller."""
        self._bucket(name).owe(more, now_ns)

    def _bucket(self, name: str) -> Bucket:
        bucket = self._of.get(name)
        if bucket is None:
            bucket = self._of[name] = Bucket(per_second=self._per_second, burst=self._burst)
            if len(self._of) > CALLERS_MAX:
                self._of.popitem(last=False)
        else:
            self._of.move_to_end(name)
        return bucket
