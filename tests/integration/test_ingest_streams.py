"""A folder of event streams becomes events of the log, merged by receipt; features read them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.adapters.files.streams import days_of_streams
from crivo.adapters.sqlite.log import open_log
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.writer import TableSet, write_world
from crivo.bootstrap.offline import read_mapping
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.device import DeviceStatus
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.event import transfer_event_id
from crivo.domain.instant import HOUR, parse_rfc3339
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.event_of import value_of
from crivo.flows.history import transfer_of_row
from crivo.flows.ingest_streams import ingest_streams
from crivo.flows.mapping import parse_mapping
from crivo.flows.rows import RowReader
from crivo.flows.training_set import Rules, training_parts
from crivo.flows.verify import verify
from crivo.governance.pseudonym import Pseudonymiser
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.world import simulate
from tests.integration.commands import crivo
from tests.ports.logs import REFUSED
from tests.unit.decision.worlds import ROOT, plan, world

MAPPING_FILE = ROOT / "mappings" / "simulated-events.toml"
MAPPING = read_mapping(MAPPING_FILE)
#: The payee's side is not told the payer's device.
AS_SEEN = {
    "payer": MAPPING,
    "payee": parse_mapping(
        MAPPING_FILE.read_text().replace('device = "device"\n', "", 1), name="payee.toml"
    ),
}
PSEUDONYMS = Pseudonymiser(bytes(range(32)))
WORLD = SimulationOptions(
    seed=23, days=3, past_days=0, scale=Decimal("0.3"), prevalence=Decimal("0.05")
)
#: Who does not see markers, blocks and claims of keys as events cannot have features of them.
NOT_SEEN = {
    "payee_person_fraud_marker_count_30d",
    "payee_key_fraud_marker_count_30d",
    "payee_person_fraud_marker_since_last_ever",
    "payee_person_marker_cancellation_count_30d",
    "payee_block_count_30d",
    "payee_block_since_last_ever",
    "payee_key_key_claim_since_last_ever",
}
#: Signals that every app collects now and then, and that hardly ever say yes.
RARE_SIGNALS = {
    "payer_remote_access_last_ever",
    "payer_receiver_mismatched_last_ever",
    "payer_loan_taken_last_ever",
    "payer_mock_location_last_ever",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    """The same world as both sides see it, and as text."""
    base = tmp_path_factory.mktemp("streams")
    made = simulate(WORLD)
    for name, viewpoint, file_format in (
        ("payer", Viewpoint.PAYER_PSP, WorldFormat.PARQUET),
        ("payee", Viewpoint.PAYEE_PSP, WorldFormat.PARQUET),
        ("jsonl", Viewpoint.PAYER_PSP, WorldFormat.JSON_LINES),
        ("csv", Viewpoint.PAYER_PSP, WorldFormat.CSV),
    ):
        write_world(
            base / name,
            made,
            table_set=TableSet.EVENTS,
            layout=Layout(file_format, by_day=True),
            viewpoint=viewpoint,
        )
    return {name: base / name for name in ("payer", "payee", "jsonl", "csv")}


def imported(folder: Path, log, quarantine, *, mapping=MAPPING, until: int | None = None):
    return ingest_streams(
        days_of_streams(folder, mapping), mapping, log, quarantine, PSEUDONYMS, now=0, until=until
    )


def events_of(log) -> list:
    return [stored.event for stored in log.read(start=0, limit=100_000)]


@pytest.mark.slow
@pytest.mark.parametrize("side", ["payer", "payee"])
def test_every_event_of_a_side_is_taken_in_the_order_of_its_receipt(written, log, quarantine, side):
    result = imported(written[side], log, quarantine, mapping=AS_SEEN[side])
    assert result.is_conserved
    assert (result.quarantined, result.duplicate) == (0, 0)
    events = events_of(log)
    assert len(events) == result.accepted > 2_000
    order = [(event.received_at, STREAM_RANK[event.stream]) for event in events]
    assert order == sorted(order)
    schemas = {told.schema for told in MAPPING.told if (written[side] / told.table).is_dir()}
    assert {event.schema for event in events} == {"transfer.v1", *schemas}
    assert result.reports == sum(event.schema == "report.v1" for event in events) > 0


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_text_tells_the_same_events_as_columns(written, tmp_path, log, quarantine, file_format):
    imported(written["payer"], log, quarantine)
    other = open_log(tmp_path / "text.sqlite", clock=ClockKind.REPLAY, new_log_id="text")
    try:
        imported(written[file_format], other, quarantine)
        assert events_of(other) == events_of(log)
    finally:
        other.close()


@pytest.mark.slow
def test_a_folder_imported_again_or_in_parts_adds_what_is_missing(written, log, quarantine):
    first = imported(written["payer"], log, quarantine, until=_some_instant(written["payer"]))
    again = imported(written["payer"], log, quarantine)
    last = imported(written["payer"], log, quarantine)
    assert (first.quarantined, again.quarantined) == (0, 0)
    assert again.duplicate == first.accepted > 0
    assert again.accepted > 0
    assert (last.accepted, last.duplicate) == (0, first.accepted + again.accepted)


def _some_instant(folder: Path, day: int = 2) -> int:
    return parse_rfc3339(f"{_days(folder)[day]}T15:00:00Z")


def _days(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("data=") for path in (folder / "transfers").iterdir())


def damaged(written, tmp_path, table: str, change) -> Path:
    """A copy of the world as text, with one row of a table changed."""
    folder = tmp_path / "damaged"
    shutil.copytree(written["jsonl"], folder)
    path = max((folder / table).glob("*/*.jsonl"))
    lines = path.read_text().splitlines()
    lines[0] = change(lines[0])
    path.write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.slow
def test_an_optional_column_is_read_where_a_file_has_it(written, tmp_path, log, quarantine):
    def removed(line: str) -> str:
        return json.dumps({**json.loads(line), "status": "REMOVED", "previous": "REGISTERED"})

    result = imported(damaged(written, tmp_path, "devices", removed), log, quarantine)
    assert result.quarantined == 0
    changes = [value_of(e) for e in events_of(log) if e.schema == "device_change.v1"]
    steps = {(change.previous, change.status) for change in changes}
    assert (DeviceStatus.REGISTERED, DeviceStatus.REMOVED) in steps


def _with(**changes):
    return lambda line: json.dumps({**json.loads(line), **changes})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "change", "code"),
    [
        ("logins", _with(result="GOSSIP"), Code.FIELD_VALUE),
        ("logins", _with(account="x" * 999), Code.ID_INVALID),
        ("logins", _with(received_at="yesterday"), Code.TIME_INVALID),
        ("logins", _with(occurred_at="1970-01-01T00:00:00Z"), Code.TIME_RANGE),
        ("logins", _with(occurred_at="2098-01-01T00:00:00Z"), Code.CLOCK_AHEAD),
        ("limits", _with(after_centavos=-1), Code.AMOUNT_RANGE),
        ("limits", _with(after_centavos="much"), Code.FIELD_TYPE),
        ("devices", _with(device=None), Code.FIELD_MISSING),
        ("dict_look_ups", _with(dict_settlements_d90=-5), Code.FIELD_VALUE),
        ("settlements", _with(end_to_end_id="E00000000209801010000unknown0000"), Code.NOT_FOUND),
        ("logins", lambda line: line[: len(line) // 2], Code.ROW_MALFORMED),
    ],
)
def test_a_hostile_row_is_put_aside_with_its_cause_and_the_rest_is_taken(
    written, tmp_path, log, quarantine, table, change, code
):
    whole = imported(written["jsonl"], log, quarantine)
    other = open_log(tmp_path / "other.sqlite", clock=ClockKind.REPLAY, new_log_id="other")
    try:
        result = imported(damaged(written, tmp_path, table, change), other, quarantine)
    finally:
        other.close()
    assert result.is_conserved
    assert result.causes[code] == result.quarantined > 0
    assert result.accepted >= whole.accepted - 2
    row = quarantine.rows(limit=1)[0]
    assert (row.code, row.row_number) == (code, 1)
    assert row.source.startswith(f"{table}.jsonl@")


@pytest.mark.slow
def test_a_folder_that_is_none_and_a_mapping_that_misspells_are_refused(tmp_path, capsys, written):
    with pytest.raises(Refused) as nothing:
        days_of_streams(tmp_path, MAPPING)
    assert nothing.value.code is Code.FILE_UNREADABLE
    text = MAPPING_FILE.read_text()
    for wrong, field in (
        (text.replace('schema = "login.v1"', 'schema = "login.v9"'), "told[0].schema"),
        (text.replace('schema = "login.v1"', 'schema = "decision.v1"'), "told[0].schema"),
        (text.replace("login_id = ", "login = "), "told[0].fields"),
        (
            text.replace('\nrejection = "', '\npayer_id = "'),
            "told[6].fields",
        ),
        (text.replace('table = "logins"', 'table = "../logins"'), "told[0].table"),
    ):
        with pytest.raises(Misconfigured) as refused:
            parse_mapping(wrong, name="wrong.toml")
        assert refused.value.context["field"] == field
    file = next((written["payer"] / "transfers").glob("*/*"))
    told = crivo(capsys, "ingest", file, "--mapping", MAPPING_FILE, "--home", tmp_path / "home")
    assert told.code == 2
    assert not (tmp_path / "home").exists()


def later_transfers(folder: Path, start: int) -> list[tuple[int, object]]:
    """The transfers of a folder from an instant on: (received_at, transfer)."""
    found = []
    for path in sorted((folder / "transfers").glob("*/*")):
        rows = RowReader(FileReader(path).read(MAPPING.columns()), MAPPING)
        order = rows.order(start=start, until=None).tolist()
        found += [(row.received_at, transfer_of_row(row, PSEUDONYMS)) for row in rows.parse(order)]
    return found


def told_columns() -> dict[str, int]:
    features = plan().feature_set.features
    return {
        feature.name: place
        for place, feature in enumerate(features)
        if feature.event.value not in {"transfer", "report"}
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A service that began on the last day of a world and decided what came after."""
    folder = tmp_path_factory.mktemp("served")
    streams, days = folder / "streams", 12
    write_world(
        streams,
        simulate(replace(WORLD, days=days)),
        table_set=TableSet.EVENTS,
        layout=Layout(WorldFormat.PARQUET, by_day=True),
    )
    start = _some_instant(streams, days - 1)
    with world(folder) as played:
        quarantine = SqliteQuarantine(folder / "quarantine.sqlite", REFUSED)
        imported(streams, played.log, quarantine, until=start)
        quarantine.close()
        played.service.recover(lambda _done, _end: None)
        for received_at, transfer in later_transfers(streams, start):
            played.decide(transfer, received_at=received_at).result(60)
        yield played


