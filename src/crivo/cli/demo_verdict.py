"""What a demo found: quality from the decision log, conservation, replay, one decision."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from crivo.cli.demo_source import Source
from crivo.cli.output import print_facts, print_table, progress_bar
from crivo.cli.player import DECISIONS, Score
from crivo.cli.scoreboard import lines
from crivo.decision.outcome import Outcome
from crivo.decision.reason_texts import Audience, Language, public_text
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import SCHEMA, Derived, decode_derived, decode_record
from crivo.domain.instant import DAY, format_rfc3339
from crivo.domain.money import format_reais
from crivo.domain.streams import Stream
from crivo.flows.ledger_findings import Audit
from crivo.flows.rows import PlayedRow

if TYPE_CHECKING:
    from crivo.flows.ports import LogReader
    from crivo.settings import Settings

#: Whose payers are removed: the training days and the label delay before the test days, as the
#: Fraud Detection Handbook's protocol counts them.
PROTOCOL_TRAIN_DAYS: Final = 7
PROTOCOL_DELAY_DAYS: Final = 7
_PAGE: Final = 10_000
#: Decisions that are shown with their reasons.
SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Quality:
    """Average precision over the played transfers, by the table's labels.

    `protocol_*` leaves out payers already known as compromised, as the Handbook's protocol does;
    the training is longer than the book's.
    """

    transfers: int
    frauds: int
    average_precision: float
    protocol_transfers: int
    protocol_frauds: int
    protocol_average_precision: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision that is shown with its reasons, and why this one."""

    why: str
    row: PlayedRow
    derived: Derived


@dataclass(frozen=True, slots=True)
class Due:
    """How many transfers and reports were to be played, and whether one of them may be refused."""

    transfers: int
    reports: int
    may_be_refused: bool

    @classmethod
    def of(cls, source: Source) -> Due:
        """What the table holds for the played stretch and the days after."""
        steps = [*source.steps(), *source.later_reports()]
        transfers = sum(step.path == DECISIONS for step in steps)
        return cls(transfers, len(steps) - transfers, may_be_refused=not source.is_simulated)

    def missed(self, score: Score) -> str:
        """What was not answered as it should, for people; empty where all was."""
        answered = score.decided + score.reported + score.refused.total()
        if answered != self.transfers + self.reports:
            return (
                f"{answered:,} answers to {self.transfers:,} transfers and {self.reports:,} reports"
            )
        if self.may_be_refused:
            return ""
        if score.decided != self.transfers:
            return f"{score.decided:,} of {self.transfers:,} simulated transfers were decided"
        if score.reported != self.reports:
            return f"{score.reported:,} of {self.reports:,} simulated reports were taken"
        return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything a demo found; `unscored` counts decisions without a score by their last reason."""

    score: Score
    due: Due
    ingested: dict[str, Any]
    trained: dict[str, Any]
    quality: Quality
    replay_compared: int
    replay_differing: int
    replay_other_version: int
    ledger: Audit = field(default_factory=Audit)
    shown: tuple[Shown, ...] = ()
    unscored: dict[str, int] = field(default_factory=dict)

    @property
    def is_conserved(self) -> bool:
        """Whether received = accepted + quarantined + duplicate."""
        counted = self.ingested
        parts = counted["accepted"] + counted["quarantined"] + counted["duplicate"]
        return bool(counted["received"] == parts)

    def as_json(self, seconds: dict[str, float]) -> dict[str, Any]:
        """The verdict as one document."""
        return {
            "seconds": seconds,
            "decided": self.score.decided,
            "paced": self.score.paced,
            "unscored": self.unscored,
            "decisions_per_second": round(self.score.decisions_per_second, 1),
            "latency_ms_p50": round(self.score.latency_ms(0.5), 3),
            "latency_ms_p99": round(self.score.latency_ms(0.99), 3),
            "outcomes": dict(self.score.outcomes),
            "refused": dict(self.score.refused),
            "reports": self.score.reported,
            "precision": self.score.precision,
            "recall": self.score.recall,
            "stopped_centavos": self.score.stopped_centavos,
            "frozen_wrongly_centavos": self.score.frozen_wrongly_centavos,
            "quality": {name: getattr(self.quality, name) for name in self.quality.__slots__},
            "ingested": self.ingested,
            "trained": self.trained,
            "conserved": self.is_conserved,
            "replay": {
                "compared": self.replay_compared,
                "differing": self.replay_differing,
                "other_version": self.replay_other_version,
            },
            "ledger": {
                "whole": self.ledger.is_whole,
                "records": self.ledger.records,
                "segments": self.ledger.segments,
                "unsealed": self.ledger.unsealed,
            },
        }


def verdict_of(
    settings: Settings,
    source: Source,
    ingested: dict[str, Any],
    trained: dict[str, Any],
    score: Score,
) -> Verdict:
    """The verdict over the log as it lies on disk; nothing of the service's memory is asked."""
    from crivo.bootstrap.ledger import audit_home
    from crivo.bootstrap.offline import log_reader
    from crivo.bootstrap.proving import replay_home

    with progress_bar("  events", unit="events") as progress:
        replayed = replay_home(settings, progress=progress)
    reader = log_reader(settings)
    try:
        decided = _decisions(reader)
    finally:
        reader.close()
    played = source.played()
    return Verdict(
        score=score,
        due=Due.of(source),
        ingested=ingested,
        trained=trained,
        quality=_quality(source, played, decided),
        replay_compared=replayed.compared,
        replay_differing=replayed.differing,
        replay_other_version=replayed.other_version,
        ledger=audit_home(settings),
        shown=_to_show(played, decided),
        unscored=dict(Counter(each.reasons[-1] for each in decided.values() if each.score is None)),
    )


