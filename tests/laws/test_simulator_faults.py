"""The laws of faults, one test each: what a fault touches is exactly what it says."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from crivo.adapters.world_files.text import json_lines
from crivo.domain.clock import ALLOWED_LATENESS, CLOCK_AHEAD_MAX
from crivo.domain.errors import Code, Refused
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.fault import (
    RATE_UNIT,
    TRANSFERS_SHAPE,
    Done,
    Effect,
    Fault,
    Note,
    Picks,
    Record,
    Shape,
    default_faults,
)
from crivo.simulator.faulting import FaultedStream, parse_fault
from tests.unit.simulator.event_worlds import kinds_by_name, pieces_of

pytestmark = pytest.mark.slow

FAULTS = {fault.name: fault for fault in default_faults()}
RATE = 50_000  # of a million


#: The shape of another stream that can have faults in it.
SETTLEMENTS_SHAPE = Shape(
    occurred_at="occurred_at",
    received_at="received_at",
    amount="amount_centavos",
    subject=("payee_account", "payee_ispb"),
)


def sent(stream: str = "transfers") -> list[str]:
    """Three days of a stream as they are sent."""
    kinds = (kinds_by_name()[stream],)
    pieces = pieces_of(Viewpoint.PAYER_PSP, days=3, kinds=kinds)
    return [line for piece in pieces for line in json_lines(piece.columns)]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return sent()


@pytest.fixture(scope="module")
def settled() -> list[str]:
    return sent("settlements")


def received(
    lines: list[str],
    fault: Fault,
    *,
    rate: int = RATE,
    seed: int = 5,
    shape: Shape = TRANSFERS_SHAPE,
) -> tuple[list[Record], list[Done]]:
    stream = FaultedStream(lines, {fault.name: rate}, seed=seed, shape=shape, faults=(fault,))
    return list(stream), stream.done


def offences(fault: Fault, lines: list[str], shape: Shape = TRANSFERS_SHAPE) -> Iterator[str]:
    """What is wrong with a fault: seen from a stream before and after it."""
    if not fault.meaning:
        yield "says nothing about itself"
    records, done = received(lines, fault, shape=shape)
    named = [one.number for one in done]
    if not named or any(one.fault != fault.name for one in done):
        yield "does nothing, or in another's name"
    if len(set(named)) < len(named):
        yield "names a row twice"
    if set(named) != touched(records, lines):
        yield "names other rows than it touches"
    yield from _effect_offences(fault, records, lines, set(named), shape)


def touched(records: list[Record], lines: list[str]) -> set[int]:
    """The rows that do not arrive once, as they were sent, and in their place."""
    arrived = defaultdict(list)
    for record in records:
        arrived[record.number].append(record.line)
    found = {number for number, line in enumerate(lines) if arrived[number] != [line]}
    return found | _overtaken(records)


def _overtaken(records: list[Record]) -> set[int]:
    """The rows before which a row arrives that was sent later, first arrivals alone."""
    seen: set[int] = set()
    greatest = -1
    late = set()
    for record in records:
        if record.number in seen:
            continue
        seen.add(record.number)
        if record.number < greatest:
            late.add(record.number)
        greatest = max(greatest, record.number)
    return late


def _effect_offences(
    fault: Fault, records: list[Record], lines: list[str], named: set[int], shape: Shape
) -> Iterator[str]:
    before, after = Counter(lines), Counter(record.line for record in records)
    named_lines = Counter(lines[number] for number in named)
    match fault.effect:
        case Effect.MOVES:
            expected = before
        case Effect.COPIES:
            expected = before + named_lines
        case Effect.CHANGES | Effect.BREAKS:
            changed = Counter(record.line for record in records if record.number in named)
            expected = before - named_lines + changed
            if len(records) != len(lines):
                yield "loses or invents rows"
    if after != expected:
        yield "does not conserve the rows it leaves alone"
    for record in records:
        if record.number in named:
            yield from _row_offences(fault, record, lines[record.number], shape)


def _row_offences(fault: Fault, record: Record, line: str, shape: Shape) -> Iterator[str]:
    if fault.effect is Effect.BREAKS:
        if record.line == line:
            yield "leaves a row whole"
        return
    fields, original = json.loads(record.line), json.loads(line)
    allowed = {name for part in fault.changes for name in _names(shape, part)}
    if {name for name in original if fields.get(name) != original[name]} - allowed:
        yield "changes a field that it does not declare"


def _names(shape: Shape, part: str) -> tuple[str, ...]:
    names = getattr(shape, part)
    return names if isinstance(names, tuple) else (names,)


def test_there_are_faults_of_every_effect():
    assert set(FAULTS) >= {
        "late",
        "duplicated",
        "reordered",
        "malformed",
        "clock_skewed",
        "hot_key",
    }
    assert {fault.effect for fault in FAULTS.values()} == set(Effect)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_keeps_the_laws(name: str, lines: list[str]):
    assert list(offences(FAULTS[name], lines)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_keeps_the_laws_over_another_stream(name: str, settled: list[str]):
    assert list(offences(FAULTS[name], settled, SETTLEMENTS_SHAPE)) == []


def test_what_is_late_or_ahead_is_more_so_than_a_receiver_lets_pass(lines: list[str]):
    _, late = received(lines, FAULTS["late"], rate=RATE_UNIT)
    assert ALLOWED_LATENESS < min(one.by for one in late) < 2 * ALLOWED_LATENESS
    _, skewed = received(lines, FAULTS["clock_skewed"], rate=RATE_UNIT)
    ahead = [one.by for one in skewed if one.by > 0]
    assert CLOCK_AHEAD_MAX < min(ahead) < 2 * CLOCK_AHEAD_MAX
    assert len(ahead) < len(skewed) == len(late) == len(lines)


@pytest.mark.parametrize("name", FAULTS)
def test_at_rate_zero_nothing_changes(name: str, lines: list[str]):
    records, done = received(lines, FAULTS[name], rate=0)
    assert [record.line for record in records] == lines
    assert done == []


@pytest.mark.parametrize("name", FAULTS)
def test_the_rate_is_the_share_of_rows(name: str, lines: list[str]):
    _, done = received(lines, FAULTS[name], rate=200_000)
    assert 0.17 < len(done) / len(lines) < 0.23


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_seed_does_the_same_and_another_seed_does_not(name: str, lines: list[str]):
    first = received(lines, FAULTS[name])
    assert received(lines, FAULTS[name]) == first
    assert received(lines, FAULTS[name], seed=6) != first


@pytest.mark.parametrize("name", FAULTS)
def test_a_stream_without_rows_stays_one(name: str):
    assert received([], FAULTS[name]) == ([], [])


def test_all_together_are_the_same_for_the_same_seed(lines: list[str]):
    rates = dict.fromkeys(FAULTS, RATE)
    one, other = (FaultedStream(lines, rates, seed=9) for _ in range(2))
    assert list(one) == list(other)
    assert one.done == other.done
    assert {each.fault for each in one.done} == set(FAULTS)


def test_a_fault_that_is_not_asked_for_leaves_the_others_as_they_are(lines: list[str]):
    alone = FaultedStream(lines, {"malformed": RATE}, seed=9)
    both = FaultedStream(lines, {"malformed": RATE, "reordered": 0}, seed=9)
    assert list(alone) == list(both)
    assert alone.done == both.done


def _quietly(fault: Fault) -> Fault:
    """The same, but one row in three is not named."""

    def inject(
        stream: Iterator[Record], picks: Picks, shape: Shape, note: Note
    ) -> Iterator[Record]:
        def forgetful(one: Done) -> None:
            if one.number % 3:
                note(one)

        return fault.inject(stream, picks, shape, forgetful)

    return replace(fault, inject=inject)


@pytest.mark.parametrize("name", FAULTS)
def test_sabotage_a_fault_that_hides_what_it_did_is_noticed(name: str, lines: list[str]):
    assert "names other rows than it touches" in set(offences(_quietly(FAULTS[name]), lines))


def _with_rows(change: Callable[[Record, int], Iterator[Record]]) -> Fault:
    """`clock_skewed`, and something else done to every row in secret."""
    fault = FAULTS["clock_skewed"]

    def inject(
        stream: Iterator[Record], picks: Picks, shape: Shape, note: Note
    ) -> Iterator[Record]:
        for place, record in enumerate(fault.inject(stream, picks, shape, note)):
            yield from change(record, place)

    return replace(fault, inject=inject)


def _lose(record: Record, place: int) -> Iterator[Record]:
    if place % 100 != 7:
        yield record


def _overwrite(record: Record, place: int) -> Iterator[Record]:
    fields = json.loads(record.line)
    yield replace(record, line=json.dumps({**fields, "device": "mine"}, separators=(",", ":")))


@pytest.mark.parametrize(
    ("change", "offence"),
    [
        (_lose, "loses or invents rows"),
        (_overwrite, "changes a field that it does not declare"),
        (_overwrite, "does not conserve the rows it leaves alone"),
    ],
)
def test_sabotage_a_fault_that_does_more_than_it_declares_is_noticed(
    change: Callable[[Record, int], Iterator[Record]], offence: str, lines: list[str]
):
    assert offence in set(offences(_with_rows(change), lines))


def test_sabotage_a_fault_that_names_what_it_left_alone_is_noticed(lines: list[str]):
    def inject(
        stream: Iterator[Record], picks: Picks, shape: Shape, note: Note
    ) -> Iterator[Record]:
        for record in stream:
            if picks.hit():
                note(Done("malformed", record.number, "truncated"))
            yield record

    idle = replace(FAULTS["malformed"], inject=inject)
    assert {"leaves a row whole", "names other rows than it touches"} <= set(offences(idle, lines))


def test_a_fault_is_asked_for_with_its_rate():
    assert parse_fault("late=0.01") == ("late", RATE_UNIT // 100)
    assert parse_fault("malformed=1") == ("malformed", RATE_UNIT)


@pytest.mark.parametrize(
    "text", ["late", "late=", "early=0.1", "late=2", "late=-0.1", "late=nan", "late=0.00000001"]
)
def test_another_fault_or_rate_is_refused(text: str):
    with pytest.raises(Refused) as refusal:
        parse_fault(text)
    assert refusal.value.code is Code.FIELD_VALUE
