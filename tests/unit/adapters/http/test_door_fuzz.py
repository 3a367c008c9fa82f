"""Every parser at the door, with what Hypothesis makes of bytes, JSON and good bodies cut up.

A parser gives its value or a refusal that names a code with a status below 500, and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crivo.adapters import http
from crivo.adapters.http import (
    batch,
    bodies,
    follow_up_body,
    issuer_keys,
    pacs008,
    reviews,
    search,
    stream,
)
from crivo.adapters.http.bodies import parse_decision, parse_report, parse_rows, parse_told
from crivo.adapters.http.openapi import EVENT_EXAMPLE, REPORT_EXAMPLE
from crivo.adapters.http.problems import problem_of, render
from crivo.domain.errors import Refused
from crivo.flows.event_body import parse_event
from crivo.flows.schemas import SCHEMAS
from crivo.flows.telling import TOLD_HERE
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.adapters.http.bodies import GOOD
from tests.unit.adapters.http.orders import ORDER

PSEUDONYMS = Pseudonymiser(bytes(range(32)))

#: Each parser of bodies, and a body that it takes.
BODIES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "parse_decision": (lambda raw: parse_decision(raw, PSEUDONYMS), json.dumps(GOOD).encode()),
    "parse_asked": (lambda raw: bodies.parse_asked(raw, PSEUDONYMS), json.dumps(GOOD).encode()),
    "parse_follow_up": (
        lambda raw: follow_up_body.parse_follow_up(raw, str(GOOD["end_to_end_id"])),
        b'{"event": "warn_confirmed", "occurred_at": "2026-11-23T12:00:00Z"}',
    ),
    "parse_review": (
        reviews.parse_review,
        json.dumps({"end_to_end_id": GOOD["end_to_end_id"]}).encode(),
    ),
    "parse_report": (parse_report, json.dumps(REPORT_EXAMPLE).encode()),
    "parse_told": (parse_told, json.dumps(EVENT_EXAMPLE).encode()),
    "parse_rows": (lambda raw: parse_rows(raw, rows_max=8), b'[{"a": 1.5, "b": null}]'),
    "parse_pacs008": (lambda raw: pacs008.parse_pacs008(raw, PSEUDONYMS), ORDER.encode()),
    "_parse_list": (lambda raw: batch._parse_list(raw, count_max=8), b"[{}, {}]"),
}

#: Each parser of a text in a query or a header.
TEXTS: dict[str, Callable[[str], object]] = {
    "parse_cursor": search.parse_cursor,
    "parse_event_id": stream.parse_event_id,
}

PIECES = st.sampled_from(
    [b"", b"{", b"}", b"[", b"]", b'"', b"\\u0000", b"\\ud800", b"null", b"1e999", b"-0", b"\xff"]
    + [b"NaN", b"9" * 500, b"<!DOCTYPE a>", b"&a;", b"\x00", b" ", b",", b":", b'"a":1,"a":2']
)
#: Every code point, halves of characters among them: JSON can escape what UTF-8 cannot hold.
ANY = st.characters(codec=None)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ANY, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(ANY, max_size=9), inner),
    max_leaves=12,
)


def judge(parse: Callable[..., object], given_: object) -> None:
    """The parser takes it, or refuses it by a code that is the caller's fault."""
    try:
        parse(given_)
    except Refused as refused:
        status, body, _ = render(problem_of(refused))
        if not 400 <= status < 500 or len(body) > 4_096:
            raise AssertionError(refused) from refused


