"""What was refused is opened by whoever has the keys of the home; others are told what to do."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from confluent_kafka import Message, Producer

from crivo.adapters.kafka.dead_letters import MARKS, letter_of, marks_of, read_dead_letters
from crivo.adapters.kafka.records import came
from crivo.adapters.kafka.topics import DEAD_LETTERS, INBOX
from crivo.bootstrap.home import Paths, refused_cipher
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.streams import Stream
from crivo.governance.record_cipher import key_number
from crivo.settings import load_settings
from tests.integration.commands import crivo
from tests.integration.inboxes import SOURCE, body, letters_of, produce, received, record
from tests.integration.test_mended_rows import HEAD, MAPPING
from tests.integration.workers import refused_of
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of
from tests.ports.logs import REFUSED

ROWS = [f"{number},2026-03-02T12:00:00Z,ana,caio,oops {number}" for number in range(12)]
TRANSFERS = Stream.TRANSFERS.value + DEAD_LETTERS


@pytest.fixture
def home(tmp_path, capsys):
    """A home that refused a dozen rows, under keys that follow each other after five."""
    return imported(tmp_path / "home", capsys)


def imported(home, capsys):
    given = home.with_name(home.name + " given")
    given.mkdir()
    (given / "bank.csv").write_text("\n".join([HEAD, *ROWS]) + "\n")
    (given / "bank.toml").write_text(MAPPING)
    words = ("ingest", given / "bank.csv", "--mapping", given / "bank.toml", "--home", home)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CRIVO_ENCRYPTION__ROTATE_RECORDS", "5")
        assert crivo(capsys, *words).code == 1
    return home


def listed(capsys, home, *words, code=0):
    said = crivo(capsys, "quarantine", "list", "--home", home, "--json", *words)
    assert said.code == code, said.err
    return json.loads(said.out), said.err


def shown(capsys, home, source, row, *words, code=0):
    more = (source, row, "--raw", "--home", home, "--json", *words)
    said = crivo(capsys, "quarantine", "show", *more)
    assert said.code == code, said.err
    return json.loads(said.out) if code == 0 else said.err


def test_rows_are_shown_as_they_came_across_a_rotation_of_keys(capsys, home):
    keys = json.loads(Paths(home).data_keys.read_text())
    assert [key["number"] for key in keys] == [1, 2, 3]
    (found, _), rows = listed(capsys, home), []
    assert sum(found["counts"].values()) == 12
    for row in found["rows"]:
        rows.append(shown(capsys, home, row["source"], row["row_number"]))
        assert row["unopened"] is None and row["column"] == "amount"
    assert [json.loads(row["raw"])["amount"] for row in rows] == [
        f"oops {number}" for number in range(12)
    ]


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        ("data_keys.json", "KEY_MISSING"),
        ("master.key", "KEY_MISSING"),
        ("another home's keys", "SEAL_BROKEN"),
        ("another master.key", "KEY_INVALID"),
    ],
)
def test_without_their_keys_rows_are_listed_by_code_and_the_error_says_what_to_do(
    capsys, tmp_path, home, lost, code
):
    keys = home / "keys"
    match lost:
        case "another home's keys":
            other = imported(tmp_path / "other", capsys)
            for name in ("master.key", "data_keys.json"):
                (keys / name).write_bytes((other / "keys" / name).read_bytes())
        case "another master.key":
            (keys / "master.key").write_text("00" * 32)
        case name:
            (keys / name).unlink()
    found, error = listed(capsys, home, code=2)
    assert sum(found["counts"].values()) == len(found["rows"]) == 12
    assert {row["unopened"] for row in found["rows"]} == {code}
    assert code in error and "Hint:" in error and "oops" not in json.dumps(found) + error
    row = found["rows"][0]
    assert code in shown(capsys, home, row["source"], row["row_number"], code=2)
    words = (row["source"], row["row_number"], "--by", "Rui", "--home", home)
    assert crivo(capsys, "quarantine", "dismiss", *words).code == 0
    assert len(listed(capsys, home, code=2)[0]["rows"]) == 11


@pytest.mark.parametrize(
    "change",
    [
        "sealed = (SELECT sealed FROM quarantine WHERE row_number = 2)",
        "sealed = substr(sealed, 1, 40)",
        "sealed = x''",
        "code = 'TIME_INVALID'",
        "at = at + 1",
        "identity = 'another'",
        "source = 'another'",
    ],
)
def test_a_row_that_was_changed_is_told_and_the_others_are_shown(capsys, home, change):
    """Law: neither what is sealed nor what lies readable beside it is changed unseen."""
    with closing(sqlite3.connect(Paths(home).quarantine)) as file, file:
        assert file.execute(f"UPDATE quarantine SET {change} WHERE row_number = 1").rowcount == 1
    found, error = listed(capsys, home, code=2)
    codes = {row["row_number"]: row["unopened"] for row in found["rows"]}
    assert codes.pop(1) in {"SEAL_BROKEN", "KEY_MISSING"} and set(codes.values()) == {None}
    assert "row 1 of" in error


def test_lost_data_keys_are_not_made_anew_for_a_refused_row(capsys, home):
    """Law: no key is made anew where something was made under one, also where no log says so."""
    kept = Paths(home).data_keys.read_bytes()
    Paths(home).data_keys.unlink()
    cipher = refused_of(home)
    with pytest.raises(Misconfigured) as refused:
        cipher.seal(b"a row", beside=("row",))
    assert refused.value.code is Code.KEY_MISSING and not Paths(home).data_keys.exists()
    Paths(home).data_keys.write_bytes(kept)
    sealed = cipher.seal(b"a row", beside=("row",))
    assert refused_of(home).open(sealed, beside=("row",), where="it") == b"a row"


def test_other_data_keys_in_their_place_get_no_key(capsys, tmp_path, home):
    other = imported(tmp_path / "other", capsys)
    for name in ("master.key", "data_keys.json"):
        (home / "keys" / name).write_bytes((other / "keys" / name).read_bytes())
    cipher = refused_cipher(load_settings({}, home=home, encryption__rotate_records=1))
    cipher.seal(b"a row", beside=("row",))
    with pytest.raises(Misconfigured) as refused:
        cipher.seal(b"a row", beside=("row",))
    assert refused.value.code is Code.KEY_INVALID


SEALING = """
import sys
from crivo.bootstrap.home import refused_cipher
from crivo.settings import load_settings
cipher = refused_cipher(load_settings({}, home=sys.argv[1], encryption__rotate_records=7))
for number in range(50):
    print(cipher.seal(b"content %d" % number, beside=("row", number)).hex())
