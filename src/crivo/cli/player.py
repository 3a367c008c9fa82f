"""Plays transfers and reports against a served Crivo over HTTP, in order, and keeps the score."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec

from crivo.domain.errors import Code, Unavailable

#: Requests under way at once: enough to fill a group commit, few enough to keep the order close.
IN_FLIGHT: Final = 16
REQUEST_SECONDS_MAX: Final = 30

#: Where a transfer is asked about; every other path takes reports.
DECISIONS: Final = "/v1/decisions"

#: Outcomes after which no money has moved.
FROZEN: Final = frozenset({"HOLD", "REJECT"})


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the play: a transfer to decide, or a report that becomes known."""

    path: str
    body: bytes
    end_to_end_id: str
    is_fraud: bool = False
    amount_centavos: int = 0


@dataclass(slots=True)
class Score:
    """What has been answered so far; latencies are the client's, in milliseconds.

    `paced` were decided before `begin_again`: `seconds` and `latencies_ms` are of those after.
    `seconds` run up to the last answer to a transfer: reports played afterwards take none of them.
    """

    decided: int = 0
    reported: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    frozen_centavos: dict[str, int] = field(default_factory=dict)
    frauds_known: set[str] = field(default_factory=set)
    played: set[str] = field(default_factory=set)
    seconds: float = 0.0
    paced: int = 0

    def begin_again(self) -> None:
        """From here on rate and latencies are taken anew; what was decided so far was paced."""
        self.paced, self.seconds = self.decided, 0.0
        self.latencies_ms.clear()

    def latency_ms(self, share: float) -> float:
        """The latency that `share` of the answers stayed within; 0.0 before the first."""
        if not self.latencies_ms:
            return 0.0
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def decisions_per_second(self) -> float:
        """Answered decisions over the wall time in which they were asked, since it began again."""
        return (self.decided - self.paced) / self.seconds if self.seconds else 0.0

    @property
    def stopped_centavos(self) -> int:
        """The money of transfers that were held or rejected, and reported as fraud so far."""
        frozen = self.frozen_centavos
        return sum(frozen[each] for each in frozen.keys() & self.frauds_known)

    @property
    def frozen_wrongly_centavos(self) -> int:
        """The money of transfers that were held or rejected, and nobody reported so far."""
        frozen = self.frozen_centavos
        return sum(frozen[each] for each in frozen.keys() - self.frauds_known)

    @property
    def precision(self) -> float | None:
        """Of the transfers not simply allowed, the share reported as fraud so far."""
        return len(self.stopped & self.frauds_known) / len(self.stopped) if self.stopped else None

    @property
    def recall(self) -> float | None:
        """Of the played transfers reported as fraud so far, the share not simply allowed."""
        known = self.frauds_known & self.played
        return len(self.stopped & known) / len(known) if known else None


class _Answer(msgspec.Struct):
    outcome: str | None = None
    code: str | None = None


_DECODE: Final = msgspec.json.Decoder(_Answer)


async def play(
    address: str,
    api_key: str,
    steps: Sequence[Step],
    score: Score,
    *,
    rate: int,
    show: Callable[[Score, int, int], None],
) -> None:
    """Send every step in order, at most `IN_FLIGHT` at once, and add the answers to `score`.

    `rate` is transfers and reports a second; 0 sends as fast as answers come. `show` is told how
    many of these steps are answered, refused ones among them, and last that all are.

    Raises:
        Unavailable: LOG_UNAVAILABLE where the service does not answer at all.
    """
    queue = iter(enumerate(steps))
    begun = time.perf_counter()
    before, answered = score.seconds, 0
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    async with aiohttp.ClientSession(
        address,
        headers=headers,
        timeout=timeout,
        connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
    ) as session:

        async def worker() -> None:
            nonlocal answered
            for index, step in queue:
                if rate:
                    ahead = begun + index / rate - time.perf_counter()
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                await _send(session, step, score)
                answered += 1
                if step.path == DECISIONS:
                    score.seconds = before + time.perf_counter() - begun

        async def report_progress() -> None:
            while True:
                show(score, answered, len(steps))
                await asyncio.sleep(0.5)

        shower = asyncio.create_task(report_progress())
        try:
            await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
            show(score, answered, len(steps))
        except aiohttp.ClientConnectionError as error:
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                f"the service at {address} stopped answering: {error}",
                hint="Look at the service's log in the home folder.",
            ) from error
        finally:
            shower.cancel()


async def _send(session: aiohttp.ClientSession, step: Step, score: Score) -> None:
    sent = time.perf_counter()
    async with session.post(step.path, data=step.body) as response:
        text = await response.read()
    answer = _DECODE.decode(text)
    if response.status >= 300:
        score.refused[answer.code or str(response.status)] += 1
    elif answer.outcome is None:
        score.reported += 1
        score.frauds_known.add(step.end_to_end_id)
    else:
        score.latencies_ms.append((time.perf_counter() - sent) * 1e3)
        score.decided += 1
        score.played.add(step.end_to_end_id)
        score.outcomes[answer.outcome] += 1
        if answer.outcome != "ALLOW":
            score.stopped.add(step.end_to_end_id)
        if answer.outcome in FROZEN:
            score.frozen_centavos[step.end_to_end_id] = step.amount_centavos