@pytest.mark.parametrize("name", BODIES)
@given(raw=st.binary(max_size=200))
def test_any_bytes(name: str, raw: bytes) -> None:
    judge(BODIES[name][0], raw)


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
@given(value=JSON_VALUES)
def test_any_json(name: str, value: object) -> None:
    judge(BODIES[name][0], json.dumps(value).encode())


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_a_good_body_cut_up(name: str, data: st.DataObject) -> None:
    parse, good = BODIES[name]
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(start + 30, len(good))))
    judge(parse, good[:start] + data.draw(PIECES | st.binary(max_size=9)) + good[end:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parse_decision", "parse_report", "parse_told"])
@given(data=st.data())
def test_a_good_body_with_a_field_of_anything(name: str, data: st.DataObject) -> None:
    parse, good = BODIES[name]
    body = json.loads(good)
    body[data.draw(st.sampled_from(sorted(body)) | st.text(max_size=9))] = data.draw(JSON_VALUES)
    judge(parse, json.dumps(body).encode())


@pytest.mark.slow
@pytest.mark.parametrize("kind", TOLD_HERE)
@given(data=st.data())
def test_an_event_of_each_kind_with_fields_of_anything(kind: str, data: st.DataObject) -> None:
    (schema,) = (each for each in SCHEMAS if each.name == kind)
    names = sorted(inspect.get_annotations(schema.value))
    event = data.draw(st.dictionaries(st.sampled_from(names), JSON_VALUES))
    judge(lambda value: parse_event(kind, value, PSEUDONYMS, facts=None), event)


KEYS = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP"]), "kid": st.just("k")},
    optional=dict.fromkeys(
        ("n", "e", "crv", "x", "y", "alg", "use", "key_ops", "x5c", "p"),
        st.sampled_from(["AQAB", "P-256", "Ed25519", "X25519", "A" * 43, "!", "é", 2**70, None]),
    ),
)


def judge_keys(raw: bytes) -> None:
    """An issuer's key set is taken, or is none: nothing else ends the thread that fetches it."""
    with contextlib.suppress(ValueError):
        issuer_keys.parse_keys(raw)


@given(raw=st.binary(max_size=200))
def test_any_bytes_of_an_issuer(raw: bytes) -> None:
    judge_keys(raw)


@pytest.mark.slow
@given(keys=st.lists(KEYS | JSON_VALUES, max_size=3), around=JSON_VALUES)
def test_any_keys_of_an_issuer(keys: list[object], around: object) -> None:
    for document in ({"keys": keys}, {"keys": around}, around):
        judge_keys(json.dumps(document).encode())


def test_keys_of_an_issuer_that_lie_too_deep_are_none() -> None:
    for raw in (b"[" * 100_000, b'{"keys":' * 100_000, b'{"keys":[' + b"[" * 100_000):
        judge_keys(raw)


def parsers() -> set[str]:
    """The parsers of bytes or texts from outside that the modules of the door define."""
    found = set()
    for module in pkgutil.iter_modules(http.__path__, f"{http.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        for each in members:
            if not inspect.isfunction(each) or each.__module__ != module.name:
                continue
            first = next(iter(inspect.signature(each).parameters), "")
            if each.__name__.startswith("parse_") and first in {"raw", "text"}:
                found.add(each.__name__)
    return found


def test_every_parser_of_the_door_is_fuzzed() -> None:
    tried = BODIES.keys() | TEXTS.keys() | {"parse_keys"}
    assert parsers() <= tried
    assert {"parse_asked", "parse_pacs008", "parse_keys", "parse_cursor"} <= parsers()


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
@given(text=st.text(max_size=70))
def test_any_text(name: str, text: str) -> None:
    judge(TEXTS[name], text)


@pytest.mark.parametrize("name", BODIES)
def test_a_good_body_is_taken(name: str) -> None:
    parse, good = BODIES[name]
    parse(good)


def test_no_parser_of_a_body_is_forgotten() -> None:
    declared = {
        name
        for module in (bodies, batch, follow_up_body, pacs008, reviews, search, stream)
        for name, each in vars(module).items()
        if inspect.isfunction(each)
        and name.lstrip("_").startswith("parse_")
        and each.__module__.startswith("crivo.adapters.http")
    }
    assert declared == {*BODIES, *TEXTS}


def test_sabotage_a_parser_that_lets_another_error_through_is_seen() -> None:
    with pytest.raises(KeyError):
        judge(lambda raw: {}[raw], b"")