"""


def test_processes_that_seal_at_once_make_each_key_once(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", SEALING, str(home)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [each.communicate()[0].split() for each in running]
    assert [each.returncode for each in running] == [0] * 4
    cipher = refused_of(home)
    for lines in said:
        opened = [
            cipher.open(bytes.fromhex(line), beside=("row", number), where="it")
            for number, line in enumerate(lines)
        ]
        assert opened == [b"content %d" % number for number in range(50)]
    numbers = {key_number(bytes.fromhex(line)) for lines in said for line in lines}
    assert len(numbers) >= 7


#: What a record of the inbox was refused for.
REFUSAL = Refused(
    Code.BODY_MALFORMED, "the words", hint="the hint", field="the field", expected="b", found="a"
)


def forge(cluster, name, value, headers, key=None):
    """A record among dead letters."""
    producer = Producer(cluster.options())
    producer.produce(cluster.named(name), value, key, 0, headers=headers)
    assert producer.flush(SECONDS_MAX) == 0


def message(value=b"value", key=b"key", headers=()) -> Message:
    return came(INBOX, 3, 8, key=key, value=value, headers=list(headers))


def test_of_a_letter_no_mark_is_readable_but_its_code_and_place():
    """Law: also of a mark that a later release adds."""
    letter = letter_of(SOURCE, message(), [("name", b"text")], REFUSAL, REFUSED)
    marks = marks_of(REFUSAL, of="3/8")
    assert set(marks) == set(MARKS)
    assert letter.headers == [("code", b"BODY_MALFORMED"), ("of", b"3/8"), ("sealed", b"1")]
    for text in (*marks.values(), "value", "key", "name", "text"):
        assert len(text) < 3 or text.encode() not in letter.value
    # A large one is shortened before, so that it stays one that brokers take.
    large = letter_of(SOURCE, message(b"x" * (1 << 20)), [], REFUSAL, REFUSED)
    assert len(large.value) < 70_000


@pytest.mark.slow
def test_a_letter_that_was_changed_is_told_and_the_others_are_taken_back(
    capsys, monkeypatch, tmp_path, cluster
):
    """Law: neither a letter nor its marks are changed unseen, and none stops the others."""
    home, log = tmp_path / "home", ("--log", url_of(cluster))
    open_log_in(cluster).close()
    produce(cluster, record(b"no JSON"))
    received(capsys, monkeypatch, home, cluster)
    letter = letter_of(SOURCE, message(body(1)), [], REFUSAL, refused_of(home))
    forge(cluster, SOURCE, letter.value, letter.headers)
    _, of, sealed = letter.headers
    for value, headers in (
        (letter.value[:-1] + bytes([letter.value[-1] ^ 1]), letter.headers),
        (letter.value, [("code", b"AMOUNT_RANGE"), of, sealed]),
        (letter.value, [letter.headers[0], ("of", b"3/9"), sealed]),
        (b"", letter.headers),
        (b"\x01\x00\x00\x00\x09" + letter.value[5:], letter.headers),
    ):
        forge(cluster, SOURCE, value, headers)
    forge(cluster, TRANSFERS, letter.value, letter.headers)
    # What bears no cause, or none of ours, nobody wrote here.
    forge(cluster, SOURCE, b"v", [("code", b"\xff"), of, sealed])
    forge(cluster, SOURCE, b"v", [("code", None), of, sealed])
    forge(cluster, SOURCE, b"v", [(name, b"\xff") for name in MARKS])
    found, error = listed(capsys, home, *log, code=2)
    codes = [row["unopened"] for row in found["rows"]]
    broken = ["SEAL_BROKEN"] * 3
    assert codes == [None, None, *broken, "KEY_MISSING", "KEY_MISSING", "SEAL_BROKEN"]
    numbers = [row["row_number"] for row in found["rows"]]
    assert f"{SOURCE} {numbers[2]}" in error and "--home" in error
    assert found["counts"] == {"BODY_MALFORMED": 7, "AMOUNT_RANGE": 1}
    assert shown(capsys, home, SOURCE, numbers[1], *log)["raw"] == body(1).decode()
    assert "KEY_MISSING" in shown(capsys, home, SOURCE, numbers[5], *log, code=2)
    said = crivo(capsys, "quarantine", "replay", "--home", home, "--json", *log)
    done = json.loads(said.out)
    assert (said.code, done["received"], done["appended"], len(done["refused"])) == (1, 8, 1, 7)
    assert sorted(row["code"] for row in done["refused"]) == [
        "BODY_MALFORMED",
        *("KEY_MISSING",) * 2,
        *("SEAL_BROKEN",) * 4,
    ]


@pytest.mark.slow
def test_letters_of_a_home_elsewhere_are_listed_by_code(capsys, monkeypatch, tmp_path, cluster):
    open_log_in(cluster).close()
    produce(cluster, record(b"no JSON"))
    received(capsys, monkeypatch, tmp_path / "home", cluster)
    monkeypatch.undo()
    found, error = listed(capsys, tmp_path / "elsewhere", "--log", url_of(cluster), code=2)
    assert found["counts"] == {"BODY_MALFORMED": 1}
    assert (found["rows"][0]["unopened"], found["rows"][0]["found"]) == ("KEY_MISSING", "")
    assert "Ask with the home folder that refused it (--home)" in " ".join(error.split())
    assert not (tmp_path / "elsewhere").exists(), "who looks makes no key"


@pytest.mark.slow
def test_letters_of_a_release_that_did_not_seal_are_read_and_taken_back(
    capsys, monkeypatch, tmp_path, cluster
):
    """Their own headers stand before the marks, and all of it in clear."""
    home, log = tmp_path / "home", ("--log", url_of(cluster))
    open_log_in(cluster).close()
    marks = [(name, text.encode()) for name, text in marks_of(REFUSAL, of="3/8").items()]
    own = [("kind", b"transfer.v1"), ("code", b"mine")]
    forge(cluster, SOURCE, body(1), [*own, *marks], key=b"a payer's key")
    produce(cluster, record(b"no JSON"))
    received(capsys, monkeypatch, home, cluster)
    old, new = letters_of(cluster, refused_of(home))
    assert (old.key, old.value, old.headers) == (b"a payer's key", body(1), own)
    assert (new.value, new.marks["field"]) == (b"no JSON", "body")
    found, _ = listed(capsys, home, *log)
    assert (found["rows"][0]["found"], found["rows"][0]["unopened"]) == ("a", None)
    said = crivo(capsys, "quarantine", "replay", "--home", home, "--json", *log)
    done = json.loads(said.out)
    assert (done["received"], done["appended"], len(done["refused"])) == (2, 1, 1)


@pytest.mark.slow
def test_a_letter_holds_the_exact_bytes_of_what_came(capsys, monkeypatch, tmp_path, cluster):
    open_log_in(cluster).close()
    values = [None, b"", b"\x01", b"\xff\x00", bytes(range(256)), b"x" * 400_000]
    headers = [("kind", b"\xff"), ("kind", b""), ("empty", None), ("\u00e7", b"\x00")]
    for value in values:
        produce(cluster, (value, headers), key=b"\x00key\xff")
    received(capsys, monkeypatch, tmp_path, cluster)
    found = read_dead_letters(cluster, refused_of(tmp_path))
    assert [each.value for each in found] == values
    assert {each.key for each in found} == {b"\x00key\xff"}
    assert all(each.headers == headers for each in found)
