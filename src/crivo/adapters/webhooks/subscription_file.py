"""The file of subscriptions, followed while it changes: a faulty one leaves what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.adapters.webhooks.subscriptions import Subscription, read_subscriptions
from crivo.flows.stamps import stamps_of


class SubscriptionFile:
    """The subscriptions of a file, as they were found last. One thread calls it.

    Raises:
        Misconfigured: as `read_subscriptions`.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        # Taken before the file is read: what changes meanwhile is seen by the next look.
        self._seen = self._judged = stamps_of([path])
        self.found: tuple[Subscription, ...] = read_subscriptions(path)

    def look(self) -> bool:
        """Whether others were found: a change is taken once it has rested for one look.

        Raises:
            Misconfigured: as `read_subscriptions`, once for each change; what was found stays.
        """
        now = stamps_of([self._path])
        seen, self._seen = self._seen, now
        if now == self._judged or now != seen:
            return False
        self._judged = now
        found = read_subscriptions(self._path)
        is_other = found != self.found
        self.found = found
        return is_other
