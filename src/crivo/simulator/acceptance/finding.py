"""What a check says: a figure that was found, the range it should lie in, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from crivo.simulator.acceptance import checks
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.catalogue import one_a_file

#: A figure decides where so many of its standard errors fit into half of its range.
_FIT: Final = 3
#: Then it fails where it lies so many of them outside of its range: nearer than that, another seed
#: may well lie inside.
_CLEAR: Final = 2
#: Where they do not, only a figure so many standard errors outside of the range is a failure: small
#: samples of heavy tails lack the largest payments, and so know too little of their own error.
_BEYOND: Final = 5
#: The part of a small official share by which what was found may differ.
_OF_SMALL_SHARE: Final = 0.2

#: What is lacking where nothing else is said.
_TOO_FEW: Final = "too few of them to tell an error"

#: Days below which a mix that differs by weekday is not judged.
TWO_WEEKS: Final = 14


class Verdict(StrEnum):
    """What came of a comparison."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDABLE = "undecidable at this size"
    NOT_HERE = "not in this world"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure: `target` is official, `low` to `high` is what the tolerance allows.

    `standard_error` is measured over seeds or that of independent transfers; None where there is
    too little to tell, of which `lacks` says what. `sample` is how many were looked at, where it
    is not transfers of which the check's error is (`Check.sample_unit`).
    """

    part: str
    unit: str
    target: float
    low: float
    high: float
    found: float
    standard_error: float | None
    lacks: str = _TOO_FEW
    sample: int | None = None

    @property
    def verdict(self) -> Verdict:
        """A figure inside its range holds, where the size of the world lets it decide."""
        if self.standard_error is None:
            return Verdict.UNDECIDABLE
        decides = self._decides(self.standard_error)
        if decides and self.low <= self.found <= self.high:
            return Verdict.HOLDS
        room = (_CLEAR if decides else _BEYOND) * self.standard_error
        outside = not self.low - room <= self.found <= self.high + room
        return Verdict.FAILS if outside else Verdict.UNDECIDABLE

    def needed(self, transfers: int) -> int | None:
        """About how many transfers, or what else the check counts, would decide what so many do
        not, to two digits and upwards.

        Errors fall with their root. Where they fit, and the figure lies outside by
        less than is clear: how many would make that distance clear. None of what is decided, and of
        what has no error to reckon from.
        """
        if self.standard_error is None or self.verdict is not Verdict.UNDECIDABLE:
            return None
        if not self._decides(self.standard_error):
            return self.needed_to_fit(transfers)
        outside = max(self.low - self.found, self.found - self.high)
        return _rounded_up(self._sample(transfers) * (_CLEAR * self.standard_error / outside) ** 2)

    def needed_to_fit(self, transfers: int) -> int | None:
        """About from how many transfers, or what else the check counts, on its error fits its
        range, reckoned from so many transfers; None of what has no error, and of rules, which no
        error decides.
        """
        if self.standard_error is None or self._half == 0:
            return None
        return _rounded_up(self._sample(transfers) * (_FIT * self.standard_error / self._half) ** 2)

    def _sample(self, transfers: int) -> int:
        return transfers if self.sample is None else self.sample

    def _decides(self, standard_error: float) -> bool:
        return _FIT * standard_error <= self._half

    @property
    def _half(self) -> float:
        return (self.high - self.low) / 2


def _rounded_up(count: float) -> int:
    """To two digits, upwards."""
    unit: int = 10 ** max(math.floor(math.log10(max(count, 1.0))) - 1, 0)
    return math.ceil(round(count / unit, 6)) * unit


def around(
    part: str,
    unit: str,
    target: float,
    tolerance: float,
    found: tuple[float, float | None],
    lacks: str = _TOO_FEW,
) -> Finding:
    """The finding of a figure and its standard error that may lie so far from the target."""
    return Finding(part, unit, target, target - tolerance, target + tolerance, *found, lacks)


def never(tally: Tally, rule: Rule) -> Finding:
    """The finding of a rule that nothing may break; undecidable where nothing was looked at."""
    looks = tally.rules.looks[rule]
    error = 0.0 if looks.seen else None
    return Finding(str(rule), "broken", 0.0, 0.0, 0.0, looks.broken, error, "none to look at")


def share_tolerance(points: float, share: float) -> float:
    """So many points, and of a small share (both in percent) at most a fifth of it.

    A point is ten times what some forms are used: it alone could never tell that one is missing.
    """
    return min(points, share * _OF_SMALL_SHARE)


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison with the official figures: one a file in `checks/`, found by reflection.

    `natural_only`: enriched frauds change the figure by design, so it is not asked of such worlds.
    `days_min`: of fewer days nothing is decided. The official figures are those of months; a
    mix that differs by weekday is another one in a part of a week, and no standard error knows it.
    `sample_unit`: with the root of whose number its errors fall.
    """

    number: int
    name: str
    source: str
    tolerance: str
    look: Callable[[Tally], tuple[Finding, ...]]
    natural_only: bool = False
    days_min: int = 1
    sample_unit: str = "transfers"

    def findings(self, tally: Tally) -> tuple[Finding, ...]:
        """What it finds; without standard errors, and so undecidable, where days are too few."""
        found = self.look(tally)
        if len(tally.days) >= self.days_min:
            return found
        lacks = f"fewer than {self.days_min} days"
        return tuple(replace(finding, standard_error=None, lacks=lacks) for finding in found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check with what it found; of a world that is not asked `because` says why."""

    check: Check
    findings: tuple[Finding, ...]
    because: str = ""

    @property
    def verdict(self) -> Verdict:
        """A check fails with any of its parts, and holds when all of them do."""
        if self.because:
            return Verdict.NOT_HERE
        verdicts = [finding.verdict for finding in self.findings]
        for verdict in (Verdict.FAILS, Verdict.UNDECIDABLE):
            if verdict in verdicts:
                return verdict
        return Verdict.HOLDS

    def needed(self, transfers: int) -> int | None:
        """About how many would decide every part that has an error, in the check's sample unit."""
        needed = [finding.needed(transfers) for finding in self.findings]
        return max((one for one in needed if one is not None), default=None)

    def remark(self, transfers: int) -> str:
        """Why it is not asked, or what would decide it; empty where it is decided."""
        match self.verdict:
            case Verdict.NOT_HERE:
                return self.because
            case Verdict.UNDECIDABLE:
                return "; ".join(self._undecided(transfers))
            case _:
                return ""

    def _undecided(self, transfers: int) -> list[str]:
        needed = self.needed(transfers)
        unit = self.check.sample_unit
        said = [] if needed is None else [f"some {needed:,} {unit} would decide"]
        lacking = [one for one in self.findings if one.standard_error is None]
        for lacks in dict.fromkeys(one.lacks for one in lacking):
            parts = [one.part for one in lacking if one.lacks == lacks]
            of_whom = "" if len(parts) == len(self.findings) else f" ({', '.join(parts)})"
            said.append(f"{lacks}{of_whom}")
        return said


#: Why an enriched world is not asked.
_ENRICHED: Final = "its frauds are not as many as in life: asked with --prevalence natural"


def default_checks() -> tuple[Check, ...]:
    """Every check, by its number."""
    return tuple(sorted(one_a_file(checks, "CHECK", Check), key=lambda check: check.number))


def judged(tally: Tally, *, natural: bool) -> tuple[Outcome, ...]:
    """What every check says of what was generated; `natural`: at natural prevalence."""
    return tuple(
        Outcome(check, check.findings(tally))
        if natural or not check.natural_only
        else Outcome(check, (), _ENRICHED)
        for check in default_checks()
    )
