"""Policy: the numbers that the business owns, in TOML, each with the dates it is in force.

A file is a list of `[[entry]]` with `key`, `value`, `from`, `to` (exclusive, left out while it
lasts) and `norm` (the rule of the regulator or of the house that asks for it). Dates are those of
Brasília. Money and probabilities are strings, because TOML's floats are binary.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from crivo.decision.outcome import Outcome, parse_outcome
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.identifiers import check_ispb
from crivo.domain.money import parse_centavos

#: A policy must cover every date that a transfer may carry (instants begin in 2000).
FIRST_DATE: Final = date(2000, 1, 1)
SCORE_UNITS: Final = 10**9
#: The greatest count: a condition compares it as a float64, which holds all integers up to there.
COUNT_MAX: Final = 10**15
#: What an optional value says while nothing is in force.
NONE: Final = "none"

_EPOCH: Final = date(1970, 1, 1).toordinal()
#: Written out, without an exponent: no text of a few letters stands for a number out of bounds.
_PROBABILITY: Final = re.compile(r"[01](\.[0-9]{1,9})?")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_ENTRY_FIELDS: Final = frozenset({"key", "value", "from", "to", "norm"})


class Kind(StrEnum):
    """How a value is written, and what it becomes."""

    MONEY = "money"  # "1000.00" -> int centavos
    PROBABILITY = "probability"  # "0.25" -> int of 10⁻⁹, at most nine places
    NUMBER = "number"  # "0.25" -> the nearest float64, at most fifteen places on either side
    COUNT = "count"  # 3 -> int, from 0 to COUNT_MAX
    OUTCOME = "outcome"  # "HOLD" -> Outcome
    STATE = "state"  # "off" | "shadow" | "on"
    SWITCH = "switch"  # "off" | "on" -> bool
    ISPBS = "ispbs"  # ["12345678", …] -> frozenset of institutions
    BANDS = "bands"  # [{up_to = "200.00", outcome = "WARN"}, …, {outcome = "HOLD"}]


class RuleState(StrEnum):
    """Whether a rule is evaluated, and whether anything comes of it."""

    OFF = "off"
    SHADOW = "shadow"
    ON = "on"


class Switch(StrEnum):
    """Whether something holds."""

    OFF = "off"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Band:
    """An outcome for amounts up to and including `up_to_centavos` (None: for all that remain)."""

    up_to_centavos: int | None
    outcome: Outcome


PolicyValue = int | float | Outcome | RuleState | frozenset[str] | tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A name that a policy file must give a value for, on every date. `optional` allows "none"."""

    name: str
    kind: Kind
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the days (since 1970 in Brasília) it is in force: `start` ≤ day < `end`."""

    start: int
    end: int | None
    value: PolicyValue | None


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """The parsed entries of one file by key, in order of their dates, and the hash of them all."""

    entries: Mapping[str, tuple[Entry, ...]]
    hash: str

    @property
    def starts(self) -> frozenset[int]:
        """Every day on which some value changes."""
        return frozenset(entry.start for entries in self.entries.values() for entry in entries)

    def value(self, key: str, day: int) -> PolicyValue | None:
        """The value of `key` in force on a Brasília day; None where it says none."""
        entries = self.entries[key]
        place = bisect_right(entries, day, key=lambda entry: entry.start) - 1
        return entries[max(place, 0)].value


def parse_policy(text: str, keys: Sequence[Key], *, file: str) -> PolicyFile:
    """The entries of a policy file: every key covered from 2000 on, once on each date.

    Raises:
        Misconfigured: POLICY_INVALID with `file`, `key` and `field`.
    """
    known = {key.name: key for key in keys}
    found: dict[str, list[Entry]] = {name: [] for name in known}
    canonical: list[list[object]] = []
    for raw in _read_entries(text, file):
        name = raw["key"]
        if not isinstance(name, str) or name not in known:
            raise _fault(file, _name(raw), "key", f"one of {', '.join(sorted(known))}", name)
        entry = _parse_entry(raw, known[name], file)
        found[name].append(entry)
        canonical.append([name, entry.start, entry.end, raw["value"], raw["norm"]])
    if missing := sorted(name for name in known if not found[name]):
        raise _without_entry(file, missing)
    entries = {name: _check_cover(file, name, found[name]) for name in known}
    canonical.sort(key=lambda item: (str(item[0]), str(item[1]).zfill(12)))
    body = json.dumps(canonical, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return PolicyFile(entries=entries, hash=hashlib.sha256(body.encode()).hexdigest())


def _read_entries(text: str, file: str) -> list[dict[str, object]]:
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        # Also an integer of more digits than Python reads, which is no TOMLDecodeError.
        raise _fault(file, "", "", "TOML", str(error)) from error
    except RecursionError:
        raise _fault(file, "", "", "TOML", "brackets too deep in each other") from None
    entries = document.get("entry")
    if set(document) != {"entry"} or not isinstance(entries, list):
        raise _fault(file, "", "entry", "[[entry]] tables and nothing else", sorted(document))
    for raw in entries:
        name = _name(raw)
        if not isinstance(raw, dict) or not set(raw) <= _ENTRY_FIELDS:
            raise _fault(file, name, "entry", ", ".join(sorted(_ENTRY_FIELDS)), raw)
        for field in ("key", "value", "from", "norm"):
            if field not in raw:
                raise _fault(file, name, field, "given", None)
        norm = raw["norm"]
        if not isinstance(norm, str) or not norm.strip():
            raise _fault(file, name, "norm", "a string that says who asks for it", norm)
    return entries


def _name(raw: object) -> str:
    """The key of an entry as it was written, or nothing where that is no string."""
    name = raw.get("key") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""


def _parse_entry(raw: Mapping[str, object], key: Key, file: str) -> Entry:
    days: list[int | None] = []
    for field in ("from", "to"):
        moment = raw.get(field)
        if moment is None and field == "to":
            days.append(None)
        elif type(moment) is date:
            days.append(moment.toordinal() - _EPOCH)
        else:
            raise _fault(file, key.name, field, "a date such as 2021-10-04", moment)
    start, end = days
    assert start is not None
    if end is not None and end <= start:
        raise _fault(file, key.name, "to", "a date after `from`", raw["to"])
    if key.optional and raw["value"] == NONE:
        return Entry(start=start, end=end, value=None)
    try:
        value = _parse_value(raw["value"], key.kind)
    except (ValueError, TypeError, Refused):
        raise _fault(file, key.name, "value", _EXPECTED[key.kind], raw["value"]) from None
    return Entry(start=start, end=end, value=value)


_EXPECTED: Final = {
    Kind.MONEY: 'reais in a string such as "1000.00"',
    Kind.PROBABILITY: 'a string from "0" to "1" with at most nine decimal places',
    Kind.NUMBER: 'a decimal such as "0.25" in a string, at most 15 digits on either side',
    Kind.COUNT: f"an integer from 0 to {COUNT_MAX:,}",
    Kind.OUTCOME: "an outcome: " + ", ".join(outcome.value for outcome in Outcome),
    Kind.STATE: "off, shadow or on",
    Kind.SWITCH: "off or on",
    Kind.ISPBS: "a list of institutions by eight digits or letters, each once",
    Kind.BANDS: 'ascending {up_to = "reais", outcome = "…"}, the last without up_to',
}


def _parse_value(raw: object, kind: Kind) -> PolicyValue:
    match kind:
        case Kind.COUNT:
            if type(raw) is not int or not 0 <= raw <= COUNT_MAX:
                raise ValueError(raw)
            return raw
        case Kind.BANDS:
            return _parse_bands(raw)
        case Kind.ISPBS:
            return _parse_ispbs(raw)
        case _ if not isinstance(raw, str):
            raise TypeError(raw)
        case Kind.MONEY:
            centavos = parse_centavos(raw)
            if centavos < 0:
                raise ValueError(raw)
            return centavos
        case Kind.PROBABILITY:
            return parse_probability(raw)
        case Kind.NUMBER:
            if not _NUMBER.fullmatch(raw):
                raise ValueError(raw)
            return float(raw)
        case Kind.OUTCOME:
            return parse_outcome(raw, field="value")
        case Kind.STATE:
            return RuleState(raw)
        case Kind.SWITCH:
            return Switch(raw) is Switch.ON


def parse_probability(text: str) -> int:
    """A decimal from 0 to 1 as an integer of 10⁻⁹, exact.

    Raises:
        ValueError: outside 0..1, more than nine places, or not written out in digits.

    >>> parse_probability("0.25")
    250000000
    """
    if not _PROBABILITY.fullmatch(text):
        raise ValueError(text)
    units = int(Decimal(text) * SCORE_UNITS)
    if units > SCORE_UNITS:
        raise ValueError(text)
    return units


def _parse_ispbs(raw: object) -> frozenset[str]:
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        raise TypeError(raw)
    found = frozenset(check_ispb(each, field="value") for each in raw)
    if len(found) != len(raw):
        raise ValueError(raw)
    return found


def _parse_bands(raw: object) -> tuple[Band, ...]:
    if not isinstance(raw, list) or not raw:
        raise TypeError(raw)
    bands = []
    for item in raw:
        if not isinstance(item, dict) or not {"outcome"} <= set(item) <= {"up_to", "outcome"}:
            raise ValueError(raw)
        if not isinstance(item.get("up_to", ""), str):
            raise TypeError(raw)
        up_to = parse_centavos(item["up_to"]) if "up_to" in item else None
        bands.append(Band(up_to, parse_outcome(item["outcome"], field="outcome")))
    limits = [band.up_to_centavos for band in bands]
    ascending = [limit for limit in limits[:-1] if limit is not None]
    if limits[-1] is not None or len(ascending) != len(limits) - 1:
        raise ValueError(raw)
    if ascending != sorted(set(ascending)):
        raise ValueError(raw)
    return tuple(bands)


def _check_cover(file: str, key: str, entries: list[Entry]) -> tuple[Entry, ...]:
    """The entries in order of date, each beginning on the day the one before ends."""
    ordered = tuple(sorted(entries, key=lambda entry: entry.start))
    if ordered[0].start > FIRST_DATE.toordinal() - _EPOCH:
        found = _day_text(ordered[0].start)
        raise _fault(file, key, "from", f"covered from {FIRST_DATE} on", found)
    for before, after in pairwise(ordered):
        if before.end is None or before.end > after.start:
            raise _fault(file, key, "to", "no overlap of two entries", _day_text(after.start))
        if before.end < after.start:
            raise _fault(file, key, "from", "no gap between entries", _day_text(after.start))
    if ordered[-1].end is not None:
        found = _day_text(ordered[-1].end)
        raise _fault(file, key, "to", "no end for the last entry", found)
    return ordered


def _day_text(day: int) -> str:
    return date.fromordinal(day + _EPOCH).isoformat()


def _without_entry(file: str, keys: Sequence[str]) -> Misconfigured:
    return Misconfigured(
        Code.POLICY_INVALID,
        f"{file} has no entry for {', '.join(keys)}",
        hint=f"Write an [[entry]] for each, from {FIRST_DATE} on; the head of the file says how.",
        file=file,
        key=keys[0],
        field="key",
        expected=f"an entry for each of {len(keys)} keys",
        found="none",
    )


def _fault(file: str, key: str, field: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.POLICY_INVALID,
        f"{file}: {field or 'the file'} of {key or 'an entry'} must be {expected}",
        hint="See the head of the file for how an entry is written.",
        file=file,
        key=key,
        field=field,
        expected=expected,
        found=_shown(found),
    )


def _shown(found: object) -> str:
    try:
        return repr(found)[:80]
    except ValueError:  # What is written in hexadecimal is read whole, and not written again.
        return "an integer of too many digits"
