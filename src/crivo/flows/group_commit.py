"""A log's one writing thread, whatever the log lies in: what has queued becomes one commit."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from crivo.domain.errors import Code, CrivoError, Unavailable
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Done

#: Events of one commit; what queued beyond it waits for the next one.
GROUP_EVENTS_MAX: Final = 50_000

#: Runs what it is given, wherever the owner wants callbacks to run.
Notify = Callable[[list[Callable[[], None]]], None]


def call_directly(callbacks: list[Callable[[], None]]) -> None:
    """Runs the callbacks on the writer's thread."""
    for callback in callbacks:
        callback()


@dataclass(slots=True)
class Submission:
    """Numbered rows that are not durable yet, and whom to tell (None once told of a failure).

    `stored` are the rows as they are written: the same bytes at each attempt.
    """

    rows: list[EventRow]
    done: Done | None
    stored: list[EventRow] | None = None


Queued = TypeVar("Queued", bound=Submission)


class Failed(NamedTuple):
    """Why nothing of a group is durable; a final failure is one that no retry mends."""

    error: CrivoError
    is_final: bool = False


class GroupCommit(ABC, Generic[Queued]):
    """Commits submissions in the order of `put`, each group atomically, until each is durable.

    Args:
        name: The thread's.
        settled: Called with each durable group before its callers are told.
        notify: Runs the callbacks of callers.
        seal: Gives rows as they are stored; it works on this thread, so that no caller waits.
        retry_seconds: Waits between attempts at the same bytes, doubled from the first to the last.
    """

    def __init__(
        self,
        name: str,
        *,
        settled: Callable[[list[Queued]], None],
        notify: Notify,
        seal: Callable[[list[EventRow]], list[EventRow]],
        retry_seconds: tuple[float, float],
    ) -> None:
        self._settled = settled
        self._notify = notify
        self._seal = seal
        self._retry_seconds = retry_seconds
        self._queue: list[Queued] = []
        self._changed = threading.Condition()
        self._failure: CrivoError | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _attempt(self, group: list[Queued]) -> Failed | None:
        """One attempt at a group: all of it is durable, or nothing of it."""

    @abstractmethod
    def _finish(self, *, is_sound: bool) -> None:
        """Frees what the thread held; `is_sound`: nothing that was put is missing."""

    def start(self) -> None:
        """Begins to write what is put."""
        self._thread.start()

    def check(self) -> None:
        """Nothing, if submissions are accepted.

        Raises:
            Unavailable: LOG_UNAVAILABLE, LOG_LOCKED.
            Misconfigured: as the failed attempt.
        """
        if self._failure is not None:
            # It is raised again and again: without the lines of those who met it before.
            raise self._failure.with_traceback(None)
        if self._closing:
            raise unwritten("it is closed")

    @property
    def alive(self) -> bool:
        """Whether the thread still writes."""
        return self._thread.is_alive()

    def put(self, submission: Queued, *, is_promised: bool = False) -> None:
        """Queues a submission; the caller sees to it that calls come in the order of `seq`.

        One that was promised is queued although a commit has failed since, and is told so.

        Raises:
            Misconfigured, Unavailable: as `check`, or once it has ended.
        """
        done = submission.done
        with self._changed:
            if not is_promised or self._closing or not self.alive:
                self.check()
            failure = self._failure
            if failure is not None:
                submission.done = None
            self._queue.append(submission)
            self._changed.notify()
        if failure is not None and done is not None:
            self._notify([partial(done, failure)])

    def close(self) -> None:
        """Commits what is queued, if that can be, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while (group := self._next_group()) and self._commit_until_durable(group):
                pass
        finally:
            with self._changed:
                is_sound = self._failure is None
                self._failure = self._failure or unwritten("its writer has ended")
            self._finish(is_sound=is_sound)

    def _next_group(self) -> list[Queued]:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[Queued] = []
            events = 0
            for submission in self._queue:
                if group and events + len(submission.rows) > GROUP_EVENTS_MAX:
                    break
                group.append(submission)
                events += len(submission.rows)
            del self._queue[: len(group)]
            return group

    def _commit_until_durable(self, group: list[Queued]) -> bool:
        """Whether it became durable; where not, nothing can be written any more."""
        wait, longest = self._retry_seconds
        while (failed := self._attempt(group)) is not None:
            self._tell_of_failure(group, failed.error)
            if failed.is_final:
                return False
            with self._changed:
                if self._closing or self._changed.wait_for(lambda: self._closing, wait):
                    return False
            wait = min(2 * wait, longest)
        self._settled(group)
        with self._changed:
            self._failure = None
        callbacks = [partial(each.done, None) for each in group if each.done is not None]
        if callbacks:
            self._notify(list(callbacks))
        return True

    def _stored(self, submission: Queued) -> list[EventRow]:
        """The rows as they are stored: sealed once, so that each attempt has the same bytes."""
        if submission.stored is None:
            submission.stored = self._seal(submission.rows)
        return submission.stored

    def _tell_of_failure(self, group: list[Queued], failure: CrivoError) -> None:
        """Refuses new submissions, and takes those that queued meanwhile into the group."""
        with self._changed:
            self._failure = failure
            group += self._queue
            self._queue.clear()
        callbacks = [partial(each.done, failure) for each in group if each.done is not None]
        for submission in group:
            submission.done = None
        if callbacks:
            self._notify(list(callbacks))


class Waiting:
    """Waits for what a writer's thread says of one submission."""

    def __init__(self, writer: GroupCommit[Any]) -> None:
        self._writer = writer
        self._told = threading.Event()
        self._failure: Exception | None = None

    def done(self, failure: Exception | None) -> None:
        """Takes the word."""
        self._failure = failure
        self._told.set()

    def wait(self) -> None:
        """Until the word is there.

        Raises:
            CrivoError: what the writer says of a failure.
        """
        while not self._told.wait(1.0):
            if not self._writer.alive:
                self._writer.check()
        if self._failure is not None:
            raise self._failure


def unwritten(cause: str) -> Unavailable:
    """The error of a log that is written no more."""
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the log does not write: {cause}",
        hint="Send the same again once it runs again.",
    )
