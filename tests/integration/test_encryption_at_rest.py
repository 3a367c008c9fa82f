"""Decision records on the disk: encrypted there, clear to every reader with the keys."""

import sqlite3
import time
from contextlib import closing
from functools import partial

import pytest

from crivo.adapters.files.data_keys import DataKeyFile
from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.sqlite.reader import open_reader
from crivo.bootstrap.home import open_home, open_log_reader
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import Stream
from crivo.settings import load_settings
from tests.ports.logs import event, open_test_log, seeded_cipher, stored


@pytest.fixture
def settings(tmp_path):
    return load_settings({}, home=tmp_path / "home", log__clock="replay")


def some(first=0, last=20):
    streams = (Stream.HISTORY, Stream.DECISIONS)
    return [event(number, stream=streams[number % 2]) for number in range(first, last)]


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT stream, payload FROM events ORDER BY seq").fetchall()


def write(settings, appended):
    with open_home(settings, writer=True) as home:
        for each in appended:
            home.log.append([each])
        return stored(home.log)


def test_decisions_are_encrypted_and_nothing_else_is(settings):
    assert write(settings, some()) == some()
    for number, (stream, payload) in enumerate(rows(settings.home / "log.sqlite")):
        assert (payload == b"payload %d" % number) == (stream != "pix.decisions.v1")
        assert (payload[:5] == b"\1\0\0\0\1") == (stream == "pix.decisions.v1")
    with closing(open_log_reader(settings.home / "log.sqlite")) as reader:
        assert stored(reader) == some()
        assert reader.find(some()[1].event_id).event == some()[1]


def test_keys_are_their_owners_alone(settings):
    write(settings, some())
    for name in ("master.key", "data_keys.json"):
        assert (settings.home / "keys" / name).stat().st_mode & 0o777 == 0o600


def test_a_log_from_before_is_read_as_it_is_and_encrypted_from_then_on(settings):
    path = settings.home / "log.sqlite"
    load_or_create_key(settings.home / "keys" / "pseudonym.key", make=bytes)
    with closing(open_test_log(path)) as before:
        before.append(some(0, 20))
    assert write(settings, some(20, 40)) == some(0, 40)
    sealed = [payload[0] == 1 for stream, payload in rows(path) if stream == "pix.decisions.v1"]
    assert sealed == [False] * 10 + [True] * 10


def test_a_second_start_goes_on_under_the_same_key(settings):
    write(settings, some(0, 20))
    assert write(settings, some(20, 40)) == some(0, 40)
    keys = {payload[:5] for stream, payload in rows(settings.home / "log.sqlite") if stream != "x"}
    assert b"\1\0\0\0\2" not in keys


def test_keys_follow_each_other_while_a_reader_is_open(tmp_path):
    settings = load_settings(
        {}, home=tmp_path / "home", log__clock="replay", encryption__rotate_records=5
    )
    with open_home(settings, writer=True) as home:
        home.log.append(some(0, 2))
        with closing(open_log_reader(home.paths.log)) as reader:
            for each in some(2, 40):
                home.log.append([each])
            assert stored(reader) == some(0, 40)
        numbers = {payload[4] for _, payload in rows(home.paths.log) if payload[0] == 1}
        assert len(numbers) >= 6


def test_without_a_cipher_a_sealed_record_is_refused_by_name(settings):
    write(settings, some())
    reader = open_reader(settings.home / "log.sqlite")
    with closing(reader), pytest.raises(Misconfigured) as refusal:
        stored(reader)
    assert refusal.value.code is Code.KEY_MISSING


def test_a_master_key_that_is_gone_is_not_made_anew(settings):
    write(settings, some())
    master = settings.home / "keys" / "master.key"
    master.unlink()
    for writer in (True, False):
        with pytest.raises(Misconfigured, match=r"master\.key is gone") as refusal:
            open_home(settings, writer=writer)
        assert refusal.value.code is Code.KEY_MISSING
    assert not master.exists()


def test_another_master_key_is_told_at_the_start(settings):
    write(settings, some())
    (settings.home / "keys" / "master.key").write_text("00" * 32)
    with pytest.raises(Misconfigured) as refusal:
        open_home(settings, writer=True)
    assert refusal.value.code is Code.KEY_INVALID


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"number": 1}]', '[{"wrapped": 1}]', "[[]]"])
def test_a_file_of_keys_that_is_none_is_told(settings, text):
    write(settings, some())
    (settings.home / "keys" / "data_keys.json").write_text(text)
    with pytest.raises(Misconfigured) as refusal:
        open_home(settings, writer=True)
    assert refusal.value.code is Code.FILE_UNREADABLE


def test_lost_data_keys_are_told_by_the_first_record_that_needs_them(settings):
    write(settings, some())
    (settings.home / "keys" / "data_keys.json").unlink()
    reader = open_log_reader(settings.home / "log.sqlite")
    with closing(reader), pytest.raises(Misconfigured, match="data key 1") as refusal:
        stored(reader)
    assert refusal.value.code is Code.KEY_MISSING


def wait_until(holds):
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_key_that_cannot_be_kept_lets_nothing_be_written_and_heals(tmp_path):
    class Failing(DataKeyFile):
        broken = True

        def add(self, key):
            if self.broken:
                raise Misconfigured(Code.FILE_UNREADABLE, "the disk is gone")
            super().add(key)

    master = tmp_path / "master.key"
    load = partial(load_or_create_key, master, make=bytes)
    fingerprint = tmp_path / "data_keys.sha256"
    keys = Failing(tmp_path / "data_keys.json", master, fingerprint=fingerprint, load=load)
    cipher = seeded_cipher(keys)
    told = []
    with closing(open_test_log(tmp_path / "log.sqlite", cipher=cipher)) as log:
        log.submit([event(1, stream=Stream.DECISIONS)], told.append)
        wait_until(lambda: told)
        assert told[0].code is Code.LOG_UNAVAILABLE and log.end() == 0
        keys.broken = False
        wait_until(lambda: log.end() == 1)
        assert stored(log) == [event(1, stream=Stream.DECISIONS)]
    assert [payload[0] for _, payload in rows(tmp_path / "log.sqlite")] == [1]
