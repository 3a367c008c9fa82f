"""Composes the quarantine: refused rows of files, dead letters of a log in Kafka."""

from __future__ import annotations

import shlex
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.bootstrap.home import Paths, refused_cipher, require_home, wall_clock
from crivo.domain.errors import Code, Misconfigured, Refused, invalid
from crivo.flows.ports import QuarantinedRow
from crivo.flows.readmit import Readmitted, readmit
from crivo.settings import Settings


def listing(settings: Settings) -> str:
    """The command that lists what was refused of the settings' home and log, to be pasted."""
    where = ["--home", str(settings.home)]
    if settings.log.url is not None:
        where += ["--log", settings.log.url]
    return shlex.join(["crivo", "quarantine", "list", *where])


def quarantined(
    settings: Settings, *, limit: int, settled: bool = False
) -> tuple[Counter[Code], list[QuarantinedRow]]:
    """How many rows wait by cause, and some of them: of the log of CRIVO_LOG__URL its dead letters
    and then the rows of what was imported into it from this home, else the home's.

    With `settled` those too that came in since, mended, from a file of the same mapping, or were
    dismissed. A row whose texts the home's keys do not open is among them, without those.

    Raises:
        Misconfigured: LOG_MISMATCH without the topics of the log.
        Unavailable: NOT_FOUND where there is no home folder, LOG_UNAVAILABLE.
    """
    rows = _dead_rows(settings)
    counts = Counter(row.code for row in rows)
    if (path := _file(settings)) is not None:
        with closing(_open(path, settings)) as store:
            counts.update(store.counts())
            rows += store.rows(limit=limit, settled=settled)
    return counts, rows[:limit]


def quarantined_row(settings: Settings, source: str, row_number: int) -> QuarantinedRow:
    """One row that was refused; a file may be called by its name alone where only one is of it.

    Raises:
        Refused: NOT_FOUND, FIELD_VALUE where files of that name differ.
        Misconfigured, Unavailable: as `quarantined`.
    """
    row, _ = _find(settings, source, row_number)
    return row


def _find(settings: Settings, source: str, row_number: int) -> tuple[QuarantinedRow, Path | None]:
    """As `quarantined_row`, with the file that it lies in; None for a dead letter."""
    asked, path = (source, row_number), None
    found = [each for each in _dead_rows(settings) if (each.source, each.row_number) == asked]
    if not found and (path := _file(settings)) is not None:
        with closing(_open(path, settings)) as store:
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
        return found[0], path
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
            longer, or is a dead letter of a log in Kafka. Misconfigured: as `quarantined`.
        Unavailable: NOT_FOUND, LOG_UNAVAILABLE, FILE_UNWRITABLE.
    """
    if not by.strip():
        raise invalid(Code.FIELD_VALUE, field="--by", expected="a name", found=by)
    row, path = _find(settings, source, row_number)
    if path is None:
        raise invalid(
            Code.FIELD_VALUE,
            field="SOURCE",
            expected="a file: a dead letter lies in its topic, which forgets it by itself",
            found=row.source,
            hint="`crivo quarantine replay` judges dead letters again.",
        )
    if not row.waits:
        raise Refused(
            Code.FIELD_VALUE,
            f"row {row_number} of {row.source} waits no longer",
            hint="`crivo quarantine list --all` shows when it came in mended, or was dismissed.",
            field="SOURCE ROW",
            expected="a row that waits",
            found="dismissed by " + row.dismissed_by if row.dismissed_at else "mended",
        )
    with closing(_open(path, settings)) as store:
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
    from crivo.bootstrap.kafka import cluster_of

    cluster = cluster_of(settings)
    from crivo.adapters.kafka.dead_letters import read_dead_letters
    from crivo.adapters.kafka.inbox import Arrived
    from crivo.bootstrap.inbox import open_door

    found = read_dead_letters(cluster, refused_cipher(settings))
    asked = [each for each in found if source is None or each.source == source]
    outside = [each for each in asked if each.is_of_inbox and each.unopened is None]
    others = [each for each in asked if not each.is_of_inbox or each.unopened is not None]
    letters = [(each.place, each.event()) for each in others]
    with ExitStack() as opened:
        door = open_door(settings, opened)
        arrived = [Arrived(each.value, dict(each.headers)) for each in outside]
        became = door.take(arrived) if arrived else []
        done = readmit(letters, door.log, now=wall_clock())
    for letter, each in zip(outside, became, strict=True):
        done.add(letter.place, each)
    return done


def _file(settings: Settings) -> Path | None:
    """Where refused rows of files lie; None where nothing was refused yet."""
    if settings.log.url is None:
        path = Paths(require_home(settings)).quarantine
    else:
        from crivo.bootstrap.kafka import cluster_of

        cluster = cluster_of(settings)
        from crivo.adapters.kafka.manifest import find_manifest

        manifest = find_manifest(cluster)
        if manifest is None:
            return None
        path = Paths(settings.home).refused_of(manifest.log_id)
    return path if path.exists() else None


def _dead_rows(settings: Settings) -> list[QuarantinedRow]:
    """The dead letters of the log of CRIVO_LOG__URL; none without one."""
    if settings.log.url is None:
        return []
    from crivo.bootstrap.kafka import cluster_of

    cluster = cluster_of(settings)
    from crivo.adapters.kafka.dead_letters import read_dead_letters

    return [each.row for each in read_dead_letters(cluster, refused_cipher(settings))]


def _open(path: Path, settings: Settings) -> SqliteQuarantine:
    return SqliteQuarantine(path, refused_cipher(settings))