@pytest.mark.slow
def test_a_served_vector_is_the_training_vector_with_all_that_was_told(served):
    kept = {}
    for event in events_of(served.log):
        if event.stream is Stream.DECISIONS:
            record = decode_record(event.payload)
            if record.kept:
                kept[transfer_event_id(record.end_to_end_id)] = record.kept
    rules = Rules(labels_as_of=parse_rfc3339("2098-01-01T00:00:00Z"), label_delay=HOUR)
    end, found = served.log.end(), 0
    told = told_columns()
    known, tells = (np.zeros(len(told), dtype=np.bool_) for _ in range(2))
    for part in training_parts(
        served.log, plan(), rules, end=end, shards=1, progress=lambda *_: None
    ):
        for ids, vector in zip(part.ids, part.vectors, strict=True):
            served_bytes = kept.get(ids.tobytes())
            if served_bytes is not None:
                words = np.where(np.isnan(vector), np.nan, vector).astype("<f8")
                assert words.tobytes() == served_bytes
                found += 1
                values = vector[list(told.values())]
                known |= ~np.isnan(values)
                tells |= ~np.isnan(values) & (values != 0)
    assert found == len(kept) > 100
    silent = {name for name, says in zip(told, tells, strict=True) if not says}
    assert silent <= NOT_SEEN | {
        # So small a world has few of these.
        "payer_failed_login_count_1h",
        "payee_person_markers_d90_last_ever",
        "payee_person_markers_m60_last_ever",
        "payee_person_reporters_m60_last_ever",
        "payer_night_limit_used_own_night",
        "payer_undoing_count_24h",
        "payee_authorisation_count_24h",
        "pair_authorisation_since_last_ever",
        *RARE_SIGNALS,
    }
    assert {name for name, says in zip(told, known, strict=True) if says} >= RARE_SIGNALS


