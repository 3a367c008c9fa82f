"""Where a demo's transfers come from: a simulated world, or a person's own table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec

from crivo.cli.output import progress_bar
from crivo.cli.player import DECISIONS, Step
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.instant import BRASILIA, DAY, format_rfc3339, from_datetime
from crivo.flows.ingest import due_reports, played_rows
from crivo.flows.mapping import Kind, Mapping
from crivo.flows.newest import QUIET_MAX
from crivo.flows.ports import Table
from crivo.flows.rows import BATCH_ROWS, PlayedRow, RowReader
from crivo.model.split import Cuts
from crivo.settings import found_here

#: How long after the played days the clock is moved on, so that their reports can come in.
RIPEN_DAYS: Final = 14

#: The demo's world: a constant first day, so that it does not depend on when it is made.
START: Final = "2026-08-03"

#: Ten weeks. All that is learnt is of the first five: a first fit of three, a curve of the fifth,
#: and the fit that serves of all five. Labels take a week, so the seventh and eighth judge; those
#: of the ninth ripen, and of the tenth two days are played.
WORLD_DAYS: Final = 70
FIRST_FIT_DAYS: Final = 21
LEARN_DAYS: Final = 35

#: Twice the frauds of an enriched world: claims come weeks late, and a small world has few that are
#: known in time to train, calibrate and test.
PREVALENCE: Final = "0.01"

#: Who saw to it that no column of the world's transfers is from after the fact (check 17 of
#: `crivo simulate --report`). A model that saw half of a campaign ranks its other half better, and
#: in a world of so many frauds the leak alarm takes that for a leak.
MAKERS: Final = "the makers of the simulated world"
#: How far they answer for it: for a gap of that kind, and for no column that tells all by itself.
MAKERS_GAP_MAX: Final = 0.3

_ENCODE: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Source:
    """A table, how to read it, and the stretch of it that is played: [play_from, play_to).

    `leak_accepted_by` names who knows that the table holds nothing from after the fact; nothing of
    a table that `is_simulated` may be refused; `why` says why this stretch was chosen; `cuts` where
    what is learnt from ends, and `learnt_text` says so.
    """

    table: Path
    mapping: Mapping
    rows: Table
    play_from: int
    play_to: int
    ripen_days: int = RIPEN_DAYS
    leak_accepted_by: str = ""
    is_simulated: bool = False
    why: str = ""
    cuts: Cuts | None = None
    learnt_text: str = "what was known then"

    @property
    def play_day(self) -> str:
        """The first played day, for people."""
        return format_rfc3339(self.play_from)

    @property
    def played_text(self) -> str:
        """The played stretch, for people."""
        days = (self.play_to - self.play_from) / DAY
        return f"{days:g} day{'s' if days != 1 else ''} from {self.play_day}"

    def played(self) -> list[PlayedRow]:
        """The transfers of the played stretch."""
        return played_rows(self.rows, self.mapping, self.play_from, self.play_to)

    def earlier(self, start: int) -> list[PlayedRow]:
        """The transfers from `start` up to the played stretch."""
        return played_rows(self.rows, self.mapping, start, self.play_from)

    def steps(self) -> list[Step]:
        """Transfers and the reports that become known meanwhile, in the order of receipt."""
        transfers = ((row.received_at, _transfer_step(row)) for row in self.played())
        reports = _reports(due_reports(self.rows, self.mapping, self.play_from, self.play_to))
        return [step for _, step in merge(transfers, reports, key=itemgetter(0))]

    def later_reports(self) -> list[Step]:
        """The reports that become known in the days after, about transfers known to the log."""
        end = self.play_to + self.ripen_days * DAY
        due = due_reports(self.rows, self.mapping, self.play_to, end)
        return [step for _, step in _reports(row for row in due if row.received_at < self.play_to)]


def simulated_source(home: Path, *, seed: int, small: bool) -> Source:
    """Ten weeks written into the home folder; two days of the last one are played.

    The first of the two is the day with most frauds, so that campaigns are seen at work.
    """
    from crivo.bootstrap.offline import read_mapping
    from crivo.cli.simulate import TRANSFERS_FILE, SimulateFlags, simulate_world

    scale = "0.75" if small else "2"
    flags = SimulateFlags(
        out=home / "world",
        tables="platform",
        seed=seed,
        start=START,
        days=WORLD_DAYS,
        past_days=0,
        scale=scale,
        prevalence=PREVALENCE,
        file_format="parquet",
    )
    with progress_bar("  transfers", unit="transfers") as progress:
        simulate_world(flags, progress)
    # A world begins and ends at midnight in Brasília.
    begin = from_datetime(datetime.fromisoformat(START).replace(tzinfo=BRASILIA))
    end = begin + WORLD_DAYS * DAY
    mapping = read_mapping(found_here("mappings") / "simulated.toml")
    last_week = _source(home / "world" / TRANSFERS_FILE, mapping, end - 7 * DAY, end)
    frauds = Counter((row.occurred_at - begin) // DAY for row in last_week.played() if row.is_fraud)
    # The day after it is played too, so it is not the last one; of equals the first.
    day = max(range(WORLD_DAYS - 7, WORLD_DAYS - 1), key=lambda each: (frauds[each], -each))
    return replace(
        last_week,
        play_from=begin + day * DAY,
        play_to=begin + (day + 2) * DAY,
        leak_accepted_by=MAKERS,
        is_simulated=True,
        cuts=Cuts(begin + FIRST_FIT_DAYS * DAY, begin + LEARN_DAYS * DAY),
        learnt_text=f"the first {LEARN_DAYS // 7} weeks, judging on those whose labels came since",
        why=f"; the first is the day of the last week with most frauds ({frauds[day]})",
    )


def own_source(data: Path, mapping_file: Path | None, *, days: int) -> Source:
    """A person's own table; without a [play] section in the mapping its last day is played.

    Raises:
        Misconfigured: MAPPING_INVALID where there is no mapping, or it makes no transfers.
        Refused: FILE_UNREADABLE, FIELD_MISSING, IMPORT_TOO_LARGE; DATA_TOO_SMALL where no transfer
            lies in the played days, or before them, with what is wrong with the rows there.
    """
    if mapping_file is None:
        raise Misconfigured(
            Code.MAPPING_INVALID,
            "--data needs --mapping",
            hint="A mapping file says which column is what; see mappings/.",
            field="mapping",
        )
    from crivo.bootstrap.offline import last_days, read_mapping, read_table
    from crivo.flows.row_weights import check_unweighed

    mapping = read_mapping(mapping_file)
    if mapping.kind is not Kind.EVENTS:
        raise Misconfigured(
            Code.MAPPING_INVALID,
            f"{mapping_file} makes rows for a model, and a demo plays transfers",
            hint="`crivo train --data … --mapping …` learns from such a table; then `crivo serve`.",
            field="kind",
            expected=Kind.EVENTS.value,
            found=mapping.kind.value,
        )
    check_unweighed(mapping)
    if mapping.play_start is None or mapping.play_end is None:
        stretch = last_days(read_table(data, mapping), mapping, days or 1)
        advice = "Name fewer --days, or bring a table of more days."
    else:
        end = mapping.play_start + days * DAY if days else mapping.play_end
        stretch = mapping.play_start, min(end, mapping.play_end)
        advice = "Let [play] in the mapping begin later, or bring a table of more days."
    source = _source(data, mapping, *stretch)
    _check_past(source, advice)
    return source


def _source(path: Path, mapping: Mapping, play_from: int, play_to: int) -> Source:
    from crivo.bootstrap.offline import read_table

    source = Source(path, mapping, read_table(path, mapping), play_from, play_to)
    if not source.played():
        _newest(source, play_from, play_to)
        raise Refused(
            Code.DATA_TOO_SMALL,
            f"{path} holds no transfer to play in {source.played_text}",
            hint="Set [play] in the mapping to days that the table has.",
            field="play",
            expected="days that the table has",
            found=source.played_text,
        )
    return source


def _check_past(source: Source, advice: str) -> None:
    """Nothing, if there is something to learn from, up to the day before the played ones.

    Raises:
        Refused: DATA_TOO_SMALL.
    """
    newest = _newest(source, None, source.play_from)
    quiet_from = source.play_from - QUIET_MAX
    if newest is None:
        missing, found = "lies before the played days", "none"
    elif newest < quiet_from and not due_reports(
        source.rows, source.mapping, quiet_from, source.play_from
    ):
        # Labels as of the played days would take the silence of a log that had ended for honesty.
        missing, found = "lies in the day before the played ones", format_rfc3339(newest)
    else:
        return
    raise Refused(
        Code.DATA_TOO_SMALL,
        f"nothing of {source.table} {missing}, {source.played_text}",
        hint=f"What lies before them is learnt from. {advice}",
        field="--days",
        expected="transfers or reports up to the played days",
        found=found,
    )


def _newest(source: Source, start: int | None, until: int) -> int | None:
    """The receipt of the last transfer of that stretch; None where no row lies in it.

    Raises:
        Refused: DATA_TOO_SMALL where none of its rows is a transfer, with what is wrong with one.
    """
    rows = RowReader(source.rows, source.mapping)
    order = rows.order(start=start, until=until)[::-1]
    fault: Refused | None = None
    for first in range(0, len(order), BATCH_ROWS):
        for row in rows.parse(order[first : first + BATCH_ROWS].tolist()):
            if not isinstance(row, Refused):
                return row.received_at
            fault = fault or row
    if fault is None:
        return None
    is_encoding = fault.context.get("expected") == "UTF-8"
    raise Refused(
        Code.DATA_TOO_SMALL,
        f"none of the {len(order):,} rows of {source.table} up to {format_rfc3339(until)} can be "
        f"read; in the last, {fault.message}",
        hint="Save the table as UTF-8." if is_encoding else "Mend the mapping, or the table.",
        field=str(fault.context.get("field", "rows")),
        expected="a row that the mapping can read",
        found=fault.code.value,
    ) from fault


def _reports(rows: Iterable[PlayedRow]) -> Iterable[tuple[int, Step]]:
    for row in rows:
        assert row.known_at is not None
        yield row.known_at, _report_step(row, row.known_at)


def _transfer_step(row: PlayedRow) -> Step:
    body = {
        name: value
        for name, value in row._asdict().items()
        if value is not None and name != "known_at"
    }
    body["occurred_at"] = format_rfc3339(row.occurred_at)
    body["received_at"] = format_rfc3339(row.received_at)
    return Step(DECISIONS, _ENCODE(body), row.end_to_end_id, row.is_fraud, row.amount_centavos)


def _report_step(row: PlayedRow, known_at: int) -> Step:
    body = {
        "report_id": f"label/{row.end_to_end_id}",
        "end_to_end_id": row.end_to_end_id,
        "status": "ACCEPTED",
        "received_at": format_rfc3339(known_at),
    }
    return Step("/v1/reports", _ENCODE(body), row.end_to_end_id)
