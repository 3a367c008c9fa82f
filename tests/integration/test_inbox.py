"""The inbox of a log in Kafka on a real broker: nothing ends its door, and nothing comes twice."""

from __future__ import annotations

import ctypes
import json
import random
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka import inbox
from crivo.adapters.kafka.dead_letters import WHOLE_BYTES_MAX
from crivo.adapters.kafka.inbox import Inbox
from crivo.adapters.kafka.intake import read_ends
from crivo.adapters.kafka.reader import KafkaLogReader
from crivo.adapters.kafka.topics import INBOX
from crivo.domain.errors import Code, Unavailable
from crivo.domain.instant import MINUTE
from crivo.domain.streams import STREAM_RANK, Stream
from tests.docs import markdown
from tests.e2e.homes import ROOT
from tests.free_port import free_port
from tests.integration.commands import crivo
from tests.integration.inboxes import (
    SOURCE,
    XML,
    body,
    claim,
    id_of,
    is_conserved,
    letters_of,
    produce,
    received,
    record,
    start_receiving,
    transfers_of,
)
from tests.integration.workers import refused_of
from tests.outages import SECONDS_MAX
from tests.ports.kafka_logs import open_log_in, url_of
from tests.unit.adapters.http.bodies import HOSTILE_DECISIONS
from tests.unit.decision.worlds import START

pytestmark = pytest.mark.slow


def refusals(cluster, home):
    """Of each dead letter: its code, the field that it names, and whether it says what to do."""
    found = [each.marks for each in letters_of(cluster, refused_of(home))]
    return [(each["code"], each["field"], bool(each["hint"])) for each in found]


def test_whatever_is_produced_is_kept_with_its_cause_and_ends_nothing(
    capsys, monkeypatch, tmp_path, cluster
):
    open_log_in(cluster).close()
    bad = [
        (record(None), "BODY_MALFORMED", "value"),
        (record(b"{}", "gossip.v1"), "SCHEMA_UNKNOWN", "schema"),
        (record(b"{}", b"\xff"), "SCHEMA_UNKNOWN", "schema"),
        (record(body(1), content_type=b"\xff\xfe"), "CONTENT_TYPE", "content-type"),
        (record(body(1), content_encoding="gzip"), "CONTENT_TYPE", "content-encoding"),
        (record(b"<a>", content_type=XML), "BODY_MALFORMED", "body"),
        (record(body(1), other=b"x" * WHOLE_BYTES_MAX, kind="login.v1"), "FIELD_UNKNOWN", None),
        (record(b"\xff" * 1_040_000), "BODY_TOO_LARGE", "body"),
        *((record(value), str(code), field) for value, code, field in HOSTILE_DECISIONS.values()),
    ]
    good = [record(body(number)) for number in range(len(bad))]
    for (each, *_), other in zip(bad, good, strict=True):
        produce(cluster, each, other)
    result = received(capsys, monkeypatch, tmp_path, cluster)
    assert is_conserved(result) and result["received"] == 2 * len(bad)
    assert result["appended"] == len(good)
    found = refusals(cluster, tmp_path)
    assert [code for code, *_ in found] == [code for _, code, _ in bad]
    for (_, field, says_what_to_do), (_, _, expected) in zip(found, bad, strict=True):
        assert says_what_to_do and (expected is None or field == expected)
    letters = letters_of(cluster, refused_of(tmp_path))
    for letter, ((value, headers), *_) in zip(letters, bad, strict=True):
        size = len(value or b"") + sum(len(text) for _, text in headers)
        if size < WHOLE_BYTES_MAX:
            assert (letter.key, letter.value) == (b"a payer's key", value)
            assert [name for name, _ in letter.headers] == [name for name, _ in headers]
        else:
            assert len(letter.value) < WHOLE_BYTES_MAX and (value or b"").startswith(letter.value)
    assert not transfers_of(cluster).keys() ^ {id_of(number) for number in range(len(good))}


