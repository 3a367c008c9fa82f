"""The metrics of one process: a registry with exactly the catalogue in it."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import Gauge

from crivo.adapters.telemetry.catalogue import (
    DECISION_LATENCY,
    DECISIONS,
    DEGRADED,
    EVENTS,
    FAULTS,
    FOLLOW_UPS,
    HOLD_ENDS,
    HOLDS_OPEN,
    IN_FLIGHT,
    LATE,
    LEDGER_FAILURES,
    LEDGER_PENDING,
    LEDGER_SEGMENTS,
    LIST_ENTRIES,
    LOG_END,
    LOG_GROUP,
    MODEL_INFO,
    POLICY_RELOADS,
    PREDICTIONS,
    PROJECTION_LAG,
    READY,
    REFUSED,
    REPEATS,
    REPORTS,
    REQUESTS,
    REVIEWS,
    REVISIONS,
    SNAPSHOT_FAILURES,
    SNAPSHOT_LAG,
    STAGE_LATENCY,
    STATE_BYTES,
    STATE_KEYS,
    STREAM_AGE,
    SUMS_ATTEMPTS,
    TRACES_DROPPED,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_LAG,
    WEBHOOK_LATENCY,
    WEBHOOK_RELOADS,
    WEBHOOKS_DEAD,
    WEBHOOKS_WAITING,
)
from crivo.adapters.telemetry.engine_metrics import EngineMetrics
from crivo.flows.noted import Seen

#: What a decision observed of itself, by the labels of its stages.
_STAGES: Final = ("waiting", "features", "model")


class Metrics(EngineMetrics):
    """One registry with exactly the catalogue in it, and one method for each thing that happens.

    Children are kept, so that a call costs about a microsecond.
    """

    def answered(self, route: str, status: int, code: str) -> None:
        """A request got its answer; `code` is empty where nothing was refused."""
        self._count(REQUESTS, route, str(status), code)
        if code:
            self._count(REFUSED, code)

    def refused(self, code: str) -> None:
        """A transfer of a batch was refused; the request itself was answered."""
        self._count(REFUSED, code)

    def failed(self, route: str) -> None:
        """An unexpected exception ended a request."""
        self._count(FAULTS, route)

    def flying(self, requests: int) -> None:
        """So many requests to the hot routes are under way."""
        self._set(IN_FLIGHT, to=requests)

    def seen(self, decisions: Sequence[Seen]) -> None:
        """Decisions are durable; each was made for the first time."""
        alike = Tally((each.answer.outcome.wire, each.answer.degraded) for each in decisions)
        for (outcome, degraded), count in alike.items():
            self.decided(outcome, degraded, count)
        # Those of a batch took alike.
        observed = [each.observed for each in decisions]
        taken = Tally((each.waited_ns, each.read_ns, each.score_ns) for each in observed)
        for took, count in taken.items():
            for stage, took_ns in zip(_STAGES, took, strict=True):
                self._observe(STAGE_LATENCY, stage, value=took_ns / 1e9, times=count)

    def decided(self, outcome: str, degraded: Sequence[str], transfers: int = 1) -> None:
        """So many transfers were decided alike for the first time."""
        self._count(DECISIONS, outcome, by=transfers)
        for mode in degraded:
            self._count(DEGRADED, mode, by=transfers)

    def decisions_answered(
        self, seconds: float, log_seconds: float, *, decisions: int, repeats: int
    ) -> None:
        """So many decisions, of them repeats, left the door together after so many seconds, so
        many of these waiting for the disk.
        """
        self._observe(DECISION_LATENCY, value=seconds, times=decisions)
        self._observe(STAGE_LATENCY, "log", value=log_seconds, times=decisions)
        if repeats:
            self._count(REPEATS, by=repeats)

    def reported(self, status: str) -> None:
        """A report was accepted."""
        self._count(REPORTS, status)

    def told(self, schema: str) -> None:
        """An event beside transfers and reports was accepted."""
        self._count(EVENTS, schema)

    def reviewed(self, status: str) -> None:
        """A review was asked for or answered."""
        self._count(REVIEWS, status)

    def followed_up(self, event: str) -> None:
        """What became of a decision was told."""
        self._count(FOLLOW_UPS, event)

    def predicted(self, rows: int) -> None:
        """Rows were scored without a transfer."""
        self._count(PREDICTIONS, by=rows)

    def committed(self, submissions: int) -> None:
        """So many submissions became durable together."""
        self._observe(LOG_GROUP, value=submissions)

    def log_end(self, end: int) -> None:
        """The sequence number that comes next."""
        self._set(LOG_END, to=end)

    def stream_aged(self, stream: str, seconds: float) -> None:
        """The newest event of a stream was received so long ago."""
        self._set(STREAM_AGE, stream, to=seconds)

    def snapshot_behind(self, events: int) -> None:
        """So many events came since the newest snapshot."""
        self._set(SNAPSHOT_LAG, to=events)

    def snapshot_failed(self) -> None:
        """A snapshot could not be kept."""
        self._count(SNAPSHOT_FAILURES)

    def projected(self, behind: int) -> None:
        """The table of decisions is so many events behind the log."""
        self._set(PROJECTION_LAG, to=behind)

    def state(self, keys: int, state_bytes: int, *, late: int) -> None:
        """What feature state holds, and how many transfers came too late to enter it."""
        self._set(LATE, to=late)
        self._set(STATE_KEYS, to=keys)
        self._set(STATE_BYTES, to=state_bytes)

    def serves(self, versions: Mapping[str, str]) -> None:
        """What decides from now on, by hash; what decided before is told no longer."""
        served = tuple(versions.get(label, "") for label in MODEL_INFO.labels)
        if self._served not in {(), served}:
            parent = self._parents[MODEL_INFO.name]
            assert isinstance(parent, Gauge), MODEL_INFO
            parent.remove(*self._served)
            del self._children[MODEL_INFO.name, *self._served]
        self._served = served
        self._set(MODEL_INFO, *served, to=1)

    def held(self, holds: int) -> None:
        """So many transfers are held now."""
        self._set(HOLDS_OPEN, to=holds)

    def listed(self, entries: int) -> None:
        """So many entries of lists were ever added."""
        self._set(LIST_ENTRIES, to=entries)

    def summed(self, attempts: int) -> None:
        """So many attempts are held for limits of sums."""
        self._set(SUMS_ATTEMPTS, to=attempts)

    def hold_ended(self, outcome: str) -> None:
        """A hold's time was over, and it became that."""
        self._count(HOLD_ENDS, outcome)

    def revised(self, outcome: str) -> None:
        """A degraded hold was judged again, and became that."""
        self._count(REVISIONS, outcome)

    def policy_reloaded(self, result: str) -> None:
        """A change of the policy files was adopted or refused."""
        self._count(POLICY_RELOADS, result)

    def sealed(self, segments: int, pending: int) -> None:
        """So many segments were closed; so many records were read and are in none yet."""
        self._count(LEDGER_SEGMENTS, by=segments)
        self._set(LEDGER_PENDING, to=pending)

    def not_sealed(self, code: str) -> None:
        """A turn of the ledger failed."""
        self._count(LEDGER_FAILURES, code)

    def trace_dropped(self) -> None:
        """A decision that was to be traced was not."""
        self._count(TRACES_DROPPED)

    def webhook_tried(self, subscription: str, result: str, seconds: float | None) -> None:
        """A webhook was sent, and that came of it; so long after it was made, if delivered."""
        self._count(WEBHOOK_ATTEMPTS, subscription, result)
        if seconds is not None:
            self._observe(WEBHOOK_LATENCY, subscription, value=seconds)

    def webhooks_wait(self, subscription: str, waiting: int, dead: int) -> None:
        """So many webhooks wait, and so many were given up."""
        self._set(WEBHOOKS_WAITING, subscription, to=waiting)
        self._set(WEBHOOKS_DEAD, subscription, to=dead)

    def webhooks_behind(self, events: int) -> None:
        """So many events of the log were not looked at for webhooks yet."""
        self._set(WEBHOOK_LAG, to=events)

    def webhooks_reloaded(self, result: str) -> None:
        """A changed file of subscriptions was adopted or refused."""
        self._count(WEBHOOK_RELOADS, result)

    def ready(self, *, yes: bool) -> None:
        """Whether the service takes transfers."""
        self._set(READY, to=int(yes))
