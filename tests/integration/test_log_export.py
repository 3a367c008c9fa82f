"""The transfers of a log in files: each once, in the order of the log, whoever was killed when."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from crivo.adapters.files.rotated import RotatedFiles
from crivo.adapters.kafka.tail import Tail
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import open_log_reader
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.domain.instant import MINUTE
from crivo.domain.streams import Stream
from crivo.flows.codec import decode_transfer
from crivo.flows.copy_log import undecided
from crivo.flows.event_of import event_of
from crivo.flows.exported_transfers import SCHEMA, transfer_rows
from tests.e2e.homes import ROOT
from tests.integration.commands import crivo
from tests.integration.workers import Running
from tests.ports.kafka_logs import open_log_in
from tests.unit.decision.worlds import START, transfer, world

pytestmark = pytest.mark.slow

MAPPING = ROOT / "mappings" / "exported-transfers.toml"


def files_of(to):
    """The whole files of a path, in the order of the log."""
    return sorted(to.parent.glob(f"{to.stem}.*-*{to.suffix}"))


def rows_of(to):
    """The rows of all of them; a column without a value in any row has no type in CSV."""
    if to.suffix == ".parquet":
        return [row for each in files_of(to) for row in pq.read_table(each).to_pylist()]
    types = csv.ConvertOptions(
        column_types=SCHEMA, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    found = (csv.read_csv(each, convert_options=types) for each in files_of(to))
    return [row for each in found for row in each.to_pylist()]


def ids_of(to):
    return [row["end_to_end_id"] for row in rows_of(to)]


def attempts_of(home):
    """The transfers of a home's log, each with its receipt, in the order of the log."""
    with closing(open_log_reader(home / "log.sqlite")) as log:
        events = [event for each in log.read(start=0, limit=10_000) if (event := undecided(each))]
    return [
        (decode_transfer(each.payload), each.received_at)
        for each in events
        if each.schema == "transfer.v1"
    ]


def exported(capsys, home, to, *more, code=0):
    """What an export up to the log's end says."""
    said = crivo(capsys, "log", "export", "--home", home, "--to", to, "--json", *more)
    assert said.code == code, said.err
    return said.err if code else json.loads(said.out)


@pytest.fixture(params=["csv", "parquet"])
def to(request, tmp_path):
    return tmp_path / "data" / f"new_transactions.{request.param}"


def test_a_row_is_a_transfer_as_the_log_has_it(capsys, home, to):
    told = exported(capsys, home, to)
    expected = attempts_of(home)
    rows = rows_of(to)
    assert (told["transfers"], told["files"]) == (len(rows), 1)
    assert len(rows) == len(expected) > 400
    for row, (made, received_at) in zip(rows, expected, strict=True):
        assert row["end_to_end_id"] == made.end_to_end_id
        assert row["amount_centavos"] == made.amount_centavos
        assert round(row["occurred_at"].timestamp() * 1e6) == made.occurred_at
        assert round(row["received_at"].timestamp() * 1e6) == received_at
        assert row["payer_account"] == made.payer_account_id.hex()
        assert row["payee_account"] == made.payee_account_id.hex()
        assert row["initiation"] == made.initiation
        assert row["purpose"] == made.purpose
        assert row["device"] is row["txid"] is None


def test_what_was_exported_is_read_back_by_the_shipped_mapping(capsys, home, to, tmp_path):
    exported(capsys, home, to)
    (file,) = files_of(to)
    words = ("--mapping", MAPPING, "--clock", "replay", "--home", tmp_path / "other", "--json")
    said = crivo(capsys, "ingest", file, *words)
    assert said.code == 0, said.err
    told = json.loads(said.out)
    ids = ids_of(to)
    assert (told["received"], told["accepted"]) == (len(ids), len(ids))
    with closing(open_reader(tmp_path / "other" / "log.sqlite")) as log:
        found = [each.event for each in log.read(start=0, limit=10_000)]
    assert sorted(decode_transfer(each.payload).end_to_end_id for each in found) == sorted(ids)


def test_another_start_goes_on_behind_the_last_whole_file(capsys, tmp_path, to):
    home = tmp_path / "home"
    home.mkdir()
    for first in (0, 40):
        with world(home) as made:
            for number in range(first, first + 40):
                at = START + number * MINUTE
                made.decide(transfer(number, occurred_at=at), received_at=at).result(60)
        assert exported(capsys, home, to)["transfers"] == 40
        # What one that was killed had begun is nobody's, and begun again.
        part_of(to).write_bytes(b"E00000000")
        assert exported(capsys, home, to)["transfers"] == 0
    assert len(files_of(to)) == 2
    assert ids_of(to) == [made.end_to_end_id for made, _ in attempts_of(home)]


def test_sabotage_an_export_that_forgets_where_it_was_doubles_transfers(
    capsys, home, to, monkeypatch
):
    monkeypatch.setattr(RotatedFiles, "_ranges", lambda _: [])
    exported(capsys, home, to)
    (file,) = files_of(to)
    file.rename(file.with_name(file.name.replace("0000-", "0001-")))
    exported(capsys, home, to)
    assert set(Counter(ids_of(to)).values()) == {2}


