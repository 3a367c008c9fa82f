"""Records of the inbox are read by the parsers of the HTTP door, whatever is in them."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from crivo.adapters.http import bodies, pacs008
from crivo.adapters.kafka import client
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.inbox import Arrived
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.inbox import OpenDoor, Parser, ReceiveResult, Told
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.report import ReportStatus
from crivo.flows.inbox import AskedEvent, AskedReport, AskedTransfer, Became, Judged
from crivo.governance.identity import is_clear
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.adapters.http.bodies import GOOD, HOSTILE_DECISIONS, decision_body
from tests.unit.adapters.http.orders import ORDER, SAME

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
BYTES_MAX = 16_384
PARSE = Parser(PSEUDONYMS, BYTES_MAX)
XML = {"content-type": b"application/xml"}
LOGIN = {"login_id": "l-1", "occurred_at": "2026-11-23T12:00:00Z", "account_id": "1"}


def test_a_record_without_headers_is_the_body_of_a_request_for_a_decision():
    body = decision_body(received_at="2026-11-23T12:00:01Z", identity={"payer": {"name": "Ana"}})
    found = PARSE(body, {})
    assert isinstance(found, AskedTransfer)
    expected = bodies.parse_decision(body, PSEUDONYMS)
    assert (found.transfer, found.supplied, found.identity) == expected
    assert found.supplied is not None and found.identity is not None
    assert is_clear(found.identity)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": b"application/json; charset=utf-8"},
        {"Content-Type": b"Application/JSON", "kind": b"transfer.v1"},
        {"content-encoding": b"identity", "traceparent": b"\xff"},
        {"content-encoding": None},
    ],
)
def test_headers_say_that_it_is_json_in_every_spelling(headers):
    assert PARSE(decision_body(), headers) == PARSE(decision_body(), {})


@pytest.mark.parametrize("media", [b"application/xml", b"text/xml; charset=utf-8"])
def test_an_order_in_xml_is_the_transfer_that_its_json_says(media):
    found, same = PARSE(ORDER.encode(), {"content-type": media}), json.dumps(SAME).encode()
    assert isinstance(found, AskedTransfer)
    assert found.transfer == pacs008.parse_pacs008(ORDER.encode(), PSEUDONYMS)[0]
    assert found.transfer == bodies.parse_decision(same, PSEUDONYMS)[0]


def test_a_kind_names_what_else_is_told():
    report = {"report_id": "r", "end_to_end_id": GOOD["end_to_end_id"], "status": "ACCEPTED"}
    assert PARSE(json.dumps(report).encode(), {"kind": b"report.v1"}) == AskedReport(
        "r", ReportStatus.ACCEPTED, str(GOOD["end_to_end_id"])
    )
    assert PARSE(json.dumps(LOGIN).encode(), {"kind": b"login.v1"}) == AskedEvent("login.v1", LOGIN)
    assert PARSE(b"{}", {"kind": b"\xff"}) == AskedEvent("\\xff", {})


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

UNREADABLE = {
    "names of headers that are no text": (decision_body(), None, Code.FIELD_VALUE, "headers"),
    "a tombstone": (None, {}, Code.BODY_MALFORMED, "value"),
    "too much": (b" " * BYTES_MAX + b"{}", {}, Code.BODY_TOO_LARGE, "body"),
    "too much XML": (b" " * BYTES_MAX + b"<a/>", XML, Code.BODY_TOO_LARGE, "body"),
    "XML that is called JSON": (ORDER.encode(), {}, Code.BODY_MALFORMED, "body"),
    "JSON that is called XML": (decision_body(), XML, Code.BODY_MALFORMED, "body"),
    "XML that breaks off": (ORDER[:900].encode(), XML, Code.BODY_MALFORMED, "body"),
    "XML of nothing": (b"", XML, Code.BODY_MALFORMED, "body"),
    "XML with entities": (
        ORDER.replace("?>", "?>" + BOMB).encode(),
        XML,
        Code.BODY_MALFORMED,
        "body",
    ),
    "XML that is no UTF-8": (b"<a>\xff</a>", XML, Code.BODY_MALFORMED, "body"),
    "XML of another kind": (b"<a/>", XML, Code.SCHEMA_UNKNOWN, "Envelope"),
    "another media type": (
        decision_body(),
        {"content-type": b"avro/binary"},
        Code.CONTENT_TYPE,
        "content-type",
    ),
    "a media type of bytes": (
        decision_body(),
        {"content-type": b"\xff\x00"},
        Code.CONTENT_TYPE,
        "content-type",
    ),
    "another charset": (
        decision_body(),
        {"content-type": b"application/json; charset=latin-1"},
        Code.CONTENT_TYPE,
        "content-type",
    ),
    "a coding": (
        decision_body(),
        {"content-encoding": b"gzip"},
        Code.CONTENT_TYPE,
        "content-encoding",
    ),
    "a log-in in XML": (
        b"<a/>",
        {**XML, "kind": b"login.v1"},
        Code.CONTENT_TYPE,
        "content-type",
    ),
    "a log-in that is a list": (b"[]", {"kind": b"login.v1"}, Code.BODY_MALFORMED, "body"),
    "a report without an id": (b"{}", {"kind": b"report.v1"}, Code.FIELD_MISSING, "report_id"),
    "the other phase": (
        decision_body(phase="settlement"),
        {},
        Code.FIELD_VALUE,
        "phase",
    ),
    **{name: (value, {}, code, field) for name, (value, code, field) in HOSTILE_DECISIONS.items()},
}


@pytest.mark.parametrize(("value", "headers", "code", "field"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_by_code_and_field(value, headers, code, field):
    found = PARSE(value, headers)
    assert isinstance(found, Refused)
    assert (found.code, found.context["field"]) == (code, field)


class FakeLog:
    """A log whose writer fails so often, and then has written all the same."""

    def __init__(self, failures, code=Code.LOG_UNAVAILABLE):
        self._failures = failures
        self._code = code
        self.appended = []

    def append(self, events):
        self.appended += events
        self.check()

    def check(self):
        if self._failures:
            self._failures -= 1
            raise Unavailable(self._code, "no broker answers")


class FakeDoor:
    def judge(self, asked):
        return Judged([Became.APPENDED] * len(asked), list(asked))


def take(log, *, outage_seconds):
    cluster = Cluster("nowhere:1", outage_seconds=outage_seconds)
    return OpenDoor(cluster, log, FakeDoor(), PARSE).take([Arrived(decision_body(), {})])


def test_what_the_log_tries_again_is_waited_for_and_appended_once(monkeypatch):
    monkeypatch.setattr(client, "_AGAIN_SECONDS", 0.01)
    log = FakeLog(failures=2)
    assert take(log, outage_seconds=60) == [Became.APPENDED]
    assert len(log.appended) == 1


@pytest.mark.parametrize(
    ("code", "outage_seconds"), [(Code.LOG_UNAVAILABLE, 0), (Code.LOG_LOCKED, 60)]
)
def test_a_log_that_stays_away_or_has_another_writer_ends_the_door(code, outage_seconds):
    with pytest.raises(Unavailable) as ended:
        take(FakeLog(failures=1_000, code=code), outage_seconds=outage_seconds)
    assert ended.value.code is code


def test_received_is_appended_and_duplicate_and_refused_in_counts_and_metrics():
    metrics, result = Metrics(), ReceiveResult()
    told = Told(metrics, result)
    refusals = [Refused(Code.ID_TIME, "old"), Refused(Code.CONFLICT, "other")]
    told.settled(5, [Became.APPENDED, Became.APPENDED, Became.DUPLICATE, *refusals])
    told.settled(1, [Refused(Code.ID_TIME, "old")])
    assert result == ReceiveResult(6, 2, 1, Counter({Code.ID_TIME: 2, Code.CONFLICT: 1}))
    assert result.is_conserved
    text = metrics.render().decode()
    for line in (
        "crivo_inbox_received_total 6.0",
        'crivo_inbox_settled_total{code="",result="appended"} 2.0',
        'crivo_inbox_settled_total{code="",result="duplicate"} 1.0',
        'crivo_inbox_settled_total{code="ID_TIME",result="refused"} 2.0',
    ):
        assert line in text


def test_sabotage_a_record_that_is_counted_nowhere_is_noticed():
    result = ReceiveResult()
    Told(Metrics(), result).settled(2, [Became.APPENDED])
    assert not result.is_conserved