def _figure(value: float) -> str:
    """Three decimals; a dash where there is none, as without a fraud."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def show_verdict(verdict: Verdict, home: Path, seconds: dict[str, float]) -> None:
    """The verdict for people."""
    print_facts("\nScoreboard", lines(verdict.score))
    quality = verdict.quality
    print_facts(
        "Quality, from the scores in the decision log",
        {
            "average precision": f"{_figure(quality.average_precision)} over {quality.transfers:,} "
            f"transfers, {quality.frauds:,} of them reported as fraud in the end",
            "known payers removed": f"{_figure(quality.protocol_average_precision)} over "
            f"{quality.protocol_transfers:,} transfers, {quality.protocol_frauds:,} frauds",
            "frauds": _frauds(verdict),
        },
    )
    for shown in verdict.shown:
        _show_decision(shown)
    counted = verdict.ingested
    print_facts(
        "What can be checked",
        {
            "conservation": f"received {counted['received']:,} = accepted "
            f"{counted['accepted']:,} + quarantined {counted['quarantined']:,} + duplicate "
            f"{counted['duplicate']:,}",
            "scores": _scores(verdict),
            "replay": f"{verdict.replay_differing:,} byte differences in "
            f"{verdict.replay_compared:,} decisions derived again",
            "ledger": f"{verdict.ledger.records:,} records (decisions, and what followed them, "
            f"such as holds that ended) in {verdict.ledger.segments:,} signed segments, "
            f"{sum(verdict.ledger.counts.values()):,} not as signed, "
            f"{verdict.ledger.unsealed:,} not sealed yet",
            "where it lies": f"{home} ({', '.join(_holds(home))})",
            "seconds": "  ".join(f"{name} {value:g}" for name, value in seconds.items()),
        },
    )


def _frauds(verdict: Verdict) -> str:
    """Why the scoreboard knows fewer frauds than the table holds."""
    known = len(verdict.score.frauds_known & verdict.score.played)
    return (
        f"{verdict.quality.frauds:,} by the whole table, of which {known:,} were reported by now, "
        "as the scoreboard has them; reports of the others come later"
    )


def _scores(verdict: Verdict) -> str:
    """Decided = scored + not scored, and why not."""
    without = sum(verdict.unscored.values())
    causes = ", ".join(f"{count:,} {cause}" for cause, count in sorted(verdict.unscored.items()))
    decided = verdict.score.decided
    return f"decided {decided:,} = scored {decided - without:,} + without a score {without:,}" + (
        f" ({causes})" if causes else ""
    )


def _holds(home: Path) -> list[str]:
    """What of a home's parts is there, folders with a slash."""
    parts = [home / name for name in ("log.sqlite", "models", "bundles", "mlflow", "world")]
    return [f"{part.name}/" if part.is_dir() else part.name for part in parts if part.exists()]