def test_a_value_that_shrank_on_its_way_is_no_dead_letter_that_brokers_refuse(
    capsys, monkeypatch, tmp_path, cluster
):
    open_log_in(cluster).close()
    options = {"compression.type": "lz4", "message.max.bytes": 8 << 20}
    producer = Producer({**cluster.options(), **options})
    producer.produce(cluster.named(INBOX), b"x" * (6 << 20))
    assert producer.flush(SECONDS_MAX) == 0
    produce(cluster, record(body(1)))
    result = received(capsys, monkeypatch, tmp_path, cluster)
    assert result["refused"] == {"BODY_TOO_LARGE": 1} and result["appended"] == 1
    (letter,) = letters_of(cluster, refused_of(tmp_path))
    assert (letter.marks["found"], len(letter.value)) == ('"more than 16384 bytes"', 65_536)


def produce_by_hand(cluster, value, header):
    """Produces a record with a header whose name is these bytes, as Python's client would not."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    conf, error, size = ctypes.c_void_p(library.rd_kafka_conf_new()), bytes(512), ctypes.c_size_t
    for name, text in cluster.options().items():
        library.rd_kafka_conf_set(conf, name.encode(), str(text).encode(), error, size(512))
    client = ctypes.c_void_p(library.rd_kafka_new(0, conf, error, size(512)))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(size(1)))
    library.rd_kafka_header_add(headers, header, size(len(header)), b"x", size(1))
    topic, copied = ctypes.c_char_p(cluster.named(INBOX).encode()), 2
    words = (1, topic, 4, ctypes.c_char_p(value), size(len(value)), 7, copied, 10, headers, 0)
    assert library.rd_kafka_producev(client, *words) == 0
    assert library.rd_kafka_flush(client, 1_000 * SECONDS_MAX) == 0
    library.rd_kafka_destroy(client)


def test_a_header_whose_name_is_no_text_ends_nothing(capsys, monkeypatch, tmp_path, cluster):
    open_log_in(cluster).close()
    produce_by_hand(cluster, body(1), b"\xff\xfe")
    produce_by_hand(cluster, body(2), b"kind-of")
    produce(cluster, record(body(3)))
    result = received(capsys, monkeypatch, tmp_path, cluster)
    assert (result["appended"], result["refused"]) == (2, {"FIELD_VALUE": 1})
    (letter,) = letters_of(cluster, refused_of(tmp_path))
    assert (letter.value, letter.marks["field"], letter.headers) == (body(1), "headers", [])


def some(first, last):
    """Records of which a third is refused, and a few come again; and the ids of the good ones."""
    good = [number for number in range(first, last) if number % 3]
    made = [
        record(body(number) if number % 3 else b"bad %d" % number) for number in range(first, last)
    ]
    again = [record(body(number)) for number in good[::7]]
    return [*made, *again], Counter(id_of(number) for number in good)


def bad_ones(cluster, home):
    return Counter(letter.value for letter in letters_of(cluster, refused_of(home)))


def stop_between(monkeypatch):
    """From now on the door ends once the log has what is to be in it, before it says so."""

    def ended(*_):
        raise Unavailable(Code.LOG_UNAVAILABLE, "killed here")

    monkeypatch.setattr(Inbox, "_commit", ended)


def check_an_end_in_between_loses_and_doubles_nothing(capsys, monkeypatch, home, cluster):
    """Law: each good record is in the log once, each bad one among the dead letters once."""
    open_log_in(cluster).close()
    made, good = some(0, 60)
    produce(cluster, *made)
    with monkeypatch.context() as patch:
        stop_between(patch)
        assert "killed here" in received(capsys, patch, home, cluster, code=3)
    assert transfers_of(cluster) == good and not bad_ones(cluster, home)
    result = received(capsys, monkeypatch, home, cluster)
    assert is_conserved(result)
    assert (result["received"], result["appended"]) == (len(made), 0)
    assert received(capsys, monkeypatch, home, cluster)["received"] == 0
    assert transfers_of(cluster) == good
    assert bad_ones(cluster, home) == Counter(b"bad %d" % number for number in range(0, 60, 3))


def test_an_end_between_the_log_and_the_offsets_loses_and_doubles_nothing(
    capsys, monkeypatch, tmp_path, cluster
):
    check_an_end_in_between_loses_and_doubles_nothing(capsys, monkeypatch, tmp_path, cluster)


def test_sabotage_a_door_that_forgets_where_it_was_doubles_dead_letters(
    capsys, monkeypatch, tmp_path, cluster
):
    real = inbox.committed_in

    def forgetful(cluster, consumer, parts):
        return dict.fromkeys(real(cluster, consumer, parts), 0)

    monkeypatch.setattr(inbox, "committed_in", forgetful)
    with pytest.raises(AssertionError):
        check_an_end_in_between_loses_and_doubles_nothing(capsys, monkeypatch, tmp_path, cluster)
    assert max(bad_ones(cluster, tmp_path).values()) == 2
    assert max(transfers_of(cluster).values()) == 1, "the log's ids guard it all the same"


def log_end(cluster):
    """About how far the log's topic of transfers goes."""
    rank = STREAM_RANK[Stream.TRANSFERS]
    ends = read_ends(cluster, 4, is_settled=False)
    return sum(high for (each, _), (_, high) in ends.items() if each == rank)


