"""Composes the quarantine: refused rows of the home folder, dead letters of a log in Kafka."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing

from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.bootstrap.home import Paths, require_home, wall_clock
from crivo.domain.errors import Code, Misconfigured, Refused, invalid
from crivo.flows.ports import QuarantinedRow
from crivo.flows.readmit import Readmitted, readmit
from crivo.settings import Settings


def quarantined(
    settings: Settings, *, limit: int, settled: bool = False
) -> tuple[Counter[Code], list[QuarantinedRow]]:
    """How many rows wait by cause, and some of them: of the log of CRIVO_LOG__URL, else the home's.

    With `settled` those too that came in since, mended, from a file of the same mapping, or were
    dismissed.

    Raises:
        Unavailable: NOT_FOUND where there is no home folder, LOG_UNAVAILABLE.
    """
    if settings.log.url is not None:
        rows = _dead_rows(settings)
        return Counter(row.code for row in rows), rows[:limit]
    path = Paths(require_home(settings)).quarantine
    if not path.exists():
        return Counter(), []
    with closing(SqliteQuarantine(path)) as store:
        return Counter(store.counts()), store.rows(limit=limit, settled=settled)


def quarantined_row(settings: Settings, source: str, row_number: int) -> QuarantinedRow:
    """One row that was refused; a file may be called by its name alone where only one is of it.

    Raises:
        Refused: NOT_FOUND, FIELD_VALUE where files of that name differ. Unavailable: as
            `quarantined`.
    """
    found: list[QuarantinedRow] = []
    if settings.log.url is not None:
        found = [
            each
            for each in _dead_rows(settings)
            if (each.source, each.row_number) == (source, row_number)
        ]
    elif (path := Paths(require_home(settings)).quarantine).exists():
        with closing(SqliteQuarantine(path)) as store:
            found = store.find(source, row_number)
    if len(found) > 1:
        sources = ", ".join(each.source for each in found)
        raise Refused(
            Code.FIELD_VALUE,
            f"row {row_number} was refused of {len(found)} files called {source}",
            hint="Name the one that is meant, with what stands behind its @.",
            field="SOURCE",
            expected=f"one of {sources}",
            found=source,
        )
    if found:
        return found[0]
    raise Refused(
        Code.NOT_FOUND,
        "no such row waits in the quarantine",
        hint="`crivo quarantine list` shows sources and numbers; --log names a log in Kafka.",
        field="SOURCE ROW",
        expected="a row that was refused",
        found=f"{source} {row_number}",
    )


def dismiss_row(settings: Settings, source: str, row_number: int, *, by: str) -> QuarantinedRow:
    """The row, of which somebody says that nothing is to be done about it: it waits no longer.

    Raises:
        Refused: as `quarantined_row`; FIELD_VALUE where the name is a blank, or the row waits no
            longer. Misconfigured: SETTING_INVALID for a log in Kafka. Unavailable: NOT_FOUND,
            FILE_UNWRITABLE.
    """
    if settings.log.url is not None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "dead letters of a log in Kafka lie in their topic, which forgets them by itself",
            hint="`crivo quarantine replay` judges them again; --home names a folder's rows.",
            field="CRIVO_LOG__URL",
            expected="not set",
            found=settings.log.url,
        )
    if not by.strip():
        raise invalid(Code.FIELD_VALUE, field="--by", expected="a name", found=by)
    row = quarantined_row(settings, source, row_number)
    if not row.waits:
        raise Refused(
            Code.FIELD_VALUE,
            f"row {row_number} of {row.source} waits no longer",
            hint="`crivo quarantine list --all` shows when it came in mended, or was dismissed.",
            field="SOURCE ROW",
            expected="a row that waits",
            found="dismissed by " + row.dismissed_by if row.dismissed_at else "mended",
        )
    with closing(SqliteQuarantine(Paths(settings.home).quarantine)) as store:
        store.dismiss(row.source, row.row_number, at=wall_clock(), by=by.strip())
        (dismissed,) = store.find(row.source, row.row_number)
    return dismissed


def readmit_dead_letters(settings: Settings, source: str | None) -> Readmitted:
    """What became of the dead letters of the log of CRIVO_LOG__URL, of one source or of all.

    Those of the inbox are parsed again as its door does, and come first: others may be about them.

    Raises:
        Misconfigured: SETTING_INVALID without such a log, whose rows a person must mend.
        Unavailable: LOG_UNAVAILABLE, NOT_FOUND without a log.
    """
    if settings.log.url is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "rows of files are kept shortened, and are not replayed from there",
            hint="Mend them in a file of their own, and `crivo ingest` it with --received.",
            field="CRIVO_LOG__URL",
            expected="kafka://HOST:PORT",
            found="nothing",
        )
    from crivo.adapters.kafka.dead_letters import read_dead_letters
    from crivo.adapters.kafka.inbox import Arrived
    from crivo.bootstrap.inbox import open_door
    from crivo.bootstrap.kafka import cluster_of

    found = read_dead_letters(cluster_of(settings))
    asked = [each for each in found if source is None or each.source == source]
    outside = [each for each in asked if each.is_of_inbox]
    letters = [(each.place, each.event()) for each in asked if not each.is_of_inbox]
    with ExitStack() as opened:
        door = open_door(settings, opened)
        arrived = [Arrived(each.value, dict(each.headers)) for each in outside]
        became = door.take(arrived) if arrived else []
        done = readmit(letters, door.log, now=wall_clock())
    for letter, each in zip(outside, became, strict=True):
        done.add(letter.place, each)
    return done


def _dead_rows(settings: Settings) -> list[QuarantinedRow]:
    from crivo.adapters.kafka.dead_letters import read_dead_letters
    from crivo.bootstrap.kafka import cluster_of

    return [each.row for each in read_dead_letters(cluster_of(settings))]