def _show_decision(shown: Shown) -> None:
    row, derived = shown.row, shown.derived
    score = "none" if derived.score is None else f"{derived.score / 1e9:.3f}"
    title = (
        f"{shown.why}: {row.end_to_end_id}, {format_reais(row.amount_centavos)}, "
        f"{format_rfc3339(row.occurred_at)} → {derived.outcome}, score {score}"
    )
    rows = [
        (
            code,
            public_text(ReasonCode(code), Audience.PAYER, Language.PT),
            public_text(ReasonCode(code), Audience.PAYER, Language.EN),
        )
        for code in derived.reasons
    ]
    print_table(title, ("reason", "português", "English"), rows or [("none", "–", "–")])


def _decisions(reader: LogReader) -> dict[str, Derived]:
    """The decisions of the log by EndToEndId."""
    found: dict[str, Derived] = {}
    start = 0
    while page := reader.read(start=start, limit=_PAGE, streams=frozenset({Stream.DECISIONS})):
        for stored in page:
            if stored.event.schema != SCHEMA:
                continue
            record = decode_record(stored.event.payload)
            found[record.end_to_end_id] = decode_derived(record.derived)
        start = page[-1].seq + 1
    return found


def _quality(source: Source, played: list[PlayedRow], decided: dict[str, Derived]) -> Quality:
    from crivo.model.evaluate import average_precision, known_compromised_removed
    from crivo.model.labels import NEVER

    before = (PROTOCOL_TRAIN_DAYS + PROTOCOL_DELAY_DAYS) * DAY
    train_start = source.play_from - before
    rows = [*source.earlier(train_start), *played]
    labels = np.array([row.is_fraud for row in rows], np.bool_)
    kept = known_compromised_removed(
        np.array([row.payer_account_id or row.payer_person_id or "" for row in rows]),
        np.array([row.occurred_at for row in rows], np.int64),
        np.array([NEVER if row.known_at is None else row.known_at for row in rows], np.int64),
        train_start=train_start,
        train_days=PROTOCOL_TRAIN_DAYS,
        delay_days=PROTOCOL_DELAY_DAYS,
        test_days=-(-(source.play_to - source.play_from) // DAY),
    )
    scores = np.array([_score_of(decided.get(row.end_to_end_id)) for row in rows], np.int64)
    # A transfer without a score (a return, a degraded answer) ranks last; none is left out.
    in_play = np.arange(len(rows)) >= len(rows) - len(played)
    kept &= in_play
    return Quality(
        transfers=len(played),
        frauds=int(labels[in_play].sum()),
        average_precision=average_precision(scores[in_play], labels[in_play]),
        protocol_transfers=int(kept.sum()),
        protocol_frauds=int(labels[kept].sum()),
        protocol_average_precision=average_precision(scores[kept], labels[kept]),
    )


def _score_of(derived: Derived | None) -> int:
    return -1 if derived is None or derived.score is None else derived.score


def _to_show(played: list[PlayedRow], decided: dict[str, Derived]) -> tuple[Shown, ...]:
    """Decisions that say why, each of another outcome, as far as there are such.

    The first is of a reported fraud, the others of transfers that nobody reported. Of several the
    one with a score and most reasons, then the greatest score. What was allowed has no reasons but
    those of late data, so it is shown only where too few others are there, and only once.
    """
    left = [(row, decided[row.end_to_end_id]) for row in played if row.end_to_end_id in decided]
    shown: list[Shown] = []
    while len(shown) < SHOWN:
        outcomes = {each.derived.outcome for each in shown}
        left = [pair for pair in left if pair[1].reasons or pair[1].outcome not in outcomes]
        if not left:
            break
        best = max(left, key=lambda pair: _worth_showing(pair, outcomes))
        left.remove(best)
        shown.append(Shown(_why(*best), *best))
    return tuple(shown)


def _worth_showing(pair: tuple[PlayedRow, Derived], shown: set[str]) -> tuple[int, ...]:
    """What is greater is shown first."""
    row, derived = pair
    return (
        bool(derived.reasons),
        derived.outcome not in shown,
        row.is_fraud is not bool(shown),
        derived.score is not None,
        len(derived.reasons),
        _score_of(derived),
    )


def _why(row: PlayedRow, derived: Derived) -> str:
    """Who was never reported may be a fraud all the same, as nobody but a simulation knows."""
    whose = "A reported fraud" if row.is_fraud else "A transfer that nobody reported"
    is_allowed = derived.outcome == Outcome.ALLOW.value
    return f"{whose}, {'allowed' if is_allowed else 'not simply allowed'}"
