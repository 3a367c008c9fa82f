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
from crivo.simulator.faulting import parse_fault, with_faults
from tests.unit.simulator.event_worlds import kinds_by_name, pieces_of

pytestmark = pytest.mark.slow

FAULTS = {fault.name: fault for fault in default_faults()}
RATE = 50_000  # of a million

#: A line that arrives: its row's number, and 0 for the row or 1 for its copy.
Place = tuple[int, int]

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
    done: list[Done] = []
    rates = {fault.name: rate}
    stream = with_faults(lines, rates, seed=seed, note=done.append, shape=shape, faults=(fault,))
    return list(stream), done


def together(lines: list[str], rates: dict[str, int]) -> tuple[list[Record], list[Done]]:
    done: list[Done] = []
    return list(with_faults(lines, rates, seed=9, note=done.append)), done


def place(of: Record | Done) -> Place:
    return of.number, of.copy


def offences(fault: Fault, lines: list[str], shape: Shape = TRANSFERS_SHAPE) -> Iterator[str]:
    """What is wrong with a fault: seen from a stream before and after it."""
    if not fault.meaning:
        yield "says nothing about itself"
    records, done = received(lines, fault, shape=shape)
    named = [place(one) for one in done]
    if not named or any(one.fault != fault.name for one in done):
        yield "does nothing, or in another's name"
    if len(set(named)) < len(named):
        yield "names a line twice"
    if set(named) != touched(records, lines):
        yield "names other lines than it touches"
    if fault.effect is Effect.COPIES and distances(records) != {place(one): one.by for one in done}:
        yield "says another distance than the copy has"
    yield from _effect_offences(fault, records, lines, set(named), shape)


def touched(records: list[Record], lines: list[str]) -> set[Place]:
    """The rows that do not arrive once, as they were sent, and in their place; and all copies."""
    arrived = defaultdict(list)
    for record in records:
        arrived[place(record)].append(record.line)
    found = {(number, 0) for number, line in enumerate(lines) if arrived[number, 0] != [line]}
    return found | {each for each in arrived if each[1]} | _overtaken(records)


def _overtaken(records: list[Record]) -> set[Place]:
    """The rows before which a row arrives that was sent later, copies aside."""
    greatest = -1
    late = set()
    for record in records:
        if record.copy:
            continue
        if record.number < greatest:
            late.add(place(record))
        greatest = max(greatest, record.number)
    return late


def distances(records: list[Record]) -> dict[Place, int]:
    """How many rows arrive between each row and its copy."""
    rows = 0
    rows_until: dict[int, int] = {}
    found = {}
    for record in records:
        if record.copy:
            found[place(record)] = rows - rows_until[record.number]
        else:
            rows += 1
            rows_until[record.number] = rows
    return found


def _effect_offences(
    fault: Fault, records: list[Record], lines: list[str], named: set[Place], shape: Shape
) -> Iterator[str]:
    before, after = Counter(lines), Counter(record.line for record in records)
    named_lines = Counter(lines[number] for number, _ in named)
    match fault.effect:
        case Effect.MOVES:
            expected = before
        case Effect.COPIES:
            expected = before + named_lines
        case Effect.CHANGES | Effect.BREAKS:
            changed = Counter(record.line for record in records if place(record) in named)
            expected = before - named_lines + changed
            if len(records) != len(lines):
                yield "loses or invents rows"
    if after != expected:
        yield "does not conserve the rows it leaves alone"
    for record in records:
        if place(record) in named:
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
    one, other = (together(lines, rates) for _ in range(2))
    assert one == other
    assert {each.fault for each in one[1]} == set(FAULTS)


def untrue(records: list[Record], done: list[Done], lines: list[str]) -> set[Place]:
    """The lines that do not arrive as is said of them, where faults are injected together."""
    named = {effect: set[Place]() for effect in Effect}
    for one in done:
        named[FAULTS[one.fault].effect].add(place(one))
    found = named[Effect.COPIES] ^ {place(record) for record in records if record.copy}
    kept = {place(record): record.line for record in records}
    for record in records:
        changed = (record.number, 0) in named[Effect.CHANGES]
        broken = place(record) in named[Effect.BREAKS]
        if (record.line != lines[record.number]) != (changed or broken):
            found.add(place(record))
        row_is_broken = (record.number, 0) in named[Effect.BREAKS]
        if not broken and not row_is_broken and record.line != kept[record.number, 0]:
            found.add(place(record))
    return found


