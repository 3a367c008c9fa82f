"""Deliveries of messages to subscribers: what waits, what was delivered, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from crivo.domain.instant import SECOND

#: Deliveries that wait for one subscription at most; what comes beyond is dead at once.
WAITING_MAX: Final = 100_000
#: Deliveries of one page at most, and where nobody says how many.
PAGE_MAX: Final = 1_000
PAGE_DEFAULT: Final = 100


class DeliveryState(StrEnum):
    """Where a delivery stands; a dead one is sent again only where somebody asks."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


class Failure(StrEnum):
    """Why an attempt failed."""

    #: It answered another status than 200 to 299; redirects are not followed.
    STATUS = "STATUS"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    #: Its certificate is not what was asked for.
    TLS = "TLS"
    #: Its name leads to an address that is not allowed.
    ADDRESS = "ADDRESS"
    #: Its secret cannot be read.
    SECRET = "SECRET"
    #: Too many waited already.
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one subscription. Times are instants of the wall clock.

    `due_at` is when it is tried next; `status` and `failure` are those of the last attempt.
    """

    subscription: str
    webhook_id: str
    seq: int
    kind: str
    body: bytes
    made_at: int
    state: DeliveryState
    attempts: int
    due_at: int
    ended_at: int | None = None
    status: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt. `retry_after` are the seconds that the receiver asked for."""

    failure: Failure | None
    status: int | None = None
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an attempt follows one that failed: exponential back-off with jitter.

    The wait doubles and doubles again from `first_seconds` to `most_seconds`; of it a random share
    between a half and the whole is waited, so that a receiver which comes back is not met by all.
    """

    attempts_max: int
    first_seconds: float
    most_seconds: float

    def wait(self, attempts: int, draw: float, *, at_least: int | None = None) -> int:
        """Microseconds to the next attempt after so many; `draw` is random in [0, 1).

        >>> schedule = Schedule(attempts_max=12, first_seconds=5, most_seconds=21_600)
        >>> [schedule.wait(each, 0.5) // 1_000_000 for each in (1, 2, 3, 9)]
        [3, 15, 60, 16200]
        """
        whole = min(self.first_seconds * 4.0 ** (attempts - 1), self.most_seconds)
        asked = min(float(at_least or 0), self.most_seconds)
        return int(max(whole * (1 + draw) / 2, asked) * SECOND)


class Deliveries(Protocol):
    """The delivery log, with the place in the log up to which messages were made.

    Laws:
        1. What `put` was given and the place it reached are kept together or not at all.
        2. A message is kept once a subscription: putting it again changes nothing.
        3. The place never goes back.
        4. `due` gives what waits and is due, the longest due first.
        5. What a process that is killed had noted is still there; without power, what was noted
           last may be missing, and is then done again.

    Each raises Unavailable(FILE_UNWRITABLE) where its disk fails; nothing is changed then.
    """

    def reached(self) -> int:
        """The sequence number to read on from."""
        ...

    def put(self, deliveries: Sequence[Delivery], *, reached: int) -> None:
        """Keeps deliveries that are not known yet, and the place."""
        ...

    def due(self, subscription: str, *, now: int, limit: int) -> list[Delivery]:
        """What of a subscription waits and is due."""
        ...

    def note(self, delivery: Delivery) -> None:
        """A delivery as it stands after an attempt."""
        ...

    def page(
        self,
        *,
        subscription: str,
        state: DeliveryState | None,
        before: int | None,
        limit: int,
    ) -> list[Delivery]:
        """A subscription's deliveries by `seq`, the newest first, with a `seq` below `before`."""
        ...

    def resend(self, *, subscription: str, webhook_id: str | None, now: int) -> int:
        """Has dead deliveries wait again, with no attempt counted; gives how many."""
        ...

    def counts(self, subscription: str) -> dict[DeliveryState, int]:
        """How many wait and are dead."""
        ...

    def forget(self, *, before: int) -> int:
        """Lets those go that were delivered before that instant; gives how many."""
        ...
