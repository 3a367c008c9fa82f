"""A folder of streams whose steps of one marker or list entry name two parties."""

from __future__ import annotations

import json

import pytest

from crivo.adapters.files.streams import days_of_streams
from crivo.domain.errors import Code
from crivo.flows.event_of import value_of
from crivo.flows.ingest_streams import ingest_streams
from crivo.flows.mapping import parse_mapping
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.decision.worlds import ROOT

#: The simulated world tells of no marker's end.
MAPPING = parse_mapping(
    (ROOT / "mappings" / "simulated-events.toml")
    .read_text()
    .replace('marker_id = "marker_id"', 'marker_id = "marker_id"\nprevious = "previous"'),
    name="steps.toml",
)
PSEUDONYMS = Pseudonymiser(bytes(range(32)))


def at(hour):
    return f"2026-03-0{1 + hour // 24}T{hour % 24:02}:00:00Z"


def marker(who, status, hour, *, id_="m-1"):
    was = "REGISTERED" if status == "CANCELLED" else None
    row = {"marker_id": id_, "person": who, "key": None, "fraud_type": "MULE_ACCOUNT"}
    return "dict_markers", hour, {**row, "status": status, "previous": was, "reporter_ispb": None}


def entry(who, status, hour, *, id_="e-1"):
    action = {"REGISTERED": "ADDED", "CANCELLED": "REMOVED"}[status]
    row = {"entry_id": id_, "entity_id": who, "entity": "PERSON", "list": "DENY", "side": "BOTH"}
    return "lists", hour, {**row, "action": action, "expires_at": None}


KINDS = {"marker": (marker, "person_id"), "entry": (entry, "entity_id")}


@pytest.fixture
def told(tmp_path, log, quarantine):
    """Imports rows as a folder of streams."""
    made = []

    def tell(*rows):
        folder = tmp_path / f"streams-{len(made)}"
        made.append(folder)
        for table, hour, row in rows:
            file = folder / table / f"data={at(hour)[:10]}" / f"{table}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({**row, "occurred_at": at(hour), "received_at": at(hour)})
            with file.open("a") as lines:
                lines.write(line + "\n")
        days = days_of_streams(folder, MAPPING)
        result = ingest_streams(days, MAPPING, log, quarantine, PSEUDONYMS, now=0)
        assert result.is_conserved
        return result.accepted, result.duplicate, result.causes.total()

    return tell


def parties(log, field):
    return [getattr(value_of(each.event), field) for each in log.read(start=0, limit=100)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hours", [(1, 2, 3), (1, 30, 60)], ids=["one day", "three days"])
@pytest.mark.parametrize("first", ["REGISTERED", "CANCELLED"])
def test_a_step_of_somebody_else_is_put_aside_and_the_right_one_still_ends_it(
    told, log, quarantine, kind, hours, first
):
    step, field = KINDS[kind]
    second = {"REGISTERED": "CANCELLED", "CANCELLED": "REGISTERED"}[first]
    one, two, three = hours
    rows = [step("ana", first, one), step("rui", second, two), step("ana", second, three)]
    assert told(*rows) == (2, 0, 1)
    assert parties(log, field) == [PSEUDONYMS.person("ana")] * 2
    (aside,) = quarantine.rows(limit=9)
    assert (aside.code, aside.field, aside.row_number) == (Code.CONFLICT, field, 1 + (two < 24))
    assert "rui" in aside.raw
    # Once more adds nothing, and says the same.
    assert told(*rows) == (0, 2, 1)
    assert log.end() == 2


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_told_of_two_parties_is_no_repeat(told, log, kind):
    step, field = KINDS[kind]
    assert told(step("ana", "REGISTERED", 1), step("rui", "REGISTERED", 2)) == (1, 0, 1)
    assert parties(log, field) == [PSEUDONYMS.person("ana")]


@pytest.mark.parametrize("kind", KINDS)
def test_another_id_may_name_another_party(told, kind):
    step, _ = KINDS[kind]
    assert told(step("ana", "REGISTERED", 1), step("rui", "CANCELLED", 2, id_="x-2")) == (2, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_sabotage_an_import_that_looks_at_no_other_step_keeps_the_right_end_out(
    told, log, monkeypatch, kind
):
    step, field = KINDS[kind]
    monkeypatch.setattr("crivo.flows.same_party.check_same_party", lambda *_: None)
    rows = [step(who, status, hour) for who, status, hour in (
        ("ana", "REGISTERED", 1), ("rui", "CANCELLED", 2), ("ana", "CANCELLED", 3),
    )]  # fmt: skip
    assert told(*rows) == (2, 1, 0)
    assert parties(log, field) == [PSEUDONYMS.person("ana"), PSEUDONYMS.person("rui")]