def test_of_faults_together_each_line_says_which_were_done_to_it(lines: list[str]):
    records, done = together(lines, dict.fromkeys(FAULTS, 4 * RATE))
    assert untrue(records, done, lines) == set()
    # A fault names a line once, though it may take both a row and its copy.
    assert len({(one.fault, *place(one)) for one in done}) == len(done)
    both = Counter((one.fault, one.number) for one in done)
    assert {fault for (fault, _), count in both.items() if count > 1} == {"malformed", "reordered"}


def test_sabotage_what_is_said_of_a_row_instead_of_its_copy_is_noticed(lines: list[str]):
    records, done = together(lines, dict.fromkeys(FAULTS, 4 * RATE))
    mistaken = [replace(one, copy=0) if one.fault == "malformed" else one for one in done]
    assert untrue(records, mistaken, lines) != set()


def test_at_the_end_of_the_stream_a_copy_says_how_far_behind_its_row_it_came():
    """A copy that would have come five hundred rows later finds fewer that are left."""
    rows = [f'{{"row":{number}}}' for number in range(10)]
    records, done = received(rows, FAULTS["duplicated"], rate=RATE_UNIT)
    assert {place(one): one.by for one in done} == distances(records)
    assert max(one.by for one in done) < len(rows)


def test_sabotage_the_distance_that_was_drawn_is_not_the_one_it_had(lines: list[str]):
    def inject(
        stream: Iterator[Record], picks: Picks, shape: Shape, note: Note
    ) -> Iterator[Record]:
        def drawn(one: Done) -> None:
            note(replace(one, by=one.by + 1))

        return FAULTS["duplicated"].inject(stream, picks, shape, drawn)

    far = replace(FAULTS["duplicated"], inject=inject)
    assert "says another distance than the copy has" in set(offences(far, lines))


def test_a_fault_that_is_not_asked_for_leaves_the_others_as_they_are(lines: list[str]):
    alone = together(lines, {"malformed": RATE})
    assert together(lines, {"malformed": RATE, "reordered": 0}) == alone


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
    assert "names other lines than it touches" in set(offences(_quietly(FAULTS[name]), lines))


def _with_rows(change: Callable[[Record, int], Iterator[Record]]) -> Fault:
    """`clock_skewed`, and something else done to every row in secret."""
    fault = FAULTS["clock_skewed"]

    def inject(
        stream: Iterator[Record], picks: Picks, shape: Shape, note: Note
    ) -> Iterator[Record]:
        for nth, record in enumerate(fault.inject(stream, picks, shape, note)):
            yield from change(record, nth)

    return replace(fault, inject=inject)


def _lose(record: Record, nth: int) -> Iterator[Record]:
    if nth % 100 != 7:
        yield record


def _overwrite(record: Record, nth: int) -> Iterator[Record]:
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
                note(Done("malformed", record.number, record.copy, "truncated"))
            yield record

    idle = replace(FAULTS["malformed"], inject=inject)
    assert {"leaves a row whole", "names other lines than it touches"} <= set(offences(idle, lines))


def test_a_fault_is_asked_for_with_its_rate():
    assert parse_fault("late=0.01") == ("late", RATE_UNIT // 100)
    assert parse_fault("malformed=1") == ("malformed", RATE_UNIT)


@pytest.mark.parametrize(
    "text",
    [
        "late",
        "late=",
        "early=0.1",
        "late=2",
        "late=-0.1",
        "late=nan",
        "late=inf",
        "late=0.00000001",
        "late=0.10000000000000000000000000000000000001",
        "late=1e9999999",
        "late=1e-9999999",
    ],
)
def test_another_fault_or_rate_is_refused(text: str):
    with pytest.raises(Refused) as refusal:
        parse_fault(text)
    assert refusal.value.code is Code.FIELD_VALUE