@pytest.mark.parametrize("seed", range(2))
def test_a_door_that_is_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    capsys, monkeypatch, tmp_path, cluster, seed
):
    open_log_in(cluster).close()
    chance, all_good, all_bad = random.Random(seed), Counter(), Counter()
    for turn in range(3):
        made, good = some(200 * turn, 200 * turn + 200)
        all_good += good
        all_bad += Counter(value for value, _ in made if value.startswith(b"bad"))
        with ExitStack() as held:
            door = start_receiving(held, tmp_path, cluster)
            before = log_end(cluster)
            half = chance.randrange(20, len(made))
            produce(cluster, *made[:half])
            door.await_so(lambda before=before: log_end(cluster) > before)
            # Now it is somewhere between the log, the dead letters and the offsets.
            produce(cluster, *made[half:])
            time.sleep(chance.choice([0, 0.01, 0.03, 0.1, 0.3]))
            door.kill()
    result = received(capsys, monkeypatch, tmp_path, cluster)
    assert is_conserved(result)
    print(f"seed {seed}: {result}")
    assert transfers_of(cluster) == all_good
    assert bad_ones(cluster, tmp_path) == all_bad


def said_of(capsys, home, cluster, *command, code=0):
    said = crivo(capsys, "quarantine", *command, "--log", url_of(cluster), "--home", home, "--json")
    assert said.code == code, said.err
    return json.loads(said.out)


def test_dead_letters_of_the_inbox_are_shown_and_parsed_again_once_they_can_be(
    capsys, monkeypatch, tmp_path, cluster
):
    open_log_in(cluster).close()
    early = claim(1, START + MINUTE)
    produce(cluster, early, record(b"no JSON"), record(body(2)))
    assert received(capsys, monkeypatch, tmp_path, cluster)["refused"] == {
        "BODY_MALFORMED": 1,
        "NOT_FOUND": 1,
    }
    produce(cluster, record(body(1)))
    assert received(capsys, monkeypatch, tmp_path, cluster)["appended"] == 1
    found = said_of(capsys, tmp_path, cluster, "list")
    assert found["counts"] == {"NOT_FOUND": 1, "BODY_MALFORMED": 1}
    assert [(row["source"], row["row_number"]) for row in found["rows"]] == [
        (SOURCE, 0),
        (SOURCE, 1),
    ]
    shown = said_of(capsys, tmp_path, cluster, "show", SOURCE, 0, "--raw")
    assert (shown["field"], shown["raw"]) == ("end_to_end_id", early[0].decode())
    for appended in (1, 0):
        done = said_of(capsys, tmp_path, cluster, "replay", "--source", SOURCE, code=1)
        (still,) = done.pop("refused")
        assert still["code"] == "BODY_MALFORMED"
        assert done == {"received": 2, "appended": appended, "duplicate": 1 - appended}
    with closing(KafkaLogReader(cluster)) as reader:
        schemas = [each.event.schema for each in reader.read(start=0, limit=9)]
    assert schemas == ["transfer.v1", "transfer.v1", "report.v1"]


def test_who_takes_over_is_the_writer_and_the_former_door_says_so(
    capsys, monkeypatch, tmp_path, cluster
):
    open_log_in(cluster).close()
    with ExitStack() as held:
        door = start_receiving(held, tmp_path, cluster)
        produce(cluster, record(body(1)))
        door.await_so(lambda: transfers_of(cluster))
        with closing(open_log_in(cluster)):
            produce(cluster, record(body(2)))
            assert door.process.wait(SECONDS_MAX) == 3
        assert "LOG_LOCKED" in door.said and "Hint: A log has one writer" in door.said
    assert received(capsys, monkeypatch, tmp_path, cluster)["appended"] == 1
    assert transfers_of(cluster) == Counter([id_of(1), id_of(2)])