@pytest.mark.slow
def test_what_is_told_of_transfers_that_were_decided_here_is_imported_after_them(
    written, tmp_path, quarantine
):
    start = _some_instant(written["payer"])
    with world(tmp_path) as played:
        first = imported(written["payer"], played.log, quarantine, until=start)
        played.service.recover(lambda _done, _end: None)
        later = later_transfers(written["payer"], start)
        for received_at, transfer in later:
            played.decide(transfer, received_at=received_at).result(60)
        settled = tmp_path / "settled"
        shutil.copytree(written["payer"] / "settlements", settled / "settlements")
        rest = imported(settled, played.log, quarantine)
        again = imported(written["payer"], played.log, quarantine)
    assert (first.quarantined, rest.quarantined, again.quarantined) == (0, 0, 0)
    assert rest.accepted > len(later) // 2
    assert again.duplicate == first.accepted + len(later) + rest.accepted


@pytest.mark.slow
def test_verify_covers_what_was_told_and_finds_no_mismatch(served):
    result = verify(
        served.log, served.folder / "bundles", one_in=1, progress=lambda _done, _end: None
    )
    assert result.is_equal
    assert result.compared > 100
    assert result.mismatches == {}


@pytest.mark.slow
def test_sabotage_a_log_that_lost_what_was_told_gives_other_vectors(served, tmp_path):
    events = [e for e in events_of(served.log) if e.schema != "dict_statistics.v1"]
    log = open_log(tmp_path / "less.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append(events)
        result = verify(log, served.folder / "bundles", one_in=1, progress=lambda _a, _b: None)
    finally:
        log.close()
    assert not result.is_equal


@pytest.mark.slow
def test_another_transfer_under_the_id_of_one_that_is_there_is_put_aside(
    written, tmp_path, log, quarantine
):
    first = imported(written["jsonl"], log, quarantine)

    def dearer(line: str) -> str:
        row = json.loads(line)
        return json.dumps(row | {"amount_centavos": 777_777})

    again = imported(damaged(written, tmp_path, "transfers", dearer), log, quarantine)
    assert again.is_conserved
    assert again.received == first.received
    assert (again.accepted, again.quarantined) == (0, 1)
    (aside,) = quarantine.rows(limit=10)
    assert aside.code is Code.CONFLICT
    assert "777777" in aside.raw