@pytest.mark.parametrize(("bytes_max", "seconds_max"), [(1, 1e9), (1 << 40, 10.0), (1 << 40, 1e9)])
def test_a_file_ends_when_it_is_large_or_old_and_files_cover_the_log(
    home, to, bytes_max, seconds_max
):
    seconds = [0.0]
    with closing(open_log_reader(home / "log.sqlite")) as log:
        events = log.read(start=0, limit=10_000)
    options = {"bytes_max": bytes_max, "seconds_max": seconds_max, "now": lambda: seconds[0]}
    with RotatedFiles(to, "log", SCHEMA, **options) as files:
        for at in range(0, len(events), 50):
            files.write(transfer_rows(events[at : at + 50]), min(at + 50, len(events)))
            seconds[0] += 4.0
        assert files.next == len(events)
        before = len(files_of(to))
        files.finish()
    is_one = bytes_max > 1 and seconds_max > 10
    assert before == 0 if is_one else before >= 3
    covered = [tuple(map(int, each.name.split(".")[1].split("-"))) for each in files_of(to)]
    assert covered[0][0] == 0
    assert covered[-1][1] == len(events)
    assert all(one[1] == other[0] for one, other in pairwise(covered))
    assert len(set(ids_of(to))) == len(ids_of(to)) > 400


def test_a_path_has_one_writer_one_log_and_one_of_two_formats(capsys, home, to):
    options = {"bytes_max": 1, "seconds_max": 1.0, "now": time.monotonic}
    with RotatedFiles(to, "another", SCHEMA, **options) as held:
        held.write(SCHEMA.empty_table(), 0)
        with pytest.raises(CrivoError) as refused:
            RotatedFiles(to, "another", SCHEMA, **options)
        assert refused.value.code is Code.LOG_LOCKED
    assert "LOG_MISMATCH" in exported(capsys, home, to, code=2)
    assert "SETTING_INVALID" in exported(capsys, home, to.with_suffix(".txt"), code=2)


def part_of(to):
    """What an export is writing."""
    return to.with_name(f".{to.name}.part")


def has_more_than(to, files):
    return len(files_of(to)) > files


def begun_or_done(to, rows):
    return part_of(to).is_file() or len(ids_of(to)) >= rows


def transfer_event(made):
    at = made.occurred_at
    return event_of(made, occurred_at=at, received_at=at, source="test", stream=Stream.TRANSFERS)


def id_of(event):
    return decode_transfer(event.payload).end_to_end_id


class ExportingProcess(Running):
    """An export's process."""

    verb = "log export"


def start_exporting(held, home, where, to):
    """An export that follows the log, and is killed at the end of the block if it still does."""
    folder = held.enter_context(tempfile.TemporaryDirectory())
    words = ("--to", str(to), "--follow", "--rotate-seconds", "1")
    process = ExportingProcess(Path(folder) / "said", home, where, *words)
    held.callback(process.kill)
    return process


def test_over_kills_each_transfer_of_a_log_in_kafka_is_exported_once(cluster, tmp_path, to):
    home = tmp_path / "home"
    home.mkdir()
    events = [
        transfer_event(transfer(number, occurred_at=START + number * 1_000))
        for number in range(600)
    ]
    with ExitStack() as held:
        log = held.enter_context(closing(open_log_in(cluster)))
        for at in range(0, len(events), 200):
            process, before = start_exporting(held, home, cluster, to), len(files_of(to))
            log.append(events[at : at + 100])
            process.await_so(partial(has_more_than, to, before))
            log.append(events[at + 100 : at + 200])
            process.await_so(partial(begun_or_done, to, at + 200))
            process.kill()
        process = start_exporting(held, home, cluster, to)
        process.await_so(lambda: set(ids_of(to)) == set(map(id_of, events)))
        process.stopped()
    assert ids_of(to) == [id_of(each) for each in events], "each once, in the order of the log"
    assert not part_of(to).exists()


def test_a_log_whose_brokers_let_go_what_comes_next_is_refused(cluster):
    with closing(open_log_in(cluster)) as log:
        log.append([transfer_event(transfer(number)) for number in range(20)])
    # The number before the first is one that no broker holds.
    with closing(Tail(cluster, 4, start=-1, cipher=None)) as tail:
        with pytest.raises(Misconfigured) as refused:
            taken(tail, 20)
        assert refused.value.code is Code.LOG_MISMATCH
    with closing(Tail(cluster, 4, start=0, cipher=None)) as tail:
        assert [each.seq for each in taken(tail, 20)] == list(range(20))


def taken(tail, count):
    """So many events of a tail, as an export takes them."""
    found, until = [], time.monotonic() + 300
    while len(found) < count:
        found += tail.take(10, 0.2)
        assert time.monotonic() < until
    return found
