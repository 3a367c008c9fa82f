"""What was just made durable, taken from memory: the same as the file's, with gaps from there."""

from __future__ import annotations

from contextlib import closing

import pytest

from crivo.adapters.sqlite import recent
from crivo.adapters.sqlite.reader import open_reader
from tests.integration.ledgers import decisions
from tests.ports.logs import open_test_log, seeded_cipher


def everything(source, *, start=0, limit=7):
    """All records from there on, and where they end."""
    found = []
    while True:
        some, start = source.stored_records(start=start, limit=limit)
        if not some:
            return found, start
        found += some


@pytest.fixture
def opened(tmp_path):
    path = tmp_path / "log.sqlite"
    with closing(open_test_log(path, cipher=seeded_cipher())) as log:
        log.append(decisions(0, 10))
        with closing(open_reader(path)) as reader:
            yield log, reader, log.keep_recent(reader)


def test_records_come_as_the_file_has_them(opened):
    log, reader, records = opened
    for start in range(10, 60, 5):
        log.append(decisions(start, start + 5))
    assert everything(records) == everything(reader)


def test_what_was_just_committed_is_not_read_from_the_file(opened, monkeypatch):
    log, reader, records = opened
    expected_until, at = everything(records)
    log.append(decisions(10, 40))
    later = everything(reader, start=at)
    monkeypatch.setattr(reader, "stored_records", None)
    assert everything(records, start=at) == later
    assert records.stored_records(start=40, limit=9) == ([], 40)
    assert len(expected_until) == 7


def test_what_did_not_fit_is_read_from_the_file(opened, monkeypatch):
    log, reader, records = opened
    monkeypatch.setattr(recent, "RECENT_MAX", 8)
    for start in range(10, 60, 5):
        log.append(decisions(start, start + 5))
    assert everything(records) == everything(reader)
    log.append(decisions(60, 70))
    assert everything(records) == everything(reader)


def test_reading_again_from_an_earlier_place_gives_the_same(opened):
    log, reader, records = opened
    log.append(decisions(10, 40))
    everything(records)
    log.append(decisions(40, 50))
    assert everything(records, start=3) == everything(reader, start=3)