def test_a_second_door_ends_the_first_though_nothing_is_for_the_log(
    capsys, monkeypatch, tmp_path, cluster
):
    open_log_in(cluster).close()
    with ExitStack() as held:
        first = start_receiving(held, tmp_path, cluster)
        produce(cluster, record(b"first"))
        first.await_so(lambda: bad_ones(cluster, tmp_path))
        second = start_receiving(held, tmp_path, cluster)
        second.await_so(lambda: "inbox.open" in second.said)
        produce(cluster, record(b"second"))
        assert first.process.wait(SECONDS_MAX) == 3
        assert "LOG_LOCKED" in first.said
        second.await_so(lambda: bad_ones(cluster, tmp_path)[b"second"])
        second.stopped()
    assert bad_ones(cluster, tmp_path) == Counter([b"first", b"second"])


def test_a_door_tells_what_became_of_records_and_how_many_wait(tmp_path, cluster):
    open_log_in(cluster).close()
    port, text = free_port(), ""

    def tells_of_all():
        nonlocal text
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
        except OSError:
            return False
        return "crivo_inbox_received_total 4.0" in text and "crivo_inbox_lag_records 0.0" in text

    produce(cluster, record(body(1)), record(body(1)), record(b"bad"), record(body(2)))
    with ExitStack() as held:
        door = start_receiving(held, tmp_path, cluster, "--metrics-port", str(port))
        door.await_so(tells_of_all)
        assert 'crivo_inbox_settled_total{code="",result="appended"} 2.0' in text
        assert 'crivo_inbox_settled_total{code="",result="duplicate"} 1.0' in text
        assert 'crivo_inbox_settled_total{code="BODY_MALFORMED",result="refused"} 1.0' in text
        said = door.stopped()
    assert said == {
        "received": 4,
        "appended": 2,
        "duplicate": 1,
        "refused": {"BODY_MALFORMED": 1},
    }


def test_records_that_brokers_let_go_unread_are_told_of(capsys, tmp_path, cluster):
    open_log_in(cluster).close()
    produce(cluster, *(record(body(number)) for number in range(9)))
    admin, topic = AdminClient(cluster.options()), cluster.named(INBOX)
    deleted = admin.delete_records([TopicPartition(topic, each, 5) for each in range(4)])
    gone = [part.partition for part, done in deleted.items() if done.exception(30) is None]
    assert len(gone) == 1, "all lie in one partition"
    command = ("receive", "--log", url_of(cluster), "--home", tmp_path, "--until-end", "--json")
    for count in (4, 0):
        said = crivo(capsys, *command)
        assert json.loads(said.out)["appended"] == count
        assert ("inbox.gone_unread" in said.err) == (count > 0), said.err


def test_the_example_of_the_page_is_taken(capsys, monkeypatch, tmp_path, cluster):
    open_log_in(cluster).close()
    page = (ROOT / "docs" / "how-to" / "topics.md").read_text(encoding="utf-8")
    (example,) = [each.text for each in markdown.blocks(page) if each.words == ("py",)]
    moved = example.replace("127.0.0.1:9092", cluster.brokers)
    exec(compile(moved.replace(INBOX, cluster.named(INBOX)), "topics.md", "exec"), {})
    assert received(capsys, monkeypatch, tmp_path, cluster)["appended"] == 2
    assert sum(transfers_of(cluster).values()) == 1


def test_a_door_without_a_log_in_kafka_says_what_is_missing(capsys, monkeypatch, tmp_path, cluster):
    monkeypatch.delenv("CRIVO_LOG__URL", raising=False)
    said = crivo(capsys, "receive", "--home", tmp_path)
    assert (said.code, "CRIVO_LOG__URL" in said.err) == (2, True)
    said = crivo(capsys, "receive", "--home", tmp_path, "--log", url_of(cluster))
    assert (said.code, "crivo log make" in said.err) == (3, True)
